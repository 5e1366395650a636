"""What became of an apply: how long each took, what failed and where its log is, what to do next."""

from collections.abc import Mapping

import msgspec

from envbuild.apply import Event, Summary
from envbuild.builders import BUILDERS
from envbuild.errors import EnvbuildError
from envbuild.plan import Step
from envbuild.project import Planned
from envbuild.project.wishes import Written
from envbuild.report.ages import size
from envbuild.report.plans import document, error_object, step_object
from envbuild.report.terminal import PLAIN, Look, Style, cells, duration, one_line, plural

_SHOWN = 10
_SLOWEST = 3
_STYLES: dict[str, Style] = {"done": "good", "failed": "bad", "skipped": "change"}
_WORD = len("skipped")


class Applied(msgspec.Struct, frozen=True):
    """The plan that was done and how each of its steps ended; no summary where there was nothing to build.

    `command` is what did it.
    """

    planned: Planned
    ended: Mapping[str, Event] = {}
    summary: Summary | None = None
    forgotten: tuple[str, ...] = ()
    command: str = "apply"
    written: tuple[Written, ...] = ()

    @property
    def has_failed(self) -> bool:
        return self.summary is not None and bool(self.summary.failed or self.summary.skipped)

    @property
    def errors(self) -> list[EnvbuildError]:
        return [event.error for event in self.ended.values() if event.error]

    def steps(self, kind: str) -> list[tuple[Step, Event]]:
        found = ((step, self.ended.get(step.environment)) for step in self.planned.plan.changes)
        return [(step, event) for step, event in found if event and event.kind == kind and event.work == "build"]


def applied_text(applied: Applied, look: Look = PLAIN) -> str:
    """Each environment that was worked on, the failures last where one looks first; and the sum of it."""
    rows = [*_done(applied, look), *written_lines(applied, look), *_skipped(applied, look), *_failed(applied, look)]
    return "\n".join([*rows, *_next(applied), look.paint(_sum(applied), "strong")])


def _done(applied: Applied, look: Look) -> list[str]:
    done = applied.steps("done")
    if len(done) <= _SHOWN:
        width = max((cells(one_line(step.environment)) for step, _ in done), default=0)
        return [_row("done", step, _took(step, event), width, look) for step, event in done]
    slow = sorted(done, key=lambda one: -one[1].seconds)[:_SLOWEST]
    told = ", ".join(f"{one_line(step.environment)} {duration(event.seconds)}" for step, event in slow)
    return [look.fit(f"{'done'.ljust(_WORD)}  {plural(len(done), 'environment')}; the slowest: {told}")]


def written_lines(applied: Applied, look: Look = PLAIN) -> list[str]:
    return [look.fit(f"{'wrote'.ljust(_WORD)}  {one_line(f'{one.output}  {one.name}')}") for one in applied.written]


def _took(step: Step, event: Event) -> str:
    weighs = f"  {size(event.size)}" if event.size else ""
    return f"{_version(step)}  {duration(event.seconds)}{weighs}"


def _version(step: Step) -> str:
    return f"version {step.version}"


def _row(word: str, step: Step, text: str, width: int, look: Look) -> str:
    name = one_line(step.environment)
    line = look.fit(f"{word.ljust(_WORD)}  {name}{' ' * (width - cells(name))}  {text}")
    return f"{look.paint(word, _STYLES[word])}{line[len(word) :]}" if line.startswith(word) else line


def _skipped(applied: Applied, look: Look) -> list[str]:
    skipped = applied.steps("skipped")
    rows = [_row("skipped", step, one_line(event.text), 0, look) for step, event in skipped[:_SHOWN]]
    return rows + ([f"{' ' * _WORD}  and {len(skipped) - _SHOWN:,} more"] if len(skipped) > _SHOWN else [])


def _failed(applied: Applied, look: Look) -> list[str]:
    """In one line each, since the whole of it has been told; with its log, however long its path."""
    rows = []
    for step, event in applied.steps("failed"):
        rows.append(_row("failed", step, _why(event.error), 0, look))
        if event.log:
            rows.append(f"{' ' * _WORD}  log: {one_line(event.log)}")
    return rows


def _why(error: EnvbuildError | None) -> str:
    if error is None:
        return "without a word"
    first, *rest = error.problems
    where = f"{first.where}: " if first.where else ""
    more = f" (and {len(rest):,} more)" if rest else ""
    return one_line(f"{where}{first.message.splitlines()[0] if first.message else ''}{more}")


def _next(applied: Applied) -> list[str]:
    """What to do now, where that is not plain."""
    failed, done = applied.steps("failed"), applied.steps("done")
    if failed:
        name = one_line(failed[0][0].environment)
        log = f"; 'envbuild logs {name}' shows all it said" if failed[0][1].log else ""
        return [f"Next: mend {'it' if len(failed) == 1 else 'them'}, then 'envbuild {applied.command}'{log}."]
    if done and applied.command == "apply" and all(step.version == 1 for step, _ in done):
        first = done[0][0]
        image = " --image" if BUILDERS[first.builder].MAKES_IMAGES else ""
        return [f"Next: 'envbuild run {one_line(first.environment)}{image} -- COMMAND' runs something in it."]
    return []


def _sum(applied: Applied) -> str:
    summary = applied.summary
    counted = (
        (len(summary.done) if summary else 0, "done"),
        (len(summary.failed) if summary else 0, "failed"),
        (len(summary.skipped) if summary else 0, "skipped"),
        (len(applied.forgotten), "forgotten"),
    )
    return f"{applied.command.capitalize()}: {', '.join(f'{count:,} {word}' for count, word in counted if count)}."


def applied_json(applied: Applied) -> str:
    """The steps of the plan, each with how it ended."""
    errors = [error_object(problem) for error in applied.errors for problem in error.problems]
    told: dict[str, object] = {"errors": errors} if errors else {}
    steps = [_step_object(step, applied.ended.get(step.environment)) for step in applied.planned.plan.listed]
    if applied.written:
        told["written"] = [{"output": str(one.output), "name": one.name} for one in applied.written]
    return document(summary=applied.planned.plan.summary, steps=steps, **told)


def _step_object(step: Step, ended: Event | None) -> dict[str, object]:
    result = ended.kind if ended else "none"
    is_done = result == "done"
    return {
        **step_object(step),
        "result": result,
        "reference": ended.text if ended and is_done else None,
        "error": (ended.error.message if ended.error else ended.text) if ended and not is_done else None,
        "log": ended.log or None if ended else None,
        "seconds": round(ended.seconds, 3) if ended else None,
        "size": (ended.size or None) if ended else None,
    }
