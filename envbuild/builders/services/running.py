"""A service image that runs: one container, of which a port is given to this machine, and which ends with us."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from envbuild.builders.daemon import HELD, Daemon
from envbuild.errors import BuildError
from envbuild.quantities import bytes_of, nanos_of

Pieces = Iterator[tuple[bytes | None, bytes | None]]
LABELS = {"dev.envbuild": "service"}
_LEAST_MEMORY = 6 << 20  # an engine takes no less


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """`held` is a file that whoever began it holds: it tells others that the container is not left behind."""

    image: str
    port: int
    host: str
    host_port: int
    cpu: str
    memory: str
    seconds: int
    held: Path


@contextmanager
def container(engine: Daemon, wanted: Wanted) -> Iterator[str]:
    """The id of one that is not started yet; it is stopped and gone behind the block, whatever happens in it."""
    engine.sweep(LABELS)
    _forget(wanted.held.parent)
    with wanted.held.open("ab") as stream:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(stream, fcntl.LOCK_SH)
        made = _created(engine, wanted)
        try:
            yield made
        finally:
            _end(engine, made, wanted.seconds)
            wanted.held.unlink(missing_ok=True)


def _forget(folder: Path) -> None:
    """Files of who was killed: nobody holds them, and their containers are gone."""
    for path in folder.iterdir():
        with suppress(OSError), path.open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _created(engine: Daemon, wanted: Wanted) -> str:
    client, limits = engine.client, _limits(wanted)
    where = {f"{wanted.port}/tcp": (wanted.host, wanted.host_port or None)}
    with engine.told():
        host = client.create_host_config(port_bindings=where, init=engine.has_init or None, **limits)
        made = client.create_container(
            wanted.image,
            ports=[(wanted.port, "tcp")],
            host_config=host,
            labels={**LABELS, HELD: str(wanted.held)},
            use_config_proxy=False,
        )
    return str(made["Id"])


def _limits(wanted: Wanted) -> dict[str, int]:
    found = {}
    if wanted.cpu:
        found["nano_cpus"] = nanos_of(wanted.cpu)
    if wanted.memory:
        size = bytes_of(wanted.memory)
        if size < _LEAST_MEMORY:
            what = f"{wanted.memory} of memory are too little for any container"
            raise BuildError(what, hint="write 'memory' as '512Mi' or '2Gi'")
        found |= {"mem_limit": size, "memswap_limit": size}
    return found


def _end(engine: Daemon, made: str, seconds: int) -> None:
    """It is asked first, and has time to answer what it began with."""
    from docker.errors import NotFound

    with engine.told(), suppress(NotFound):
        engine.client.stop(made, timeout=seconds)
        engine.client.remove_container(made, v=True, force=True)


def stop(engine: Daemon, made: str, seconds: int) -> None:
    """Asked to end, and given time for that."""
    with engine.told():
        engine.client.stop(made, timeout=seconds)


def address(engine: Daemon, made: str, port: int) -> tuple[str, int]:
    """Where this machine hears it."""
    with engine.told():
        told = engine.client.inspect_container(made)
    bound = ((told.get("NetworkSettings") or {}).get("Ports") or {}).get(f"{port}/tcp") or ()
    if not bound:
        raise BuildError("the container has ended before it listened", hint="look at what it says above")
    return str(bound[0]["HostIp"]), int(bound[0]["HostPort"])


def started(engine: Daemon, made: str) -> Pieces:
    """All that it says, from its first word on, of output and errors: who listens later may wait for ever."""
    with engine.told():
        found: Pieces = engine.client.attach(made, stdout=True, stderr=True, stream=True, demux=True)
        engine.client.start(made)
    return found


def follow(engine: Daemon, made: str, pieces: Pieces, hear: Callable[[bytes, bool], None]) -> int:
    """Hand over what it says, and whether that is an error's; its exit code, once it has ended."""
    with engine.told():
        for out, err in pieces:
            for piece, is_error in ((out, False), (err, True)):
                if piece:
                    hear(piece, is_error)
        return int(engine.client.wait(made)["StatusCode"])


def was_short_of_memory(engine: Daemon, made: str) -> bool:
    with engine.told():
        state: Mapping[str, Any] = engine.client.inspect_container(made).get("State") or {}
    return bool(state.get("OOMKilled"))
