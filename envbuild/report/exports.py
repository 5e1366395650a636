"""What was written in another tool's format, and what that format could not hold."""

from collections.abc import Mapping, Sequence

import msgspec

from envbuild.errors import Note
from envbuild.report.looking import note_object
from envbuild.report.plans import document
from envbuild.report.terminal import one_line, plural


class Told(msgspec.Struct, frozen=True):
    """One environment or version that left; `file` is empty where its text is the answer.

    `files` are those of a folder, of which `text` is the main one.
    """

    name: str
    version: int | None
    format: str
    platforms: tuple[str, ...]
    text: str
    file: str
    files: Mapping[str, str] = {}


def written_text(told: Told, what: str) -> str:
    title = f"{told.name}@{told.version}" if told.version else told.name
    of = f" of {title}" if title else ""
    platforms = f" for {', '.join(told.platforms)}" if told.platforms else ""
    return one_line(f"{what}{of}{platforms} written to {told.file}")


def service_text(told: Told, what: str) -> str:
    return one_line(f"{what} of {told.name}@{told.version} written to {told.file}")


def exported_json(told: Told, notes: Sequence[Note]) -> str:
    return document(
        export={
            "environment": told.name,
            "version": told.version,
            "format": told.format,
            "platforms": list(told.platforms),
            "file": told.file or None,
            "text": told.text,
            "files": dict(told.files),
        },
        notes=[note_object(note) for note in notes],
    )


def carried_text(title: str, folder: str, files: Sequence[str]) -> str:
    return one_line(f"{title} written to {folder} as a project of its own: {plural(len(files), 'file')}")


def carried_json(title: str, fingerprint: str, folder: str, files: Sequence[str], notes: Sequence[Note]) -> str:
    name, _, version = title.partition("@")
    return document(
        export={
            "environment": name,
            "version": int(version) if version else None,
            "format": "manifest",
            "fingerprint": fingerprint,
            "folder": folder,
            "files": list(files),
        },
        notes=[note_object(note) for note in notes],
    )
