"""Images that a registry has, fetched into the engine of this machine by their digests."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from envbuild.builders.daemon import Daemon
from envbuild.builders.engine import failure, is_refusal
from envbuild.builders.keeping import Keeper
from envbuild.errors import BrokenError, GoneError, LoginError, RegistryError
from envbuild.registry.repositories import Repository

if TYPE_CHECKING:
    from envbuild.registry.client import Registries

_MEGABYTE = 1_000_000


def pulled(
    reference: str,
    registries: "Registries",
    engine: Daemon,
    keeper: Keeper,
    say: Callable[[str], None],
    platform: str = "",
) -> str:
    """By which id the engine has an image: nothing is fetched that it has. The keeper has what is in no registry."""
    if "/" not in reference:
        found, called = keeper.in_engine(reference, say, platform), keeper.called
    else:
        if engine.image(reference) is None:
            _pull(reference, registries, engine, say, platform)
        found, called = engine.in_engine(reference, say), engine.called
    if found is None:
        raise GoneError(f"{reference} is not in {called}", hint="run 'envbuild apply': it is built again")
    return found


def _pull(reference: str, registries: "Registries", daemon: Daemon, say: Callable[[str], None], platform: str) -> None:
    place = Repository.of(reference)
    server, path = place.server, place.path
    login = registries.of(server).login(path)
    layers: dict[str, tuple[int, int]] = {}
    told = ""
    say(f"pulling from {server}")
    for one in daemon.pull(reference, login, platform):
        if error := failure(one):
            raise _refused(error, server, path)
        if (now := _progress(layers, one)) and now != told:
            told = now
            say(f"pulling from {server}: {now}")


def _progress(layers: dict[str, tuple[int, int]], one: Mapping[str, Any]) -> str:
    """How much of all layers that are fetched has come."""
    detail = one.get("progressDetail") or {}
    if one.get("status") == "Downloading" and detail.get("total"):
        layers[str(one.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
    elif one.get("status") in {"Download complete", "Pull complete"} and (known := layers.get(str(one.get("id")))):
        layers[str(one.get("id"))] = (known[1], known[1])
    come, whole = (sum(sizes) // _MEGABYTE for sizes in zip(*layers.values(), strict=True)) if layers else (0, 0)
    return f"{come:,} of {whole:,} MB" if whole else ""


def _refused(words: str, server: str, path: str) -> RegistryError:
    if is_refusal(words):
        hint = f"run 'docker login {server}'"
        return LoginError(f"{server} does not let the engine pull {path}", hint=hint)
    return BrokenError(f"the engine cannot pull {server}/{path}: {words}", hint="try again once it answers")
