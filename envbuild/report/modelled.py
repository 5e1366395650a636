"""Models as text and JSON: many in a table, one with all that is known of it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from envbuild.model import Model, Origin
from envbuild.report.ages import age, size
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, plural, wrapped

_LABEL = 12
_COLUMNS = (
    Column("model"),
    Column("content", 3, 10),
    Column("size", 4, 10_000),
    Column("run", 5, 10_000),
    Column("environment", 2, 10),
    Column("age", 6, 10_000),
    Column("description", 1, 12, "quiet"),
)


def models_text(found: Sequence[Model], now: dt.datetime, look: Look) -> str:
    if not found:
        return "No models."
    rows = [
        (
            one.title,
            _content(one),
            size(one.size),
            str(one.origin.run) if one.origin else "",
            f"{one.origin.environment}@{one.origin.version}" if one.origin else "",
            age(one.added, now),
            Cell(one.description, "quiet"),
        )
        for one in found
    ]
    return "\n".join(columns(_COLUMNS, rows, look))


def _content(model: Model) -> str:
    return f"{model.basename}/" if model.is_folder else model.basename


def model_object(model: Model) -> dict[str, Any]:
    """All that is remembered of it; what is kept where is nobody's business."""
    origin = model.origin
    return {
        "name": model.name,
        "version": model.version,
        "basename": model.basename,
        "is_folder": model.is_folder,
        "digest": model.digest,
        "size": model.size,
        "files": [{"path": one.path or None, "sha256": one.sha256, "size": one.size} for one in model.files],
        "description": model.description or None,
        "origin": origin
        and {name: value or None for name, value in msgspec.to_builtins(origin).items()} | {"dirty": origin.dirty},
        "added": model.added,
        "tool": model.tool,
    }


def _origin_object(origin: Origin) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(origin)
    return {name: None if value == "" else value for name, value in found.items() if name != "record"}


def models_json(found: Sequence[Model], **more: object) -> str:
    """What is further known of all of them, such as what is wrong, stands beside them."""
    return document(models=[model_object(one) for one in found], **more)


def model_text(model: Model, complaint: str, now: dt.datetime, look: Look) -> str:
    """What it is first, then what it came from, then its files."""
    origin = model.origin
    rows = (
        ("damaged", complaint),
        ("description", model.description),
        ("content", f"{_content(model)}, {_amount(model)}"),
        ("sha256", "" if model.is_folder else model.files[0].sha256),
        ("added", f"{model.added} ({age(model.added, now)})"),
        *(_came_from(origin) if origin else ()),
    )
    told = [
        line
        for label, value in rows
        if value
        for line in wrapped(one_line(value), look, f"  {label.ljust(_LABEL)}", " " * (_LABEL + 2))
    ]
    head = look.paint(model.title, "strong")
    if not model.is_folder:
        return "\n".join([head, *told])
    listed = [(one.path, size(one.size), one.sha256[:12]) for one in model.files]
    kinds = (Column("file"), Column("size", 1), Column("sha256", 2, style="quiet"))
    return "\n".join([head, *told, *columns(kinds, listed, look, indent=2)])


def _amount(model: Model) -> str:
    return f"{plural(len(model.files), 'file')}, {size(model.size)}" if model.is_folder else size(model.size)


def _came_from(origin: Origin) -> tuple[tuple[str, str], ...]:
    return (
        ("run", f"{origin.run}, {origin.path}"),
        ("environment", f"{origin.environment}@{origin.version}"),
        ("fingerprint", origin.fingerprint),
        ("experiment", origin.experiment),
        ("commit", f"{origin.commit}{', with changes' if origin.dirty else ''}" if origin.commit else ""),
    )


def added_text(model: Model, *, is_new: bool) -> str:
    if not is_new:
        return f"This content is {model.title} already."
    came = f", from run {model.origin.run} in {model.origin.environment}@{model.origin.version}" if model.origin else ""
    return one_line(f"{model.title} added: {_content(model)}, {_amount(model)}{came}")


def got_text(model: Model, path: str) -> str:
    return one_line(f"{model.title} written to {path}")


def removed_text(models: Sequence[Model], freed: int) -> str:
    return f"{plural(len(models), 'model')} forgotten, {size(freed)} freed."


def removed_json(models: Sequence[Model], freed: int) -> str:
    return document(models=[{"name": one.name, "version": one.version} for one in models], freed=freed)
