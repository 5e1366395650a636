"""What differs between two environments or versions, as text and as JSON."""

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from envbuild.difference import Difference, FieldChange, Package, PackageChange, PartChange, Side
from envbuild.errors import redacted
from envbuild.fingerprint import Part
from envbuild.report.columns import Cell, Column, columns, is_fitting
from envbuild.report.plans import document
from envbuild.report.terminal import PLAIN, Look, Style, one_line, plural, wrapped

_SHORT = 14
_NONE = "-"
_PARTS = {
    "builder": "the builder and its format",
    "dependencies": "the pinned packages",
    "file": "a file that goes in",
    "python": "which Python, and where from",
    "setup": "commands run after the packages",
    "variables": "environment variables",
}
_STYLES: dict[str, Style] = {"added": "good", "removed": "bad"}
_VERSIONED = (
    Column("packages", 2, 12, stays=True),
    Column("", 1, 6, stays=True),
    Column("", 1, 6, stays=True),
    Column("", 3, 5),
    Column("", 4, 8),
)
_STATED = (Column("fields"), Column(""), Column(""), Column("", style="quiet"))
_NAMED = (Column("parts", 1, 12, stays=True), Column(""), Column("", 2, 10, "quiet"))


def difference_text(found: Difference, look: Look, *, verbose: bool = False) -> str:
    """The answer first; then by package, by field, by part, and what could not be compared."""
    lines = wrapped(_answer(found), look)
    heads = _titles(found)
    if found.packages:
        rows = [_package_row(change) for change in found.packages]
        lines += ["", *columns(_headed(_VERSIONED, heads), rows, look)]
    if found.fields:
        lines += ["", *_field_lines(found.fields, heads, look)]
    if found.parts:
        lines += ["", *_part_lines(found.parts, look, verbose=verbose)]
    notes = [line for note in _notes(found) for line in wrapped(note, look, rest="    ")]
    return "\n".join([*lines, "", *notes] if notes else lines)


def _answer(found: Difference) -> str:
    told = [*_counted_packages(found.packages)]
    if found.fields:
        told.append(f"{plural(len(found.fields), 'field')} changed")
    if not told and found.parts:
        told.append(f"{plural(len(found.parts), 'part')} changed")
    unmatched = plural(len(found.unmatched), "platform") if found.unmatched else ""
    if not told and unmatched:
        told.append(f"{unmatched} on one side only")
    if not told:
        return _nothing(found)
    same = f" The content is the same: {_short(found.before)}" if found.is_same_content else ""
    return f"{', '.join(told)}{_hidden(found)}.{same}"


def _hidden(found: Difference) -> str:
    return "".join(f"; {one.what} not known" for one in found.unknown)


def _counted_packages(changes: Sequence[PackageChange]) -> Iterator[str]:
    noun = True
    for word in ("moved", "added", "removed", "other manager", "other file"):
        count = len({change.name for change in changes if change.word == word})
        if count:
            verb = word.replace("other", "with another", 1)
            yield f"{plural(count, 'package') if noun else f'{count:,}'} {verb}"
            noun = False


def _nothing(found: Difference) -> str:
    if found.is_same_content:
        return f"No difference: both are {_short(found.before)}"
    return "No difference in what is known." if found.unknown else "No difference."


def _short(side: Side) -> str:
    return f"{(side.fingerprint or '')[:_SHORT]}…"


def _titles(found: Difference) -> tuple[str, str]:
    return _title(found.before, found.after), _title(found.after, found.before)


def _title(side: Side, other: Side) -> str:
    if side.environment != other.environment:
        return side.environment if side.version is None else f"{side.environment}@{side.version}"
    return "now" if side.version is None else f"version {side.version}"


def _headed(kinds: Sequence[Column], heads: tuple[str, str]) -> list[Column]:
    """The second and third column are the two sides."""
    named = [Column(head, kind.yields, kind.least, stays=True) for head, kind in zip(heads, kinds[1:3], strict=True)]
    return [kinds[0], *named, *kinds[3:]]


def _package_row(change: PackageChange) -> tuple[str | Cell, ...]:
    style = _STYLES.get(change.word, "change")
    told = change.jump or ("" if change.word in {"added", "removed"} else change.word)
    jump = Cell(f"{told}, back" if change.is_back else told, "bad" if change.is_back else _jump_style(change))
    return (
        Cell(f"  {change.name}", style),
        _version(change.before, change.after),
        _version(change.after, change.before),
        Cell(change.word, style) if not told else jump,
        Cell(", ".join(change.platforms), "quiet"),
    )


def _jump_style(change: PackageChange) -> Style | None:
    return "strong" if change.jump == "major" else None


def _version(package: Package | None, other: Package | None) -> str:
    """With what else tells two packages of one version apart."""
    if package is None:
        return _NONE
    if other and package.manager != other.manager:
        return f"{package.version} ({package.manager})"
    if other and package.version == other.version:
        return f"{package.version} {package.build if package.build != other.build else package.sha256[:8]}".strip()
    return package.version if package.manager == "pip" else f"{package.version} ({package.manager})"


def _field_lines(changes: Sequence[FieldChange], heads: tuple[str, str], look: Look) -> Iterator[str]:
    """Side by side, or where that does not fit one below the other: half a value says nothing."""
    rows = [_field_row(change) for change in changes]
    kinds = _headed(_STATED, heads)
    if is_fitting(columns(kinds, rows, PLAIN), look):
        yield from columns(kinds, rows, look)
        return
    yield look.paint("fields", "strong")
    for change in changes:
        field, where = one_line(f"  {change.field}"), one_line(change.where)
        fits = is_fitting([f"{field}  {where}"], look)
        yield look.paint(look.fit(field), _field_style(change)) + (f"  {look.paint(where, 'quiet')}" if fits else "")
        yield from () if fits or not where else [f"    {look.paint(look.fit(where, 4), 'quiet')}"]
        yield from _signed("-", change.before.text, "bad", look) if change.before else ()
        yield from _signed("+", change.after.text, "good", look) if change.after else ()


def _field_style(change: FieldChange) -> Style:
    return "change" if change.before and change.after else "good" if change.after else "bad"


def _field_row(change: FieldChange) -> tuple[str | Cell, ...]:
    before = redacted(change.before.text) if change.before else _NONE
    after = redacted(change.after.text) if change.after else _NONE
    return (Cell(f"  {change.field}", _field_style(change)), before, after, change.where)


def _part_lines(parts: Sequence[PartChange], look: Look, *, verbose: bool) -> list[str]:
    rows = [_part_row(change) for change in parts]
    if not verbose:
        return columns(_NAMED, rows, look)
    head, *lines = columns(_NAMED, rows, look)
    told = [head]
    for line, change in zip(lines, parts, strict=True):
        told += [line, *_content_lines(change, look)]
    return told


def _part_row(change: PartChange) -> tuple[str | Cell, ...]:
    part = change.after or change.before
    stem = part.stem if part else ""
    return (Cell(f"  {change.name}"), Cell(change.word, _STYLES.get(change.word, "change")), _PARTS.get(stem, ""))


def _content_lines(change: PartChange, look: Look) -> Iterator[str]:
    """What only one side has, line by line; a part that holds no text is known by its digest alone."""
    before, after = _content(change.before), _content(change.after)
    for tag, start, end, begin, stop in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (shown for line in before[start:end] for shown in _signed("-", line, "bad", look))
            yield from (shown for line in after[begin:stop] for shown in _signed("+", line, "good", look))


def _signed(sign: str, text: str, style: Style, look: Look) -> Iterator[str]:
    for line in wrapped(one_line(redacted(text)), look, f"      {sign} ", "        "):
        yield look.paint(line, style)


def _content(part: Part | None) -> list[str]:
    if part is None:
        return []
    if not part.content:
        return [f"sha256 {part.digest}"]
    try:
        return json.dumps(json.loads(part.content), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return part.content.splitlines()


def _notes(found: Difference) -> Iterator[str]:
    for platform in found.unmatched:
        sides = (found.before, found.after)
        has, lacks = sides if platform in (sides[0].packages or {}) else sides[::-1]
        yield f"Not compared: packages on {platform}, for which {_named(lacks)} has none and {_named(has)} has."
    for one in found.unknown:
        yield f"Not compared: {one.what}; {one_line(redacted(one.why))}"
        if one.hint:
            yield f"  hint: {one_line(redacted(one.hint))}"


def _named(side: Side) -> str:
    return f"{side.environment}@{side.version}" if side.version is not None else side.environment


def difference_json(found: Difference) -> str:
    return document(**difference_object(found))


def difference_object(found: Difference) -> dict[str, Any]:
    return {
        "before": _side_object(found.before),
        "after": _side_object(found.after),
        "parts": [_part_object(change) for change in found.parts],
        "packages": [_package_object(change) for change in found.packages],
        "fields": [_field_object(change) for change in found.fields],
        "platforms": list(found.unmatched),
        "unknown": [{"what": one.what, "why": redacted(one.why), "hint": redacted(one.hint)} for one in found.unknown],
    }


def _side_object(side: Side) -> dict[str, Any]:
    return {
        "environment": side.environment,
        "version": side.version,
        "fingerprint": side.fingerprint,
        "builder": side.builder,
    }


def _part_object(change: PartChange) -> dict[str, Any]:
    return {
        "part": change.name,
        "change": change.word,
        "before": _one_part(change.before),
        "after": _one_part(change.after),
    }


def _one_part(part: Part | None) -> dict[str, str] | None:
    return {"digest": part.digest, "content": redacted(part.content)} if part else None


def _package_object(change: PackageChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "change": change.word,
        "jump": change.jump or None,
        "back": change.is_back,
        "before": _one_package(change.before),
        "after": _one_package(change.after),
        "platforms": list(change.platforms),
    }


def _one_package(package: Package | None) -> dict[str, str] | None:
    if package is None:
        return None
    return {
        "manager": package.manager,
        "version": package.version,
        "build": package.build,
        "sha256": package.sha256,
    }


def _field_object(change: FieldChange) -> dict[str, str | None]:
    return {
        "field": change.field,
        "before": redacted(change.before.text) if change.before else None,
        "after": redacted(change.after.text) if change.after else None,
        "where": change.where or None,
    }
