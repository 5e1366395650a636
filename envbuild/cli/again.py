"""`plan`, `apply`, `lock --check`: where nothing was to be done and nothing moved since, answered without any loading.

Only what is understood to the last word is answered here; anything else, and any doubt, is for the command itself.
"""

import contextlib
import gc
import os

from envbuild import memo
from envbuild.cli import streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    Asked = tuple[str, str, frozenset[str]]

# A test compares these with `names` and `workspace`, which take longer to load than an answer may take.
FILE, MANIFESTS, PRIVATE = "envbuild.yaml", "manifests", ".envbuild"
_ANYWHERE = frozenset({"-q", "--quiet", "--json"})  # `-v` says more than is remembered
_BEHIND = {
    "apply": frozenset[str](),
    "lock": frozenset({"--check"}),
    "plan": frozenset({"--no-refresh", "--detailed-exitcode"}),
}
# What is said by a variable, and so by none of the words.
_WISHES = frozenset({"ENVBUILD_LOCKED", "ENVBUILD_PLATFORM", "GITHUB_ACTIONS", "BUILDX_BUILDER"})
_COLOURS = frozenset({"auto", "always", "never"})
_UNKNOWN = (None, None)


def answer(words: list[str]) -> tuple[int | None, memo.Moment | None]:
    """The exit code once it is answered; else the file system's time, from which on all is read anew."""
    gc.disable()  # where an answer is found we end long before there is anything worth collecting
    try:
        asked = _asked(words)
        if asked is None:
            return _UNKNOWN
        verb, directory, flags = asked
        private = f"{root(directory)}/{PRIVATE}"
        with contextlib.suppress(Exception):
            refresh = verb != memo.LOCK and "--no-refresh" not in flags
            found = memo.recall(private, os.environ, refresh=refresh, name=verb)
            if found:
                return streams.told(found["--json" in flags]), None
        return None, memo.moment(private)
    except Exception:  # noqa: BLE001 - the command itself says it, and what to do
        return _UNKNOWN
    finally:
        gc.enable()


def _asked(words: list[str]) -> "Asked | None":
    """Verb, folder and flags; nothing for a selection, what a variable asks for, or a form that is not known here."""
    rest = iter(words)
    directory, flags, verb = "", set[str](), ""
    for word in rest:
        if word in _BEHIND and not verb:
            verb = word
        elif word == "-C" and not directory:
            directory = next(rest, "")
        elif word == "--color":
            if next(rest, "") not in _COLOURS:
                return None
        elif word in _ANYWHERE or (verb and word in _BEHIND[verb]):
            flags.add(word)
        else:
            return None
        if word == "-C" and not directory:
            return None
    if not verb or not _WISHES.isdisjoint(os.environ):
        return None
    if verb == "lock" and "--check" not in flags:
        return None
    return verb, directory or os.environ.get("ENVBUILD_DIR") or ".", frozenset(flags)


def root(directory: str) -> str:
    """The project's folder, as `find_root` finds it."""
    start = os.path.realpath(directory)
    if not os.path.isdir(directory):  # noqa: PTH112 - pathlib takes longer to load than an answer may take
        raise NotADirectoryError
    folder = start
    while not _is_file(f"{folder.rstrip('/')}/{FILE}"):
        above = os.path.dirname(folder)  # noqa: PTH120 - as above
        if above == folder:
            if os.path.isdir(f"{start}/{MANIFESTS}"):  # noqa: PTH112 - as above
                return start
            raise FileNotFoundError
        folder = above
    return folder


def _is_file(path: str) -> bool:
    """Whether it is one; where that cannot be known, an error, as for whoever looks there."""
    import stat

    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except (FileNotFoundError, NotADirectoryError):
        return False
