"""What `lock --upgrade WORD...` means: packages to move, and environments to move them in."""

import msgspec

from envbuild.errors import UsageError
from envbuild.manifest import normalise
from envbuild.project.front import Project
from envbuild.project.moving import Upgrade
from envbuild.project.selection import Selection, is_pattern


def understood(project: Project, selection: Selection, words: tuple[str, ...]) -> tuple[Selection, Upgrade]:
    """What stands behind --upgrade names packages, unless it can only mean environments.

    Among the environments, a word that is none names a package as well, if one is pinned: `--upgrade numpy pandas`.
    """
    if not words:
        return selection, Upgrade()
    pinned = _pinned(project)
    stated = [_spelled(word, pinned, project) for word in words if word]
    if selection.everything:
        _refuse_doubt(project, pinned, stated)
    packages = [word for word in stated if word in pinned or not _means_environments(project, word)]
    chosen = [word for word in stated if word not in packages]
    for word in (_spelled(one, pinned, project) for one in selection.patterns):
        is_package = word in pinned and not _means_environments(project, word)
        (packages if is_package else chosen).append(word)
    return msgspec.structs.replace(selection, patterns=tuple(chosen)), Upgrade(not packages, frozenset(packages))


def _refuse_doubt(project: Project, pinned: set[str], words: list[str]) -> None:
    """A word that is an environment and a package, with nothing beside it that tells which is meant."""
    both = next((word for word in words if word in pinned and word in project.names), None)
    if both and all(word in pinned for word in words):
        what = f"'{both}' is an environment, and a package that is pinned"
        hint = f"write 'lock {both} --upgrade' for all in the environment, 'lock --upgrade {both} '**'' for the package"
        raise UsageError(what, hint=hint)


def _pinned(project: Project) -> set[str]:
    """Every package that a lock of the project pins, by its bare name and as a manifest names PyPI's."""
    names = project.preparer.locks.names()
    return names | {f"pip/{name}" for name in names}


def _spelled(word: str, pinned: set[str], project: Project) -> str:
    """A package as locks have it, however its name is spelled; what is an environment is spelled as that."""
    if _means_environments(project, word):
        return word
    manager, slash, name = word.rpartition("/")
    spellings = (word, word.lower(), f"{manager}{slash}{normalise(name)}")
    return next((one for one in spellings if one in pinned), word)


def _means_environments(project: Project, word: str) -> bool:
    return is_pattern(word) or word in project.names
