"""The commonest thing that Tab is pressed for, the name of an environment, answered without loading the commands.

What is not as plain as that goes to `completing`, which reads every command's own options and arguments.
"""

import contextlib
import gc
import os
import sys

from envbuild.cli import offers, shells
from envbuild.cli.shells import Answer, Typed

# Commands whose arguments are environments: all of them, or the first alone. A test compares this with the commands.
EVERY = frozenset({"apply", "check", "graph", "history", "list", "lock", "plan", "render", "why"})
FIRST = frozenset({"diff", "explain", "logs", "run", "shell", "show"})
_FLAGS = frozenset({"-q", "--quiet", "-v", "--verbose", "--json"})


def answer(shell: str, words: list[str]) -> None:
    """Never an error: a prompt is no place for one, and what can be said is said."""
    gc.disable()  # we end long before there is anything worth collecting
    reply, typed = Answer("words", []), Typed([], "")
    with contextlib.suppress(Exception):
        typed = shells.read(shell, words)
        reply = _environments(typed) or _completed(typed)
    with contextlib.suppress(Exception):
        shells.write(shell, reply, typed)
        sys.stdout.flush()


def _environments(typed: Typed) -> Answer | None:
    """The names, where nothing but a name can stand at the cursor."""
    words, directory = typed.before[1:], os.environ.get("ENVBUILD_DIR") or "."
    plain: list[str] = []
    while words:
        word = words.pop(0)
        if word == "-C" and words:
            directory = words.pop(0)
        elif word not in _FLAGS:
            plain.append(word)
    if not plain or any(word.startswith("-") for word in (*plain, typed.current)) or "@" in typed.current:
        return None
    if "=" in typed.before[0] or not (plain[0] in EVERY or (plain[0] in FIRST and len(plain) == 1)):
        return None
    return Answer("words", [word for word in offers.environments(directory) if word[0] not in plain[1:]])


def _completed(typed: Typed) -> Answer:
    from envbuild.cli.completing import completed

    return completed(typed.before, typed.current)
