"""A service image of a project that runs in a container of this machine's engine, until somebody ends it."""

import os
import threading
from collections.abc import Callable

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.builders.pulling import pulled
from envbuild.builders.services import running
from envbuild.project.front import Project
from envbuild.project.services.serviced import ServiceImage
from envbuild.project.shop import engine, keeper

_GRACE_SECONDS = 35  # a little more than the server takes to finish what was begun
_LOOK_SECONDS = 0.1
Tell = tuple[Callable[[str], None], Callable[[str], None], Callable[[bytes], None]]


class Asked(msgspec.Struct, frozen=True):
    """Where it is heard on this machine, by port 0 anywhere."""

    host: str
    port: int


class Ended(msgspec.Struct, frozen=True):
    code: int
    was_asked: bool = False
    was_short: bool = False


def serve_contained(project: Project, found: ServiceImage, reference: str, asked: Asked, tell: Tell) -> Ended:
    """`tell` are who is told of progress, of the URL once it answers, and what the service says."""
    say, listening, hear = tell
    daemon, service = engine(project), found.service
    image = pulled(reference, project.registries, daemon, keeper(project, found.builder), say)
    wanted = running.Wanted(
        image=image, port=service.port, host=asked.host, host_port=asked.port, cpu=service.cpu or "",
        memory=service.memory or "", seconds=_GRACE_SECONDS,
        held=project.workspace.private("containers", f"{os.getpid()}-{os.urandom(4).hex()}"),
    )  # fmt: skip
    with running.container(daemon, wanted) as made:
        talk = _Talk(daemon, made, lambda: listening(_url(daemon, made, service.port)), hear)
        talk.start()
        try:
            while talk.is_alive():
                talk.join(_LOOK_SECONDS)
        except KeyboardInterrupt:
            running.stop(daemon, made, _GRACE_SECONDS)
            talk.join(_GRACE_SECONDS)
            return Ended(0, was_asked=True)
        return Ended(talk.code, was_short=running.was_short_of_memory(daemon, made))


def _url(daemon: Daemon, made: str, port: int) -> str:
    host, own = running.address(daemon, made, port)
    return f"http://[{host}]:{own}" if ":" in host else f"http://{host}:{own}"


class _Talk(threading.Thread):
    """What the container says until it ends; that it listens is told in our own words."""

    def __init__(self, daemon: Daemon, made: str, listening: Callable[[], None], hear: Callable[[bytes], None]) -> None:
        super().__init__(daemon=True)
        self._daemon = daemon
        self._made = made
        self._pieces = running.started(daemon, made)
        self._listening = listening
        self._hear = hear
        self._has_listened = False
        self.code = 1

    def run(self) -> None:
        self.code = running.follow(self._daemon, self._made, self._pieces, self._heard)

    def _heard(self, piece: bytes, is_error: bool) -> None:  # noqa: FBT001 - as it is called
        if is_error:
            self._hear(piece)
        elif not self._has_listened:
            self._has_listened = True
            self._listening()
