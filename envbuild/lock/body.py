"""A lock's body, read line by line: what is written here has few shapes, and a YAML parser takes ten times as long.

What is in any other shape is left to that parser.
"""

import re
from typing import Any

_SCALAR = r"'(?:[^'\x00-\x1f\x7f]|'')*'|[A-Za-z_/][A-Za-z0-9_./:@%+-]*"
_LINE = re.compile(rf"(?P<indent>- |  |    )(?P<key>{_SCALAR}):(?: (?P<value>{_SCALAR}|\{{\}}))?")
_INNER = "    "
_VALUES: dict[str, Any] = {"true": True, "false": False}
# What some version of YAML takes for something else than text.
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan", "."}


class _AnotherShapeError(Exception):
    pass


def plain_body(body: str) -> dict[str, Any] | None:
    """What a YAML parser makes of it; None where that cannot be told line by line."""
    first, *lines = body.split("\n")
    try:
        _need(first == "package:" and len(lines) > 1 and not lines.pop() and body.isascii())
        return {"package": _packages(lines)}
    except _AnotherShapeError:
        return None


def _packages(lines: list[str]) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = []
    inner: dict[str, Any] | None = None
    for line in [*lines, "- end: here"]:
        indent, key, value = _parts(line)
        if indent != _INNER:
            _need(inner != {})
            inner = None
        if indent == "- ":
            packages.append({})
        target = _there(inner if indent == _INNER else packages[-1] if packages else None)
        _need(key not in target and (value or indent != _INNER))
        if value is None:
            target[key] = inner = {}
        elif value == "{}":
            target[key] = {}
        else:
            target[key] = _VALUES[value] if value in _VALUES else _text(value)
    return packages[:-1]


def _parts(line: str) -> tuple[str, str, str | None]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise _AnotherShapeError
    return match["indent"], _text(match["key"]), match["value"]


def _there(target: dict[str, Any] | None) -> dict[str, Any]:
    if target is None:
        raise _AnotherShapeError
    return target


def _text(scalar: str) -> str:
    if scalar.startswith("'"):
        return scalar[1:-1].replace("''", "'")
    _need(scalar.lower() not in WORDS and not scalar.endswith(":"))
    return scalar


def _need(condition: object) -> None:
    if not condition:
        raise _AnotherShapeError
