"""Work that goes on, as lines for a log, as a few lines of a terminal that are drawn anew, and as JSON."""

import json
from typing import Any

import msgspec

from envbuild.apply import Event, Work
from envbuild.report.board import Board, Running
from envbuild.report.errors import Source, error_text
from envbuild.report.plans import error_object
from envbuild.report.terminal import PLAIN, Look, cells, cropped, duration, one_line, plural
from envbuild.written import clean, log_line

_DOING: dict[Work, str] = {"lock": "Locking", "build": "Building", "pull": "Pulling"}
_DID: dict[Work, str] = {"lock": "locked", "build": "done", "pull": "pulled"}
_WORTH_TELLING = 2.0  # seconds: a shorter wait is over before it has been read
_COARSE = 5
_FEWEST_ROWS = 3
_NAME_PART, _SHORTEST_NAME = 3, 6  # a name takes at most one part of so many of the width, and at least so much


def event_lines(event: Event, board: Board, now: float, look: Look = PLAIN, source: Source | None = None) -> list[str]:
    """One event as lines for a log or a pipe."""
    name = one_line(event.environment)
    match event.kind:
        case "started" if event.work == "build":
            return [f"{name}: {one_line(event.text)}"]
        case "progress":
            return [f"{name}: {'  ' if event.work == 'build' else ''}{one_line(event.text)}"]
        case "done" if event.work == "build":
            return [f"{name}: done in {duration(event.seconds)}{_how_far(board, now)}"]
        case "skipped":
            return [f"{name}: skipped, {one_line(event.text)}"]
        case "failed" if event.work == "build":  # what cannot be locked is told when all that can be is
            return failure_lines(event, look, source)
    return []


def _how_far(board: Board, now: float) -> str:
    """How many of all are over, where there are several; and what may be left."""
    if len(board.ahead) < 2:  # noqa: PLR2004 - of one there is nothing to count
        return ""
    left = board.left(now)
    about = f", about {coarse(left)} left" if left and left > _WORTH_TELLING else ""
    return f" ({board.over} of {len(board.ahead)}{about})"


def failure_lines(event: Event, look: Look = PLAIN, source: Source | None = None) -> list[str]:
    """What failed and why, the last words of what ran, and where all of them are."""
    took = f" after {duration(event.seconds)}" if event.seconds else ""
    lines = [look.paint(f"{one_line(event.environment)}: failed{took}", "bad")]
    told = error_text(event.error, look.narrowed(4), source) if event.error else clean(event.text)
    lines += [f"    {line}" for line in told.splitlines()]
    lines += [f"    | {log_line(line)}" for line in event.tail]
    return [*lines, f"    log: {one_line(event.log)}"] if event.log else lines


def still_lines(board: Board, now: float) -> list[str]:
    """For a log that says nothing for long: what runs, and for how long it has."""
    return [
        f"{one_line(one.environment)}:   {one_line(one.text)}, {duration(now - one.since)} so far"
        for one in board.running.values()
    ]


def coarse(seconds: float) -> str:
    """An estimate, no more exact than it can be."""
    minutes = round(seconds / 60)
    if minutes >= 2:  # noqa: PLR2004 - from two minutes on seconds say nothing
        return duration(minutes * 60)
    return f"{max(_COARSE, _COARSE * round(seconds / _COARSE))} s"


def board_lines(board: Board, now: float, look: Look, rows: int) -> list[str]:
    """What a terminal shows of work that goes on, in so many rows: how far it is, what runs, what waits for what."""
    room = max(_FEWEST_ROWS, rows) - 1
    running = list(board.running.values())
    lines = [_header(board, now, look), *_running_lines(running[:room], now, look)]
    if len(running) > room:
        lines[-1] = look.fit(f"  and {plural(len(running) - room + 1, 'other')} running")
    return lines + _waiting_lines(board, look, room - len(running))


def _header(board: Board, now: float, look: Look) -> str:
    told = [f"{board.over:,} of {plural(len(board.ahead), 'environment')}"]
    if failed := board.count("failed"):
        told.append(f"{failed:,} failed")
    left = board.left(now)
    if left and left > _WORTH_TELLING:
        told.append(f"about {coarse(left)} left")
    verb = _DOING[board.work]
    line = look.fit(f"{verb}: {', '.join(told)}")
    return f"{look.paint(verb, 'strong')}{line[len(verb) :]}" if line.startswith(verb) else line


def _running_lines(running: list[Running], now: float, look: Look) -> list[str]:
    width = look.width or 80
    names = [cropped(one_line(one.environment), max(_SHORTEST_NAME, width // _NAME_PART)) for one in running]
    column = max(map(cells, names), default=0)
    return [_running_line(name, column, one, now, width) for name, one in zip(names, running, strict=True)]


def _running_line(name: str, column: int, one: Running, now: float, width: int) -> str:
    took = duration(now - one.since)
    if one.expected and one.expected > _WORTH_TELLING:
        took = f"{took} of about {coarse(one.expected)}"
    head = f"  {name}{' ' * (column - cells(name))}  "
    text = cropped(one_line(one.text), max(1, width - cells(head) - len(took) - 2))
    gap = " " * max(1, width - cells(head) - cells(text) - len(took))
    return cropped(f"{head}{text}{gap}{took}", width)


def _waiting_lines(board: Board, look: Look, room: int) -> list[str]:
    waiting = board.waiting
    blocked = [one for one in waiting if one.after]
    if room < 1 or not waiting:
        return []
    shown = blocked if len(blocked) == len(waiting) <= room else blocked[: max(0, room - 1)]
    lines = [f"  {one_line(one.environment)}  waits for {one_line(', '.join(one.after))}" for one in shown]
    if rest := len(waiting) - len(shown):
        lines.append(f"  and {rest:,} more to begin" if lines or board.running else f"  {rest:,} to begin")
    return [look.paint(look.fit(line), "quiet") for line in lines]


def event_json(event: Event, when: str) -> str:
    """One line of `--progress jsonl`, in the form that docs/events.md promises."""
    told: dict[str, Any] = {"event": event.kind, "work": event.work, "time": when}
    match event.kind:
        case "begin":
            told |= {"jobs": event.jobs, "steps": [msgspec.to_builtins(one) for one in event.ahead]}
        case "started":
            told |= {"environment": event.environment, "action": event.text}
        case "progress" | "skipped":
            told |= {"environment": event.environment, "text": event.text}
        case "done" | "failed":
            told |= {"environment": event.environment, "seconds": round(event.seconds, 3), **_ending(event)}
            told |= {"size": event.size} if event.size else {}
        case "end":
            told |= {"seconds": round(event.seconds, 3)}
    return clean(json.dumps(told, ensure_ascii=False))


def _ending(event: Event) -> dict[str, Any]:
    if event.kind == "failed":
        errors = [error_object(one) for one in event.error.problems] if event.error else []
        return {"errors": errors, "tail": [log_line(line) for line in event.tail], "log": event.log or None}
    return {"result": event.text, "log": event.log or None}


def kept_text(board: Board, command: str) -> str:
    """What became of work that was interrupted, and the command to say again."""
    done, failed = board.count("done"), board.count("failed")
    left = len(board.ahead) - board.over - len(board.running)
    told = [f"{done:,} {_DID[board.work]} and kept"]
    told += [f"{failed:,} failed"] if failed else []
    told += [f"{len(board.running):,} stopped"] if board.running else []
    told += [f"{left:,} not begun"] if left else []
    said = f"interrupted: {', '.join(told)}; nothing half-made was left\n  hint: 'envbuild {command}' goes on from here"
    return "\n".join((said, *_unsaid(board)))


def _unsaid(board: Board) -> list[str]:
    """Why locks have failed, which is told in the end otherwise; of what is built it was told at once."""
    ended = (board.ended[name] for name in sorted(board.ended.keys() & board.ahead.keys()) if board.work == "lock")
    return [f"{log_line(one.environment)}: {clean(str(one.error))}" for one in ended if one.error]
