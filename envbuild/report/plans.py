"""A plan as text and as JSON; the JSON's form is a contract, format_version 1."""

import json
from typing import Any

from envbuild.errors import EnvbuildError, redacted
from envbuild.plan import CHANGES, Plan, Reason, Step
from envbuild.report.terminal import clean, one_line, plural

FORMAT_VERSION = 1
SIGNS = {"create": "+", "rebuild": "~", "restore": "!", "adopt": "=", "forget": "-", "keep": " "}
_SHOWN_REASONS = 5


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


def plan_text(plan: Plan, *, verbose: bool = False) -> str:
    """One line a step, its reasons below it, and the sum of it last."""
    lines = [line for step in plan.listed for line in step_lines(step, verbose=verbose)]
    return "\n".join([*lines, sum_line(plan)])


def step_lines(step: Step, *, verbose: bool) -> list[str]:
    shown = step.reasons if verbose else step.reasons[:_SHOWN_REASONS]
    lines = [f"{SIGNS[step.action]} {step.environment}  {step.action}{_version(step)}"]
    lines += [
        f"    {one_line(reason.part)}: {one_line(redacted(reason.change))}  {one_line(reason.where)}"
        for reason in shown
    ]
    if len(shown) < len(step.reasons):
        lines.append(f"    … and {len(step.reasons) - len(shown)} more: envbuild why {step.environment}")
    return lines


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


def error_json(error: EnvbuildError) -> str:
    return document(errors=[error_object(problem) for problem in error.problems])


def error_object(problem: EnvbuildError) -> dict[str, Any]:
    where = problem.where
    return {
        "path": where.path if where else None,
        "line": where.line if where and where.line else None,
        "column": where.column if where and where.line else None,
        "message": problem.message,
        "hint": problem.hint,
    }
