"""An image, had by the engine of this machine: by its digest, then under the names that it was given."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from envbuild.apply import Ahead, Event, Tell
from envbuild.builders.daemon import Daemon
from envbuild.builders.engine import is_refusal
from envbuild.builders.facts import Facts
from envbuild.errors import BrokenError, BuildError, GoneError, LoginError, UsageError
from envbuild.project.distributing.recalled import Image
from envbuild.project.front import Project
from envbuild.project.shop import keeper
from envbuild.registry.repositories import Repository
from envbuild.render import ARCHITECTURES, platforms_of

_TENTHS = 10
_MB = 1_000_000


class Pulled(msgspec.Struct, frozen=True):
    """What the engine has now."""

    image: Image
    facts: Facts
    names: tuple[str, ...]


def pull(project: Project, image: Image, on_event: Tell, platform: str = "") -> Pulled:
    name, engine = image.environment.name, Daemon(project.host, project.programs)
    on_event(Event("begin", ahead=(Ahead(name, "pull"),), work="pull"))
    on_event(Event("started", name, "pull", work="pull"))
    facts = _kept(project, engine, image, on_event) if image.id else _pulled(project, engine, image, on_event, platform)
    names = image.names if image.id else _standing(project, image)
    for one in names:
        engine.tag(facts.id, *one.rsplit(":", 1))
    on_event(Event("done", name, image.reference, work="pull"))
    on_event(Event("end", work="pull"))
    return Pulled(image, facts, names)


def _standing(project: Project, image: Image) -> tuple[str, ...]:
    """Its names where it was pulled from, without those that stand for another image by now."""
    home = image.homes[0]
    own = [one.rpartition(":")[2] for one in image.names if one.rpartition(":")[0] == home.name]
    told = project.registries.of(home.server).ask_all((home.path, tag) for tag in own)
    return tuple(home.tagged(tag) for tag in own if told[home.path, tag] == image.digest)


def _kept(project: Project, engine: Daemon, image: Image, on_event: Tell) -> Facts:
    """What was never pushed is on this machine, or nowhere."""
    own = keeper(project, image.builder)
    known = own.in_engine(image.id, lambda text: on_event(Event("progress", image.environment.name, text, work="pull")))
    found = engine.image(known) if known else None
    if found is None:
        what = f"{image.title} was not pushed, and is not in {own.called}"
        raise BuildError(what, hint=f"run 'envbuild apply {image.environment.name}'")
    return found


def _pulled(project: Project, engine: Daemon, image: Image, on_event: Tell, platform: str) -> Facts:
    home, asked = image.homes[0], _asked(image, platform)
    registry = project.registries.of(home.server)
    if registry.head(home.path, image.digest) is None:  # who is not let in, or finds nothing, is told so in our words
        hint = f"run 'envbuild apply {image.environment.name}' to put it there"
        raise GoneError(f"{home.server} has no {home.at(image.digest)}, which is {image.title}", hint=hint)
    told = engine.pull(home.at(image.digest), registry.login(home.path), asked)
    for text in _said(told, home):
        on_event(Event("progress", image.environment.name, text, work="pull"))
    found = engine.image(home.at(image.digest))
    if found is None:
        what = f"the engine says that it has pulled {home.at(image.digest)}, and does not have it"
        raise BuildError(what, hint="look at the engine's own log")
    return found


def _asked(image: Image, platform: str) -> str:
    """As Docker calls it."""
    every = platforms_of(image.environment)
    if platform and platform not in every:
        raise UsageError(f"'{image.environment.name}' is not for {platform}", hint=f"choose one of: {', '.join(every)}")
    return f"linux/{ARCHITECTURES[platform]}" if platform else ""


def _said(told: Iterable[Mapping[str, Any]], home: Repository) -> Iterator[str]:
    """How far it is, ten times at most; what the engine says piece by piece may tell of an error as well."""
    sizes: dict[str, tuple[int, int]] = {}
    last = -1
    for one in told:
        if error := one.get("error"):
            raise _refused(str(error), home)
        detail = one.get("progressDetail") or {}
        if one.get("status") != "Downloading" or not detail.get("total"):
            continue
        sizes[str(one.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
        current, total = (sum(each) for each in zip(*sizes.values(), strict=True))
        if current * _TENTHS // total > last:
            last = current * _TENTHS // total
            yield f"downloading {current / _MB:.1f} of {total / _MB:.1f} MB"


def _refused(words: str, home: Repository) -> BrokenError | LoginError:
    if is_refusal(words):
        what = f"{home.server} does not let the engine pull from {home.path}"
        return LoginError(what, hint=f"run 'docker login {home.server}'")
    return BrokenError(f"the engine cannot pull from {home.name}: {words}", hint="try again once it can")
