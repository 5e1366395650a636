"""How far the value that begins at a place reaches: what is underlined when the place is shown."""

import contextlib
from collections.abc import Iterable
from typing import Any

from envbuild.document.parse import parser


def extent(text: str, line: int, column: int) -> int:
    """How many characters of its line a YAML value takes; 0 where none begins, or where the text is no YAML."""
    from ruamel.yaml.error import YAMLError

    try:
        with contextlib.closing(parser().parse(text)) as events:
            mark = _end(events, (line - 1, column - 1))
    except YAMLError:
        return 0
    if mark is None:
        return 0
    written = text.split("\n")[line - 1]
    end = len(written.rstrip()) if mark.line >= line else mark.column
    return max(0, end - (column - 1))


def _end(events: Iterable[Any], begin: tuple[int, int]) -> Any:
    """Where the scalar or bracketed list or mapping ends that begins here."""
    depth = 0
    for event in events:
        kind, mark = type(event).__name__, event.start_mark
        if depth:
            depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
            if not depth:
                return event.end_mark
        elif (mark.line, mark.column) > begin:
            return None
        elif (mark.line, mark.column) == begin and kind in {"ScalarEvent", "AliasEvent"}:
            return event.end_mark
        elif (mark.line, mark.column) == begin and getattr(event, "flow_style", False):
            depth = 1
    return None
