"""Projects of conda packages beside a bare py-rattler: what is locked, and what is only checked.

The channel is large and shaped like conda-forge, see `condafleet`. Every environment asks for other packages of it, so
none is another's twin, and comes to about forty.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

from support.condachannel import ServedChannel
from support.condafleet import fleet_name, write_fleet
from support.once import made_once

from .process import CommandError, Place, Run, place

Side = Callable[[], Run]

_BARE = Path(__file__).with_name("barelock.py")
_CHECKOUT = Path(__file__).parents[2]
_PLATFORMS = ("linux-64", "linux-aarch64")
_ROOTS = 12  # they bring about thirty others
_NAMES = (100, 2500)  # those before are what everything leans on
_FRESH = 3600  # seconds for which clients may use what they have, as with public channels


def solved(work: Place, environments: int) -> tuple[float, float]:
    """Requests alone, through envbuild and bare: seconds for one, in a process where all is loaded and read."""
    with _served(work) as url:
        project = _project(work, "conda-solved", url, environments, _PLATFORMS[:1])
        checkout = project.beside(_CHECKOUT)
        checkout.run(sys.executable, "-m", "tests.bench.insolve", url, project.folder, _PLATFORMS[0])
    told = json.loads((project.folder / ".bench" / "solved.json").read_text())
    return told["ours"], told["theirs"]


@contextmanager
def solving(work: Place) -> Iterator[tuple[Side, Side]]:
    """One lock for one platform, and the least that somebody with rattler would do for such a file."""
    with _served(work) as url:
        project = _project(work, "conda-one", url, 1, _PLATFORMS[:1])
        script = (sys.executable, str(_BARE), url, str(project.folder / ".bench"), _PLATFORMS[0], *specs(0))

        def theirs() -> Run:
            try:
                return project.run(*script)
            except CommandError:  # a thread of rattler that is still at work can break while Python ends
                return project.run(*script)

        theirs()
        _lock(project)
        yield lambda: _lock(project), theirs


@contextmanager
def locking(work: Place, environments: int) -> Iterator[tuple[Side, Side]]:
    """Many locks, none of which stands yet, and one of them."""
    with _served(work) as url:
        many = _project(work, f"conda-{environments}", url, environments, _PLATFORMS[:1])
        one = _project(work, "conda-one", url, 1, _PLATFORMS[:1])
        _lock(many)
        _lock(one)
        yield lambda: _lock(many), lambda: _lock(one)


@contextmanager
def looking(work: Place, environments: int) -> Iterator[tuple[Side, Side]]:
    """What could move in many locks, with the newest that there is; and what an upgrade of them would move."""
    with _served(work) as url:
        project = _project(work, f"conda-looked-at-{environments}", url, environments, _PLATFORMS[:1])
        _lock(project)
        yield (
            lambda: project.envbuild("lock", "--outdated"),
            lambda: project.envbuild("lock", "--upgrade", "--dry-run"),
        )


@contextmanager
def checking(work: Place, environments: int, *, anew: bool = False) -> Iterator[tuple[Side, Side]]:
    """As many current locks, checked again or as if for the first time, and five starts of Python for each hundred.

    That it was applied once, an environment without packages, gives a project the place for what it remembers.
    """
    with _served(work) as url:
        project = _project(work, f"conda-checked-{environments}", url, environments, _PLATFORMS)
        (project.folder / "manifests" / "plain.yaml").write_text("variables:\n  BENCH: '1'\n")
        project.envbuild("apply", "plain")
        _lock(project)

        def theirs() -> Run:
            starts = (project.run(sys.executable, "-c", "pass") for _ in range(environments * 5 // 100))
            return reduce(Run.then, starts)

        def ours() -> Run:
            if anew:
                shutil.rmtree(project.folder / ".envbuild" / "cache", ignore_errors=True)
            return project.envbuild("lock", "--check")

        ours()
        yield ours, theirs


@contextmanager
def _served(work: Place) -> Iterator[str]:
    folder = made_once(work.folder / "conda-channel", _write_channel)
    with ServedChannel(folder, max_age=_FRESH) as channel:
        yield channel.url


def _write_channel(folder: Path) -> None:
    for platform in _PLATFORMS:
        write_fleet(folder, subdir=platform)


def _project(work: Place, name: str, url: str, environments: int, platforms: Sequence[str]) -> Place:
    """Manifests and no locks. Caches are the project's own; its channel's address is another each time."""
    folder = work.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(environments):
        path = folder / "manifests" / f"team-{number // 100:02}" / f"env-{number:04}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(_lines(number, url, platforms)))
    return place(folder)


def _lines(number: int, url: str, platforms: Sequence[str]) -> Iterator[str]:
    yield from ("# Made by tests/bench/channels.", f"channels:\n  - {url}", f"platforms: [{', '.join(platforms)}]")
    yield from ("dependencies:", *(f"  - {spec}" for spec in specs(number)), "")


def specs(number: int) -> list[str]:
    drawn = random.Random(number)  # noqa: S311 - the same each time is what is wanted
    names = sorted(drawn.sample(range(*_NAMES), _ROOTS))
    return [f"{fleet_name(one)} >={drawn.randrange(3)}" for one in names]


def _lock(project: Place) -> Run:
    """Only what a channel says is kept from the time before."""
    shutil.rmtree(project.folder / "locks", ignore_errors=True)
    return project.envbuild("lock")
