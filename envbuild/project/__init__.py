"""The front door for Python users: `Project.load(".").plan()`, `.lock()`, `.apply()`."""

from envbuild.project.checking import Checked, check
from envbuild.project.facts import Prepared
from envbuild.project.front import Project
from envbuild.project.locking import Outcome
from envbuild.project.looking import Listed, artifacts, explained, listed, write_artifacts
from envbuild.project.planned import Planned
from envbuild.project.reading import Selection
from envbuild.project.shown import Shown

__all__ = [
    "Checked",
    "Listed",
    "Outcome",
    "Planned",
    "Prepared",
    "Project",
    "Selection",
    "Shown",
    "artifacts",
    "check",
    "explained",
    "listed",
    "write_artifacts",
]
