"""Software environments from YAML manifests: planned, locked, rebuilt only when their content changed.

From Python: `from envbuild import Environment, Project`. What is behind these names is loaded when they are asked for.
"""

TYPE_CHECKING = False  # as type checkers know it, without loading `typing`

if TYPE_CHECKING:
    from envbuild.api import Environment, Project
    from envbuild.errors import EnvbuildError

__version__ = "0.1.0"
__all__ = ["EnvbuildError", "Environment", "Project"]
_BEHIND = {"Environment": "api", "EnvbuildError": "errors", "Project": "api"}

if not TYPE_CHECKING:  # else every misspelt name would be an object

    def __getattr__(name: str) -> object:
        if name not in _BEHIND:
            raise AttributeError(f"module 'envbuild' has no attribute '{name}'")
        from importlib import import_module

        return getattr(import_module(f"envbuild.{_BEHIND[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
