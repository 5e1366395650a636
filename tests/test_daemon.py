"""An engine through its SDK (`builders.daemon`): which one it is, what breaks off, and what it says that it did."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from support.authority import authority
from support.engine import Engine
from support.front import Ask, Front
from support.line import closed_port
from support.loopback import Reply, Request
from support.registry import Registry
from support.relay import Cutting, Posing, Relay
from support.shelf import Shelf

from envbuild.builders.daemon import Daemon, Wanted
from envbuild.builders.engine import failure
from envbuild.errors import BuildError
from envbuild.process import Programs

# A stream of the SDK's that is not heard to its end cannot be closed: it is collected as garbage.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_HELD = Path("/dev/null")


def socket_of(engine: Engine) -> str:
    return engine.docker.environ["DOCKER_HOST"].removeprefix("unix://")


@contextmanager
def behind(relay: Relay, engine: Engine) -> Iterator[Daemon]:
    with relay:
        yield Daemon({**engine.docker.environ, "DOCKER_HOST": f"tcp://{relay.address}"}, Programs())


def ran(daemon: Daemon, script: str, hear: Callable[[bytes], None]) -> int:
    wanted = Wanted(image="busybox:latest", words=("sh", "-c", script), held=_HELD)
    with daemon.container(wanted) as container:
        return daemon.run(container, hear)


def test_what_breaks_off_is_told_in_plain_words(engine: Engine) -> None:
    """In the middle of a push, or of what it says in one; no part of the SDK is named."""
    engine.base("busybox")
    server = f"127.0.0.1:{closed_port()}"
    engine.docker("tag", "busybox:latest", f"{server}/it:1")
    told = []
    posing = Posing(socket_of(engine), '{"status"', "{{{{{{{{{")
    for relay in (Cutting(socket_of(engine), "errorDetail"), posing):
        with behind(relay, engine) as daemon:
            told.append(_broken(partial(_pushed, daemon, f"{server}/it")))
    engine.docker("image", "rm", f"{server}/it:1")
    assert [one for one in told if "broke off while it spoke" not in one] == []


def _pushed(daemon: Daemon, repository: str) -> None:
    for _ in daemon.push(repository, "1", None):
        pass


def _broken(call: Callable[[], object]) -> str:
    with pytest.raises(BuildError) as caught:
        call()
    return caught.value.message


def test_a_full_disk_is_no_engine_that_is_silent(engine: Engine) -> None:
    """What fails to write what a container says fails as itself; the container is gone."""
    engine.base("busybox")
    daemon = Daemon(engine.docker.environ, Programs())
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        ran(daemon, "echo it", lambda line: _write(full, line))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError), daemon.container(_with_files(Path("/nowhere"))):
        pass
    assert engine.docker("ps", "--all", "--quiet", "--filter=label=dev.envbuild=test") == ""


def _write(stream: IO[bytes], line: bytes) -> None:
    stream.write(line)


def _with_files(files: Path) -> Wanted:
    return Wanted(image="busybox:latest", words=("true",), files=files, held=_HELD)


def test_a_file_is_looked_for_and_not_read(engine: Engine) -> None:
    """No stream of a folder's content stays open: the next question goes over the same connection."""
    engine.base("busybox")
    relay = Relay(socket_of(engine))
    with behind(relay, engine) as daemon:
        wanted = Wanted(image="busybox:latest", words=("true",), held=_HELD)
        with daemon.container(wanted) as container:
            found = [daemon.has(container, path) for path in ("/bin", "/bin/sh", "/none", "/bin", "/etc", "/dev")]
        assert found == [True, True, False, True, True, True]
        assert relay.connections <= 2


def test_an_error_is_heard_however_it_is_told(engine: Engine) -> None:
    """As a text of its own or within its details: some engines have one, some the other."""
    engine.base("busybox")
    server = f"127.0.0.1:{closed_port()}"
    engine.docker("tag", "busybox:latest", f"{server}/it:1")
    found = set()
    for own, word in (("errorDetail", "nothingHere"), ('"error":', '"errox":')):
        with behind(Posing(socket_of(engine), own, word), engine) as daemon:
            found |= {failure(piece) for piece in daemon.push(f"{server}/it", "1", None)} - {""}
    engine.docker("image", "rm", f"{server}/it:1")
    (said,) = found
    assert "connection refused" in said
    assert failure({"errorDetail": {"code": 1}}) == "it does not say why"


def test_a_context_or_builder_that_is_named_is_what_is_asked(
    engine: Engine, containerd_engine: Engine, tmp_path: Path
) -> None:
    """Whatever DOCKER_HOST says: images are there where they are built. One that is unknown is nobody else."""
    client = containerd_engine.client(tmp_path / "client")
    client("context", "create", "other", f"--docker=host={engine.docker.environ['DOCKER_HOST']}")
    own, other = containerd_engine.docker.environ["DOCKER_HOST"], engine.docker.environ["DOCKER_HOST"]
    asked = {
        place: Daemon(client.environ, Programs(), *place).endpoint for place in (("", ""), ("other", ""), ("", "other"))
    }
    assert {place: (one.address, one.context) for place, one in asked.items()} == {
        ("", ""): (own, ""), ("other", ""): (other, "other"), ("", "other"): (other, "other"),
    }  # fmt: skip
    for place in (("nowhere", ""), ("", "nowhere")):
        with pytest.raises(BuildError, match="Docker knows no builder or context named 'nowhere'"):
            Daemon(client.environ, Programs(), *place).image("busybox:latest")


@pytest.fixture
def secure(engine: Engine, tmp_path: Path) -> Iterator[Front]:
    """An engine behind TLS, whose authority is `authority.pem`."""
    _, context = authority(tmp_path)
    with Relay(socket_of(engine)) as relay, Front(relay.address, tls=context) as front:
        yield front


def test_certificates_of_docker_s_own_folder(engine: Engine, secure: Front, tmp_path: Path) -> None:
    """DOCKER_TLS_VERIFY alone is enough; what a variable for other servers names is not asked."""
    (tmp_path / "config").mkdir()
    (tmp_path / "authority.pem").rename(tmp_path / "config/ca.pem")
    host = {**engine.docker.environ, "DOCKER_HOST": f"tcp://{secure.address}", "DOCKER_TLS_VERIFY": "1"}
    found = Daemon({**host, "DOCKER_CONFIG": str(tmp_path / "config")}, Programs()).platform
    assert found == "linux/amd64"
    for folder in ({"DOCKER_CONFIG": str(tmp_path)}, {"DOCKER_CERT_PATH": str(tmp_path)}):
        with pytest.raises(BuildError, match=r"ca\.pem', by which the Docker engine is spoken to"):
            Daemon({**host, **folder}, Programs()).platform  # noqa: B018 - it asks


@pytest.mark.parametrize("more", ["ca={folder}/authority.pem", "skip-tls-verify=true"])
def test_certificates_of_a_context(
    engine: Engine, secure: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    """They are those that it was made with, and nobody is asked instead of its engine."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    client = engine.client(tmp_path / "client")
    client("context", "create", "safe", f"--docker=host=tcp://{secure.address},{more.format(folder=tmp_path)}")
    assert Daemon(client.environ, Programs(), "safe").platform == "linux/amd64"
    assert secure.count("GET", "/version$") > 0


def test_what_the_registry_serves_is_what_was_built(
    engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path
) -> None:
    """P16: what somebody else has put under its name meanwhile is neither tagged nor recorded."""

    def other(request: Request, ask: Ask) -> Reply:
        found = ask(request.body)
        return found if found.status != 200 else ask(b"", replace(request, path="/v2/base/manifests/1"))

    with Front(registry.server) as front:
        shelf = Shelf(tmp_path, uv_cache, engine, registry, front.address)
        shelf.web(shelf.base())
        shelf.project.run("lock")
        front.inject(other, "GET", "/team/web/manifests/fp-[^/]*$", times=99)
        told = shelf.project.run("apply", check=1)
        assert f"{front.address} has another image under {front.address}/team/web:fp-" in told.err
        assert "than the engine was to push" in told.err
        assert [tag for tag in shelf.tags() if not tag.startswith("fp-")] == []
        assert "was never built" in shelf.project.run("history", "web", check=64).err
        front.forget()
        shelf.project.run("apply")
        assert "v1" in shelf.tags()
