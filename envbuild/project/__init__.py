"""The front door for Python users: `Project.load(".").plan()`, `.lock()`, `.apply()`."""

from envbuild.project.adding import Made, Wanted, new, refuse_name
from envbuild.project.beginning import Begun, begin, enclosing_project, write_begun
from envbuild.project.checking import Checked, check
from envbuild.project.facts import Prepared
from envbuild.project.front import Project
from envbuild.project.judging import Judged
from envbuild.project.leaving import Told
from envbuild.project.locking import Outcome
from envbuild.project.looking import Listed, artifacts, explained, listed, write_artifacts
from envbuild.project.planned import Planned
from envbuild.project.reading import Selection
from envbuild.project.shown import Shown

__all__ = [
    "Begun",
    "Checked",
    "Judged",
    "Listed",
    "Made",
    "Outcome",
    "Planned",
    "Prepared",
    "Project",
    "Selection",
    "Shown",
    "Told",
    "Wanted",
    "artifacts",
    "begin",
    "check",
    "enclosing_project",
    "explained",
    "listed",
    "new",
    "refuse_name",
    "write_artifacts",
    "write_begun",
]
