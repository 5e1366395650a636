"""The front door for Python users: `Project.load(".").plan()`, `.lock()`, `.apply()`."""

from envbuild.project.checking import Checked, check
from envbuild.project.comparing import compared
from envbuild.project.facts import Prepared
from envbuild.project.front import Project
from envbuild.project.locking import Outcome
from envbuild.project.logs import Attempt, attempt, attempts, lines
from envbuild.project.looking import Listed, artifacts, explained, listed, write_artifacts
from envbuild.project.planned import Planned
from envbuild.project.reading import Selection
from envbuild.project.shown import Shown
from envbuild.project.versions import Told, history, parted, told

__all__ = [
    "Attempt",
    "Checked",
    "Listed",
    "Outcome",
    "Planned",
    "Prepared",
    "Project",
    "Selection",
    "Shown",
    "Told",
    "artifacts",
    "attempt",
    "attempts",
    "check",
    "compared",
    "explained",
    "history",
    "lines",
    "listed",
    "parted",
    "told",
    "write_artifacts",
]
