"""A builder of our own making in the place of `local`: each of its turns may be slow, or fail, as a test says."""

from collections.abc import Callable
from pathlib import Path

from envbuild.apply import Event, Job, Pace, Site, Summary, Task
from envbuild.project import Project
from envbuild.project.applying import Applying
from envbuild.record import Made

Turn = Callable[[str, Task], None]  # of an environment, by its name


def nothing(_name: str, _task: Task) -> None: ...


class Hands:
    """Does what it was told for each turn, and keeps which turns it took."""

    ships = True

    def __init__(self, **turns: Turn) -> None:
        self._turns = turns
        self.took: list[tuple[str, str]] = []

    def build(self, job: Job, task: Task) -> str:
        self._take("build", job, task)
        return job.environment.name

    def ship(self, job: Job, task: Task, draft: str) -> Made:
        self._take("ship", job, task)
        return Made(reference=f"/{draft}", platform="linux-64", machine="here")

    def test(self, job: Job, task: Task, _made: Made) -> None:
        self._take("test", job, task)

    def claim(self, job: Job, task: Task, _made: Made) -> None:
        self._take("claim", job, task)

    def name(self, job: Job, task: Task, made: Made) -> Made:
        self._take("name", job, task)
        return made

    def _take(self, turn: str, job: Job, task: Task) -> None:
        name = job.environment.name
        self.took.append((turn, name))
        self._turns.get(turn, nothing)(name, task)

    def all(self, turn: str) -> set[str]:
        return {name for one, name in self.took if one == turn}


def applied(
    path: Path,
    environ: dict[str, str],
    hands: Hands,
    pace: Pace,
    tell: Callable[[Event], None],
    stop: Callable[[], None] = lambda: None,
) -> Summary:
    """What an apply of the project in this folder comes to, with these hands, which STOP is to stop."""
    project = Project.load(path, environ)
    planned = project.plan()
    site = Site(
        {"local": hands},
        project.state,
        stop,
        lambda name: project.workspace.private("logs", *name.split("/")),
        lambda name: project.workspace.private("work", *name.split("/")),
        "",
        dirty=False,
    )
    return Applying(project.jobs(), site).apply(planned, tell, pace)
