"""A service that runs in a process of its own, as `envbuild serve` starts it, and requests to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .project import Project

_SECONDS = 90


class Served:
    """`url` is where it listens; `process` is the command, which ends with the block."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, said: list[str]) -> None:
        self.process = process
        self.url = url
        self.log = said

    def ask(self, path: str, data: object = None) -> tuple[int, Any]:
        """Its status, and what its JSON says."""
        body = None if data is None else json.dumps(data).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310 - loopback's
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310 - loopback's
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_ready(self, path: str = "/ready") -> None:
        ends = time.monotonic() + _SECONDS
        while self.ask(path)[0] != 200:
            assert time.monotonic() < ends, "".join(self.log)
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(_SECONDS)


@contextmanager
def served(project: Project, *words: str) -> Iterator[Served]:
    """Once it has said where it listens."""
    command = [sys.executable, "-m", "envbuild", "serve", "--json", *words]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=project.path, env=dict(project.environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            text = "".join(iter(lambda: process.stdout.readline() if process.stdout else "", "}\n")) + "}"
            answer = json.loads(text) if text != "}" else {}
            if "services" not in answer:
                process.wait(_SECONDS)
                reader.join(_SECONDS)
                raise AssertionError(f"{answer}{''.join(said)}")
            yield Served(process, answer["services"][0]["url"], said)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join(_SECONDS)
