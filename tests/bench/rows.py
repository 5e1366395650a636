"""What is measured: each row of the table as a question, the number to reach, and how to find the answer.

Both sides of a row run in turns, A B A B, as whole processes in the same minute on the same machine, and the medians
are compared; so no row depends on what this machine did yesterday.

Two things to know when reading the no-op rows. The synthetic environments share their contents (see `fleet`). And they
are local ones, so `plan` also compares every file of every prefix with what it was, which image environments do not
need; `--no-refresh` measures without that.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import bake, channels, condabuild, imagerows, ocirows, runrows, serverows
from .byhand import by_hand
from .channels import Side
from .fleet import Shape, manifests
from .index import served
from .process import Place, Run, place

_BUDGET = 6.0
_FEWEST, _MOST = 3, 25
_HAND = 20  # a project as one person keeps it
_REQUESTS = 20
_MIB = 1024 * 1024
_MB = 1_000_000
_BAKE = "docker buildx bake --print"
_BARE_SERVER = "bare uvicorn, same handler"
_BAKED = "docker buildx bake"
_BARE = Path(__file__).with_name("bare.py")
_CHECKOUT = Path(__file__).parents[2]

# Where Tab is pressed: behind the last word, which may have been begun.
_TYPED = {
    "a name": ("plan", ""),
    "an option": ("plan", "--"),
    "a tag": ("list", "--tag", ""),
    "a field": ("explain", "ENV", ""),
}

# Rows of the design that wait for a builder; said below the table, so that nobody takes the table for the whole.
WAITING: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Bench:
    work: Place
    buildx: Path | None
    small: int
    large: int
    huge: int | None
    plan: tuple[str, ...]

    def no_op(self, project: Place) -> Run:
        return project.envbuild(*self.plan)

    def print_targets(self, project: Place) -> Run:
        return project.run(self.buildx or "docker-buildx", "bake", "--file", bake.FILE, "--print")


@dataclass(frozen=True)
class Answer:
    """Medians of both sides, in seconds or, where there is nothing to compare with, in the question's unit."""

    ours: float
    theirs: float | None = None


@dataclass(frozen=True)
class Question:
    what: str
    against: str
    reach: float
    ask: Callable[[Bench], Answer]
    unit: str = "x"
    needs: str = ""
    sides: str = "s"


def questions(bench: Bench) -> list[Question]:
    small, large, plan = bench.small, bench.large, " ".join(("no-op", *bench.plan))
    built, first = max(2, small // 20), max(2, small // 50)
    shared, starts = small // 10, f"python -c pass, {small // 20} times"
    count, pushed = 30 if bench.huge else 10, "docker buildx build --push"
    both = f"{small:,} -> {large:,} environments"
    rows = [
        Question(f"{plan}, {small:,}", f"{_BAKE}, {small:,}", 0.15, lambda b: _bake(b, b.small), needs="buildx"),
        Question(f"{plan}, {large:,}", f"{_BAKE}, {large:,}", 0.005, lambda b: _bake(b, b.large), needs="buildx"),
        Question(f"first plan, no cache, {small:,}", f"{_BAKE}, {small:,}", 1.5, _first, needs="buildx"),
        Question("local build, 30 pip packages, warm", "uv venv + uv pip install", 1.2, _local_build),
        Question("local build, 30 conda packages, 5 wheels", "rattler + uv pip install", 1.2, _conda_build),
        Question(f"no-op apply, {built} built images", f"{_BAKED}, {built} cached", 0.1, _unchanged, needs="docker"),
        Question(f"first build, {first} images, -j 2", f"{_BAKED}, {first}", 1.1, _first_images, needs="docker"),
        Question(f"oci, one of {count} packages changed, pushed", pushed, 0.03, _oci_changed, needs="docker"),
        Question(f"oci, first image of {count} packages, pushed", pushed, 0.4, _oci_first, needs="docker"),
        Question("oci, bytes pushed of 10 images", "of 1", 1.3, _oci_shared, needs="docker", sides="MB"),
        Question("oci, peak memory of a first image", "", 300, _oci_memory, unit="MiB", needs="docker"),
        Question("envbuild --version", "python -c pass", 4, _version),
        Question(f"{plan}, {_HAND}", "python -c pass", 12, _plan_by_hand),
        Question("run ENV -- true", "uv run true, synced", 2, _run_beside_uv),
        Question("run ENV -- true, over its bare interpreter", "", 80, _run_over_bare, unit="ms"),
        # 0.9 of the requests is 1.11 of the time.
        Question("scoring with scikit-learn, 1,000 requests", _BARE_SERVER, 1.11, _scored, needs="load"),
        Question("scoring that does nothing, 1,000 requests", _BARE_SERVER, 5, _unscored, needs="load"),
        *(
            Question(f"completion of {what}, {_HAND} environments", "python -c pass", 8, partial(_completion, words))
            for what, words in _TYPED.items()
        ),
        Question(f"{plan}, {large:,}", f"bare script, {large:,}", 2.5, _bare),
        Question("solving for 40 conda packages", "bare py-rattler", 1.2, _solved),
        Question("lock, 40 conda packages, the whole command", "script of bare py-rattler", 1.2, _locked),
        Question(f"lock, {shared} environments", "lock, 1 environment", 20, partial(_shared, shared)),
        Question(f"lock --outdated, {shared} environments", "lock --upgrade --dry-run of them", 1.5, _looked_at),
        Question(f"lock --check, {small:,} locks", starts, 1, _checked),
        Question(f"first lock --check, no cache, {small:,} locks", starts, 1, partial(_checked, anew=True)),
        Question(f"{plan}, growth", both, 11, _growth),
        Question(f"{plan}, peak memory, {large:,}", "", 300, _memory, unit="MiB"),
    ]
    if bench.huge:
        rows.append(Question(f"{plan}, {bench.huge:,}", "", 2, _huge, unit="s"))
    return rows


def _bake(bench: Bench, environments: int) -> Answer:
    project = _built(bench, environments)
    return _compare(lambda: bench.no_op(project), lambda: bench.print_targets(project))


def _first(bench: Bench) -> Answer:
    project = _built(bench, bench.small)

    def first() -> Run:
        _drop_cache(project.folder)
        return project.envbuild("plan")

    return _compare(first, lambda: bench.print_targets(project))


def _version(bench: Bench) -> Answer:
    return _compare(
        lambda: bench.work.envbuild("--version"),
        lambda: bench.work.run(sys.executable, "-c", "pass"),
    )


def _plan_by_hand(bench: Bench) -> Answer:
    project = _built(bench, _HAND, targets=False)
    return _compare(lambda: bench.no_op(project), lambda: project.run(sys.executable, "-c", "pass"))


def _run_beside_uv(bench: Bench) -> Answer:
    project = runrows.standing(bench.work)
    return _compare(runrows.ours(project), runrows.uv(project))


def _run_over_bare(bench: Bench) -> Answer:
    project = runrows.standing(bench.work)
    found = _compare(runrows.ours(project), runrows.interpreter(project))
    return Answer((found.ours - (found.theirs or 0)) * 1000)


def _completion(words: tuple[str, ...], bench: Bench) -> Answer:
    """What a shell runs when Tab is pressed there. The first in a project that changed takes longer: see `offers`."""
    project = _built(bench, _HAND, targets=False)
    asked = project.beside(project.folder, _ENVBUILD_COMPLETE="zsh")
    named = next(one.name for one in manifests(Shape(_HAND, python=_python())) if not one.abstract)
    typed = ["envbuild", *(named if word == "ENV" else word for word in words)]
    return _compare(lambda: asked.envbuild(*typed), lambda: project.run(sys.executable, "-c", "pass"))


def _bare(bench: Bench) -> Answer:
    project = _built(bench, bench.large)
    script = (sys.executable, _BARE, project.folder)
    project.run(*script, "--write")
    return _compare(lambda: bench.no_op(project), lambda: project.run(*script))


def _growth(bench: Bench) -> Answer:
    small, large = _built(bench, bench.small), _built(bench, bench.large)
    return _compare(lambda: bench.no_op(large), lambda: bench.no_op(small))


def _memory(bench: Bench) -> Answer:
    project = _built(bench, bench.large)
    return Answer(statistics.median(project.peak(*bench.plan) for _ in range(_FEWEST)) / _MIB)


def _huge(bench: Bench) -> Answer:
    project = _built(bench, bench.huge or 0, targets=False)
    (runs,) = in_turns(lambda: bench.no_op(project))
    return Answer(statistics.median(one.seconds for one in runs))


def _scored(bench: Bench) -> Answer:
    return _between(partial(serverows.scoring, model=True), bench)


def _unscored(bench: Bench) -> Answer:
    return _between(partial(serverows.scoring, model=False), bench)


def _between(sides: Callable[[Place], AbstractContextManager[tuple[Side, Side]]], bench: Bench) -> Answer:
    with sides(bench.work) as (ours, theirs):
        return _compare(ours, theirs)


def _solved(bench: Bench) -> Answer:
    return Answer(*channels.solved(bench.work, _REQUESTS))


def _locked(bench: Bench) -> Answer:
    return _between(channels.solving, bench)


def _conda_build(bench: Bench) -> Answer:
    return _between(condabuild.building, bench)


def _shared(environments: int, bench: Bench) -> Answer:
    return _between(partial(channels.locking, environments=environments), bench)


def _looked_at(bench: Bench) -> Answer:
    return _between(partial(channels.looking, environments=bench.small // 10), bench)


def _unchanged(bench: Bench) -> Answer:
    return _between(partial(imagerows.unchanged, images=max(2, bench.small // 20)), bench)


def _first_images(bench: Bench) -> Answer:
    return _between(partial(imagerows.first, images=max(2, bench.small // 50)), bench)


def _oci_changed(bench: Bench) -> Answer:
    return _between(partial(ocirows.changed, full=bench.huge is not None), bench)


def _oci_first(bench: Bench) -> Answer:
    return _between(partial(ocirows.first, full=bench.huge is not None), bench)


def _oci_shared(bench: Bench) -> Answer:
    ten, one = ocirows.shared(bench.work, full=bench.huge is not None)
    return Answer(ten / _MB, one / _MB)


def _oci_memory(bench: Bench) -> Answer:
    return Answer(ocirows.peak(bench.work, full=bench.huge is not None) / _MIB)


def _checked(bench: Bench, *, anew: bool = False) -> Answer:
    return _between(partial(channels.checking, environments=bench.small, anew=anew), bench)


def _local_build(bench: Bench) -> Answer:
    """Both sides start from pins, a warm cache and nothing built; what a person would type stands on the other side."""
    single, fresh = bench.work.folder / "single", bench.work.folder / "fresh"
    shutil.rmtree(single, ignore_errors=True)
    with served(single / ".bench" / "index") as url:
        shape = Shape(environments=1, depth=1, packages=30, python=_python(), index_url=url)
        project = _generated(bench, single, shape, "--modules", "20", "--built")
        install = by_hand(project, shape)

        def ours() -> Run:
            _renew(fresh)
            for part in ("manifests", "locks"):
                shutil.copytree(single / part, fresh / part)
            shutil.copy(single / "envbuild.yaml", fresh)
            return project.beside(fresh, ENVBUILD_STORE=str(fresh / "store")).envbuild("apply")

        def theirs() -> Run:
            _renew(fresh)
            return install(fresh / "venv")

        ours()
        theirs()
        return _compare(ours, theirs)


def _built(bench: Bench, environments: int, *, targets: bool = True) -> Place:
    """A project of this size that is locked and applied, made once; that it is up to date is checked each time."""
    folder = bench.work.folder / f"fleet-{environments}"
    options = ("--built", "--bake") if targets else ("--built",)
    project = _generated(bench, folder, Shape(environments, python=_python()), *options)
    project.envbuild(*bench.plan, "--detailed-exitcode")
    return project


def _generated(bench: Bench, folder: Path, shape: Shape, *options: str) -> Place:
    """In a process of its own, which needs no memory of this one's."""
    words = ["--environments", shape.environments, "--depth", shape.depth, "--packages", shape.packages]
    words += ["--python", shape.python, *(["--index-url", shape.index_url] if shape.index_url else []), *options]
    checkout = bench.work.beside(_CHECKOUT)
    checkout.run(sys.executable, "-m", "tests.bench.generate", folder, *map(str, words), aloud=True)
    return place(folder)


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _drop_cache(project: Path) -> None:
    """All that envbuild can make again goes; the records stay."""
    for path in (project / ".envbuild").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.startswith("state.db"):
            path.unlink()


def _renew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _compare(ours: Callable[[], Run], theirs: Callable[[], Run]) -> Answer:
    first, second = in_turns(ours, theirs)
    return Answer(statistics.median(one.seconds for one in first), statistics.median(one.seconds for one in second))


def in_turns(*sides: Callable[[], Run], budget: float = _BUDGET) -> Sequence[list[Run]]:
    """A B A B …, for as many rounds as the budget has room for, and always enough for a median."""
    runs: list[list[Run]] = [[] for _ in sides]
    start = time.perf_counter()
    while len(runs[0]) < _FEWEST or (len(runs[0]) < _MOST and time.perf_counter() - start < budget):
        for side, own in zip(sides, runs, strict=True):
            own.append(side())
    return runs
