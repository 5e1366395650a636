"""The commonest thing that Tab is pressed for, the name of an environment, answered without loading the commands.

What is not as plain as that goes to `completing`, which reads every command's own options and arguments. What decides
an answer is loaded only when the moment is known from which on that may be kept.
"""

import contextlib
import gc
import os
import sys

from envbuild import memo
from envbuild.cli import again, shells, streams
from envbuild.cli.shells import Answer, Typed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envbuild.cli.offers import Began

# Commands whose arguments are environments: all of them, or the first alone. A test compares this with the commands.
EVERY = frozenset(
    {"apply", "check", "graph", "history", "list", "lock", "plan", "publish", "register", "render", "test", "why"}
)
FIRST = frozenset(
    {
        "clone",
        "diff",
        "explain",
        "kernel",
        "label",
        "logs",
        "promote",
        "pull",
        "run",
        "serve",
        "shell",
        "show",
        "verify",
    }
)
_FLAGS = frozenset({"-q", "--quiet", "-v", "--verbose", "--json"})


def answer(shell: str, words: list[str]) -> None:
    """Never an error: a prompt is no place for one, and what can be said is said."""
    gc.disable()  # we end long before there is anything worth collecting
    reply, typed = Answer("words", []), Typed([], "")
    with contextlib.suppress(Exception):
        typed = shells.read(shell, words)
        directory, plain = _parted(typed)
        began = _began(directory)
        reply = _environments(typed, directory, plain, began) or _completed(typed, began)
    try:
        shells.write(shell, reply, typed)
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - as above
        streams.left()


def _parted(typed: Typed) -> tuple[str, list[str]]:
    """The folder that is meant, as far as a glance tells, and the other words."""
    words, directory = typed.before[1:], os.environ.get("ENVBUILD_DIR") or "."
    plain: list[str] = []
    while words:
        word = words.pop(0)
        if word == "-C" and words:
            directory = words.pop(0)
        elif word not in _FLAGS:
            plain.append(word)
    return directory, plain


def _began(directory: str) -> "Began | None":
    try:
        private = f"{again.root(os.path.expanduser(directory))}/{again.PRIVATE}"  # noqa: PTH111 - as `again` does
    except OSError:
        return None
    moment = memo.moment(private)
    return (private, moment) if moment else None


def _environments(typed: Typed, directory: str, plain: list[str], began: "Began | None") -> Answer | None:
    """The names, where nothing but a name can stand at the cursor."""
    if not plain or any(word.startswith("-") for word in (*plain, typed.current)) or "@" in typed.current:
        return None
    if "=" in typed.before[0] or not (plain[0] in EVERY or (plain[0] in FIRST and len(plain) == 1)):
        return None
    from envbuild.cli import offers

    found = [*offers.environments(directory, began), *offers.lent(directory, typed.current)]
    return Answer("words", [word for word in found if word[0] not in plain[1:]])


def _completed(typed: Typed, began: "Began | None") -> Answer:
    from envbuild.cli.completing import completed

    return completed(typed.before, typed.current, began)
