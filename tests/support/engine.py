"""A real Docker Engine for the tests of a session, started on first use and ended with the last worker that uses it.

Its files, socket, mounts and network are its own, so it gets on with another one, and with what the machine runs. The
network leads to the machine, at `gateway`, and no further; what needs more asks for `--network=host`.
"""

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import keeper
from .services import services_folder

_SECONDS = 30
_COMMAND_SECONDS = 120
_LAST_LINES = 15
_CONTAINERD_STORE = {"features": {"containerd-snapshotter": True}}
# Set aside for measuring networks, so neither the machine nor what it can reach is found there.
_ADDRESSES = IPv4Network("198.18.0.0/15")
_PREFIX_LENGTH = 27
_BASES = {
    "busybox": "busybox:latest",
    "debian": "debian:bookworm-slim",
    "java": "java:17-python",
    "python": "python:3.11-slim",
    "r": "r-base:4.2",
}


@dataclass(frozen=True)
class Client:
    """The docker command with buildx and a configuration of its own; ENVIRON makes any program talk to this engine."""

    environ: Mapping[str, str]

    def __call__(self, *args: str) -> str:
        """Give what the command prints; it must succeed."""
        run = self.run(*args)
        assert run.returncode == 0, (
            f"docker {subprocess.list2cmdline(args)}: {run.returncode}\n{run.stdout}{run.stderr}"
        )
        return run.stdout

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *args],  # noqa: S607 - the one of its own PATH
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )


class Engine:
    """Start the engine of FOLDER unless another worker has done so; SETTINGS are those of its daemon.json."""

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        with keeper.locked(folder):
            self._use = keeper.use(folder)
            try:
                if not self._answers():
                    self._start(settings or {})
            except BaseException:
                self._use.close()
                raise
        self.docker = self.client(folder / "client")

    @classmethod
    def with_containerd_store(cls, folder: Path) -> Self:
        """Start one that keeps annotations, attestations and images of several platforms."""
        return cls(folder, _CONTAINERD_STORE)

    @property
    def gateway(self) -> str:
        """The machine's address as containers see it: what listens there can be reached from every build."""
        return self._state("gateway").read_text()

    def client(self, folder: Path, logins: Mapping[str, tuple[str, str]] | None = None) -> Client:
        """Make a client with its configuration in FOLDER; LOGINS maps a registry's host to user and password."""
        plugins = folder / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        plugin = plugins / "docker-buildx"
        with contextlib.suppress(FileExistsError):  # by another worker of pytest-xdist, at this very moment
            plugin.symlink_to(services_folder() / "docker-buildx/usr/libexec/docker/cli-plugins/docker-buildx")
        auths = {
            host: {"auth": base64.b64encode(":".join(one).encode()).decode()} for host, one in (logins or {}).items()
        }
        (folder / "config.json").write_text(json.dumps({"auths": auths}))
        unset = dict.fromkeys(("DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"), "")
        endpoint = {"DOCKER_CONFIG": str(folder), "DOCKER_HOST": f"unix://{self._state('docker.sock')}"}
        return Client({"HOME": str(folder), "PATH": _path("usr/bin"), **unset, **endpoint})

    def base(self, name: str) -> str:
        """Give the reference of a small image to build on: of `busybox`, `debian` with CAs, `python`, `java`, `r`."""
        reference = _BASES[name]
        with keeper.locked(self._folder):
            if self.docker.run("image", "inspect", reference).returncode:
                self.docker("import", str(services_folder() / f"base-{name}.tar"), reference)
        return reference

    def _state(self, name: str) -> Path:
        return self._folder / name

    def _start(self, settings: Mapping[str, Any]) -> None:
        until = time.monotonic() + _SECONDS
        while keeper.is_kept(self._folder):  # by one that ends
            self._wait(until, "end")
        self._state("daemon.json").write_text(json.dumps(settings))
        self._launch()
        while not self._answers():
            if not keeper.is_kept(self._folder):
                raise RuntimeError(f"the Docker daemon ended; the last lines of its log:\n{self._last_lines()}")
            self._wait(until, "answer")

    def _wait(self, until: float, what: str) -> None:
        if time.monotonic() > until:
            raise TimeoutError(f"the Docker daemon does not {what}; the last lines of its log:\n{self._last_lines()}")
        time.sleep(0.05)

    def _launch(self) -> None:
        """Start the keeper as nobody's child, since it may outlive this process; what it inherits says it is there."""
        bridge, gateway = _free_network()
        self._state("bridge").write_text(bridge)
        self._state("gateway").write_text(gateway)
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        program = [sys.executable, "-I", keeper.__file__]
        arguments = [str(self._folder), bridge, f"{gateway}/{_PREFIX_LENGTH}"]
        with keeper.kept(self._folder) as mark, self._state("log").open("wb") as log:
            subprocess.run(
                ["setsid", "--fork", *namespaces, *program, *arguments],  # noqa: S607 - the system's
                env={"PATH": _path("usr/sbin", "usr/bin")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[mark.fileno()],
                check=True,
            )

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            try:
                connection.connect(str(self._state("docker.sock")))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(64)
            except OSError:
                return False

    def _last_lines(self) -> str:
        return "\n".join(self._state("log").read_text(errors="replace").splitlines()[-_LAST_LINES:])

    def close(self) -> None:
        """Leave it to the others; the last one waits until nothing of it is left."""
        self._use.close()
        until = time.monotonic() + _SECONDS
        while self._ends():
            self._wait(until, "end")

    def _ends(self) -> bool:
        with keeper.locked(self._folder):
            return keeper.is_kept(self._folder) and not keeper.is_used(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def _free_network() -> tuple[str, str]:
    """Choose a bridge, named for its network, and its address there."""
    while True:
        network = secrets.choice([*_ADDRESSES.subnets(new_prefix=_PREFIX_LENGTH)])
        bridge = f"envb{int(network.network_address):x}"
        if not Path("/sys/class/net", bridge).exists():
            return bridge, str(network[1])


def _path(*folders: str) -> str:
    return os.pathsep.join([*(str(services_folder() / "engine" / one) for one in folders), os.environ["PATH"]])
