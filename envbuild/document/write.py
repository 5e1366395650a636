"""A tree becomes YAML text again: the inverse of reading, but for comments and layout."""

import json
import re
from collections.abc import Iterator

from envbuild.document.values import RAW, Mapping, Scalar, Sequence, Value, is_null

# Text that every reader of YAML takes for text, and for this text.
_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+-]*( [=<>!~]{0,2}[A-Za-z0-9_./*+-]+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_ESCAPED = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def write(root: Mapping) -> str:
    """One key a line; what holds nothing is written in brackets."""
    return "".join(f"{line}\n" for line in _mapping(root, ""))


def _mapping(node: Mapping, indent: str) -> Iterator[str]:
    for key, entry in node.entries.items():
        yield from _item(f"{indent}{_text(key)}:", entry.value, f"{indent}  ")


def _item(head: str, node: Value, indent: str) -> Iterator[str]:
    tag = f" {node.tag}" if node.tag else ""
    match node:
        case Scalar():
            yield f"{head}{tag} {written(node)}".rstrip()
        case Mapping() if node.entries:
            yield f"{head}{tag}"
            yield from _mapping(node, indent)
        case Sequence() if node.items:
            yield f"{head}{tag}"
            for item in node.items:
                yield from _listed(item, indent)
        case _:
            yield f"{head}{tag} {'{}' if isinstance(node, Mapping) else '[]'}"


def _listed(item: Value, indent: str) -> Iterator[str]:
    """A mapping in a list starts on the line of its dash."""
    if not isinstance(item, Mapping) or not item.entries:
        yield from _item(f"{indent}-", item, f"{indent}  ")
        return
    first, *rest = _mapping(item, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}"
    yield from rest


def written(node: Scalar) -> str:
    """A scalar as it is written: as it was where it was plain, else quoted where that is needed."""
    if is_null(node):
        return ""
    return node.text if node.plain and node.tag != RAW and _is_safe_plain(node.text) else _text(node.text)


def _is_safe_plain(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_./+-]+", text))


def _text(text: str) -> str:
    if _SAFE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes, which end where it ends in every version of YAML."""
    return escaped(json.dumps(text, ensure_ascii=False))


def escaped(quotes: str) -> str:
    """What moves a cursor, ends a line or changes a direction, in the form that YAML and TOML share."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quotes)
