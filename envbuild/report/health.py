"""What a check of the machine found, as text and JSON."""

import json
from typing import TYPE_CHECKING

from envbuild.report.terminal import Look, Style, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envbuild.project.health import Check

_STYLES: dict[str, Style] = {"ok": "good", "note": "change", "failed": "bad"}
_SIGN = max(map(len, _STYLES))


def health_text(checks: "Sequence[Check]", look: Look) -> str:
    failed = sum(check.state == "failed" for check in checks)
    need = "needs" if failed == 1 else "need"
    first = f"{failed} of {plural(len(checks), 'check')} {need} attention." if failed else "Everything works."
    wide = max(len(check.name) for check in checks)
    return "\n".join([look.fit(first), *(line for check in checks for line in _lines(check, wide, look))])


def _lines(check: "Check", wide: int, look: Look) -> list[str]:
    sign = look.paint(check.state.ljust(_SIGN), _STYLES[check.state])
    indent = _SIGN + wide + 4
    lines = [f"{sign}  {check.name.ljust(wide)}  {look.fit(one_line(check.found), indent)}"]
    if check.hint:
        lines.append(f"{' ' * indent}{look.paint(look.fit(f'hint: {one_line(check.hint)}', indent), 'quiet')}")
    return lines


def health_json(checks: "Sequence[Check]") -> str:
    rows = [{"name": check.name, "state": check.state, "found": check.found, "hint": check.hint} for check in checks]
    return json.dumps({"format_version": 1, "checks": rows}, indent=2)
