"""Programs whose lines are heard while they run (`Programs.heard`): whole, in order, and nothing is left of them."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envbuild.process import Interrupted, Programs
from envbuild.written import LINE_BYTES

_ENV = {"PATH": os.environ["PATH"]}
_SECONDS = 20


def heard(script: str, programs: Programs | None = None) -> tuple[int, list[bytes]]:
    lines: list[bytes] = []
    code = (programs or Programs()).heard(["/bin/sh", "-c", script], lines.append, env=_ENV)
    return code, lines


def test_lines_of_both_streams_come_in_order() -> None:
    """With empty ones, with the last one that has no end, and with the code."""
    lines = [b"one", b"two", b"", b"a\r", b"last"]
    assert heard("echo one; echo two >&2; echo; printf 'a\\r\\nlast'; exit 7") == (7, lines)


def test_a_line_comes_when_it_is_written(tmp_path: Path) -> None:
    """The program goes on only after its first line was heard."""
    go = tmp_path / "go"
    code = Programs().heard(
        ["/bin/sh", "-c", f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo over"],
        lambda line: go.touch() if line == b"begun" else None,
        env=_ENV,
    )
    assert code == 0


def test_a_great_many_lines_and_a_long_one_are_whole() -> None:
    """Far more than a pipe holds."""
    code, lines = heard("seq 200000; head -c 3000000 /dev/zero | tr '\\0' x; echo")
    assert code == 0
    assert lines[:-1] == [str(number).encode() for number in range(1, 200001)]
    assert lines[-1] == b"x" * 3000000


def test_a_line_without_end_is_bounded() -> None:
    """It comes in pieces, and nothing of it is lost."""
    size = LINE_BYTES + 1_000_000
    _, lines = heard(f"head -c {size} /dev/zero | tr '\\0' x")
    assert len(lines) == 2
    assert sum(map(len, lines)) == size


def test_what_holds_the_end_open_is_not_waited_for() -> None:
    """Something in the background that says nothing, in a group of its own."""
    begun = time.monotonic()
    assert heard("setsid sleep 15 & echo done") == (0, [b"done"])
    assert time.monotonic() - begun < 10


def test_stop_ends_it(tmp_path: Path) -> None:
    """As it ends everything else; nothing runs afterwards, and no thread and no file is left."""
    programs, before = Programs(), _left()
    pid = tmp_path / "pid"
    stopper = threading.Thread(target=_after, args=[lambda: pid.exists() and pid.read_text(), programs.stop])
    stopper.start()
    with pytest.raises(Interrupted):
        heard(f"echo $$ >{pid}; while :; do sleep 0.1; done", programs)
    stopper.join()
    assert _left() == before
    assert not Path("/proc", pid.read_text().strip()).exists()
    with pytest.raises(Interrupted):
        heard("echo never", programs)


def test_the_program_ends_when_what_hears_fails(tmp_path: Path) -> None:
    """A full disk under the log, say."""
    before = _left()

    def fail(line: bytes) -> None:
        (tmp_path / "pid").write_bytes(line)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Programs().heard(["/bin/sh", "-c", "echo $$; while :; do sleep 0.1; done"], fail, env=_ENV)
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()
    assert _left() == before


def _after(condition: Callable[[], object], act: Callable[[], None]) -> None:
    until = time.monotonic() + _SECONDS
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    act()


def _left() -> tuple[int, set[Path]]:
    return threading.active_count(), set(Path("/proc/self/fd").iterdir())
