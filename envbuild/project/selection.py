"""What a command is asked for, as one value: the same for every command."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from envbuild.errors import UsageError
from envbuild.globs import is_glob, matcher
from envbuild.shape import nearest


class Selection(msgspec.Struct, frozen=True):
    """Names, globs, groups and tags; nothing means everything.

    The tags choose among what the names mean. Then comes what depends on those, then what all of these need; and what
    is excluded is left out in the end, whatever brought it in.
    """

    patterns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    with_dependents: bool = False
    with_dependencies: bool = False

    @property
    def everything(self) -> bool:
        return not self.patterns and not self.tags and not self.exclude

    @property
    def is_widened(self) -> bool:
        return self.with_dependents or self.with_dependencies

    @property
    def only_names(self) -> bool:
        """Whether names are given and nothing else, so that each of them may be looked up as it is."""
        return self == Selection(self.patterns) and not any(map(is_pattern, self.patterns))


def is_pattern(text: str) -> bool:
    """Whether a text may mean several environments by its very form."""
    return text.startswith("@") or is_glob(text)


def spelled_out(selection: Selection, groups: Mapping[str, tuple[str, ...]]) -> Selection:
    """The same selection, each `@NAME` replaced by the names and globs of that group."""
    return msgspec.structs.replace(
        selection,
        patterns=tuple(_spelled_out(selection.patterns, groups)),
        exclude=tuple(_spelled_out(selection.exclude, groups)),
    )


def _spelled_out(patterns: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for pattern in patterns:
        if not pattern.startswith("@"):
            yield pattern
        elif (name := pattern[1:]) not in groups:
            raise UsageError(f"no group is named '{name}'", hint=nearest(name, groups))
        elif not groups[name]:
            raise UsageError(f"the group '{name}' is empty", hint="list names or globs in envbuild.yaml")
        else:
            yield from groups[name]


def matches(pattern: str, name: str) -> bool:
    return pattern == name or bool(matcher(pattern).fullmatch(name))
