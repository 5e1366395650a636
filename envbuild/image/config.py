"""The configuration of an image: how a container of it starts, what its layers unpack to, and where each came from.

What a base says goes on to hold, by the rules that Docker has for FROM.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.errors import ImageError
from envbuild.image.layers import Layer
from envbuild.image.manifests import canonical

if TYPE_CHECKING:
    from envbuild.render.variables import Line

EPOCH = "1970-01-01T00:00:00Z"
# What an engine takes where an image says nothing; what is put before it must not hide it.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a base hands on; the rest of it tells about the container that it was once made in.
_HANDED_ON = ("author", "os.features", "os.version", "variant")
_OF_CONTAINERS = (
    *("ArgsEscaped", "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels"),
    *("Shell", "StopSignal", "User", "Volumes", "WorkingDir"),
)
_OF_HISTORY = ("author", "comment", "created", "created_by", "empty_layer")
_PORTS = re.compile(r"(?P<first>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?(?:/(?P<protocol>tcp|udp|sctp))?")
_MOST_PORT = 65535


class Conduct(msgspec.Struct, frozen=True):
    """How a container starts. What is None, or names nothing, is as the base has it; what is empty is taken away."""

    env: tuple[str, ...] = ()
    user: str | None = None
    workdir: str | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    shell: tuple[str, ...] | None = None
    labels: Mapping[str, str] = {}
    expose: tuple[str, ...] = ()
    stop_signal: str | None = None
    healthcheck: Mapping[str, Any] | None = None


class Base(msgspec.Struct, frozen=True):
    """What an image starts from: nothing, which is `scratch`, or layers and the configuration that came with them."""

    layers: tuple[Layer, ...] = ()
    config: Mapping[str, Any] = {}

    @property
    def starts(self) -> Mapping[str, Any]:
        """What it says of containers."""
        return self.config.get("config") or {}

    @property
    def env(self) -> tuple[str, ...]:
        return tuple(self.starts.get("Env") or ())


def config(base: Base, layers: Sequence[Layer], conduct: Conduct, platform: str, created: str = EPOCH) -> bytes:
    """`layers` are those put upon the base's; `platform` is as in 'linux/amd64' or 'linux/arm64/v8'."""
    _must_fit(base, platform)
    parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    stated = {
        **{key: base.config[key] for key in _HANDED_ON if base.config.get(key)},
        **parts,
        "created": created,
        "config": dict(_starts(base.starts, conduct)),
        "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in (*base.layers, *layers)]},
        "history": [*_history(base, created), *(_step(one, created) for one in layers)],
    }
    return canonical(stated)


def _must_fit(base: Base, platform: str) -> None:
    stated = [base.config.get(key) for key in ("os", "architecture", "variant")]
    if any(said and said != wanted for said, wanted in zip(stated, platform.split("/"), strict=False)):
        shown = "/".join(str(one) for one in stated if one)
        raise ImageError(f"the base image is for {shown}, not for {platform}", hint="choose one for this platform")
    if base.starts.get("OnBuild"):
        hint = "choose another base image, or 'builder: docker'"
        raise ImageError("the base image has ONBUILD steps, which have to be run", hint=hint)


def _starts(before: Mapping[str, Any], conduct: Conduct) -> Iterator[tuple[str, Any]]:
    """Only what says something: an empty list and a missing one are the same to an engine, and not the same bytes."""
    stated = {
        **{key: before[key] for key in _OF_CONTAINERS if key in before},
        "Env": [*replaced(before.get("Env") or (), conduct.env)],
        "Labels": {**(before.get("Labels") or {}), **conduct.labels},
        "ExposedPorts": {port: {} for port in ports((*(before.get("ExposedPorts") or ()), *conduct.expose))},
        **_own(conduct),
    }
    yield from ((key, value) for key, value in stated.items() if value)


def _own(conduct: Conduct) -> dict[str, Any]:
    """A command belongs to its entrypoint: a new entrypoint does not get the base's."""
    command = () if conduct.command is None and conduct.entrypoint is not None else conduct.command
    own = {
        "User": conduct.user,
        "WorkingDir": conduct.workdir,
        "Entrypoint": conduct.entrypoint,
        "Cmd": command,
        "Shell": conduct.shell,
        "StopSignal": conduct.stop_signal,
        "Healthcheck": conduct.healthcheck,
    }
    return {key: value for key, value in own.items() if value is not None}


def replaced(before: Iterable[str], env: Iterable[str]) -> Iterator[str]:
    """Each variable once, where it stood first, with its last value."""
    every = {one.partition("=")[0]: one for one in (*before, *env)}
    yield from every.values()


def environment(before: Iterable[str], lines: "Iterable[Line]") -> tuple[str, ...]:
    """The variables of a base, and what lines make of them one after another, as a Dockerfile's would."""
    every = dict(one.partition("=")[::2] for one in before)
    for line in lines:
        had = every.get(line.name, _PATH if line.name == "PATH" else "")
        every[line.name] = line.value if line.value is not None else ":".join(filter(None, _ends(line, had)))
    return tuple(f"{name}={value}" for name, value in every.items())


def _ends(line: "Line", had: str) -> tuple[str, str, str]:
    return line.first, had, line.last


def ports(stated: Iterable[str]) -> Iterator[str]:
    """Each port with its protocol, and each of a range."""
    for text in stated:
        match = _PORTS.fullmatch(text)
        first, last = (int(match["first"]), int(match["last"] or match["first"])) if match else (0, 0)
        if match is None or not 0 < first <= last <= _MOST_PORT:
            hint = "write it as '80', '53/udp' or '8000-8003', up to 65535"
            raise ImageError(f"'{text}' is no port", hint=hint)
        yield from (f"{port}/{match['protocol'] or 'tcp'}" for port in range(first, last + 1))


def _history(base: Base, created: str) -> list[dict[str, Any]]:
    """As the base tells it, if it tells of every layer; an image that does so of some only is refused by engines."""
    told = [{key: one[key] for key in _OF_HISTORY if one.get(key)} for one in base.config.get("history") or ()]
    if sum(not one.get("empty_layer") for one in told) == len(base.layers):
        return told
    return [_step(one, created) for one in base.layers]


def _step(layer: Layer, created: str) -> dict[str, Any]:
    return {"created": created, "created_by": layer.made_by} if layer.made_by else {"created": created}
