"""Progress on standard error, in one of its forms: drawn on a terminal, as lines, as JSON, or not at all."""

import datetime as dt
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from envbuild.cli.problems import source
from envbuild.errors import UsageError
from envbuild.report.board import Board
from envbuild.report.progress import board_lines, event_json, event_lines, failure_lines, kept_text, still_lines
from envbuild.report.terminal import Look

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.status import Status
    from rich.text import Text

    from envbuild.apply import Event
    from envbuild.cli.options import Common

_REDRAWN_PER_SECOND = 8
_SILENCE_SECONDS = 30.0
_PATIENCE_SECONDS = 1.0


class Progress:
    """Takes events from any thread, and shows them one at a time."""

    def __init__(self, form: "_Form") -> None:
        self.board = Board()
        self._form = form

    def tell(self, event: "Event") -> None:
        with self._form.guard:
            now = time.monotonic()
            self.board.take(event, now)
            self._form.show(event, self.board, now)

    def close(self) -> None:
        self._form.close()


@contextmanager
def shown_progress(common: "Common") -> Iterator[Progress]:
    """Progress of what is done within; an interrupt of that is told with what was kept."""
    found = Progress(_form(common))
    try:
        yield found
    except KeyboardInterrupt:
        found.close()
        if found.board.working:
            common.interrupted = kept_text(found.board, click.get_current_context().info_name or "apply")
        raise
    finally:
        found.close()


@contextmanager
def patience(common: "Common", what: str) -> Iterator[None]:
    """On a terminal, what goes on once it has taken a second; gone when it ends."""
    if _mode(common) != "tty":
        yield
        return
    waiting = _Patience(common, what)
    try:
        yield
    finally:
        waiting.end()


class _Patience:
    def __init__(self, common: "Common", what: str) -> None:
        self._common = common
        self._what = what
        self._shown: Status | None = None
        self._guard = threading.Lock()
        self._timer = threading.Timer(_PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        self._timer.start()

    def _show(self) -> None:
        from rich.console import Console

        with self._guard:
            if not self._timer.finished.is_set():
                colour = self._common.side_look.colour
                console = Console(stderr=True, color_system="standard" if colour else None, highlight=False)
                self._shown = console.status(self._what)
                self._shown.start()

    def end(self) -> None:
        self._timer.cancel()
        with self._guard:
            if self._shown:
                self._shown.stop()


def _mode(common: "Common") -> str:
    """What `auto` means here and now."""
    if common.progress != "auto":
        return common.progress
    return "quiet" if common.quiet else "tty" if _can_draw() and not os.environ.get("CI") else "plain"


def _can_draw() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _form(common: "Common") -> "_Form":
    mode = _mode(common)
    if mode == "tty" and not _can_draw():
        raise UsageError("progress cannot be drawn: standard error is no terminal", hint="use '--progress plain'")
    match mode:
        case "tty":
            return _Drawn(common)
        case "jsonl":
            return _Json(common)
        case "quiet":
            return _Form(common)
    return Lines(common)


class _Form:
    """Only what went wrong is shown, however quiet it is to be."""

    def __init__(self, common: "Common") -> None:
        self.guard = threading.RLock()
        self._common = common
        self._source = source(common)

    def show(self, event: "Event", board: Board, now: float, /) -> None:
        if event.kind in {"failed", "skipped"} and event.work == "build":
            look = self._common.side_look
            self._common.warn("\n".join(event_lines(event, board, now, look, self._source)))

    def close(self) -> None:
        """Nothing was begun."""


class Lines(_Form):
    """A line for each event; where nothing happens for long, what still runs."""

    def __init__(self, common: "Common", silence: float = _SILENCE_SECONDS) -> None:
        super().__init__(common)
        self._silence = silence
        self._turn = 0  # a timer that waits while something else is told, or the end, has nothing to say any more

    def show(self, event: "Event", board: Board, now: float, /) -> None:
        for line in event_lines(event, board, now, self._common.side_look, self._source):
            self._common.warn(line)
        self._turn += 1
        if board.working:
            self._wait(board)

    def _wait(self, board: Board) -> None:
        timer = threading.Timer(self._silence, self._still, (board, self._turn))
        timer.daemon = True
        timer.start()

    def _still(self, board: Board, turn: int) -> None:
        with self.guard:
            if turn != self._turn:
                return
            for line in still_lines(board, time.monotonic()):
                self._common.warn(line)
            self._wait(board)

    def close(self) -> None:
        with self.guard:
            self._turn += 1


class _Json(_Form):
    """One object a line, for programs."""

    def show(self, event: "Event", _board: Board, _now: float, /) -> None:
        when = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._common.warn(event_json(event, when))


class _Drawn(_Form):
    """A few lines that are drawn anew, and gone when the work is done; failures stay above them."""

    def __init__(self, common: "Common") -> None:
        super().__init__(common)
        self._live: Live | None = None

    def show(self, event: "Event", board: Board, _now: float, /) -> None:
        if event.kind == "begin" and board.ahead:
            self._begin(board)
        elif event.kind == "end":
            self.close()
        elif event.kind == "failed" and event.work == "build":
            self._print("\n".join(failure_lines(event, self._common.side_look, self._source)))

    def _begin(self, board: Board) -> None:
        from rich.console import Console
        from rich.live import Live

        colour = self._common.side_look.colour
        console = Console(stderr=True, color_system="standard" if colour else None, highlight=False, soft_wrap=True)

        def drawn() -> "Text":
            return _drawn(board, console, colour=colour)

        self._live = Live(console=console, get_renderable=drawn, transient=True, refresh_per_second=_REDRAWN_PER_SECOND)
        self._live.start()

    def _print(self, text: str) -> None:
        if self._live is None:
            self._common.warn(text)
            return
        from rich.text import Text

        self._live.console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def _drawn(board: Board, console: "Console", *, colour: bool) -> "Text":
    from rich.text import Text

    size = console.size
    look = Look(size.width, colour)
    lines = board_lines(board, time.monotonic(), look, size.height - 2)
    return Text.from_ansi("\n".join(lines), no_wrap=True)
