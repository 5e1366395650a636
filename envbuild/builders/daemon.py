"""Docker's engine through its SDK: everything but building."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.builders.engine import silent
from envbuild.errors import BuildError
from envbuild.process import Programs, child_environment
from envbuild.written import lines, log_line

if TYPE_CHECKING:
    from docker import APIClient

_SOCKET = "unix:///var/run/docker.sock"
_SECONDS = 120
_OF_DOCKER = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_LABELS = {"dev.envbuild": "test"}
_KEPT_LOG = {"Type": "json-file"}  # one that can be read again, whatever the engine does by itself
_NO_PROGRAM = re.compile(r"(?i)executable file not found|exec: .*(no such file|permission denied)|not a directory")
_NOT_FOUND = 127
_NO_INIT = "N/A"
_LINK = 1 << 27  # of a file's mode, as Go has it
_CREDENTIALS = re.compile(r"(?i)unauthorized|authentication required|denied|no basic auth")


class Facts(msgspec.Struct, frozen=True):
    """What the engine says of an image."""

    id: str
    digests: tuple[str, ...]
    tags: tuple[str, ...]
    size: int
    platform: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]
    created: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A container, as the image's user and in its folder. `files` is an archive that is unpacked in it before."""

    image: str
    words: tuple[str, ...]
    variables: Mapping[str, str] = {}
    network: str = "none"
    files: Path | None = None


class Daemon:
    """One engine, spoken to when it is first needed; many threads may use it."""

    def __init__(self, host: Mapping[str, str], programs: Programs, docker_context: str = "") -> None:
        self._host = host
        self._programs = programs
        self._context = docker_context

    def image(self, reference: str) -> Facts | None:
        """By its id, or by a name; nothing where the engine has none."""
        from docker.errors import ImageNotFound

        with self._told():
            try:
                return _facts(self._client.inspect_image(reference))
            except ImageNotFound:
                return None

    def ids(self) -> frozenset[str]:
        """Of all images that it has, by one question."""
        with self._told():
            return frozenset(one["Id"] for one in self._client.images(all=True))

    def history(self, reference: str) -> list[Mapping[str, Any]]:
        """The steps that made it, newest first."""
        with self._told():
            return list(self._client.history(reference))

    def tag(self, reference: str, repository: str, tag: str) -> None:
        with self._told():
            self._client.tag(reference, repository, tag, force=True)

    def push(self, repository: str, tag: str, login: Mapping[str, str] | None) -> Iterator[Mapping[str, Any]]:
        """What the engine says, piece by piece; an error may come after it has said that all is well."""
        with self._told():
            yield from self._client.push(repository, tag, stream=True, decode=True, auth_config=login)

    def pull(self, reference: str, login: Mapping[str, str] | None, platform: str = "") -> Iterator[Mapping[str, Any]]:
        name, _, tag = reference.rpartition("@" if "@" in reference else ":")
        with self._told():
            yield from self._client.pull(
                name, tag, stream=True, decode=True, auth_config=login, platform=platform or None
            )

    @cached_property
    def platform(self) -> str:
        """Of the images that it runs by itself: `linux/amd64`."""
        with self._told():
            told = self._client.version()
        return f"{told.get('Os', '')}/{told.get('Arch', '')}"

    @cached_property
    def runtimes(self) -> frozenset[str]:
        """What it can start containers with: `nvidia` is there where GPUs can be given to them."""
        with self._told():
            return frozenset(self._client.info().get("Runtimes") or ())

    @cached_property
    def has_init(self) -> bool:
        """Whether it can put a process before a container's own that passes signals on: not every packaging has it."""
        with self._told():
            told = self._client.info().get("InitCommit") or {}
        return bool(told.get("ID", _NO_INIT) != _NO_INIT)

    @contextmanager
    def container(self, wanted: Wanted) -> Iterator[str]:
        """The id of one that is not started yet; it is gone behind the block, whatever happens in it."""
        with self._told():
            made = self._client.create_container(
                wanted.image,
                entrypoint=list(wanted.words[:1]),
                command=list(wanted.words[1:]),
                environment=dict(wanted.variables),
                host_config=self._client.create_host_config(network_mode=wanted.network, log_config=_KEPT_LOG),
                labels=_LABELS,
                use_config_proxy=False,
            )["Id"]
        try:
            if wanted.files:
                with self._told(), wanted.files.open("rb") as stream:
                    self._client.put_archive(made, "/", stream)
            yield made
        finally:
            with self._told():
                self._client.remove_container(made, v=True, force=True)

    def run(self, container: str, hear: Callable[[bytes], None]) -> int:
        """Start it, hand over each line of what it says, and wait for its end."""
        from docker.errors import APIError

        with self._told():
            try:
                self._client.start(container)
            except APIError as error:
                if not _NO_PROGRAM.search(told := str(error.explanation or error)):
                    raise
                hear(told.encode())
                return _NOT_FOUND
            for line in lines(self._client.logs(container, stream=True)):
                hear(line)
            return int(self._client.wait(container)["StatusCode"])

    def end(self, container: str) -> None:
        """Whatever runs in it; one that has ended meanwhile is as well."""
        from docker.errors import APIError

        with suppress(APIError):
            self._client.kill(container)

    def has(self, container: str, path: str) -> bool:
        """A file or folder in it; a link that leads nowhere is none."""
        from docker.errors import NotFound

        with self._told():
            try:
                _, facts = self._client.get_archive(container, path)
                if facts and int(facts["mode"]) & _LINK:
                    self._client.get_archive(container, facts["linkTarget"])
            except NotFound:
                return False
        return True

    @cached_property
    def endpoint(self) -> str:
        """Where the engine is: DOCKER_HOST, else what the context in use says."""
        if own := self._host.get("DOCKER_HOST"):
            return own
        env = {**child_environment(self._host), **{key: self._host[key] for key in _OF_DOCKER if self._host.get(key)}}
        context = [f"--context={self._context}"] if self._context else []
        ran = self._programs.run(
            ["docker", *context, "context", "inspect", "--format={{json .Endpoints.docker.Host}}"], env=env
        )
        if ran.code:
            return _SOCKET
        return str(json.loads(ran.output) or _SOCKET)

    @cached_property
    def _client(self) -> "APIClient":
        from docker import APIClient
        from docker.errors import DockerException

        try:
            return APIClient(self.endpoint, version="auto", timeout=_SECONDS, tls=self._tls(), use_ssh_client=True)
        except DockerException as error:
            raise self._unreachable(str(error)) from None

    def _tls(self) -> Any:
        """As Docker's own command takes it from these two variables."""
        folder = self._host.get("DOCKER_CERT_PATH")
        if not self._host.get("DOCKER_TLS_VERIFY") or not folder:
            return False
        from docker.tls import TLSConfig

        files = (f"{folder}/cert.pem", f"{folder}/key.pem")
        return TLSConfig(client_cert=files, ca_cert=f"{folder}/ca.pem", verify=True)

    def _unreachable(self, words: str) -> BuildError:
        said = f"Cannot connect to the Docker daemon at {self.endpoint}. " if "rror while fetching" in words else words
        return silent(said, "")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong, in our words: the SDK's are of its own parts."""
        from docker.errors import APIError, DockerException

        try:
            yield
        except APIError as error:
            said = log_line(str(error.explanation or error))
            raise BuildError(f"the Docker engine says: {said}", hint="look at the engine's own log") from None
        except DockerException as error:
            raise self._unreachable(str(error)) from None
        except OSError as error:  # of the connection, which is requests' own kind
            raise self._unreachable(f"Error while fetching: {error}") from None


def _facts(told: Mapping[str, Any]) -> Facts:
    variant = f"/{told['Variant']}" if told.get("Variant") else ""
    return Facts(
        id=told["Id"],
        digests=tuple(told.get("RepoDigests") or ()),
        tags=tuple(told.get("RepoTags") or ()),
        size=int(told.get("Size") or 0),
        platform=f"{told.get('Os', '')}/{told.get('Architecture', '')}{variant}",
        config=told.get("Config") or {},
        layers=tuple((told.get("RootFS") or {}).get("Layers") or ()),
        created=str(told.get("Created") or ""),
    )


def is_refusal(words: str) -> bool:
    return _CREDENTIALS.search(words) is not None
