"""Texts as values of YAML and TOML: plain where every reader takes them for this text, else quoted."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from envbuild.document import escaped, quoted
from envbuild.errors import UsageError

_WORD = r"[A-Za-z0-9_./+=<>!~,*|@:-]*[A-Za-z0-9_./+=<>!~,*|@-]"
_PLAIN = re.compile(rf"(?:[A-Za-z_]|\.\.?/)(?:{_WORD})?(?: [A-Za-z0-9_.=<>!~*](?:{_WORD})?)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def scalar(text: str) -> str:
    """Nothing in a text can end its line, start a comment or be another type, in any version of YAML."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return quoted(text)


def comment(text: str) -> str:
    """One line of a comment."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return f"# {' '.join(shown.split())}".rstrip()


def lines_text(lines: Iterable[str]) -> str:
    """A file whose format knows no quotes: what would be two lines is none."""
    found = list(lines)
    if broken := [line for line in found if not line.isprintable()]:
        raise UsageError(f"'{broken[0]}' does not go on a line", hint="remove its line breaks and control characters")
    return "".join(f"{line}\n" for line in found)


def listed(key: str, items: Iterable[str], indent: str = "") -> list[str]:
    """A key with a list of texts; nothing where it would be empty."""
    found = [f"{indent}  - {scalar(item)}" for item in items]
    return [f"{indent}{key}:", *found] if found else []


def mapped(key: str, values: Mapping[str, str]) -> list[str]:
    found = [f"  {scalar(name)}: {scalar(value)}" for name, value in values.items()]
    return [f"{key}:", *found] if found else []


def toml_table(path: Iterable[str], values: Mapping[str, Any]) -> str:
    """A table with its head; what lies within a value is written on its line."""
    lines = [f"{_key(name)} = {_inline(value)}" for name, value in values.items()]
    return "\n".join([f"[{'.'.join(map(_key, path))}]", *lines])


def _key(text: str) -> str:
    from tomlkit.items import SingleKey

    return escaped(SingleKey(text).as_string())


def _inline(value: Any) -> str:
    import tomlkit

    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(name)} = {_inline(one)}' for name, one in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return escaped(tomlkit.item(value).as_string())
