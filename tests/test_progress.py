"""What is shown while work goes on: drawn on a terminal, as lines, as JSON, or not at all; and after an interrupt."""

import json
import re
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.index import Index
from support.line import versions, write_base, write_child
from support.project import Project

from envbuild.apply import Ahead, Event, Kind
from envbuild.cli.options import Common
from envbuild.cli.progress import Lines, Progress
from envbuild.errors import Place, SolveError
from envbuild.report.board import Board
from envbuild.report.progress import board_lines, coarse, event_json, event_lines, kept_text
from envbuild.report.terminal import Look, cells

_HOLD = 'touch "$HOME/{name}"; while test ! -e "$HOME/go"; do sleep 0.05; done'
_WAYS = ("plain", "quiet", "jsonl")


@pytest.fixture
def held(project: Project) -> Project:
    """Three environments that wait in their setup until they may go on, and one with the content of the first."""
    for name in ("a", "b", "c"):
        project.write(f"manifests/{name}.yaml", f"setup:\n  - {_HOLD.format(name=name)}\n")
    project.write("manifests/twin.yaml", project.read("manifests/a.yaml"))
    return project


def let_go(project: Project) -> None:
    Path(project.environ["HOME"], "go").touch()


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_terminal_shows_what_runs_what_waits_and_how_far_it_is(held: Project) -> None:
    """Redrawn while it works; gone in the end, when the summary stands there alone."""
    with held.terminal("apply", "-j", "2", columns=70) as terminal:
        terminal.wait_for("waits for a")
        terminal.wait_for(lambda: terminal.text.count("setup 1 of 1") == 2)
        board = terminal.screen[terminal.screen.index("Building: 0 of 4 environments") :]
        assert [re.sub(r" {9,}[0-9.]+ s$", " … N s", line) for line in board] == [
            "Building: 0 of 4 environments",
            "  a  setup 1 of 1 … N s",
            "  b  setup 1 of 1 … N s",
            "  twin  waits for a",
            "  and 1 more to begin",
        ]
        assert {len(line) for line in board if line.endswith(" s")} == {70}
        first = re.findall(r"([0-9.]+) s$", "\n".join(board), re.MULTILINE)
        terminal.wait_for(lambda: re.findall(r"([0-9.]+) s$", terminal.text, re.MULTILINE) != first)
        let_go(held)
        assert terminal.finish() == 0
        assert terminal.lines[-1] == "Apply: 4 done."
        assert "Building" not in terminal.text


def test_the_cursor_is_shown_again_whatever_happens(held: Project) -> None:
    """A hidden cursor would outlive us."""
    with held.terminal("apply") as terminal:
        terminal.wait_for("Building: 0 of 4")
        terminal.press("\x03")
        assert terminal.finish() == 130
        assert terminal.written.rfind(b"\x1b[?25h") > terminal.written.rfind(b"\x1b[?25l") > 0


def test_an_interrupt_says_what_was_kept(held: Project) -> None:
    """What had ended is recorded, what ran has left nothing, and the next apply goes on from there."""
    held.write("manifests/0-first.yaml", "setup: ['true']\n")
    with held.terminal("apply", "-j", "1") as terminal:
        terminal.wait_for("Building: 1 of 5")
        terminal.wait_for("setup 1 of 1")
        terminal.press("\x03")
        assert terminal.finish() == 130
        assert terminal.lines[-2:] == [
            "interrupted: 1 done and kept, 1 stopped, 3 not begun; nothing half-made was left",
            "  hint: 'envbuild apply' goes on from here",
        ]
        assert "Building" not in terminal.text
    let_go(held)
    assert held.run("apply").out.splitlines()[-1] == "Apply: 4 done."
    assert versions(held, "0-first") == [1]


def test_an_estimate_is_made_from_what_is_recorded(project: Project) -> None:
    """A second build is expected to take as long as the first, and says so while it runs."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\nsetup: [sleep 4]\n")
    project.run("apply")
    project.write("manifests/a.yaml", "variables: {ONE: '2'}\nsetup: [sleep 4]\n")
    with project.terminal("apply") as terminal:
        terminal.wait_for("Building: 0 of 1 environment, about 5 s left")
        terminal.wait_for(" s of about 5 s")
        assert terminal.finish() == 0


def test_failures_stay_above_the_board(held: Project) -> None:
    """With the last lines and the log, while the others are still being built."""
    held.write("manifests/a.yaml", "setup: [echo boom; exit 3]\n")
    held.remove("manifests/twin.yaml")
    with held.terminal("apply", "-j", "2", rows=40) as terminal:
        terminal.wait_for("Building: 1 of 3 environments, 1 failed")
        terminal.wait_for("| boom")
        assert terminal.screen.index("    | boom") < terminal.screen.index("Building: 1 of 3 environments, 1 failed")
        let_go(held)
        assert terminal.finish() == 1


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_the_board_fits(held: Project, columns: int) -> None:
    """No line is wider than the terminal, however narrow."""
    held.write(f"manifests/{'long-' * 8}name.yaml", f"setup:\n  - {_HOLD.format(name='long')}\n")
    with held.terminal("apply", "-j", "5", columns=columns, rows=12) as terminal:
        terminal.wait_for("Building")
        terminal.wait_for(lambda: sum(line.endswith(" s") for line in terminal.screen) >= 2)
        let_go(held)
        assert terminal.finish() == 0


def test_without_colour_there_is_none(held: Project) -> None:
    """NO_COLOR and --color never hold for what is drawn, too."""
    let_go(held)
    for args, env in ((["apply"], {"NO_COLOR": "1"}), (["apply", "--color", "never"], {})):
        with held.terminal(*args, env=env) as terminal:
            assert terminal.finish() == 0
            assert not re.search(rb"\x1b\[[0-9;]*m", terminal.written)
        held.remove(".envbuild")


@pytest.mark.parametrize("env", [{"CI": "1"}, {"TERM": "dumb"}, {"ENVBUILD_PROGRESS": "plain"}])
def test_where_nothing_can_be_drawn_there_are_lines(held: Project, env: dict[str, str]) -> None:
    """In CI, on a dumb terminal, and where it is said."""
    let_go(held)
    with held.terminal("apply", env=env) as terminal:
        assert terminal.finish() == 0
        assert "a:   setup 1 of 1" in terminal.lines
        assert b"\x1b[?25l" not in terminal.written


def test_lines_say_how_many_are_over(held: Project) -> None:
    """Each end with its number; of one environment there is nothing to count."""
    let_go(held)
    run = held.run("apply", "-j", "1")
    ends = [re.sub(r"in [0-9.]+ s", "in N s", line) for line in run.err.splitlines() if "done" in line]
    assert ends == [f"{name}: done in N s ({at} of 4)" for at, name in enumerate(("a", "b", "c", "twin"), 1)]
    held.write("manifests/b.yaml", "setup: ['true']\n")
    assert re.search(r"^b: done in [0-9.]+ s$", held.run("apply").err, re.MULTILINE)


def test_a_log_is_never_silent_for_long() -> None:
    """What runs is told again while nothing else is; and no more when it has ended."""
    told: list[str] = []

    class Kept(Common):
        def warn(self, text: str) -> None:
            told.append(text)

    board, lines = Board(), Lines(Kept(), 0.05)
    for event in (
        Event("begin", ahead=(Ahead("a", "create"),)),
        Event("started", "a", "create"),
        Event("progress", "a", "setup 1 of 2"),
    ):
        board.take(event, time.monotonic())
        lines.show(event, board, time.monotonic())
    time.sleep(0.5)
    lines.close()
    still = [line for line in told if "so far" in line]
    assert len(still) >= 2
    assert re.fullmatch(r"a:   setup 1 of 2, 0\.[0-9] s so far", still[0])
    time.sleep(0.2)
    assert [line for line in told if "so far" in line] == still


def test_what_still_runs_is_told_while_events_come() -> None:
    """From a thread of its own, and never of a board that changes meanwhile; silent at once when all is over."""
    told: list[str] = []

    class Kept(Common):
        def warn(self, text: str) -> None:
            told.append(text)

    failed: list[object] = []
    hook, threading.excepthook = threading.excepthook, lambda args: failed.append(args.exc_value)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        progress = Progress(Lines(Kept(), 0.0005))
        progress.tell(Event("begin", ahead=tuple(Ahead(str(number), "create") for number in range(600))))
        for number in range(600):
            progress.tell(Event("started", str(number), "create"))
            if number % 2:
                progress.tell(Event("done", str(number - 1), seconds=1))
        progress.close()
        count = len(told)
        time.sleep(0.05)
    finally:
        sys.setswitchinterval(interval)
        threading.excepthook = hook
    assert failed == []
    assert len(told) == count


def test_json_events_are_one_a_line(held: Project, index: Index) -> None:
    """On standard error, so that the answer stays alone; each says its time; their order is that of the work."""
    let_go(held)
    write_base(held, index)
    write_child(held, "d", "alpha")
    held.remove("manifests/c.yaml")
    held.write("manifests/b.yaml", "setup: [echo boom; exit 3]\n")
    run = held.run("apply", "-j", "1", "--json", "--progress", "jsonl", check=1)
    found = events(run.err)
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:.]{12}Z", one["time"]) for one in found)
    kinds = [(one["work"], one["event"], one.get("environment")) for one in found if one["event"] != "progress"]
    assert kinds == [
        ("lock", "begin", None),
        ("lock", "started", "d"),
        ("lock", "done", "d"),
        ("lock", "end", None),
        ("build", "begin", None),
        ("build", "started", "a"),
        ("build", "done", "a"),
        ("build", "started", "b"),
        ("build", "failed", "b"),
        ("build", "started", "d"),
        ("build", "done", "d"),
        ("build", "started", "twin"),
        ("build", "done", "twin"),
        ("build", "end", None),
    ]
    begin = next(one for one in found if (one["event"], one["work"]) == ("begin", "build"))
    assert begin["steps"][-1] == {"environment": "twin", "action": "adopt", "after": ["a"], "expected": 0.0}
    failed = next(one for one in found if one["event"] == "failed")
    assert failed["tail"][-1] == "boom"
    assert failed["errors"][0]["path"] == "manifests/b.yaml"
    assert Path(failed["log"]).is_file()
    assert json.loads(run.out)["steps"][0]["result"] == "done"


def test_quiet_says_only_what_went_wrong(held: Project) -> None:
    """As -q does."""
    let_go(held)
    assert held.run("apply", "--progress", "quiet").err == ""
    held.write("manifests/b.yaml", "setup: [echo boom; exit 3]\n")
    err = held.run("apply", "--progress", "quiet", check=1).err
    assert err.startswith("b: failed after ")
    assert "    | boom\n" in err


def test_drawing_needs_a_terminal(held: Project) -> None:
    """Bad usage, with what to use; nothing is built."""
    run = held.run("apply", "--progress", "tty", check=64)
    assert run.err == "error: progress cannot be drawn: standard error is no terminal\n  hint: use '--progress plain'\n"
    assert not (held.path / ".envbuild/logs").exists()


@pytest.mark.parametrize("args", [("lock",), ("apply",), ("run", "a", "--", "true"), ("shell", "a")])
def test_an_interrupted_lock_says_what_was_kept(project: Project, args: tuple[str, ...]) -> None:
    """A lock that waits for its index is ended at once; what goes on from there is the command that was given."""
    with Index() as slow, _silent() as silent:
        write_base(project, slow)
        write_child(project, "a", "alpha")
        project.write("manifests/base.yaml", project.read("manifests/base.yaml").replace(slow.url, silent))
        with project.terminal(*args, columns=100) as terminal:
            terminal.wait_for("Locking: 0 of 1 environment")
            terminal.press("\x03")
            assert terminal.finish() == 130
            assert "interrupted: 0 locked and kept, 1 stopped; nothing half-made was left" in terminal.text
            assert terminal.lines[-1] == f"  hint: 'envbuild {args[0]}' goes on from here"


@contextmanager
def _silent() -> Iterator[str]:
    """An address on loopback that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/simple/"


def test_a_terminated_apply_says_the_same(held: Project) -> None:
    """TERM is an interrupt from elsewhere."""
    with held.terminal("apply", "-j", "1") as terminal:
        terminal.wait_for("setup 1 of 1")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.finish() == 130
        assert "interrupted: 0 done and kept, 1 stopped, 3 not begun" in terminal.text


def board_of(*told: Event, at: float = 0.0) -> Board:
    board = Board()
    for event in told:
        board.take(event, at)
    return board


def begin(*ahead: Ahead, jobs: int = 1) -> Event:
    return Event("begin", ahead=ahead, jobs=jobs)


@pytest.mark.parametrize(
    ("ahead", "jobs", "left"),
    [
        ((Ahead("a", "", (), 10.0),), 1, 10),
        ((Ahead("a", "", (), 10.0), Ahead("b", "", (), 4.0)), 1, 14),
        ((Ahead("a", "", (), 10.0), Ahead("b", "", (), 4.0)), 2, 10),
        ((Ahead("a", "", (), 10.0), Ahead("b", "", ("a",), 4.0)), 2, 14),
        ((Ahead("a", "", ("b",), 10.0), Ahead("b", "", (), 4.0)), 2, 14),
        ((Ahead("a", "", (), 10.0), Ahead("b", "", (), None)), 2, None),
        ((), 2, None),
    ],
)
def test_the_estimate_heeds_order_and_jobs(ahead: tuple[Ahead, ...], jobs: int, left: float | None) -> None:
    """Each begins when a worker is free and what it waits for has ended; what is not known is not guessed."""
    assert board_of(begin(*ahead, jobs=jobs)).left(0.0) == left


def test_the_estimate_goes_on_with_time_and_is_dropped_when_it_was_wrong() -> None:
    """It counts down, heeds what ended early, and says nothing once it has passed."""
    board = board_of(begin(Ahead("a", "", (), 10.0), Ahead("b", "", (), 10.0)), Event("started", "a"))
    assert board.left(4.0) == 16
    board.take(Event("done", "a"), 5.0)
    assert board.left(5.0) == 10
    board.take(Event("started", "b"), 5.0)
    assert board.left(14.0) == 1
    assert board.left(16.0) is None


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "5 s"), (12, "10 s"), (58, "60 s"), (100, "2 min"), (3599, "1 h"), (9000, "2 h 30 min")]
)
def test_an_estimate_is_no_more_exact_than_it_can_be(seconds: float, told: str) -> None:
    """In steps of five seconds, then of minutes."""
    assert coarse(seconds) == told


def test_what_was_interrupted_is_counted() -> None:
    """Done, failed, stopped, not begun."""
    board = board_of(
        begin(*(Ahead(name, "create") for name in "abcde")), Event("started", "a"), Event("done", "a"),
        Event("started", "b"), Event("failed", "b"), Event("started", "c"),
    )  # fmt: skip
    assert kept_text(board, "apply").splitlines()[0] == (
        "interrupted: 1 done and kept, 1 failed, 1 stopped, 2 not begun; nothing half-made was left"
    )


def test_why_a_lock_had_failed_is_told_when_the_others_are_interrupted() -> None:
    """Nobody would hear of it otherwise; of what is built it was told when it happened."""
    for work, told in (("lock", ["b: a.yaml: no luck", "  hint: try another"]), ("build", [])):
        began = msgspec.structs.replace(begin(Ahead("a", "lock"), Ahead("b", "lock")), work=work)
        failed = Event("failed", "b", error=SolveError("no luck", Place("a.yaml"), "try another"))
        assert kept_text(board_of(began, Event("started", "b"), failed), "lock").splitlines()[2:] == told


_NAMES = st.text("ab/\x1b[2J漢é\n\u202e", min_size=1, max_size=20)
_KINDS: tuple[Kind, ...] = ("started", "progress", "done", "failed", "skipped")
_EVENTS = st.builds(
    lambda kind, name, text, seconds: Event(kind, name, text, seconds=seconds, tail=(text,), log=text),
    st.sampled_from(_KINDS), _NAMES, st.text(max_size=40), st.floats(0, 1e6),
)  # fmt: skip


@given(
    st.lists(st.builds(Ahead, _NAMES, st.just("create"), st.lists(_NAMES, max_size=2).map(tuple),
                       st.none() | st.floats(0, 1e5)), max_size=6),
    st.lists(_EVENTS, max_size=12), st.integers(10, 120), st.integers(1, 12), st.integers(1, 4),
)  # fmt: skip
def test_whatever_happens_the_board_fits_and_nothing_in_it_is_active(
    ahead: list[Ahead], told: list[Event], width: int, rows: int, jobs: int
) -> None:
    """No text of a name or a program moves the cursor, breaks a line, or is wider than the terminal."""
    board = board_of(begin(*ahead, jobs=jobs))
    for at, event in enumerate(told):
        board.take(event, float(at))
        for line in event_lines(event, board, float(at)):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", line)
        assert "\x1b" not in event_json(event, "now")
        assert len(event_json(event, "now").splitlines()) == 1
    lines = board_lines(board, float(len(told)), Look(width), rows)
    assert len(lines) <= max(3, rows) + 1
    for line in lines:
        assert cells(line) <= width
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", line)


def test_planning_that_takes_long_is_seen(project: Project) -> None:
    """On a terminal, after a second, here for another program holds the records; and gone when the answer is there."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    project.run("apply")
    project.write("manifests/a.yaml", "variables: {ONE: '2'}\n")
    connection = sqlite3.connect(project.path / ".envbuild/state.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with project.terminal("plan") as terminal:
        terminal.wait_for(lambda: b"planning" in terminal.written)
        connection.execute("ROLLBACK")
        assert terminal.finish() == 0
        assert "planning" not in terminal.text
        assert terminal.lines[0] == "1 of 1 environment changes."
    connection.close()
