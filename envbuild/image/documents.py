"""What JSON of an image must look like: read without mercy, for what two programs read differently is two images."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from envbuild.errors import ImageError
from envbuild.typed import converted

_AGAIN = "build it again"
_Digest = Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
_Kind = Annotated[str, msgspec.Meta(min_length=1)]
_Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
]
_Variable = Annotated[str, msgspec.Meta(pattern=r"^[^=\0]+=[^\0]*$")]
_Port = Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,4}/(tcp|udp|sctp)$")]
_Signal = Annotated[str, msgspec.Meta(pattern=r"^(SIG[A-Z0-9+-]+|[0-9]{1,2})$")]
_Rooted = Annotated[str, msgspec.Meta(pattern="^/")]
_T = TypeVar("_T")


class Platform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    architecture: _Kind
    os: _Kind
    variant: str = ""
    version: str = msgspec.field(name="os.version", default="")
    features: tuple[str, ...] = msgspec.field(name="os.features", default=())

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A descriptor; one with URLs or with its data in it is none of ours."""

    digest: _Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    media_type: _Kind = msgspec.field(name="mediaType")
    annotations: dict[str, str] = {}
    platform: Platform | None = None


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[2] = msgspec.field(name="schemaVersion")
    media_type: str = msgspec.field(name="mediaType")
    manifests: tuple[Named, ...]
    annotations: dict[str, str] = {}


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A manifest; one that is also an index says two things, and engines differ in what they hear."""

    version: Literal[2] = msgspec.field(name="schemaVersion")
    media_type: str = msgspec.field(name="mediaType")
    config: Named
    layers: tuple[Named, ...]
    annotations: dict[str, str] = {}


class Starts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="pascal"):
    env: tuple[_Variable, ...] = ()
    user: str = ""
    working_dir: _Rooted = "/"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    exposed_ports: dict[_Port, dict[str, str]] = {}
    volumes: dict[_Rooted, dict[str, str]] = {}
    stop_signal: _Signal = "SIGTERM"
    healthcheck: dict[str, Any] = {}
    args_escaped: bool = False


class RootFs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["layers"] = msgspec.field(name="type")
    diff_ids: tuple[_Digest, ...]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    created: _Moment | None = None
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    created: _Moment
    architecture: _Kind
    os: _Kind
    rootfs: RootFs
    history: tuple[Step, ...]
    config: Starts = Starts()
    author: str = ""
    variant: str = ""
    version: str = msgspec.field(name="os.version", default="")
    features: tuple[str, ...] = msgspec.field(name="os.features", default=())

    @property
    def platform(self) -> Platform:
        return Platform(self.architecture, self.os, self.variant, self.version, self.features)


def document(data: bytes, kind: type[_T], what: str) -> _T:
    """What it says, if it says it once and as OCI has it."""
    try:
        stated = json.loads(data.decode(), object_pairs_hook=_once)
        return converted(stated, kind)
    except msgspec.ValidationError as error:
        raise ImageError(f"{what} is not as OCI says: {_plain(str(error))}", hint=_AGAIN) from None
    except RecursionError:
        raise ImageError(f"{what} is nested too deeply", hint=_AGAIN) from None
    except ValueError as error:
        raise ImageError(f"{what} is no JSON to rely on: {error}", hint=_AGAIN) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise ValueError(f"it says '{twice}' twice")
    return found


def _plain(text: str) -> str:
    return text.replace("`", "'")
