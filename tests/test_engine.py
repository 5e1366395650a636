"""The engines that image builds are tested with: they build, run, push and pull, and leave nothing behind."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from support.engine import Client, Engine
from support.index import Index
from support.registry import LOGIN, Registry
from support.services import require

_TESTS = Path(__file__).parent
_SECONDS = 20
_DOCKERFILE = """\
FROM busybox:latest
RUN --mount=type=secret,id=token,required=true sha256sum </run/secrets/token >/sum
COPY greeting /greeting
CMD ["cat", "/greeting"]
"""
_GREETING = "hello from an image\n"
_CANARY = "canary-93ce"
_HOLDS_AND_WAITS = """\
import sys, time
from pathlib import Path
from support.engine import Engine
engine = Engine(Path(sys.argv[1]))
print(flush=True)
time.sleep(60)
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    (folder / "greeting").write_text(_GREETING)
    (tmp_path / "token").write_text(_CANARY)
    return folder


@pytest.fixture(params=["open", "private"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    require("registry")
    with Registry(tmp_path / "registry", private=request.param == "private") as registry:
        yield registry


def build(docker: Client, context: Path, tag: str, *more: str) -> None:
    secret = f"--secret=id=token,src={context.parent / 'token'}"
    docker("buildx", "build", "--progress=plain", secret, f"--tag={tag}", *more, str(context))


def test_an_image_is_built_pushed_pulled_run_and_deleted(engine: Engine, registry: Registry, context: Path) -> None:
    """A build sees its secret, its image keeps none of it, and a registry that asks lets in only who is logged in."""
    engine.base("busybox")
    tag = f"{registry.server}/some/image:v1"
    docker = engine.client(context.parent / "client", {registry.server: LOGIN})
    build(docker, context, tag)
    assert _CANARY not in docker("image", "history", "--no-trunc", tag) + docker("image", "inspect", tag)
    docker("push", tag)
    docker("image", "rm", tag)
    if registry.is_private:
        assert "no basic auth credentials" in engine.docker.run("pull", tag).stderr
    docker("pull", tag)
    assert docker("run", "--rm", tag) == _GREETING
    docker("image", "rm", tag)
    assert docker("image", "ls", "--quiet", tag) == ""


def test_networks_of_builds_and_containers(engine: Engine, index: Index, context: Path) -> None:
    """The machine's own network is there for who asks; all others reach what listens on the gateway."""
    (context / "Dockerfile").write_text(f"FROM {engine.base('busybox')}\nRUN wget -q -O /page {index.url}alpha/\n")
    build(engine.docker, context, "fetching", "--network=host")
    assert "alpha-2.0" in engine.docker("run", "--rm", "fetching", "cat", "/page")
    engine.docker("image", "rm", "fetching")
    with socket.create_server((engine.gateway, 0)) as server:
        greeter = Thread(target=_greet, args=[server])
        greeter.start()
        host, port = server.getsockname()
        assert engine.docker("run", "--rm", "busybox:latest", "nc", host, str(port)) == _GREETING
        greeter.join()


def _greet(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(_GREETING.encode())


@pytest.mark.parametrize(("base", "has"), [("debian", []), ("python", ["/usr/bin/python3"])])
def test_a_debian_to_build_on(engine: Engine, base: str, has: list[str]) -> None:
    """It has apt and certificates, Python only where it is asked for, and nothing else that many programs want."""
    script = "apt-get --version | head -1; head -1 /etc/ssl/certs/ca-certificates.crt; command -v python3 perl5.36 gcc"
    apt, certificates, *found = engine.docker(
        "run", "--rm", engine.base(base), "sh", "-c", f"{script}; true"
    ).splitlines()
    assert apt.startswith("apt ")
    assert "BEGIN CERTIFICATE" in certificates
    assert found == has


def test_the_containerd_store_keeps_annotations_and_attestations(
    engine: Engine, containerd_engine: Engine, context: Path
) -> None:
    """And the usual one, running beside it, has no part in it."""
    containerd_engine.base("busybox")
    with Registry(context.parent / "registry") as registry:
        tag = f"{registry.server}/annotated:v1"
        build(containerd_engine.docker, context, tag, "--push", "--provenance=true", "--annotation=index:some.key=it")
        index = json.loads(containerd_engine.docker("buildx", "imagetools", "inspect", "--raw", tag))
        assert index["annotations"] == {"some.key": "it"}
        kinds = [one.get("annotations", {}).get("vnd.docker.reference.type", "image") for one in index["manifests"]]
        assert kinds == ["image", "attestation-manifest"]
        refused = engine.docker.run("buildx", "build", "--provenance=true", str(context))
        assert "Attestation is not supported for the docker driver" in refused.stderr


def test_two_workers_share_an_engine_and_the_last_ends_it(tmp_path: Path) -> None:
    """With a container that still runs; no process, socket, mount or network interface is left."""
    require("docker")
    first = Engine(tmp_path / "engine")
    with Engine(tmp_path / "engine") as second:
        first.docker("run", "--detach", first.base("busybox"), "sleep", "600")
        first.close()
        assert second.docker("ps", "--quiet") != ""
        of_it = Traces(tmp_path)
        assert any(one.startswith("sleep 600") for one in of_it.left())
    assert of_it.left() == []


def test_an_engine_ends_with_a_worker_that_was_killed(tmp_path: Path) -> None:
    """Nobody is there to close it, and it does not stay."""
    require("docker")
    environ = {**os.environ, "PYTHONPATH": str(_TESTS)}
    command = [sys.executable, "-c", _HOLDS_AND_WAITS, str(tmp_path / "engine")]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"\n"
        of_it = Traces(tmp_path)
        assert of_it.left()
        worker.kill()
    until = time.monotonic() + _SECONDS
    while of_it.left() and time.monotonic() < until:
        time.sleep(0.1)
    assert of_it.left() == []


class Traces:
    """What an engine of FOLDER has on this machine while it runs, and may have left of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._bridge = (folder / "engine/bridge").read_text()
        parents = _parents()
        its = {pid for pid in parents if self._folder in _command(pid)} - {os.getpid()}
        while more := {pid for pid, parent in parents.items() if parent in its} - its:
            its |= more
        self._processes = its

    def left(self) -> list[str]:
        running = [command for pid in self._processes if (command := _command(pid))]
        listed = [Path(path).read_text().splitlines() for path in ("/proc/self/mountinfo", "/proc/net/unix")]
        interfaces = [path.name for path in Path("/sys/class/net").iterdir() if path.name == self._bridge]
        return [*running, *(line for lines in listed for line in lines if self._folder in line), *interfaces]


def _parents() -> dict[int, int]:
    """Map each process to its parent."""
    states = ((int(path.name), _read(path / "stat")) for path in Path("/proc").glob("[0-9]*"))
    return {pid: int(state.rpartition(")")[2].split()[1]) for pid, state in states if state}


def _command(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def _read(path: Path) -> str:
    """Give what the machine says of a process, or nothing once it has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def test_an_engine_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The last lines of its log are in the failure."""
    require("docker")
    with pytest.raises(RuntimeError, match=r"(?s)the Docker daemon ended; .*driver not supported: nonsense"):
        Engine(tmp_path / "engine", {"storage-driver": "nonsense"})
