"""The scoring server, asked wrongly or with a script that is wrong: a clear answer, nothing leaked, and it stays up."""

import http.client
import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.runs import wait_for
from support.serving import SECONDS, Server, asked, service, serving, started

_CANARY = "canary-4711"
_SCRIPT = f"""
    import json, os

    class Odd:
        "{_CANARY}"

    def init(): ...

    def run(data):
        asked = json.loads(data)
        if asked == "raise":
            raise ValueError("{_CANARY}\\n2026-11-28T00:00:00.000Z info forged\\x1b[31m")
        if asked == "exit":
            raise SystemExit("{_CANARY}")
        if asked == "mute":
            class Mute(Exception):
                def __str__(self): raise RuntimeError
            raise Mute
        if asked == "recursion":
            return run(data)
        round = []
        round.append(round)
        return {{
            "set": {{1}}, "nan": [float("nan")], "infinity": float("inf"), "bytes": b"x", "odd": Odd(), "round": round,
            "keys": {{(1, 2): 3}}, "surrogate": "\\ud800", "coroutine": None, "int": 1,
        }}[asked]
"""
_LIMITS = {"body_bytes": 1000, "timeouts": {"body": 0.5, "head": 0.5}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(service(tmp_path_factory.mktemp("bad") / "s", _SCRIPT, **_LIMITS)) as found:
        yield found.wait_until_ready()


@pytest.fixture(autouse=True)
def _lives_on(server: Server) -> Iterator[None]:
    """Whatever was asked, the next one is answered."""
    before = server.workers
    yield
    assert server.ask('"int"').json == 1
    assert server.workers == before


@pytest.mark.parametrize("kind", ["raise", "exit", "mute", "recursion"])
def test_a_run_that_raises(server: Server, kind: str) -> None:
    """Is 500, told in the log with its line, once; the answer says nothing of what or where."""
    before = len(server.log)
    reply = server.ask(json.dumps(kind), x_request_id=f"id-{kind}")
    assert (reply.status, reply.message) == (500, "run() raised an error: the server's log says which")
    assert reply.headers["x-ms-run-function-failed"] == "True"
    server.wait_for_log(f"id-{kind}")
    log = server.log[before:]
    assert re.search(r"(?m)^\S+Z error score\.py:\d+: run\(\) raised \w+", log)
    assert log.count("Traceback (most recent call last)") == 1
    assert not re.search(r"(?m)^2026-11-28T00:00:00.000Z|\x1b", log)
    assert "envbuild/serving" not in log


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("set", "a value of type set"), ("bytes", "a value of type bytes"), ("odd", "a value of type Odd"),
        ("nan", "NaN or an infinity"), ("infinity", "NaN or an infinity"), ("round", "something that contains itself"),
        ("keys", "a value of type tuple"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_json(server: Server, kind: str, what: str) -> None:
    """Says what it is."""
    reply = server.ask(json.dumps(kind))
    assert (reply.status, reply.message) == (500, f"run() returned {what}, which is no JSON")


def test_half_a_character_is_json(server: Server) -> None:
    """Written as an escape."""
    assert server.ask('"surrogate"').body == b'"\\ud800"'


def test_a_body_that_is_no_text(server: Server) -> None:
    """It is the client's error."""
    assert (server.ask(b"\xff").status, server.ask(b"\xff").message) == (400, "the body is not UTF-8")


def test_a_body_that_is_too_large(server: Server) -> None:
    """By its own word, or by what comes: before all of it was read. Who goes on sending can still read why."""
    assert server.ask(b"1" * 1001).message == "the body has more than 1,000 bytes"
    assert server.ask(b"1" * 5_000_000).status == 413
    assert server.ask(json.dumps("int").encode().ljust(1000)).status == 200
    head = b"POST /score HTTP/1.1\r\nHost: x\r\n"
    chunk = b"3e8\r\n" + b"1" * 1000 + b"\r\n"
    told = server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, b"1\r\n1\r\n", end=b"}")
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in told.lower()
    assert server.raw(head + b"Content-Length: 99999999999999999999\r\n\r\n", end=b"}").startswith(b"HTTP/1.1 4")
    assert server.raw(head + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_bodies_that_are_too_large_together(tmp_path: Path) -> None:
    """Each may be as large as one may be, and all together as four; once some are gone there is room again."""
    folder = service(tmp_path / "s", _SCRIPT, body_bytes=1000)
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with serving(folder) as server, ExitStack() as stack:
        server.wait_until_ready()
        for _ in range(4):
            line = stack.enter_context(socket.create_connection(server.address, timeout=SECONDS))
            line.sendall(head + b" " * 999)
        wait_for(lambda: server.metrics()["envbuild_requests_in_flight"] == 4)
        wait_for(lambda: server.ask(b" " * 100).status == 503)
        assert server.ask(b" " * 100).message == "too many requests are waiting"
        stack.close()
        wait_for(lambda: server.ask('"int"').status == 200)


def test_a_body_that_comes_too_slowly(server: Server) -> None:
    """Is waited for as long as was said, and no longer; others are answered meanwhile."""
    with socket.create_connection(server.address, timeout=SECONDS) as line:
        line.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12")
        assert server.ask('"int"').status == 200
        told = line.recv(65536)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b'{"message": "the body did not come within 0.5 s"}' in told


@pytest.mark.parametrize("begun", [b"", b"POST /sco", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_comes_too_slowly(server: Server, begun: bytes) -> None:
    """The same; who has said nothing is told nothing."""
    told = server.raw(begun, end=b"}")
    assert told.startswith(b"HTTP/1.1 408 ") if begun else told == b""


def test_a_head_that_is_too_long(server: Server) -> None:
    """Whether in one piece or in many, and whether in its first line or in headers."""
    line = b"X-Long: " + b"x" * 8000 + b"\r\n"
    for pieces in ([b"GET / HTTP/1.1\r\nHost: x\r\n", *[line] * 12], [b"GET /" + b"x" * 100_000]):
        told = server.raw(*pieces)
        assert re.match(rb"HTTP/1.1 4(00|31) ", told)
        assert b'{"message": ' in told


@pytest.mark.parametrize(
    "said",
    [
        b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n1234",
        b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http(server: Server, said: bytes) -> None:
    """Is told so, in JSON."""
    told = server.raw(said, end=b"}")
    assert told.startswith(b"HTTP/1.1 400 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["message"].startswith("this is no HTTP request")


def test_who_goes_away(server: Server) -> None:
    """In the middle of a body, or before the answer is there: nobody else is told."""
    head = b"POST /score HTTP/1.1\r\nContent-Length: "
    for sent in (head + b"10\r\n\r\n1", head + b'5\r\n\r\n"int"'):
        with socket.create_connection(server.address, timeout=SECONDS) as line:
            line.sendall(sent)
    assert "mistake" not in server.log


def test_nothing_is_leaked(server: Server, tmp_path: Path) -> None:
    """No path, no traceback, no word of the script or the machine in any answer that is not 200."""
    asked = ["raise", "exit", "recursion", "set", "odd", "keys"]
    told = b"".join(server.ask(json.dumps(one)).body for one in asked)
    told += server.ask(b"\xff").body + server.ask(b"1" * 2000).body + server.ask(path="/etc/passwd").body
    for secret in (_CANARY, "Traceback", "File ", "score.py", ".py", str(tmp_path.parent.parent), "/"):
        assert secret.encode() not in told


def test_debug_tells_all_of_it(tmp_path: Path) -> None:
    """To everyone who asks, which is why it has to be said."""
    with serving(service(tmp_path / "s", _SCRIPT, debug=True)) as server:
        server.wait_until_ready()
        found = server.ask('"raise"').json
        assert found["message"] == "run() raised an error: the server's log says which"
        assert found["traceback"][0] == "Traceback (most recent call last):"
        assert any("score.py" in line for line in found["traceback"])


_BROKEN = {
    "missing": (None, "there is no script 'score.py'", "there is no script 'score.py'"),
    "syntax": (
        "def init(:", "importing the script raised SyntaxError", "score.py:1: importing the script raised SyntaxError",
    ),
    "import": (
        "\nimport no_such_thing\ndef init(): ...\ndef run(data): ...",
        "importing the script raised ModuleNotFoundError",
        "score.py:2: importing the script raised ModuleNotFoundError: No module named 'no_such_thing'",
    ),
    "no init": ("def run(data): ...", "score.py has no function init()", "score.py has no function init()"),
    "no run": ("def init(): ...\nrun = 3", "score.py has no function run()", "score.py has no function run()"),
    "init": (
        "def init():\n    raise KeyError('canary')\ndef run(data): ...",
        "init() raised KeyError", "score.py:2: init() raised KeyError: 'canary'",
    ),
    "exit": (
        "import sys\ndef init(): sys.exit(3)\ndef run(data): ...",
        "init() raised SystemExit", "score.py:2: init() raised SystemExit: 3",
    ),
    "dies": (
        "import os\ndef init(): os.kill(os.getpid(), 11)\ndef run(data): ...",
        "the worker died before it was ready: signal 11 (SIGSEGV)", "worker 1 died: signal 11 (SIGSEGV)",
    ),
    "arguments": ("def init(): ...\ndef run(*data): ...", "run() is called by names", "run() is called by names"),
    "no argument": ("def init(): ...\ndef run(): ...", "run() has no argument for", "run() has no argument for"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _BROKEN)
def test_a_script_that_cannot_be_served(tmp_path: Path, kind: str) -> None:
    """It is said first of all in the log, with its line, and shortly to who asks; and it is tried again."""
    script, short, logged = _BROKEN[kind]
    folder = service(tmp_path / "s", script or "")
    if script is None:
        (folder / "app" / "score.py").unlink()
    with serving(folder) as server:
        server.wait_for_log("worker 1 is started again in 1 s")
        assert logged in re.sub(r"^(?!\S+Z ).*\n", "", server.log, flags=re.MULTILINE).splitlines()[0]
        assert server.ask(path="/").status == 200
        for path in ("/ready", "/score"):
            reply = server.ask("{}" if path == "/score" else None, path=path)
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            assert reply.message.startswith(short)
            assert b"canary" not in reply.body
        (folder / "app" / "score.py").write_text("def init(): ...\ndef run(data): return 1")
        assert server.wait_until_ready().ask("{}").json == 1


def test_an_init_that_takes_too_long(tmp_path: Path) -> None:
    """Health is told meanwhile, also while no other thread of the worker can run; what it was at stands in the log."""
    script = "import ctypes, time\ndef init(): ctypes.PyDLL(None).sleep(60)\ndef run(data): ..."
    with serving(service(tmp_path / "s", script, timeouts={"init": 1})) as server:
        assert server.ask(path="/").status == 200
        assert server.ask(path="/ready").message == "no worker is ready yet"
        assert server.ask("{}").status == 503
        server.wait_for_log("is started again in 1 s")
        assert "worker 1: init() took longer than 1 s" in server.log
        assert server.ask(path="/ready").message == "init() took longer than 1 s"


def test_a_run_that_takes_too_long(tmp_path: Path) -> None:
    """504, what it was at in the log, and another worker; what waited behind it is answered."""
    script = """
        import time
        def init(): ...
        def run(data):
            if data == "long":
                time.sleep(60)
            return data
    """
    with serving(service(tmp_path / "s", script, timeouts={"scoring": 1})) as server:
        server.wait_until_ready()
        (before,) = server.workers
        behind: list[object] = []
        connection = http.client.HTTPConnection(*server.address, timeout=SECONDS)
        connection.request("POST", "/score", b"long")
        thread = threading.Thread(target=lambda: behind.append(server.ask("behind")))
        thread.start()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (504, {"message": "run() took longer than 1 s"})
        server.wait_for_log("is ready", 2)
        assert re.search(r'File ".*score.py", line 6 in run', server.log)
        thread.join()
        assert server.wait_until_ready().ask("next").json == "next"
        assert server.workers != [before]
        assert server.metrics()['envbuild_worker_restarts_total{why="timed out"}'] == 1
        connection.close()


def test_more_connections_than_it_may_have(tmp_path: Path) -> None:
    """It is told, and not for each try; who is connected is answered, and once there is room everybody is."""
    folder = service(tmp_path / "s", _SCRIPT)
    server = f"{sys.executable} -I -m envbuild.serving {folder} --port 0 --python {sys.executable}"
    command = ["sh", "-c", f"ulimit -n 32; exec {server}"]
    with started(command, tmp_path, "serving at http://") as found, ExitStack() as stack:
        address = found.wait_until_ready().address
        line = http.client.HTTPConnection(*address, timeout=SECONDS)
        assert asked(line, '"int"').json == 1
        for _ in range(50):
            stack.enter_context(socket.create_connection(address, timeout=SECONDS))
        found.wait_for_log("Too many open files")
        wait_for(lambda: asked(line, '"int"').json == 1)
        stack.close()
        wait_for(lambda: found.ask('"int"').status == 200)
        assert found.log.count("Too many open files") < 5
        line.close()
