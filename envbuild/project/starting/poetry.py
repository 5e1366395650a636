"""Dependencies as poetry writes them, as the requirements that mean the same."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_VERSION = re.compile(r"(?P<sign>[\^~])\s*(?P<version>\d+(?:\.\d+){0,3})")
_PLAIN = re.compile(r"\d+(?:\.\d+)*(?:\.\*)?(?:[abc]\d+|rc\d+|\.post\d+|\.dev\d+)?")
_CLAUSE = re.compile(r"(?:~=|===?|!=|<=?|>=?)\s*[\w.*+!-]+")
_SAID = {"version", "extras", "markers", "optional", "git", "rev", "tag", "branch", "url"}


def poetry_tables(stated: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each group with its dependencies; `dev-dependencies` is how older versions write the group `dev`."""
    groups = stated.get("group")
    for name, group in groups.items() if isinstance(groups, dict) else ():
        entries = group.get("dependencies") if isinstance(group, dict) else None
        if isinstance(entries, dict):
            yield name, entries
    older = stated.get("dev-dependencies")
    if isinstance(older, dict) and not (isinstance(groups, dict) and "dev" in groups):
        yield "dev", older


def range_of(stated: str) -> str | None:
    """`^1.2` is `>=1.2,<2`; nothing where no requirement can say it."""
    if stated.strip() in {"", "*"}:
        return ""
    clauses = [_clause(piece.strip()) for piece in stated.split(",")]
    return None if None in clauses else ",".join(filter(None, clauses))


def _clause(text: str) -> str | None:
    if found := _VERSION.fullmatch(text):
        return f">={found['version']},<{_bound(found['sign'], found['version'])}"
    if _PLAIN.fullmatch(text):
        return f"=={text}"
    return re.sub(r"\s+", "", text) if _CLAUSE.fullmatch(text) else None


def _bound(sign: str, version: str) -> str:
    """`^` holds the first number that is not 0, `~` the first two."""
    numbers = [int(part) for part in version.split(".")]
    if sign == "~":
        held = min(len(numbers), 2)
    else:
        held = next((at for at, number in enumerate(numbers, 1) if number), len(numbers))
    return ".".join(str(number) for number in (*numbers[: held - 1], numbers[held - 1] + 1))


def requirement(name: str, stated: Any) -> str | None:
    """One dependency; nothing for a path, for alternatives, and for a Python of its own."""
    if isinstance(stated, str):
        found = range_of(stated)
        return None if found is None else f"{name}{found}"
    if not isinstance(stated, dict) or set(stated) - _SAID:
        return None
    texts = {key: value for key, value in stated.items() if isinstance(value, str)}
    extras = stated.get("extras", [])
    listed = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    marker = f" ; {texts['markers']}" if "markers" in texts else ""
    if "git" in texts:
        at = next((f"@{texts[key]}" for key in ("rev", "tag", "branch") if key in texts), "")
        return f"{name}{listed} @ git+{texts['git']}{at}{marker}"
    if "url" in texts:
        return f"{name}{listed} @ {texts['url']}{marker}"
    found = range_of(texts.get("version", "*"))
    return None if found is None else f"{name}{listed}{found}{marker}"
