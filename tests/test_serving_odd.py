"""The scoring server with scripts that do what few do: the next one is answered as is due, and by nobody else."""

import http.client
import json
from pathlib import Path

import pytest
from support.serving import SECONDS, Server, asked, service, serving

_FORKS = """
    import json, os, sys

    def forked(what):
        if os.fork() == 0:
            if what == "exit":
                sys.exit(3)
            if what == "raise":
                raise ValueError("of the child")
            return "child"
        os.wait()
        return "parent"

    def init():
        forked("return")

    def run(data):
        return forked(data) if data in {"exit", "raise", "return"} else data
"""


@pytest.mark.parametrize("what", ["exit", "raise", "return"])
def test_a_child_that_a_script_forks_answers_nobody(tmp_path: Path, what: str) -> None:
    """However it ends: what it would say would be the answer to another one's request."""
    with serving(service(tmp_path / "s", _FORKS)) as server:
        server.wait_until_ready()
        before = server.workers
        assert [server.ask(one).json for one in (what, "a", what, "b", "c")] == ["parent", "a", "parent", "b", "c"]
        assert server.workers == before
        assert "is started again" not in server.log


def test_a_worker_that_is_lost_while_a_thread_of_it_lives(tmp_path: Path) -> None:
    """Is as good as dead: the request that it ran is not waited for as long as it may take."""
    script = """
        import os, threading

        def init():
            threading.Thread(target=threading.Event().wait).start()

        def run(data):
            if data == "close":
                os.closerange(3, 100)
            return data
    """
    with serving(service(tmp_path / "s", script, timeouts={"scoring": 50})) as server:
        server.wait_until_ready()
        assert server.ask("close").status == 502
        assert server.wait_until_ready().ask("next").json == "next"
        assert server.metrics()['envbuild_worker_restarts_total{why="timed out"}'] == 0


def test_a_script_that_changes_what_everyone_uses(tmp_path: Path) -> None:
    """It is only itself that it deceives."""
    script = """
        import json, socket, sys

        def init():
            json.loads = json.dumps = json.JSONEncoder = json.JSONDecoder = socket.socket = None
            sys.stdout = sys.stderr = None

        def run(data, request_headers):
            if data == "raise":
                raise ValueError
            return [data, request_headers["X-Own"]]
    """
    with serving(service(tmp_path / "s", script, timeouts={"scoring": 5})) as server:
        server.wait_until_ready()
        assert server.ask("x", X_Own="1").json == ["x", "1"]
        assert server.ask(path="/score?a=1", X_Own="1").json == ['{"a": 1}', "1"]
        assert server.ask("raise").status == 500
        assert "ValueError" in server.log


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("10 ** 5000", "a number of too many digits"), ("(one for one in 'ab')", "a value of type generator"),
        ("bytearray(1)", "a value of type bytearray"), ("deep()", "something that is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_as_what_it_is(tmp_path: Path, given: str, told: str) -> None:
    """Numbers that Python does not write, too."""
    script = f"""
        def deep():
            found = []
            for _ in range(100_000):
                found = [found]
            return found

        def init(): ...
        def run(data): return {given}
    """
    with serving(service(tmp_path / "s", script)) as server:
        assert server.wait_until_ready().ask("x").message.startswith(f"run() returned {told}, which is no JSON")


_ANSWERS = """
    import json, sys, types

    class Response:
        def __init__(self, status, headers, body):
            self.status_code, self.headers, self.body = status, headers, body

        def get_data(self):
            return self.body.encode()

    sys.modules["flask"] = types.ModuleType("flask")
    sys.modules["flask"].Response = Response

    def init(): ...

    def run(data):
        return Response(*json.loads(data))
"""


def test_answers_that_http_does_not_have(tmp_path: Path) -> None:
    """Of one connection, so that what is too much of one would be taken for a part of the next."""
    with serving(service(tmp_path / "s", _ANSWERS)) as server:
        server.wait_until_ready()
        line = http.client.HTTPConnection(*server.address, timeout=SECONDS)
        for status in (0, -1, 99, 100, 101, 199, 600, 700, 10**9, 200.5):
            reply = asked(line, json.dumps([status, {}, "x"]))
            assert reply.status == 500, status
            assert reply.message == "run() gave its answer a status or a header that HTTP does not have"
        for name, value in (("X-A", "a\r\nX-B: c"), ("X A", "1"), ("X-A", "\u20ac"), ("", "1")):
            assert asked(line, json.dumps([200, {name: value}, "x"])).status == 500
        for status in (204, 205, 304):
            reply = asked(line, json.dumps([status, {}, "HTTP/1.1 200 OK\r\n\r\n"]))
            assert (reply.status, reply.body) == (status, b"")
        assert asked(line, json.dumps([599, {}, "x"])).body == b"x"
        assert raw_of(server, [204, {}, "body"]).lower().count(b"content-length") == 0
        line.close()


def raw_of(server: Server, answer: object) -> bytes:
    body = json.dumps(answer).encode()
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return server.raw(head + body)


_SIZED = """
    import json, sys, types

    class Response:
        status_code = 200

        def __init__(self, headers, body):
            self.headers, self.body = headers, body

        def get_data(self):
            return self.body

    sys.modules["flask"] = types.ModuleType("flask")
    sys.modules["flask"].Response = Response

    def init(): ...

    def run(data):
        kind, size = json.loads(data)
        if kind == "json":
            return "x" * (size - 2)
        return Response({"X-A": "a" * size}, b"") if kind == "headers" else Response({}, b"x" * size)
"""


def test_an_answer_that_is_too_large(tmp_path: Path) -> None:
    """Is told, and none of it is sent: whether it is JSON, whole, or all in its headers. The worker goes on."""
    with serving(service(tmp_path / "s", _SIZED, answer_bytes=1000)) as server:
        before = server.wait_until_ready().workers
        line = http.client.HTTPConnection(*server.address, timeout=SECONDS)
        assert [len(asked(line, json.dumps([kind, 1000])).body) for kind in ("json", "whole")] == [1000, 1000]
        for number, kind in enumerate(("json", "whole", "headers"), 1):
            reply = asked(line, json.dumps([kind, 1001]))
            assert (reply.status, reply.message) == (500, "run() returned more than 1,000 bytes")
            assert reply.headers["x-ms-run-function-failed"] == "True"
            server.wait_for_log("Z error run() returned more than 1,000 bytes\n", number)
        assert asked(line, json.dumps(["json", 1000])).status == 200
        assert server.workers == before
        line.close()


def test_a_traceback_that_is_too_long_is_cut(tmp_path: Path) -> None:
    """Where it is told."""
    script = "def init(): ...\ndef run(data): raise ValueError('x' * 1_000_000)"
    with serving(service(tmp_path / "s", script, debug=True)) as server:
        reply = server.wait_until_ready().ask("x")
        assert "x" * 1000 in reply.json["traceback"][-2]
        assert reply.json["traceback"][-1] == "…"
        assert len(reply.body) < 100_000


@pytest.mark.parametrize(
    "said",
    [
        'TOLD.pack(b"A", 2, 2 ** 21) + b"[]"', 'TOLD.pack(b"A", 2 ** 31, 0)', 'TOLD.pack(b"A", 2, 0) + b"{}"',
        'TOLD.pack(b"A", 2, 0) + b"no"', 'b"x" * 100',
    ],
)  # fmt: skip
def test_who_speaks_in_the_place_of_its_worker(tmp_path: Path, said: str) -> None:
    """Through the worker's own socket: it is ended, and nothing is kept of what it says."""
    script = f"""
        import os, struct
        TOLD = struct.Struct("!cIQ")

        def init(): ...

        def run(data):
            if data == "speak":
                for one in os.listdir("/proc/self/fd"):
                    if int(one) > 2 and "socket:" in os.path.realpath("/proc/self/fd/" + one):
                        os.write(int(one), {said})
                import time
                time.sleep(40)
            return data
    """
    with serving(service(tmp_path / "s", script, answer_bytes=1000, timeouts={"scoring": 30})) as server:
        (before,) = server.wait_until_ready().workers
        assert server.ask("speak").status == 502
        assert server.wait_until_ready().ask("next").json == "next"
        assert server.workers != [before]


@pytest.mark.parametrize("way", ["os.closerange(0, 3)", "sys.stdout.close(); sys.stderr.close(); os.closerange(0, 3)"])
def test_a_script_that_closes_what_it_prints_to(tmp_path: Path, way: str) -> None:
    """Its errors are told all the same, and not to what it opens instead."""
    script = f"""
        import os, sys

        def init():
            {way}
            global opened
            opened = [open("own", "w") for _ in range(3)]
            assert [one.fileno() for one in opened] == [0, 1, 2]

        def run(data):
            raise ValueError("why")
    """
    folder = service(tmp_path / "s", script)
    with serving(folder) as server:
        assert server.wait_until_ready().ask("x").status == 500
        server.wait_for_log("score.py:11: run() raised ValueError: why")
        assert (folder / "app" / "own").read_text() == ""
