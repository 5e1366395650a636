"""What a check of the machine found, as text and JSON."""

from typing import TYPE_CHECKING

from envbuild.report.plans import document
from envbuild.report.terminal import Look, Style, one_line, plural, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envbuild.project.health.health import Check

_STYLES: dict[str, Style] = {"ok": "good", "note": "change", "failed": "bad"}
_SIGN = max(map(len, _STYLES))


def health_text(checks: "Sequence[Check]", look: Look) -> str:
    failed = sum(check.state == "failed" for check in checks)
    need = "needs" if failed == 1 else "need"
    first = f"{failed} of {plural(len(checks), 'check')} {need} attention." if failed else "Everything works."
    wide = max(len(check.name) for check in checks)
    return "\n".join([look.fit(first), *(line for check in checks for line in _lines(check, wide, look))])


def _lines(check: "Check", wide: int, look: Look) -> list[str]:
    """What was found and how to mend it are read to their end, however narrow it is."""
    indent = " " * (_SIGN + wide + 4)
    head = f"{check.state.ljust(_SIGN)}  {check.name.ljust(wide)}  "
    found = wrapped(one_line(check.found), look, head, indent)
    hint = wrapped(f"hint: {one_line(check.hint)}", look, indent, indent) if check.hint else []
    painted = f"{look.paint(check.state, _STYLES[check.state])}{found[0].removeprefix(check.state)}"
    return [painted, *found[1:], *(look.paint(line, "quiet") for line in hint)]


def health_json(checks: "Sequence[Check]") -> str:
    rows = [{"name": check.name, "state": check.state, "found": check.found, "hint": check.hint} for check in checks]
    return document(checks=rows)
