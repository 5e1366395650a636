"""Texts as scalars of YAML: plain where every reader takes them for this text, else quoted."""

import json
import re
from collections.abc import Iterable, Mapping

_WORD = r"[A-Za-z0-9_./+=<>!~,*|@:-]*[A-Za-z0-9_./+=<>!~,*|@-]"
_PLAIN = re.compile(rf"(?:[A-Za-z_]|\.\.?/)(?:{_WORD})?(?: [A-Za-z0-9_.=<>!~*](?:{_WORD})?)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_ESCAPED = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def scalar(text: str) -> str:
    """Nothing in a text can end its line, start a comment or be another type, in any version of YAML."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def comment(text: str) -> str:
    """One line of a comment."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return f"# {' '.join(shown.split())}".rstrip()


def listed(key: str, items: Iterable[str], indent: str = "") -> list[str]:
    """A key with a list of texts; nothing where it would be empty."""
    found = [f"{indent}  - {scalar(item)}" for item in items]
    return [f"{indent}{key}:", *found] if found else []


def mapped(key: str, values: Mapping[str, str]) -> list[str]:
    found = [f"  {scalar(name)}: {scalar(value)}" for name, value in values.items()]
    return [f"{key}:", *found] if found else []
