"""The front door for Python users: `Project.load(".").plan()`, `.lock()`, `.apply()`."""

from envbuild.project.facts import Prepared
from envbuild.project.front import Project
from envbuild.project.locking import Outcome
from envbuild.project.looking import Shown
from envbuild.project.planned import Planned
from envbuild.project.reading import Selection

__all__ = ["Outcome", "Planned", "Prepared", "Project", "Selection", "Shown"]
