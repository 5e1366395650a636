"""Single values of a YAML text, written anew or made a comment; every line keeps its number, whatever becomes of it."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from envbuild.document import RAW, Scalar, written
from envbuild.document.parse import parser

_BEFORE_ITEM = re.compile(r"\s*-\s*")
_BEFORE_ENTRY = re.compile(r"\s*")
_WIDTH = 400

Mark = tuple[int, int]


class Span(msgspec.Struct, frozen=True):
    """A value of a list, or a key with its value, from where to where; lines and columns count from 0.

    `around` are the spans it lies in, the nearest last; `is_alone` where its list or mapping holds nothing else.
    """

    start: Mark
    end: Mark
    is_item: bool
    in_flow: bool
    is_block: bool
    value: Mark
    around: tuple["Span", ...] = ()
    is_alone: bool = False


class _Open:
    """A collection that is not ended yet, with what was found in it."""

    def __init__(self, event: Any) -> None:
        self.is_mapping = type(event).__name__ == "MappingStartEvent"
        self.in_flow = bool(event.flow_style)
        self.start = _mark(event.start_mark)
        self.end = _mark(event.end_mark)
        self.key: Mark | None = None
        self.found: list[tuple[Span, list[Any]]] = []


def spans(text: str) -> Iterator[Span]:
    """Everything that can be taken out of a text; nothing of one that is no YAML."""
    from ruamel.yaml.error import YAMLError

    with contextlib.suppress(YAMLError):
        yield from _flat(_found(text), ())


def _found(text: str) -> list[Any]:
    stack: list[_Open] = []
    with contextlib.closing(parser().parse(text)) as events:
        for event in events:
            kind = type(event).__name__
            if kind.endswith("StartEvent") and kind[0] in "MS" and kind != "StreamStartEvent":
                stack.append(_Open(event))
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                ended = stack.pop()
                end = _mark(event.end_mark) if ended.in_flow else ended.end
                if not stack:
                    return ended.found
                _add(stack[-1], ended.start, end, ended.found, block=False)
            elif kind in {"ScalarEvent", "AliasEvent"}:
                style = getattr(event, "style", None)
                _add(stack[-1], _mark(event.start_mark), _end(event), [], block=style == "|")
    return []


def _add(parent: _Open, start: Mark, end: Mark, found: list[Any], *, block: bool) -> None:
    if parent.is_mapping and parent.key is None:
        parent.key, parent.end = start, max(parent.end, end)
        return
    own = Span(parent.key or start, end, not parent.is_mapping, parent.in_flow, block, start)
    parent.found.append((own, found))
    parent.key, parent.end = None, max(parent.end, end)


def _flat(found: list[Any], around: tuple[Span, ...]) -> Iterator[Span]:
    for span, inner in found:
        own = msgspec.structs.replace(span, around=around, is_alone=len(found) == 1)
        yield own
        yield from _flat(inner, (*around, own))


def _mark(mark: Any) -> Mark:
    return mark.line, mark.column


def _end(event: Any) -> Mark:
    """A block of text ends on its own last line, and not where the next thing begins."""
    line, column = _mark(event.end_mark)
    return (line - 1, _WIDTH) if column == 0 and line > event.start_mark.line else (line, column)


def span_at(text: str, line: int, column: int) -> Span | None:
    """The innermost one at a place as messages have it."""
    at = (line - 1, column - 1)
    held = [one for one in spans(text) if one.start <= at <= one.end]
    return max(held, key=lambda one: (len(one.around), one.start), default=None)


def respelt(text: str, span: Span, value: str) -> str:
    """The text with another value at a place; in a block of lines, at one of them."""
    return with_written(text, span, shown_value(value))


def with_written(text: str, span: Span, value: str) -> str:
    """The same for a value that is written as YAML has it already."""
    lines = text.split("\n")
    (line, column), (last, end) = span.value, span.end
    if line != last:
        return text
    lines[line] = f"{lines[line][:column]}{value}{lines[line][end:]}"
    return "\n".join(lines)


def shown_value(value: str) -> str:
    """A text as YAML has it, whatever it holds."""
    tag = f"{RAW} " if "{{" in value else ""
    return f"{tag}{written(Scalar('', 0, 0, RAW if tag else None, value, plain=False))}"


def commented(text: str, line: int, column: int, why: str) -> str | None:
    """The text without what stands at a place, which becomes a comment; nothing where it cannot be told apart."""
    span = span_at(text, line, column)
    lines = text.split("\n")
    if span and span.is_block and line - 1 > span.value[0]:
        lines[line - 1] = _comment(lines[line - 1], why)
        return "\n".join(lines)
    while span and not _is_apart(span, lines):
        span = span.around[-1] if span.around else None
    if span is None:
        return None
    return _without_flow(lines, span, why) if span.in_flow else _without_lines(lines, span, why)


def _is_apart(span: Span, lines: list[str]) -> bool:
    """Whether it can go without anything else; what would leave nothing behind goes with what held it."""
    if span.is_alone and span.around:
        return False
    if span.in_flow:
        return span.start[0] == span.end[0]
    before = lines[span.start[0]][: span.start[1]]
    return bool((_BEFORE_ITEM if span.is_item else _BEFORE_ENTRY).fullmatch(before))


def _without_lines(lines: list[str], span: Span, why: str) -> str:
    for number in range(span.start[0], span.end[0] + 1):
        lines[number] = _comment(lines[number], why if number == span.start[0] else "")
    return "\n".join(lines)


def _comment(line: str, why: str) -> str:
    """A line that is read no more; one that was not read before stays as it is."""
    bare = line.lstrip()
    if not bare or bare.startswith("#"):
        return line
    indent = " " * (len(line) - len(bare))
    return f"{indent}# left out: {bare.rstrip()} ({_one_line(why)})" if why else f"{indent}# {bare}"


def _without_flow(lines: list[str], span: Span, why: str) -> str:
    """Of what stands in brackets no line can be a comment: it is told at the end."""
    (number, start), (_, end) = span.start, span.end
    line = lines[number]
    taken, before, after = line[start:end], line[:start], line[end:]
    if re.match(r"\s*,", after):
        after = re.sub(r"^\s*,\s*", "", after)
    else:
        before = re.sub(r",\s*$", "", before)
    lines[number] = before + after
    last = [] if lines[-1] else [lines.pop()]
    return "\n".join([*lines, f"# left out: {taken.strip()} ({_one_line(why)})", *(last or [""])])


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
