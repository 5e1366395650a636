"""A scoring server as a process of its own, and what it is asked and answers."""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .runs import wait_for

SECONDS = 60.0
_NUMBERS = itertools.count(1)
_LISTENING = "serving at http://"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        assert self.headers["content-type"] == "application/json"
        found: str = self.json["message"]
        return found


def service(folder: Path, script: str, **said: Any) -> Path:
    """A folder as a server wants it; `script` is dedented."""
    (folder / "app").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "app" / "score.py").write_text(textwrap.dedent(script), encoding="utf-8")
    described = {"format_version": 1, "name": "k", "entry_script": "score.py", **said}
    (folder / "service.json").write_text(json.dumps(described))
    return folder


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


class Server:
    """One that listens on a port of its own; its log is a file."""

    def __init__(self, process: "subprocess.Popen[str]", address: tuple[str, int], log: Path, said: str = "") -> None:
        self.process = process
        self.address = address
        self.said = said
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="strict")

    def ask(self, body: bytes | str | None = None, path: str = "/score", method: str = "", **headers: str) -> Reply:
        """On a connection of its own; a body is posted."""
        connection = http.client.HTTPConnection(*self.address, timeout=SECONDS)
        try:
            return asked(connection, body, path, method, **headers)
        finally:
            connection.close()

    def raw(self, *pieces: bytes, end: bytes = b"") -> bytes:
        """What comes back until the server closes the connection, or it ends like that."""
        with socket.create_connection(self.address, timeout=SECONDS) as line:
            found = b""
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                for piece in pieces:
                    line.sendall(piece)
                while data := line.recv(65536):
                    found += data
                    if end and found.endswith(end):
                        break
            return found

    def wait_until_ready(self) -> "Server":
        wait_for(lambda: self.ask(path="/ready").status == 200)
        return self

    def wait_for_log(self, text: str, times: int = 1) -> None:
        wait_for(lambda: self.log.count(text) >= times, 20)

    @property
    def workers(self) -> list[int]:
        """Their processes."""
        path = Path(f"/proc/{self.process.pid}/task")
        found = " ".join((task / "children").read_text() for task in path.iterdir()).split()
        return [int(pid) for pid in found]

    def metrics(self) -> dict[str, float]:
        lines = self.ask(path="/metrics").body.decode().splitlines()
        return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[0] != "#")}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def asked(
    connection: http.client.HTTPConnection, body: bytes | str | None, path: str = "/score", method: str = "",
    **headers: str,
) -> Reply:  # fmt: skip
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    connection.request(method or ("GET" if body is None else "POST"), path, data, named)
    answer = connection.getresponse()
    given: dict[str, str] = {}
    for name, value in answer.getheaders():
        given[name.lower()] = f"{given[name.lower()]}, {value}" if name.lower() in given else value
    return Reply(answer.status, given, answer.read())


@contextmanager
def serving(folder: Path, *words: str, env: Mapping[str, str] | None = None, python: str = "") -> Iterator[Server]:
    """The server alone, as it is in an image: of a folder, without a project."""
    command = [sys.executable, "-I", "-m", "envbuild.serving", str(folder), "--port", "0"]
    with started([*command, "--python", python or sys.executable, *words], folder.parent, _LISTENING, env) as found:
        yield found


@contextmanager
def started(command: list[str], folder: Path, before: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Once it has said where it listens; whatever it leaves behind is ended."""
    log = folder / f"server-{next(_NUMBERS)}.log"
    environ = {**os.environ, **(env or {})}
    with log.open("wb") as stream, subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stream, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout
            line = ""
            while before not in line:
                read = process.stdout.readline()
                line += read
                assert read, f"{line}\n{log.read_text()}"
            host, _, port = re.split(r"[/\"\s]", line.partition("http://")[2])[0].rpartition(":")
            yield Server(process, (host, int(port)), log, line)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
