"""What the command line does, as values: two classes for Python users, and the flows that both go through.

What is behind it is loaded when it is asked for: a command needs only its own flow.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envbuild.api.environment import Environment
    from envbuild.api.project import Project

__all__ = ["Environment", "Project"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'envbuild.api' has no attribute '{name}'")
        return getattr(importlib.import_module(f"envbuild.api.{name.lower()}"), name)
