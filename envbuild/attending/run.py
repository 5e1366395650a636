"""One run from its beginning to its end: recorded before it starts, attended, and recorded as what became of it."""

import contextlib
import errno
import os
import signal
import time
from _blake2 import blake2b

from envbuild.attending.asking import Git, is_in_repository
from envbuild.attending.command import Care, attended, program
from envbuild.attending.kept import LOG, OBJECTS, Guard, Keeping, runs_folder
from envbuild.attending.masking import Log, masked
from envbuild.attending.results import Results
from envbuild.attending.shelf import Shelf
from envbuild.attending.snapshot import RESULTS, SourceError, Wanted, take
from envbuild.attending.terminal import UnstartedError
from envbuild.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envbuild.attending.command import Outcome

TIMED_OUT = 124  # as the command `timeout` has it
_NOT_FOUND, _NOT_RUN = 127, 126
_SECRET_BYTES = 1 << 20
_DIFF = ("diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--relative", "HEAD", "--", ".")
_STATUS = ("status", "--porcelain=v2", "--branch", "--", ".")


class ForgottenError(Exception):
    """The record that the run is to be recorded with was swept away meanwhile."""


class Ticket:
    """All that a run is made from. Made with its fields by name.

    `words` are what is started, in `folder` or here; `ending` what makes that end which they started elsewhere. `facts`
    are what is known of the run already, and `record` is the whole record of its environment, where that is not known
    to be kept. `source` is the folder of which a snapshot is taken, if one is; of a copy of what was kept before
    `copied` says all, and it is not looked at. What lies in `passing` is removed in the end. Of secrets the names of
    their variables and the paths of their files are known, and no value.
    """

    root = ""
    words: "list[str]" = []  # noqa: RUF012 - each ticket has its own
    ending: "list[str]" = []  # noqa: RUF012 - as above
    env: "Mapping[str, str]" = {}  # noqa: RUF012 - as above
    folder = ""
    facts: "Mapping[str, object]" = {}  # noqa: RUF012 - as above
    record = b""
    source = ""
    snapshot_mib = 0
    outputs_mib = 0
    seconds: float | None = None
    copied: "Mapping[str, object]" = {}  # noqa: RUF012 - as above
    passing: str = ""
    secret_names: "tuple[str, ...]" = ()
    secret_files: "tuple[str, ...]" = ()

    def __init__(self, **stated: object) -> None:
        self.__dict__.update(stated)


class Running:
    """A run that is recorded as running, and to be attended by this process, or by one that is made of it."""

    def __init__(self, ticket: Ticket) -> None:
        """First what may be refused, then what takes a number."""
        self._ticket = ticket
        self._shelf = Shelf(f"{runs_folder(ticket.root)}/{OBJECTS}")
        self._secrets = list(_secrets(ticket))
        self._hidden = frozenset(map(os.path.realpath, ticket.secret_files))
        self._folder = ticket.folder or os.getcwd()  # noqa: PTH109 - no pathlib, as in this room
        program(ticket.words[0], ticket.env.get("PATH", os.defpath))
        with Guard(ticket.root):
            self._facts = self._found()
            self._results = Results(self._folder, ticket.outputs_mib, self._hidden)
            self._keeping = Keeping(ticket.root)
            self._began = time.monotonic()
            self._write("running")
        self.number = self._keeping.number

    def _found(self) -> "dict[str, object]":
        """All that is to be known before it runs."""
        ticket = self._ticket
        facts = {name: self._plain(fact) for name, fact in ticket.facts.items()}
        masks = facts != dict(ticket.facts)
        if ticket.record:
            facts["record"] = self._shelf.put(ticket.record)
        elif not self._shelf.has(str(facts["record"])):
            raise ForgottenError
        return {
            **facts,
            "masked": masks,
            "folder": self._folder,
            **(self._copied() if ticket.copied else self._looked()),
            "tool": __version__,
            "pid": os.getpid(),
            "started": _now(),
        }

    def _copied(self) -> "dict[str, object]":
        """Git would say of the copy that it ignores all of it."""
        snapshot, diff = self._ticket.copied["snapshot"], self._ticket.copied["diff"]
        digests = [str(snapshot["digest"]) if isinstance(snapshot, dict) else "", str(diff)]
        if not all(map(self._shelf.has, filter(None, digests))):
            raise SourceError("its source was forgotten meanwhile", "run it anew, on what the source is now")
        return {**self._ticket.copied}

    def _looked(self) -> "dict[str, object]":
        told = _Told(self._ticket.source or self._folder, self._ticket.env, self._hidden)
        snapshot = self._snapshot() if self._ticket.source else None
        return {"snapshot": snapshot, **told.facts(self._shelf, self._secrets)}

    def _snapshot(self) -> "dict[str, object]":
        ticket = self._ticket
        wanted = Wanted(ticket.source, ticket.snapshot_mib, self._hidden)
        index = f"{runs_folder(ticket.root)}/index/{_named(ticket.source)}.json"
        return take(wanted, self._shelf, index, ticket.env)

    def _plain(self, fact: object) -> object:
        """No value of a secret, wherever it stands."""
        if isinstance(fact, str):
            return masked(fact.encode("utf-8", "surrogateescape"), self._secrets).decode("utf-8", "surrogateescape")
        if isinstance(fact, dict):
            return {name: self._plain(one) for name, one in fact.items()}
        return [self._plain(one) for one in fact] if isinstance(fact, list) else fact

    def _write(self, status: str, *, lasting: bool = False, **more: object) -> None:
        self._keeping.write({**self._facts, "status": status, **more}, lasting=lasting)

    def attend(self, *, silent: bool = False) -> int:
        """The exit code, which is the command's own."""
        ticket = self._ticket
        if ticket.folder:
            os.chdir(ticket.folder)
        log = Log(f"{self._keeping.folder}/{LOG}", self._secrets)
        care = Care(log, ticket.seconds, ticket.ending, self._keeping.began)
        try:
            outcome = attended(ticket.words, ticket.env, care, silent=silent)
        except UnstartedError as error:
            code = _NOT_FOUND if error.errno in {errno.ENOENT, errno.ENOTDIR} else _NOT_RUN
            self._write("failed", lasting=True, code=code, seconds=self._took, ended=_now())
            self._clear()
            raise
        finally:
            log.close()
        return self._end(outcome, log)

    def _end(self, outcome: "Outcome", log: Log) -> int:
        took, ended = self._took, _now()
        status = status_of(outcome)
        code = TIMED_OUT if outcome.timed_out else outcome.code
        number = outcome.signal or (outcome.ended_by if status == "killed" else 0)
        name = _name_of(number) if number else ""
        with Guard(self._ticket.root):
            outputs, left = self._results.gathered(self._shelf)
            more = {"outputs": outputs, "left": left, "whole_log": log.is_whole}
            self._write(status, lasting=True, code=code, signal=name, seconds=took, ended=ended, **more)
        self._clear()
        return code

    def _clear(self) -> None:
        if self._ticket.passing:
            import shutil

            os.chdir("/")
            shutil.rmtree(self._ticket.passing, ignore_errors=True)

    @property
    def _took(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def leave(self) -> None:
        """It goes on by itself, in a session of its own; what it writes is in its log alone."""
        if os.fork():
            self._keeping.let_go()
            return
        code = 1
        try:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nowhere, stream)
            self._facts["pid"] = os.getpid()
            self._write("running")
            code = self.attend(silent=True)
        finally:
            os._exit(code)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of those for real time, of which most have none
        return f"signal {number}"


def status_of(outcome: "Outcome") -> str:
    """What a person would call it."""
    if outcome.timed_out:
        return "timed out"
    if outcome.signal == signal.SIGINT or (outcome.interrupted and outcome.code):
        return "interrupted"
    if outcome.signal or (outcome.ended_by and outcome.code):
        return "killed"
    return "failed" if outcome.code else "done"


class _Told:
    """What git says of the source: asked at once, and heard when it is needed."""

    def __init__(self, folder: str, host: "Mapping[str, str]", hidden: "Iterable[str]") -> None:
        self._folder = os.path.realpath(folder)
        below = [path.removeprefix(f"{self._folder}/") for path in sorted(hidden)]
        self._but = [f":(exclude,literal){path}" for path in below if not path.startswith("/")]
        self._git = Git(folder, host) if is_in_repository(folder) else None
        self._status = self._git.ask(*_STATUS) if self._git else None

    def facts(self, shelf: Shelf, secrets: "Iterable[bytes]") -> "dict[str, object]":
        lines = (self._status.answer() or b"").decode(errors="replace").splitlines() if self._status else []
        told = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# ") and line.count(" ") > 1)
        commit = told.get("branch.oid", "").strip("()").removeprefix("initial")
        dirty = any(not line.startswith("#") and not self._is_of_results(line) for line in lines)
        diff = (self._git.ask(*_DIFF, *self._but).answer() or b"") if self._git and commit and dirty else b""
        return {"commit": commit, "dirty": dirty, "diff": shelf.put(masked(diff, secrets)) if diff else ""}

    def _is_of_results(self, line: str) -> bool:
        """What runs write is no source, here as in a snapshot; git tells paths from the top of its repository."""
        if not line.startswith("? "):
            return False
        path = f"/{line[2:].strip(chr(34))}"
        ends = [path.partition(f"/{name}/") for name in RESULTS]
        return any(found and self._folder.endswith(before) for before, found, _ in ends)


def _secrets(ticket: Ticket) -> "Iterable[bytes]":
    for name in ticket.secret_names:
        if text := ticket.env.get(name):
            yield text.encode("utf-8", "surrogateescape")
    for path in ticket.secret_files:
        with contextlib.suppress(OSError), open(path, "rb") as stream:  # noqa: PTH123 - no pathlib, as in this room
            if value := stream.read(_SECRET_BYTES).strip():
                yield value
                yield value.replace(b"\n", b"\r\n")  # as a terminal has it


def _named(folder: str) -> str:
    return blake2b(folder.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
