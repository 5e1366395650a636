"""What was written in another tool's format, and what that format could not hold."""

from collections.abc import Sequence

import msgspec

from envbuild.errors import Note
from envbuild.report.looking import note_object
from envbuild.report.plans import document
from envbuild.report.terminal import one_line


class Told(msgspec.Struct, frozen=True):
    """One environment or version that left; `file` is empty where its text is the answer."""

    name: str
    version: int | None
    format: str
    platforms: tuple[str, ...]
    text: str
    file: str


def written_text(told: Told, what: str) -> str:
    title = f"{told.name}@{told.version}" if told.version else told.name
    return one_line(f"{what} of {title} for {', '.join(told.platforms)} written to {told.file}")


def exported_json(told: Told, notes: Sequence[Note]) -> str:
    return document(
        export={
            "environment": told.name,
            "version": told.version,
            "format": told.format,
            "platforms": list(told.platforms),
            "file": told.file or None,
            "text": told.text,
        },
        notes=[note_object(note) for note in notes],
    )
