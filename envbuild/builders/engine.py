"""What builds: the builder that buildx would use, what it can do, and why it does not answer."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from envbuild.errors import BuildError
from envbuild.process import Ran
from envbuild.written import log_line

_FACT = re.compile(r"^(Name|Driver|Error|Endpoint|Platforms|BuildKit version|Buildkit): *(.*)$", re.MULTILINE)
_VERSION = re.compile(r"v?(\d+)\.(\d+)")
# Named contexts, which a base that is an environment and staged packages come by, and `COPY --link` began with these.
_OLDEST_ENGINE = (23, 0)
_OLDEST_BUILDKIT = (0, 10)
CONTAINERD = "io.containerd.snapshotter"
_CREDENTIALS = re.compile(r"(?i)unauthorized|authentication required|denied|no basic auth")
_ENGINE = "docker"
_START = "start Docker, or set DOCKER_HOST or DOCKER_CONTEXT to an engine that runs"
_MORE = (
    "turn on the containerd image store of the engine (features: containerd-snapshotter), "
    "or make a builder by 'docker buildx create', and name it"
)

Ask = Callable[[list[str]], Ran]
"""Runs docker with these words."""


class Capabilities(msgspec.Struct, frozen=True):
    """A builder, and what can be asked of it. No platforms are known of one that has not started yet."""

    builder: str
    driver: str
    platforms: tuple[str, ...]
    buildkit: str
    has_containerd_store: bool

    @property
    def is_engine(self) -> bool:
        """Whether it is the one within Docker's own engine."""
        return self.driver == _ENGINE

    @property
    def keeps_indexes(self) -> bool:
        """Whether annotations, attestations, several platforms and OCI files work: an engine's own store has none."""
        return not self.is_engine or self.has_containerd_store

    def rewrites_times(self, output: str) -> bool:
        """Whether files in layers can be given the time of the source: an engine that unpacks them refuses it."""
        return not self.is_engine or (self.has_containerd_store and output == "oci")

    def refuse(self, what: str) -> BuildError:
        driver = f"the builder '{self.builder}' (driver '{self.driver}')"
        return BuildError(f"{driver} cannot make {what}", hint=_MORE)


def capabilities(ask: Ask, builder: str) -> Capabilities:
    """Ask buildx which builder it would use, and the engine how it keeps images, where it is the builder."""
    facts = _facts(ask, builder)
    name = facts.get("Name", builder)
    buildkit = facts.get("BuildKit version") or facts.get("Buildkit", "")
    is_engine = facts["Driver"] == _ENGINE
    if not is_engine:
        _refuse_old(f"the builder '{name}' has BuildKit", buildkit, _OLDEST_BUILDKIT)
    return Capabilities(
        builder=name,
        driver=facts["Driver"],
        platforms=tuple(filter(None, (one.strip(" *") for one in facts.get("Platforms", "").split(",")))),
        buildkit=buildkit,
        has_containerd_store=is_engine and _has_containerd(ask, builder and facts["Endpoint"]),
    )


def context_of(ask: Ask, builder: str) -> str:
    """The context whose engine a builder is, by its name; nothing of one that is no engine."""
    facts = _facts(ask, builder)
    return facts.get("Endpoint", "") if facts["Driver"] == _ENGINE else ""


def _facts(ask: Ask, builder: str) -> dict[str, str]:
    """What buildx says of a builder, and of the first of its nodes."""
    ran = ask(["buildx", "inspect", *([f"--builder={builder}"] if builder else [])])
    facts: dict[str, str] = {}
    for name, value in _FACT.findall(ran.output):
        facts.setdefault(name, value)
    if ran.code or "Error" in facts or not facts.get("Driver"):
        raise silent(facts.get("Error") or ran.errors or ran.output, builder)
    return facts


def _has_containerd(ask: Ask, context: str) -> bool:
    """Of the engine itself: a builder that was named may be of another context than the one in use."""
    ran = ask([*([f"--context={context}"] if context else []), "info", "--format={{json .}}"])
    if ran.code or ran.errors.startswith("Cannot connect"):
        raise silent(ran.errors, "")
    try:
        told = json.loads(ran.output)
    except ValueError:
        told = {}
    refuse_old_engine(str(told.get("ServerVersion", "")))
    return any(CONTAINERD in str(value) for _, value in told.get("DriverStatus") or ())


def refuse_old_engine(version: str) -> None:
    """One that cannot build what is rendered is told before anything is built."""
    _refuse_old("this is Docker Engine", version, _OLDEST_ENGINE)


def _refuse_old(who: str, version: str, oldest: tuple[int, int]) -> None:
    """A version that is not told, or is zero, is of somebody's own making, and taken as it is."""
    found = _VERSION.match(version)
    known = (int(found[1]), int(found[2])) if found else (0, 0)
    if (0, 0) < known < oldest:
        needed = ".".join(map(str, oldest))
        hint = "install a newer Docker, or make a newer builder by 'docker buildx create', and name it by --builder"
        raise BuildError(f"{who} {log_line(version)}, which is too old: {needed} or later is needed", hint=hint)


def silent(said: str, builder: str) -> BuildError:
    """Why no builder could be found, in our words; what docker said is behind them where it says more."""
    told = log_line(" ".join(said.split())).removeprefix("ERROR: ")
    if found := re.search(r"no builder \"(.*)\" found", told):
        hint = "look at 'docker buildx ls' for the builders, and at 'docker context ls' for the contexts"
        return BuildError(f"Docker knows no builder or context named '{found[1]}'", hint=hint)
    if "permission denied" in told:
        hint = "ask to be put into the group 'docker', or use an engine of your own (rootless)"
        return BuildError(f"the Docker engine does not let you in: {told}", hint=hint)
    if "docker endpoint for" in told or "unable to parse docker host" in told:
        return BuildError(
            f"DOCKER_HOST or the Docker context is no address: {told}",
            hint="write it like unix:///run/docker.sock, ssh://USER@HOST or tcp://HOST:2376",
        )
    if found := re.search(r"Cannot connect to the Docker daemon at (\S+?)\.? ", told):
        return BuildError(f"no Docker engine answers at {found[1]}", hint=_START)
    who = f"the builder '{builder}'" if builder else "the Docker engine"
    return BuildError(f"{who} does not answer: {told or 'it says nothing'}", hint=_START)


def failure(told: Mapping[str, Any]) -> str:
    """What a piece of an engine's answer says went wrong: old engines, and others' own, tell it in one of two ways."""
    detail = told.get("errorDetail")
    if not detail and not told.get("error"):
        return ""
    said = detail.get("message") if isinstance(detail, Mapping) else detail
    return str(told.get("error") or said or "it does not say why")


def is_refusal(words: str) -> bool:
    return _CREDENTIALS.search(words) is not None
