"""A plan as text and as JSON; the JSON's form is a contract, format_version 1."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from envbuild.errors import EnvbuildError, redacted
from envbuild.plan import CHANGES, Action, Plan, Step
from envbuild.record import Reason
from envbuild.report.terminal import PLAIN, Look, Style, cells, one_line, plural
from envbuild.written import clean

FORMAT_VERSION = 1
SIGNS = {"create": "+", "rebuild": "~", "restore": "!", "adopt": "=", "forget": "-", "keep": " "}
STYLES: dict[Action, Style] = {
    "create": "good", "rebuild": "change", "restore": "bad", "adopt": "other", "forget": "bad", "keep": "quiet",
}  # fmt: skip
_SHOWN_REASONS = 5
_FEW = 7  # so many steps with one cause are told one by one
_MOST_NAMES = 12
_PLAIN_PARTS = {"dependencies", "record", "lock", "content"}  # their changes say what they are about
_LINE = re.compile(r":[0-9]+$")


def document(**content: Any) -> str:
    """What `--json` prints: one object that says which format it has."""
    return clean(json.dumps({"format_version": FORMAT_VERSION, **content}, indent=2, ensure_ascii=False))


def plan_json(plan: Plan) -> str:
    return document(summary=plan.summary, steps=[step_object(step) for step in plan.listed])


def step_object(step: Step) -> dict[str, Any]:
    return {
        "environment": step.environment,
        "action": step.action,
        "builder": step.builder,
        "fingerprint": step.fingerprint,
        "previous": step.previous,
        "version": step.version,
        "after": list(step.after),
        "reasons": [reason_object(reason) for reason in step.reasons],
    }


def reason_object(reason: Reason) -> dict[str, str]:
    return {"part": reason.part, "change": redacted(reason.change), "where": reason.where}


def plan_text(plan: Plan, *, verbose: bool = False, look: Look = PLAIN) -> str:
    """The answer; causes that many share, folded unless all is asked for; one line a step; the sum of it last."""
    if not plan.listed:
        return sum_line(plan)
    shared = {} if verbose else _shared(plan.listed)
    lines = [look.paint(_headline(plan), "strong")]
    lines += [line for cause, steps in shared.items() for line in _folded(cause, steps, look)]
    for step in plan.listed:
        own = tuple(reason for reason in step.reasons if cause_of(step, reason) not in shared)
        if own or not step.reasons:
            lines += step_lines(step, own, verbose=verbose, look=look)
    return "\n".join([*lines, look.paint(sum_line(plan), "strong")])


def _headline(plan: Plan) -> str:
    """How much of what was asked for would change: the one thing that everybody wants to know."""
    summary = plan.summary
    count, every = len(plan.changes), len(plan.steps) - summary["forget"]
    if count:
        return f"{count:,} of {plural(every, 'environment')} {'changes' if count == 1 else 'change'}."
    return f"{plural(summary['forget'], 'environment')} {'has' if summary['forget'] == 1 else 'have'} no manifest."


class Cause(msgspec.Struct, frozen=True):
    """What several steps may have in common: a reason without what is each one's own, which is a file as a whole."""

    action: Action
    part: str
    change: str
    where: str


def cause_of(step: Step, reason: Reason) -> Cause:
    return Cause(step.action, reason.part, reason.change, reason.where if _LINE.search(reason.where) else "")


def _shared(steps: Iterable[Step]) -> dict[Cause, list[Step]]:
    """The causes of many steps, most shared first."""
    found: dict[Cause, list[Step]] = {}
    for step in steps:
        for cause in dict.fromkeys(cause_of(step, reason) for reason in step.reasons):
            found.setdefault(cause, []).append(step)
    many = [(cause, having) for cause, having in found.items() if len(having) > _FEW]
    return dict(sorted(many, key=lambda one: (-len(one[1]), one[0].change)))


def _folded(cause: Cause, steps: list[Step], look: Look) -> list[str]:
    part = "" if cause.part in _PLAIN_PARTS else f"{one_line(cause.part)} "
    said = f"{plural(len(steps), 'environment')}: {part}{one_line(redacted(cause.change))}"
    line = look.beside(f"{SIGNS[cause.action]} {said}", one_line(cause.where))
    return [_signed(line, cause.action, look), look.paint(f"    {_some_names(steps, look)}", "quiet")]


def _some_names(steps: list[Step], look: Look) -> str:
    """As many names as fit on a line, and how to see the others."""
    shown: list[str] = []
    for step in steps[:_MOST_NAMES]:
        rest = len(steps) - len(shown) - 1
        told = ", ".join([*shown, one_line(step.environment)])
        if shown and look.width is not None and cells(f"    {told} and {rest:,} more: -v") > look.width:
            break
        shown.append(one_line(step.environment))
    rest = len(steps) - len(shown)
    return look.fit(f"{', '.join(shown)} and {rest:,} more: -v" if rest else ", ".join(shown), 4)


def step_lines(
    step: Step, reasons: tuple[Reason, ...] | None = None, *, verbose: bool, look: Look = PLAIN
) -> list[str]:
    """One step with its reasons, or with those of them that are not told elsewhere."""
    own = step.reasons if reasons is None else reasons
    shown = own if verbose else own[:_SHOWN_REASONS]
    look = Look(None, look.colour) if verbose else look
    head = f"{SIGNS[step.action]} {one_line(step.environment)}  {step.action}{_version(step)}"
    lines = [_signed(look.fit(head), step.action, look), *(reason_line(reason, look) for reason in shown)]
    if len(shown) < len(own):
        lines.append(look.fit(f"    … and {len(own) - len(shown)} more: envbuild why {one_line(step.environment)}"))
    if told := len(step.reasons) - len(own):
        lines.append(look.fit(f"    and {plural(told, 'reason')} that {'stand' if told > 1 else 'stands'} above"))
    return lines


def reason_line(reason: Reason, look: Look = PLAIN) -> str:
    said = f"    {one_line(reason.part)}: {one_line(redacted(reason.change))}"
    return look.beside(said, one_line(reason.where))


def _signed(line: str, action: Action, look: Look) -> str:
    """A line whose first character is the sign of an action, in that action's colour."""
    return f"{look.paint(line[:1], STYLES[action])}{line[1:]}" if line[:1].strip() else line


def _version(step: Step) -> str:
    if step.version is None:
        return "  version known after locking"
    if step.previous_version and step.previous_version != step.version:
        return f"  version {step.previous_version} -> {step.version}"
    return f"  version {step.version}"


def sum_line(plan: Plan) -> str:
    kept = plan.summary["keep"]
    if not plan.changes:
        return f"No changes. {plural(kept, 'environment')} {'is' if kept == 1 else 'are'} up to date."
    parts = [f"{plan.summary[action]:,} to {action}" for action in CHANGES if plan.summary[action]]
    return f"Plan: {', '.join([*parts, f'{kept:,} unchanged'])}."


def error_object(problem: EnvbuildError) -> dict[str, Any]:
    where = problem.where
    return {
        "path": where.path if where else None,
        "line": where.line if where and where.line else None,
        "column": where.column if where and where.line else None,
        "message": problem.message,
        "hint": problem.hint,
    }
