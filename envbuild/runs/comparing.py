"""What differs between two runs besides their environments: source, parameters, what came of them."""

from collections.abc import Mapping
from difflib import SequenceMatcher

import msgspec

from envbuild.runs.run import Entry, Run


class Comparison(msgspec.Struct, frozen=True):
    """`source` are paths with how they differ; nothing where one of the two has no snapshot.

    `parameters` are what was said to one and not to the other, field by field; `words` are those of their commands.
    """

    first: Run
    second: Run
    source: tuple[tuple[str, str], ...] | None
    words: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str, str], ...]
    outputs: tuple[tuple[str, str], ...]

    @property
    def is_equal(self) -> bool:
        return not (self.source or self.words or self.parameters or self.outputs)


def compared(first: Run, second: Run, trees: tuple[tuple[Entry, ...] | None, tuple[Entry, ...] | None]) -> Comparison:
    before, after = trees
    source = None
    if before is not None and after is not None:
        source = _changes({one.path: (one.mode, one.content) for one in before},
                          {one.path: (one.mode, one.content) for one in after})  # fmt: skip
    outputs = _changes(
        {one.path: one.digest for one in first.outputs}, {one.path: one.digest for one in second.outputs}
    )
    return Comparison(first, second, source, _words(first, second), tuple(_parameters(first, second)), outputs)


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Paths in order, each added, removed or changed."""
    found = []
    for path in sorted({*before, *after}):
        if path not in before or path not in after:
            found.append((path, "removed" if path in before else "added"))
        elif before[path] != after[path]:
            found.append((path, "changed"))
    return tuple(found)


def _words(first: Run, second: Run) -> tuple[tuple[str, str], ...]:
    """Where the commands differ: what one has in the place of what the other has."""
    matcher = SequenceMatcher(a=first.command, b=second.command, autojunk=False)
    return tuple(
        (" ".join(first.command[a:b]), " ".join(second.command[c:d]))
        for word, a, b, c, d in matcher.get_opcodes()
        if word != "equal"
    )


def _parameters(first: Run, second: Run) -> list[tuple[str, str, str]]:
    rows = [
        ("experiment", first.experiment, second.experiment),
        ("variables", " ".join(first.env), " ".join(second.env)),
        ("image", str(first.image).lower(), str(second.image).lower()),
        ("timeout", _shown(first.timeout), _shown(second.timeout)),
        ("commit", _commit(first), _commit(second)),
        *((name, _text(first.inside.get(name, "")), _text(second.inside.get(name, "")))
          for name in sorted({*first.inside, *second.inside})),
    ]  # fmt: skip
    return [row for row in rows if row[1] != row[2]]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g} s"


def _text(value: tuple[str, ...] | str) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _commit(run: Run) -> str:
    return f"{run.commit[:12]}{'+' if run.dirty else ''}" if run.commit else ""
