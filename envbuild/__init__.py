"""Software environments from YAML manifests: planned, locked, rebuilt only when their content changed.

From Python: `from envbuild import Environment, Project`. What is behind these names is loaded when they are asked for.
"""

TYPE_CHECKING = False  # as type checkers know it, without loading `typing`

if TYPE_CHECKING:
    from envbuild.api import Environment, Project
    from envbuild.errors import EnvbuildError
    from envbuild.version import __version__

__all__ = ["EnvbuildError", "Environment", "Project", "__version__"]
_BEHIND = {"Environment": "api", "EnvbuildError": "errors", "Project": "api", "__version__": "version"}

if not TYPE_CHECKING:  # else every misspelt name would be an object

    def __getattr__(name: str) -> object:
        if name not in _BEHIND:
            raise AttributeError(f"module 'envbuild' has no attribute '{name}'")
        return getattr(__import__(f"envbuild.{_BEHIND[name]}", fromlist=[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
