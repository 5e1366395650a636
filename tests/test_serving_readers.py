"""The scoring server, and clients that are slow to read what it answers, or never do: it keeps nothing for them."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.runs import wait_for
from support.serving import SECONDS, Server, service, serving

_LARGE = 16 * 1024 * 1024  # more than the system itself keeps for a client
_SCRIPT = "def init(): ...\ndef run(data): return 'x' * int(data)\n"
_ASKED = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"


def asking(server: Server, stack: ExitStack, size: int, times: int = 1, buffer: int = 8192) -> socket.socket:
    """A connection that has asked, and reads nothing."""
    line = stack.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    line.settimeout(SECONDS)
    line.connect(server.address)
    said = str(size).encode()
    line.sendall(_ASKED % (len(said), said) * times)
    return line


def drained(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(1024 * 1024), b""))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.mark.parametrize("times", [1, 3])
def test_who_never_reads_is_cut_off(tmp_path: Path, stack: ExitStack, times: int) -> None:
    """Whether it has asked once, or goes on asking: it is told in the log, and its connection is gone."""
    with serving(service(tmp_path / "s", _SCRIPT, timeouts={"answer": 0.5})) as server:
        line = asking(server.wait_until_ready(), stack, _LARGE, times)
        server.wait_for_log("Z info 127.0.0.1 has not read its answer: its connection is closed\n")
        assert server.metrics()["envbuild_requests_in_flight"] == 0
        with pytest.raises(ConnectionResetError):
            drained(line)
        assert server.ask("1").json == "x"


def test_who_reads_slowly_gets_all_of_it(tmp_path: Path, stack: ExitStack) -> None:
    """However long that takes in all: only nothing, or next to nothing, is too little."""
    with serving(service(tmp_path / "s", _SCRIPT, timeouts={"answer": 3})) as server:
        line, found, ends = asking(server.wait_until_ready(), stack, _LARGE, buffer=2**20), b"", time.monotonic() + 7
        while time.monotonic() < ends:
            found += line.recv(16 * 1024)
            time.sleep(0.1)
        while not found.endswith(b'x"'):
            data = line.recv(1024 * 1024)
            assert data, len(found)
            found += data
        assert len(found.partition(b"\r\n\r\n")[2]) == _LARGE + 2
        assert "has not read" not in server.log


def test_what_waits_to_be_read_has_a_bound(tmp_path: Path, stack: ExitStack) -> None:
    """All together it is four of the largest; who comes then is told so, and once some are gone there is room again."""
    with serving(service(tmp_path / "s", _SCRIPT, answer_bytes=_LARGE)) as server:
        server.wait_until_ready()
        lines = [asking(server, stack, _LARGE - 2) for _ in range(4)]
        server.wait_for_log("POST /score 200", 4)
        reply = server.ask(str(_LARGE - 2))
        assert (reply.status, reply.message) == (503, "too many answers wait to be read")
        assert reply.headers["retry-after"] == "5"
        assert server.ask("1").json == "x", "what is small is not held"
        lines[0].close()
        wait_for(lambda: server.ask(str(_LARGE - 2)).status == 200)


@pytest.mark.parametrize("size", [_LARGE, 1024 * 1024])
def test_a_server_ends_whoever_does_not_read(tmp_path: Path, stack: ExitStack, size: int) -> None:
    """In its time; and at once when it is told twice."""
    for seconds, number in ((1, 1), (600, 2)):
        folder = service(tmp_path / f"s{number}", _SCRIPT, timeouts={"graceful": seconds, "answer": 600})
        with serving(folder) as server:
            asking(server.wait_until_ready(), stack, size)
            server.wait_for_log("POST /score 200")
            server.process.send_signal(signal.SIGTERM)
            server.wait_for_log("stopping: SIGTERM")
            if number == 2:
                server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(20) == 0
            assert "Traceback" not in server.log


def test_who_reads_while_it_ends_gets_all_of_it(tmp_path: Path, stack: ExitStack) -> None:
    """An answer that was begun is finished."""
    with serving(service(tmp_path / "s", _SCRIPT)) as server:
        line = asking(server.wait_until_ready(), stack, _LARGE)
        server.wait_for_log("POST /score 200")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("stopping: SIGTERM")
        found = drained(line)
        assert len(json.loads(found.partition(b"\r\n\r\n")[2])) == _LARGE
        assert server.process.wait(SECONDS) == 0
