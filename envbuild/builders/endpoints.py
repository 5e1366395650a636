"""Where an engine is, and by which certificates it is spoken to: as Docker's own command finds it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders.engine import context_of, silent
from envbuild.errors import BuildError
from envbuild.process import Programs, Ran, child_environment
from envbuild.typed import from_json

if TYPE_CHECKING:
    from docker.tls import TLSConfig

_SOCKET = "unix:///var/run/docker.sock"
_OF_DOCKER = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "BUILDX_CONFIG",
)
_KIND = "docker"
_DEFAULT = "default"  # the context that is what the variables say
_CA, _CERT, _KEY = "ca.pem", "cert.pem", "key.pem"


class Certificates(msgspec.Struct, frozen=True):
    """The files of a folder that are used: the engine's authority, and what we are known by."""

    folder: Path
    files: tuple[str, ...] = (_CA, _CERT, _KEY)
    verifies: bool = True

    def config(self) -> "TLSConfig":
        import urllib3
        from docker.tls import TLSConfig
        from urllib3.exceptions import InsecureRequestWarning

        class Own(TLSConfig):  # type: ignore[misc]  # the SDK has no types
            """REQUESTS_CA_BUNDLE would take the authority's place, and is for other servers."""

            def configure_client(self, client: object) -> None:
                client.trust_env = False  # type: ignore[attr-defined]  # of requests' sessions
                if not self.verify:
                    urllib3.disable_warnings(InsecureRequestWarning)  # who made the context wants it so
                super().configure_client(client)

        places = {name: str(self.folder / name) for name in self.files}
        if broken := next((place for place in places.values() if not Path(place).is_file()), ""):
            what = f"there is no '{broken}', by which the Docker engine is spoken to"
            raise BuildError(what, hint="set DOCKER_CERT_PATH to the folder that has it, or make the context anew")
        own = (places[_CERT], places[_KEY]) if {_CERT, _KEY} <= places.keys() else None
        return Own(client_cert=own, ca_cert=places.get(_CA), verify=self.verifies)


class Endpoint(msgspec.Struct, frozen=True):
    """`context` is what Docker's command calls it, where that is not the one in use."""

    address: str
    certificates: Certificates | None = None
    context: str = ""


class _Place(msgspec.Struct, frozen=True, rename="pascal"):
    host: str = ""
    skip: bool = msgspec.field(default=False, name="SkipTLSVerify")


class _Storage(msgspec.Struct, frozen=True):
    folder: str = msgspec.field(default="", name="TLSPath")


class _Context(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    endpoints: dict[str, _Place] = {}
    storage: _Storage = _Storage()
    material: dict[str, list[str]] = msgspec.field(default={}, name="TLSMaterial")


def endpoint(host: Mapping[str, str], programs: Programs, context: str = "", builder: str = "") -> Endpoint:
    """Of a context that is named, or of a builder that is one; else what DOCKER_HOST says, or the context in use."""
    env = {**child_environment(host), **{key: host[key] for key in _OF_DOCKER if host.get(key)}}

    def ask(words: list[str]) -> Ran:
        return programs.run(["docker", *words], env=env)

    named = context or (context_of(ask, builder) if builder else "")
    if not named and (own := host.get("DOCKER_HOST")):
        return Endpoint(own, _of_variables(host))
    return _of_context(ask, named, host)


def _of_context(ask: Callable[[list[str]], Ran], named: str, host: Mapping[str, str]) -> Endpoint:
    words = [f"--context={named}"] if named else []
    ran = ask([*words, "context", "inspect", "--format={{json .}}"])
    if ran.code and (wanted := named or host.get("DOCKER_CONTEXT")):
        raise silent(f'no builder "{wanted}" found', "")
    if ran.code:
        return Endpoint(_SOCKET)
    found = from_json(ran.output, _Context)
    place = found.endpoints.get(_KIND, _Place())
    own = _of_variables(host) if found.name == _DEFAULT else _of_storage(found, place)
    return Endpoint(place.host or _SOCKET, own, named)


def _of_storage(found: _Context, place: _Place) -> Certificates | None:
    files = tuple(found.material.get(_KIND, ()))
    if not files and not place.skip:
        return None
    return Certificates(Path(found.storage.folder, _KIND), files, not place.skip)


def _of_variables(host: Mapping[str, str]) -> Certificates | None:
    """Of Docker's own folder, which is looked at where none is named, what is there of a certificate of our own."""
    if not host.get("DOCKER_TLS_VERIFY"):
        return None
    if stated := host.get("DOCKER_CERT_PATH"):
        return Certificates(Path(stated))
    folder = Path(host.get("DOCKER_CONFIG") or Path(host.get("HOME") or "/", ".docker"))
    return Certificates(folder, (_CA, *(one for one in (_CERT, _KEY) if (folder / one).is_file())))
