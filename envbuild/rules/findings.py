"""What is said of files and environments, each once, without what was silenced."""

from collections.abc import Iterable, Mapping

import msgspec

from envbuild.errors import Note
from envbuild.rules.catalogue import LEVELS, Level


class Said(msgspec.Struct, frozen=True):
    """What a rule says, the manifest whose `check` counts where it stands, and the environments it is true of."""

    note: Note
    manifest: str
    environments: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """`environments` are those that it is true of and that do not silence it."""

    note: Note
    level: Level
    environments: tuple[str, ...]


class Silence(msgspec.Struct, frozen=True):
    """Codes that are left out: everywhere, by what a file says itself, and by what an environment comes to."""

    everywhere: frozenset[str]
    files: Mapping[str, frozenset[str]]
    environments: Mapping[str, frozenset[str]]

    def hides(self, note: Note, manifest: str) -> bool:
        """Whether it is left out where it stands, whoever inherits it."""
        return note.kind in self.everywhere or any(
            note.kind in self.files.get(path, ()) for path in {note.where.path, manifest}
        )


def findings(every: Iterable[Said], silence: Silence) -> tuple[Finding, ...]:
    """In the order of files and lines. What stands in a parent is told unless all that inherit it silence it."""
    true_of: dict[Note, set[str]] = {}
    for one in every:
        if silence.hides(one.note, one.manifest):
            continue
        heard = {name for name in one.environments if one.note.kind not in silence.environments[name]}
        if heard or not one.environments:
            true_of.setdefault(one.note, set()).update(heard)
    ordered = sorted(true_of, key=lambda note: (note.where, note.kind, note.message))
    return tuple(Finding(note, LEVELS[note.kind], tuple(sorted(true_of[note]))) for note in ordered)
