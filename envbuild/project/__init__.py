"""The front door of a project for commands and for `api`: `Project.load(".").plan()`, `.lock()`, `.apply()`.

What is behind it is loaded when it is asked for: whoever waits for a word to be completed needs only what reads.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envbuild.project.checking import Checked, check
    from envbuild.project.front import Project
    from envbuild.project.looking import Listed, explained, listed
    from envbuild.project.moving import Behind, Fate, Outcome, Upgrade
    from envbuild.project.planned import Planned
    from envbuild.project.preparing import Prepared
    from envbuild.project.reading import Selection
    from envbuild.project.rendering import artifacts, write_artifacts
    from envbuild.project.shown import Shown
    from envbuild.project.upgrading import understood

__all__ = [
    "Behind",
    "Checked",
    "Fate",
    "Listed",
    "Outcome",
    "Planned",
    "Prepared",
    "Project",
    "Selection",
    "Shown",
    "Upgrade",
    "artifacts",
    "check",
    "explained",
    "listed",
    "understood",
    "write_artifacts",
]
_BEHIND = {
    "checking": ("Checked", "check"),
    "front": ("Project",),
    "looking": ("Listed", "explained", "listed"),
    "moving": ("Behind", "Fate", "Outcome", "Upgrade"),
    "planned": ("Planned",),
    "preparing": ("Prepared",),
    "reading": ("Selection",),
    "rendering": ("artifacts", "write_artifacts"),
    "shown": ("Shown",),
    "upgrading": ("understood",),
}


def __getattr__(name: str) -> object:
    for module, names in _BEHIND.items():
        if name in names:
            return getattr(importlib.import_module(f"envbuild.project.{module}"), name)
    raise AttributeError(f"module 'envbuild.project' has no attribute '{name}'")
