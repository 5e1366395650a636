"""Which environments a selection means once they are read: by name, glob, tags, as cells; and which are excluded."""

from collections.abc import Collection, Iterable

from envbuild.errors import UsageError
from envbuild.globs import is_glob, matcher
from envbuild.project.files import Files
from envbuild.project.selection import Selection, matches
from envbuild.resolve import Environment, Graph, Node
from envbuild.shape import nearest

_ALL_TAGS = "'envbuild list' shows all tags"


class Choice:
    """A selection whose groups are spelled out, over the files of a project."""

    def __init__(self, selection: Selection, files: Files) -> None:
        self.selection = selection
        self._files = files
        self._paths = files.paths

    def is_named(self, name: str) -> bool:
        """Whether a file is asked for by its own name."""
        return not self.selection.patterns or any(matches(pattern, name) for pattern in self.selection.patterns)

    def is_excluded(self, one: Environment) -> bool:
        """By its own name, by its manifest's, or by a glob; globs mean names of environments."""
        return any(
            pattern == one.name
            or self._paths.get(pattern) == one.path
            or (is_glob(pattern) and matcher(pattern).fullmatch(one.name))
            for pattern in self.selection.exclude
        )

    def hides(self, node: Node) -> bool:
        """Whether a picture of what is selected leaves a node out; parents can be excluded from that as well."""
        return any(
            matches(pattern, node.name) or self._paths.get(pattern) == node.file for pattern in self.selection.exclude
        )

    def excludes_file(self, name: str) -> bool:
        return any(matches(pattern, name) for pattern in self.selection.exclude)

    def left_out(self, paths: Iterable[str], environments: Iterable[Environment]) -> set[str]:
        """The files of which all that they make is excluded, or they themselves where nothing can be made of them."""
        if not self.selection.exclude:
            return set()
        made: dict[str, list[Environment]] = {}
        for one in environments:
            made.setdefault(one.path, []).append(one)
        names = self._files.by_path
        return {
            path
            for path in paths
            if (all(map(self.is_excluded, made[path])) if path in made else self.excludes_file(names[path]))
        }

    def chosen(
        self, environments: Collection[Environment], behind: Graph | None, *, certain: bool
    ) -> list[Environment]:
        """What is meant; `behind` is the whole family where what is made from an abstract manifest may be meant."""
        named = list(environments)
        if self.selection.patterns:
            by_pattern = [self._meant(one, environments, behind, certain=certain) for one in self.selection.patterns]
            names = {one.name for found in by_pattern for one in found}
            named = [one for one in environments if one.name in names]
        tags = self.selection.tags
        found = [one for one in named if all(one.tags.get(key) == value for key, value in tags)]
        if tags and not found and certain:
            shown = " and ".join(f"{key}={value}" for key, value in tags)
            raise UsageError(
                f"no environment is tagged {shown}",
                hint=_ALL_TAGS if self.selection.patterns else _tag_meant(tags, environments),
            )
        return found

    def _meant(
        self, pattern: str, environments: Collection[Environment], behind: Graph | None, *, certain: bool
    ) -> list[Environment]:
        """Nothing is said to be missing while there are names and files that are wrong."""
        path = self._paths.get(pattern)
        match = matcher(pattern).fullmatch if is_glob(pattern) and not path else None
        if path:
            found = [one for one in environments if one.path == path]
        else:
            found = [one for one in environments if (match(one.name) if match else one.name == pattern)]
        if behind:
            found += self._made(pattern, environments, behind, certain=certain)
        known = path or (match and any(match(name) for name in self._paths))
        if certain and not found and not known:
            raise no_environment(pattern, self.known(pattern, environments))
        return found

    def _made(
        self, pattern: str, environments: Iterable[Environment], behind: Graph, *, certain: bool
    ) -> list[Environment]:
        """Everything that is made from the abstract manifests of this name."""
        abstract = {name for name in self._paths if matches(pattern, name) and self._is_abstract(name)}
        names = behind.dependents(abstract)
        if abstract and not names and certain and pattern in abstract:
            raise UsageError(f"nothing is made from '{pattern}'", hint=f"write 'extends: {pattern}' in a manifest")
        return [one for one in environments if one.name in names]

    def _is_abstract(self, name: str) -> bool:
        manifest = self._files.found.get(self._paths[name])
        return bool(manifest and manifest.abstract)

    def refuse_abstract(self, names: Iterable[str]) -> None:
        """What is only extended cannot be asked for by its name."""
        for name in names:
            manifest = self._files.found.get(self._paths[name])
            if manifest and manifest.abstract and name in self.selection.patterns:
                what = f"'{name}' is abstract: it is only extended, never built"
                raise UsageError(
                    what, manifest.place, "ask for what extends it; where many may be asked for, add --with-dependents"
                )

    def known(self, pattern: str, environments: Iterable[Environment]) -> str:
        """The nearest name; names of cells are not known where a manifest cannot be read."""
        by_path = {path: name for name, path in self._paths.items()}
        if meant := by_path.get(pattern.removeprefix("./")):
            return f"did you mean '{meant}'?"
        if pattern.partition("@")[0] in self._paths:
            return f"name it without a version: {pattern.partition('@')[0]}"
        unread = sum(path not in self._files.found for path in self._paths.values())
        if unread and self._files.may_have_cells:
            return f"manifests that cannot be read: {unread}; run 'envbuild check'"
        return nearest(pattern, {*self._paths, *(one.name for one in environments)})


def _tag_meant(tags: Iterable[tuple[str, str]], environments: Iterable[Environment]) -> str:
    """What is near to the first that nothing has: another key, or another value of that key."""
    known: dict[str, set[str]] = {}
    for one in environments:
        for key, value in one.tags.items():
            known.setdefault(key, set()).add(value)
    for key, value in tags:
        if key not in known:
            return nearest(key, known)
        if value not in known[key]:
            return nearest(value, known[key])
    return _ALL_TAGS


def no_environment(pattern: str, hint: str) -> UsageError:
    what = "matches" if is_glob(pattern) else "is named"
    return UsageError(f"no environment {what} '{pattern}'", hint=hint)
