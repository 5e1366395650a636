"""The start of a project and of a manifest: what a folder already has, and what is made of it."""

from envbuild.project.starting.adding import Made, Wanted, new, refuse_name
from envbuild.project.starting.beginning import Begun, begin, enclosing_project, write_begun
from envbuild.project.starting.cloning import Cloned, clone, moved_text
from envbuild.project.starting.importing import Asked, Carried, Imported, folded_name, not_carried, place_of, take_in
from envbuild.project.starting.judging import Judged
from envbuild.project.starting.leaving import Told

__all__ = [
    "Asked",
    "Begun",
    "Carried",
    "Cloned",
    "Imported",
    "Judged",
    "Made",
    "Told",
    "Wanted",
    "begin",
    "clone",
    "enclosing_project",
    "folded_name",
    "moved_text",
    "new",
    "not_carried",
    "place_of",
    "refuse_name",
    "take_in",
    "write_begun",
]
