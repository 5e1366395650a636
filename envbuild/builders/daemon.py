"""Docker's engine through its SDK: everything but building."""

import fcntl
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.builders.endpoints import Endpoint, endpoint
from envbuild.builders.engine import CONTAINERD, failure, silent
from envbuild.builders.facts import Facts, facts
from envbuild.errors import BuildError
from envbuild.process import Programs
from envbuild.written import lines, log_line

if TYPE_CHECKING:
    from docker import APIClient

    from envbuild.builders.draft import Draft

_SECONDS = 120
_HINT = "look at the engine's own log"
_LABELS = {"dev.envbuild": "test"}
HELD = "dev.envbuild.held"
_KEPT_LOG = {"Type": "json-file"}  # one that can be read again, whatever the engine does by itself
_BROKEN = re.compile(r"RemoteDisconnected|ConnectionReset|BrokenPipe|IncompleteRead")
_NO_PROGRAM = re.compile(r"(?i)executable file not found|exec: .*(no such file|permission denied)|not a directory")
_NOT_FOUND = 127
_NO_INIT = "N/A"
_LINK = 1 << 27  # of a file's mode, as Go has it


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A container, as the image's user and in its folder. `files` is an archive that is unpacked in it before.

    `held` is a file that whoever began it holds for as long: it tells the others that the container is not left behind.
    """

    image: str
    words: tuple[str, ...]
    variables: Mapping[str, str] = {}
    network: str = "none"
    files: Path | None = None
    held: Path


class Daemon:
    """One engine, spoken to when it is first needed; many threads may use it.

    It is the one that images are built by: of the context, or of the builder, that was named for them.
    """

    called = "this machine's engine"

    def __init__(
        self, host: Mapping[str, str], programs: Programs, docker_context: str = "", builder: str = ""
    ) -> None:
        self._host = host
        self._programs = programs
        self._names = (docker_context, builder)

    def image(self, reference: str) -> Facts | None:
        """By its id, or by a name; nothing where the engine has none."""
        from docker.errors import ImageNotFound

        with self.told():
            try:
                return facts(self.client.inspect_image(reference))
            except ImageNotFound:
                return None

    def keep(self, draft: "Draft") -> str:
        """What is built for an engine is there."""
        return draft.id

    def ids(self) -> frozenset[str]:
        """Of all images that it has, by one question."""
        with self.told():
            return frozenset(one["Id"] for one in self.client.images(all=True))

    def in_engine(self, reference: str, _say: Callable[[str], None], _platform: str = "") -> str | None:
        found = self.image(reference)
        return found.id if found else None

    def load(self, file: Path) -> None:
        """An image, from a file as `docker save` writes it."""
        with file.open("rb") as stream, self.told():
            for one in self.client.load_image(stream):
                if error := failure(one):
                    raise BuildError(f"the Docker engine does not take the image: {log_line(error)}", hint=_HINT)

    def save(self, reference: str, file: Path) -> None:
        """An image, into a file that can be read as it would be loaded."""
        with self.told(), file.open("wb") as stream:
            for piece in self.client.get_image(reference):
                stream.write(piece)

    def history(self, reference: str) -> list[Mapping[str, Any]]:
        """The steps that made it, newest first."""
        with self.told():
            return list(self.client.history(reference))

    def tag(self, reference: str, repository: str, tag: str) -> None:
        with self.told():
            self.client.tag(reference, repository, tag, force=True)

    def push(self, repository: str, tag: str, login: Mapping[str, str] | None) -> Iterator[Mapping[str, Any]]:
        """What the engine says, piece by piece; an error may come after it has said that all is well."""
        with self.told():
            yield from self.client.push(repository, tag, stream=True, decode=True, auth_config=login)

    def pull(self, reference: str, login: Mapping[str, str] | None, platform: str = "") -> Iterator[Mapping[str, Any]]:
        name, _, tag = reference.rpartition("@" if "@" in reference else ":")
        with self.told():
            yield from self.client.pull(
                name, tag, stream=True, decode=True, auth_config=login, platform=platform or None
            )

    @cached_property
    def platform(self) -> str:
        """Of the images that it runs by itself: `linux/amd64`."""
        with self.told():
            told = self.client.version()
        return f"{told.get('Os', '')}/{told.get('Arch', '')}"

    @cached_property
    def runtimes(self) -> frozenset[str]:
        """What it can start containers with: `nvidia` is there where GPUs can be given to them."""
        with self.told():
            return frozenset(self.client.info().get("Runtimes") or ())

    @cached_property
    def keeps_manifests(self) -> bool:
        """Whether it keeps images as registries do, and calls them by their manifests."""
        with self.told():
            told = self.client.info().get("DriverStatus") or ()
        return any(CONTAINERD in str(value) for _, value in told)

    @cached_property
    def has_init(self) -> bool:
        """Whether it can put a process before a container's own that passes signals on: not every packaging has it."""
        with self.told():
            told = self.client.info().get("InitCommit") or {}
        return bool(told.get("ID", _NO_INIT) != _NO_INIT)

    @contextmanager
    def container(self, wanted: Wanted) -> Iterator[str]:
        """The id of one that is not started yet; it is gone behind the block, whatever happens in it."""
        with wanted.held.open("ab") as stream, self._begun(wanted) as made:
            fcntl.flock(stream, fcntl.LOCK_SH)
            yield made

    @contextmanager
    def _begun(self, wanted: Wanted) -> Iterator[str]:
        with self.told():
            made = self.client.create_container(
                wanted.image,
                entrypoint=list(wanted.words[:1]),
                command=list(wanted.words[1:]),
                environment=dict(wanted.variables),
                host_config=self.client.create_host_config(network_mode=wanted.network, log_config=_KEPT_LOG),
                labels={**_LABELS, HELD: str(wanted.held)},
                use_config_proxy=False,
            )["Id"]
        try:
            if wanted.files:
                with wanted.files.open("rb") as stream, self.told():
                    self.client.put_archive(made, "/", stream)
            yield made
        finally:
            with self.told():
                self.client.remove_container(made, v=True, force=True)

    def sweep(self, kind: Mapping[str, str] = _LABELS) -> None:
        """Remove what killed processes have left behind."""
        from docker.errors import NotFound

        with self.told():
            labels = [f"{name}={value}" for name, value in kind.items()]
            every = self.client.containers(all=True, filters={"label": labels})
            left = [one["Id"] for one in every if _is_let_go(one["Labels"].get(HELD, ""))]
            for one in left:
                with suppress(NotFound):
                    self.client.remove_container(one, v=True, force=True)

    def run(self, container: str, hear: Callable[[bytes], None]) -> int:
        """Start it, hand over each line of what it says, and wait for its end; what hears fails as itself."""
        if why := self._start(container):
            hear(why.encode())
            return _NOT_FOUND
        for line in lines(self._logs(container)):
            hear(line)
        with self.told():
            return int(self.client.wait(container)["StatusCode"])

    def _start(self, container: str) -> str:
        """Why it has no program to run, if that is so."""
        from docker.errors import APIError

        with self.told():
            try:
                self.client.start(container)
            except APIError as error:
                if _NO_PROGRAM.search(told := str(error.explanation or error)):
                    return told
                raise
        return ""

    def _logs(self, container: str) -> Iterator[bytes]:
        with self.told():
            yield from self.client.logs(container, stream=True)

    def end(self, container: str) -> None:
        """Whatever runs in it; one that has ended meanwhile is as well."""
        from docker.errors import APIError

        with suppress(APIError, OSError):
            self.client.kill(container)

    def has(self, container: str, path: str) -> bool:
        """A file or folder in it; a link that leads nowhere is none."""
        found = self._facts_of(container, path)
        if found and int(found["mode"]) & _LINK:
            found = self._facts_of(container, found["linkTarget"])
        return found is not None

    def _facts_of(self, container: str, path: str) -> dict[str, Any] | None:
        """Of a file: the engine would send all of it to who asks by the SDK's own function."""
        from docker.utils import decode_json_header

        with self.told():
            client = self.client
            url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
            reply = client.head(url, params={"path": path}, timeout=_SECONDS)
            if reply.status_code == HTTPStatus.NOT_FOUND:
                return None
        if reply.status_code != HTTPStatus.OK:
            what = f"the Docker engine answers {reply.status_code} to who looks for '{path}'"
            raise BuildError(what, hint=_HINT)
        return dict(decode_json_header(reply.headers["x-docker-container-path-stat"]))

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where the engine is; two threads that ask at once are told the same."""
        return endpoint(self._host, self._programs, *self._names)

    @cached_property
    def client(self) -> "APIClient":
        from docker import APIClient
        from docker.errors import DockerException

        place = self.endpoint
        tls = place.certificates.config() if place.certificates else False
        try:
            return APIClient(place.address, version="auto", timeout=_SECONDS, tls=tls, use_ssh_client=True)
        except DockerException as error:
            raise self._unreachable(str(error)) from None

    def _unreachable(self, words: str) -> BuildError:
        where = self.endpoint.address
        said = f"Cannot connect to the Docker daemon at {where}. " if "rror while fetching" in words else words
        return silent(said, "")

    @contextmanager
    def told(self) -> Iterator[None]:
        """What goes wrong, in our words: the SDK's are of its own parts, and of those it is made of."""
        from docker.errors import APIError, DockerException, StreamParseError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except APIError as error:
            said = log_line(str(error.explanation or error))
            raise BuildError(f"the Docker engine says: {said}", hint=_HINT) from None
        except DockerException as error:
            raise self._unreachable(str(error)) from None
        except OSError as error:  # of the connection, which is requests' own kind
            if _BROKEN.search(str(error)):
                raise self._broke_off() from None
            raise self._unreachable(f"Error while fetching: {error}") from None
        except (HTTPError, StreamParseError, struct.error):
            raise self._broke_off() from None

    def _broke_off(self) -> BuildError:
        what = f"the Docker engine at {self.endpoint.address} broke off while it spoke"
        return BuildError(what, hint="try again; if it stays so, look at the engine's own log")


def _is_let_go(file: str) -> bool:
    """Of a file that is not here nobody knows: another machine may use the same engine."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
