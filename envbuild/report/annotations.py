"""Problems and notes as GitHub shows them beside the lines of a change: workflow commands, one a line."""

from collections.abc import Sequence

from envbuild.errors import EnvbuildError, Note, Place, redacted
from envbuild.report.terminal import plural
from envbuild.written import clean

# GitHub shows so many of a kind for each step, and leaves out the rest without a word.
_SHOWN = 10
_TITLE = "envbuild"


def error_annotations(problems: Sequence[EnvbuildError], folder: str | None) -> str:
    """`folder` is the project's below the checked-out repository, '' at its root; None where it lies elsewhere."""
    rows = [_command("error", one.where, _TITLE, _told(one.message, one.hint), folder) for one in problems]
    return "\n".join(_bounded("error", rows, "problem"))


def note_annotations(notes: Sequence[Note], folder: str | None, *, are_warnings: bool = False) -> str:
    kind, noun = ("warning", "warning") if are_warnings else ("notice", "note")
    rows = [
        _command(kind, one.where, f"{_TITLE}: {one.kind}", _told(redacted(one.message), redacted(one.hint)), folder)
        for one in notes
    ]
    return "\n".join(_bounded(kind, rows, noun))


def _bounded(kind: str, rows: list[str], noun: str) -> list[str]:
    """All, or as many as are shown, the last of which says that there are more."""
    if len(rows) <= _SHOWN:
        return rows
    left = plural(len(rows) - _SHOWN + 1, f"more {noun}")
    return [*rows[: _SHOWN - 1], _command(kind, None, _TITLE, f"{left}: see the log of this step", None)]


def _told(message: str, hint: str) -> str:
    return f"{message}\nhint: {hint}" if hint else message


def _command(kind: str, where: Place | None, title: str, message: str, folder: str | None) -> str:
    properties = {"title": title}
    if where and folder is not None and not where.path.startswith("/"):
        path = f"{folder}/{where.path}" if folder else where.path
        line = {"line": str(where.line), "col": str(max(1, where.column))} if where.line else {}
        properties = {"file": path, **line, **properties}
    elif where:
        message = f"{where}: {message}"
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """A text as the runner reads it back; one `%` of data stays one."""
    return clean(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")).replace("##[", "# #[")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
