"""How a scoring server and its workers end, with and without consent; what is begun is never begun twice."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.runs import is_alive, wait_for
from support.serving import SECONDS, Reply, Server, service, serving, started

# Writes down each request that it begins, and waits for a file that a test writes.
_SCRIPT = """
    import os, time

    def init(): ...

    def run(data):
        with open("begun", "a") as stream:
            stream.write(data + "\\n")
        while data.startswith("wait") and not os.path.exists("go"):
            time.sleep(0.01)
        if data == "die":
            os.kill(os.getpid(), 9)
        return data
"""


class Asked:
    """A request on its way, in a thread of its own."""

    def __init__(self, server: Server, body: str) -> None:
        self.replies: list[Reply | Exception] = []
        self._thread = threading.Thread(target=self._ask, args=(server, body))
        self._thread.start()

    def _ask(self, server: Server, body: str) -> None:
        try:
            self.replies.append(server.ask(body))
        except (OSError, http.client.HTTPException) as error:
            self.replies.append(error)

    @property
    def reply(self) -> Reply | Exception:
        self._thread.join(SECONDS)
        return self.replies[0]


def begun(folder: Path) -> list[str]:
    path = folder / "app" / "begun"
    return path.read_text().splitlines() if path.exists() else []


def answered(one: Asked) -> tuple[int, object]:
    reply = one.reply
    assert isinstance(reply, Reply), reply
    return reply.status, reply.json


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_worker_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    """What it had begun is answered with 502, what lay behind that is done by the next one, and nothing twice."""
    folder = service(tmp_path / "s", _SCRIPT)
    with serving(folder) as server:
        (before,) = server.wait_until_ready().workers
        first = Asked(server, "wait")
        wait_for(lambda: begun(folder) == ["wait"])
        others = [Asked(server, f"later {one}") for one in range(3)]
        wait_for(lambda: server.metrics()["envbuild_requests_in_flight"] == 4)
        os.kill(before, number)
        message = f"the worker that ran this died: signal {int(number)} ({number.name})"
        assert answered(first) == (502, {"message": message})
        assert [answered(one) for one in others] == [(200, f"later {one}") for one in range(3)]
        assert sorted(begun(folder)) == ["later 0", "later 1", "later 2", "wait"]
        assert server.workers != [before]
        assert f"worker 1 died: signal {int(number)} ({number.name})" in server.log
        assert server.metrics()['envbuild_worker_restarts_total{why="died"}'] == 1


def test_a_request_that_kills_whoever_runs_it(tmp_path: Path) -> None:
    """Is not given to another one, however often it comes; all others are answered."""
    folder = service(tmp_path / "s", _SCRIPT)
    with serving(folder) as server:
        for _ in range(3):
            assert server.wait_until_ready().ask("die").status == 502
        assert server.wait_until_ready().ask("next").json == "next"
        assert begun(folder) == ["die", "die", "die", "next"]
        assert "started again in" not in server.log


def test_an_idle_worker_that_dies(tmp_path: Path) -> None:
    """Another one takes its place; one that dies again before it was of use is waited for longer each time."""
    script = "import os, threading\ndef init(): threading.Timer(0.1, os._exit, (3,)).start()\ndef run(data): ..."
    with serving(service(tmp_path / "s", script)) as server:
        server.wait_for_log("worker 1 died: exit code 3", 2)
        assert [f"is started again in {seconds} s" in server.log for seconds in (1, 2)] == [True, True]


def test_what_a_worker_has_started_ends_with_it(tmp_path: Path) -> None:
    """Also where it goes on by itself and holds all that it was given."""
    script = """
        import os, subprocess, sys
        def init(): ...
        def run(data):
            if os.fork() == 0:
                while True:
                    os.pause() if hasattr(os, "pause") else __import__("signal").pause()
            left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], close_fds=False)
            with open("left", "w") as stream:
                stream.write(str(left.pid))
            os.kill(os.getpid(), 9)
    """
    folder = service(tmp_path / "s", script)
    with serving(folder) as server:
        assert server.wait_until_ready().ask("x").status == 502
        left = int((folder / "app" / "left").read_text())
        wait_for(lambda: not is_alive(left))


@pytest.mark.parametrize("state", ["idle", "busy", "init", "deaf"])
def test_a_server_that_is_killed_takes_its_workers_along(tmp_path: Path, state: str) -> None:
    """Kill -9, whatever they are at, also what lets no other thread run."""
    script = """
        import ctypes, os
        def busy():
            open("busy", "w").close()
            ctypes.PyDLL(None).sleep(600)
        def init():
            if os.environ["STATE"] == "init": busy()
        def run(data): busy()
    """
    if state == "deaf":
        script = script.replace("import ctypes, os", "import ctypes, os, signal, sys").replace(
            "open(", "signal.signal(signal.SIGIO, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN); open("
        )
    folder = service(tmp_path / "s", script)
    with serving(folder, env={"STATE": state}) as server:
        if state != "init":
            server.wait_until_ready()
        asked = Asked(server, "x") if state in {"busy", "deaf"} else None
        if state != "idle":
            wait_for((folder / "app" / "busy").exists)
        (worker,) = server.workers
        assert is_alive(worker)
        server.process.kill()
        wait_for(lambda: not is_alive(worker), 10)
        assert asked is None or isinstance(asked.reply, Exception)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_asked_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """It takes nobody new, answers what it has, ends its workers and with 0."""
    folder = service(tmp_path / "s", _SCRIPT, workers=2)
    with serving(folder) as server:
        server.wait_until_ready()
        server.wait_for_log("is ready", 2)
        workers = server.workers
        idle = socket.create_connection(server.address)
        asked = [Asked(server, f"wait {one}") for one in range(3)]
        wait_for(lambda: len(begun(folder)) == 2 and server.metrics()["envbuild_requests_waiting"] == 1)
        server.process.send_signal(number)
        wait_for(lambda: not _listens(server))
        assert server.process.poll() is None
        (folder / "app" / "go").write_text("")
        assert sorted(answered(one) for one in asked) == [(200, f"wait {one}") for one in range(3)]
        assert server.process.wait(SECONDS) == 0
        assert [one for one in workers if is_alive(one)] == []
        assert (idle.recv(1), server.log.splitlines()[-1].split(" ", 1)[1]) == (b"", "info stopped")
        idle.close()


def _listens(server: Server) -> bool:
    try:
        socket.create_connection(server.address).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_request_that_outlasts_the_end(tmp_path: Path) -> None:
    """Is told that the server stops, once its time is up; the exit code is 0 all the same."""
    folder = service(tmp_path / "s", _SCRIPT, timeouts={"graceful": 1})
    with serving(folder) as server:
        (worker,) = server.wait_until_ready().workers
        asked = Asked(server, "wait")
        wait_for(lambda: begun(folder) == ["wait"])
        assert server.stop() == 0
        assert answered(asked) == (503, {"message": "the server is stopping"})
        assert not is_alive(worker)


def test_an_end_while_init_runs(tmp_path: Path) -> None:
    """It is not waited for."""
    script = "import time\ndef init(): time.sleep(600)\ndef run(data): ..."
    with serving(service(tmp_path / "s", script)) as server:
        wait_for(lambda: server.workers)
        (worker,) = server.workers
        assert server.stop() == 0
        assert not is_alive(worker)


def test_what_ends_with_a_worker_in_order(tmp_path: Path) -> None:
    """What a script has left to be done at its end is done when the server stops."""
    script = "import atexit\ndef init(): atexit.register(lambda: print('goodbye'))\ndef run(data): ..."
    with serving(service(tmp_path / "s", script)) as server:
        assert server.wait_until_ready().stop() == 0
        assert "goodbye\n" in server.log


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Is told before anything is started."""
    folder = service(tmp_path / "s", _SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-I", "-m", "envbuild.serving", str(folder), "--port", str(port)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"port {port} of 127.0.0.1 cannot be had: Address already in use\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "service.json: No such file or directory\n"), ("[]", "is no description of a service: "),
        ("{", "is no description of a service: "), ('{"format_version": 2}', "for another version of this server\n"),
        ('{"format_version": 1, "entry_script": "x", "routes": {"other": "/"}}', "is no description of a service: "),
    ],
)  # fmt: skip
def test_a_folder_that_is_none(tmp_path: Path, said: str | None, told: str) -> None:
    """Is told in one line."""
    if said is not None:
        (tmp_path / "service.json").write_text(said)
    command = [sys.executable, "-I", "-m", "envbuild.serving", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    assert told in run.stderr


def test_an_end_that_is_asked_for_twice(tmp_path: Path) -> None:
    """Is one at once, whatever a worker is at; who waits is told."""
    folder = service(tmp_path / "s", _SCRIPT)
    with serving(folder) as server:
        (worker,) = server.wait_until_ready().workers
        asked = Asked(server, "wait")
        wait_for(lambda: begun(folder) == ["wait"])
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("stopping: SIGTERM")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(SECONDS) == 0
        assert time.monotonic() - began < 1.9
        assert answered(asked) == (503, {"message": "the server is stopping"})
        assert not is_alive(worker)


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """Ends it in order, too; unless whoever started it has said that it does not."""
    folder = service(tmp_path / "s", _SCRIPT)
    with serving(folder) as server:
        assert server.wait_until_ready().stop(signal.SIGHUP) == 0
        assert "stopping: SIGHUP" in server.log
    command = ["nohup", sys.executable, "-I", "-m", "envbuild.serving", str(folder), "--port", "0"]
    with started([*command, "--python", sys.executable], tmp_path, "serving at http://") as server:
        server.wait_until_ready().process.send_signal(signal.SIGHUP)
        assert server.ask("x").json == "x"
