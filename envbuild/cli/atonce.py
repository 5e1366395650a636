"""`run` of an environment that is known to stand: begun without loading the commands.

Only what is understood to the last word is done here; anything else, and any doubt, is for the command itself. What
decides whether an environment still stands is `memo`, as for `plan`.
"""

import contextlib
import os

from envbuild import memo
from envbuild.cli import again

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envbuild.attending.known import Asked
    from envbuild.attending.run import Ticket

_VALUED = {"-C": "directory", "--experiment": "experiment"}
_FLAGS = {"--no-history": "has_history", "--no-snapshot": "keeps_snapshot", "-q": "", "--quiet": ""}
_WISHES = ("ENVBUILD_LOCKED", "ENVBUILD_PLATFORM", "BUILDX_BUILDER")


def kept_name(name: str) -> str:
    """Under which name it is remembered that an environment stands."""
    from _blake2 import blake2b

    return f"run-{blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=12).hexdigest()}"


def answer(words: list[str]) -> tuple[int | None, memo.Moment | None]:
    """The exit code once it has run; else the file system's time, from which on all is read anew."""
    asked = _asked(words)
    if asked is None or any(name in os.environ for name in _WISHES):
        return None, None
    try:
        private = f"{again.root(asked.directory or os.environ.get('ENVBUILD_DIR') or '.')}/{again.PRIVATE}"
    except OSError:
        return None, None
    ticket = None
    with contextlib.suppress(Exception):
        ticket = _ticket(private, asked)
    if ticket is None:
        return None, memo.moment(private)
    return _run(ticket, asked), None


def _asked(words: list[str]) -> "Asked | None":
    """Nothing for an option or a form that is not known here; what stands behind `--` is the command's."""
    at = words.index("--") if "--" in words else len(words)
    before, command = iter(words[:at]), words[at + 1 :]
    from envbuild.attending.known import Asked

    asked, verb, names = Asked("", command), False, list[str]()
    for word in before:
        if word in _VALUED:
            setattr(asked, _VALUED[word], next(before, ""))
        elif word in _FLAGS:
            if _FLAGS[word]:
                setattr(asked, _FLAGS[word], False)
        elif word == "run" and not verb:
            verb = True
        elif word.startswith(("-", "@")) or not verb or set(word) & set("@*?[{"):
            return None
        else:
            names.append(word)
    if not verb or len(names) > 1:
        return None
    asked.name = names[0] if names else ""
    return asked


def _ticket(private: str, asked: "Asked") -> "Ticket | None":
    found = memo.recall(private, os.environ, refresh=True, name=kept_name(asked.name))
    if not found:
        return None
    from envbuild.attending.known import ticket

    return ticket(found[0], asked, os.environ)


def _run(ticket: "Ticket", asked: "Asked") -> int | None:
    """Nothing where it could not be begun, which the command itself says better."""
    from envbuild.attending.command import program
    from envbuild.attending.run import ForgottenError, Running
    from envbuild.attending.snapshot import SourceError

    try:
        if not asked.has_history:
            return take_over(program(ticket.words[0], ticket.env.get("PATH", os.defpath)), ticket.words, ticket.env)
        running = Running(ticket)
    except (OSError, ForgottenError, SourceError):
        return None
    try:
        return running.attend()
    except OSError as error:
        return _told(ticket, error)


def take_over(place: str, words: "Sequence[str]", variables: "Mapping[str, str]") -> int:
    """There is nothing left for us to do: the command takes our place."""
    env = {_encoded(name): _encoded(value) for name, value in variables.items()}
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execve(place, [_encoded(word) for word in words], env)  # noqa: S606 - words, and no shell


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _told(ticket: "Ticket", error: OSError) -> int:
    from envbuild.cli.options import Common
    from envbuild.cli.problems import tell
    from envbuild.project.runs.running import unstarted

    found = unstarted(ticket, error)
    tell(Common(), found)
    return found.exit_code
