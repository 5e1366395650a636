"""The start of a project and of a manifest: what a folder already has, and what is made of it."""

from envbuild.project.starting.adding import Made, Wanted, new, refuse_name
from envbuild.project.starting.beginning import Begun, begin, enclosing_project, write_begun
from envbuild.project.starting.judging import Judged
from envbuild.project.starting.leaving import Told

__all__ = [
    "Begun",
    "Judged",
    "Made",
    "Told",
    "Wanted",
    "begin",
    "enclosing_project",
    "new",
    "refuse_name",
    "write_begun",
]
