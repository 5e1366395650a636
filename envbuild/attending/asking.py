"""A program that is asked one question, in the cheapest way there is: nothing is loaded for it."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BLOCK = 1 << 16
_ANYWHERE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")  # whatever somebody has set


class Question:
    """It is at work until its answer is asked for; what it says of errors goes nowhere."""

    def __init__(self, words: "Sequence[str]", env: "Mapping[str, str]") -> None:
        self._outlet, inlet = os.pipe()
        nowhere = os.open(os.devnull, os.O_RDWR)
        actions = [
            (os.POSIX_SPAWN_DUP2, nowhere, 0), (os.POSIX_SPAWN_DUP2, inlet, 1), (os.POSIX_SPAWN_DUP2, nowhere, 2),
        ]  # fmt: skip
        try:
            self._pid = os.posix_spawnp(words[0], list(words), env, file_actions=actions)
        except OSError:
            self._pid = 0
        finally:
            os.close(inlet)
            os.close(nowhere)

    def answer(self) -> bytes | None:
        """Nothing where it cannot be asked, or has failed."""
        pieces = []
        while piece := os.read(self._outlet, _BLOCK):
            pieces.append(piece)
        os.close(self._outlet)
        if not self._pid:
            return None
        _, status = os.waitpid(self._pid, 0)
        return b"".join(pieces) if status == 0 else None


class Git:
    """What git says of a folder; nothing where there is no git, or no repository."""

    def __init__(self, folder: str, host: "Mapping[str, str]") -> None:
        kept = {name: value for name, value in host.items() if not name.startswith("GIT_")}
        self._env = {**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        self._folder = folder

    def ask(self, *words: str) -> Question:
        return Question(["git", "-C", self._folder, *_ANYWHERE, *words], self._env)


def is_in_repository(folder: str) -> bool:
    """Whether it is worth asking at all."""
    while True:
        if os.path.lexists(f"{folder.rstrip('/')}/.git"):
            return True
        above = os.path.dirname(folder)  # noqa: PTH120 - no pathlib: it takes longer to load than is left
        if above == folder:
            return False
        folder = above
