"""One worker: imports the entry script, calls its `init()`, and then its `run()` for one request after the other.

Run by path, by the Python of an environment, whatever its version from 3.8 on: it and what it loads use the standard
library alone, and are found by no name that the script could see or hide. What the script prints goes to standard
error, which is the log.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import select
import signal
import socket
import sys
import traceback
from json import JSONEncoder, dumps, loads


def _alone() -> None:
    """Make this package the folder of this file, for which no path is searched."""
    from types import ModuleType

    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == here:
        del sys.path[0]
    for name, folders in (("envbuild", []), ("envbuild.serving", [here])):
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = folders


if __name__ == "__main__":
    _alone()

from envbuild.serving.script import BadInputError, Script, ScriptError, Whole, whole  # noqa: E402
from envbuild.serving.words import ANSWER, ASKED, FAILED, FAILURE, READY, TOLD, indented, keep_log, line, lines_of, log  # noqa: E402

if __name__ == "__main__":
    for _name in [name for name in sys.modules if name.partition(".")[0] == "envbuild"]:
        del sys.modules[_name]

_HERE = os.path.dirname(__file__)
_ONE_PIECE = 64 * 1024
_LONGEST = 500
_ENCODED = JSONEncoder(allow_nan=False).encode


class Trouble:
    """An error of the script: where it was raised, and its traceback without what is ours in it."""

    def __init__(self, error: BaseException, folder: str) -> None:
        self._error = error
        self._folder = folder
        at = error.__traceback__
        while at is not None and _is_ours(at.tb_frame.f_code.co_filename):
            at = at.tb_next
        self._at = at

    @property
    def where(self) -> str:
        """The innermost line of the script's own folder."""
        error = self._error
        if isinstance(error, SyntaxError) and error.filename:
            return self._relative(error.filename, error.lineno or 0)
        found = ""
        for frame, number in traceback.walk_tb(self._at):
            found = self._relative(frame.f_code.co_filename, number) or found
        return found

    def _relative(self, path: str, number: int) -> str:
        inside = os.path.abspath(path).startswith(self._folder + os.sep)
        return f"{os.path.relpath(path, self._folder)}:{number}" if inside else ""

    @property
    def kind(self) -> str:
        return type(self._error).__name__

    @property
    def story(self) -> str:
        return "".join(traceback.format_exception(type(self._error), self._error, self._at))

    def told(self, what: str) -> str:
        """For the log: first of all where and what, then the whole story."""
        text = _said(self._error)
        where = f"{self.where}: " if self.where else ""
        return line(f"{where}{what} raised {self.kind}{': ' if text else ''}{text}") + indented(self.story)


def _said(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 - an error that cannot say what it is
        return ""
    return lines[0][:_LONGEST] if lines else ""


def _is_ours(path: str) -> bool:
    return os.path.dirname(path) == _HERE or path.startswith("<frozen importlib")


class Worker:
    def __init__(self, sock: socket.socket, script: Script, most: int, *, is_debugged: bool) -> None:
        self._socket = sock
        self._frames = sock.makefile("rb", 4 * _ONE_PIECE)
        self._script = script
        self._most = most
        self._is_debugged = is_debugged
        self._pid = os.getpid()

    def begin(self) -> bool:
        """Whether the script is ready; if not, what is wrong was told."""
        what = "importing the script"
        try:
            init = self._script.load()
            what = "init()"
            init()
        except ScriptError as error:
            log(line(str(error)))
            return self._failed(str(error), "")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the script's
            self._end_forked(error)
            trouble = Trouble(error, self._script.folder)
            log(trouble.told(what))
            return self._failed(f"{what} raised {trouble.kind}", trouble.story)
        script = self._script
        head = {"form": script.form, "headers": script.wants_headers, "schemas": script.schemas}
        self._tell(READY, dumps(head).encode())
        return True

    def _failed(self, short: str, story: str) -> bool:
        told = {"message": short, "traceback": lines_of(story) if self._is_debugged else []}
        self._tell(FAILED, dumps(told).encode())
        return False

    def _tell(self, kind: bytes, head: bytes, body: bytes = b"") -> None:
        self._end_forked()
        begun = TOLD.pack(kind, len(head), len(body)) + head
        if len(body) < _ONE_PIECE:
            self._socket.sendall(begun + body)
        else:
            self._socket.sendall(begun)
            self._socket.sendall(body)

    def _end_forked(self, error: BaseException | None = None) -> None:
        """A child that the script has forked answers nobody: it ends as it would in a program of its own."""
        if os.getpid() == self._pid:
            return
        if isinstance(error, SystemExit):
            os._exit(error.code if isinstance(error.code, int) else int(bool(error.code)))
        if error is not None:
            log(Trouble(error, self._script.folder).told("a child process"))
        os._exit(int(error is not None))

    def close(self) -> None:
        """Told to the other end, also while threads of the script keep this process alive."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Until whoever asks is gone."""
        read = self._frames.read
        while True:
            lengths = read(ASKED.size)
            if len(lengths) < ASKED.size:
                return
            head_size, body_size = ASKED.unpack(lengths)
            head, body = read(head_size), read(body_size)
            if len(head) + len(body) < head_size + body_size:
                return
            told, answer = self._answered(head, body)
            if max(len(told), len(answer)) > self._most:
                said = f"run() returned more than {self._most:,} bytes"
                log(line(said))
                told, answer = self._broken(said)
            self._tell(ANSWER, told, answer)

    def _answered(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        try:
            result, spent = self._script.call(loads(head) if head else None, body)
            result = whole(result)
        except BadInputError as error:
            return _refusal(error.status, str(error))
        except BaseException as error:  # noqa: BLE001 - as above; `exit()` in a request ends no service
            self._end_forked(error)
            trouble = Trouble(error, self._script.folder)
            log(trouble.told("run()"))
            return self._broken("run() raised an error: the server's log says which", trouble.story)
        if isinstance(result, Whole):
            return dumps([result.status, round(spent, 3), result.headers]).encode(), result.body
        try:
            return b"[200,%.3f,[]]" % spent, _ENCODED({} if result is None else result).encode()
        except Exception as error:  # noqa: BLE001 - values of a script's own may raise what they like
            said = f"run() returned {_unjson(error)}, which is no JSON"
            log(line(said))
            return self._broken(said)

    def _broken(self, message: str, story: str = "") -> tuple[bytes, bytes]:
        return _refusal(500, message, story if self._is_debugged else "", [[FAILURE, "True"]])


def _unjson(error: Exception) -> str:
    """What it is in a result that cannot be written."""
    said = str(error)
    if isinstance(error, RecursionError):
        return "something that is nested too deeply"
    if "ircular" in said:
        return "something that contains itself"
    if isinstance(error, UnicodeError):
        return "text that is half a character"
    if isinstance(error, ValueError):
        return "a number of too many digits" if "digits" in said else "NaN or an infinity"
    found = re.search(r"type (\S+) is not JSON|not (\w+)$", said)
    return f"a value of type {found[1] or found[2]}" if found else "a value"


def _refusal(status: int, message: str, story: str = "", headers: list[list[str]] | None = None) -> tuple[bytes, bytes]:
    said = {"message": message, "traceback": lines_of(story)} if story else {"message": message}
    return dumps([status, 0, headers or []]).encode(), dumps(said).encode()


def _end_with(lifeline: int) -> None:
    """Who started us holds its other end: once that is closed we are ended, whatever we are at."""
    import fcntl

    os.set_inheritable(lifeline, False)  # noqa: FBT003 - as the system's call has it
    if hasattr(fcntl, "F_SETSIG"):  # Linux
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    from threading import Thread

    Thread(target=_watch, args=(lifeline,), daemon=True).start()


def _watch(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Of a socket, a lifeline, a folder, a script in it, and how many bytes an answer may have."""
    asked, lifeline, folder, path = int(arguments[0]), int(arguments[1]), arguments[2], arguments[3]
    os.set_inheritable(asked, False)  # noqa: FBT003 - as the system's call has it
    _end_with(lifeline)
    out = keep_log()
    faulthandler.enable(file=out)
    faulthandler.register(signal.SIGUSR2, file=out, all_threads=True)  # at its end it is asked what it was at
    sys.argv = [path]
    script, most = Script(folder, path), int(arguments[4])
    worker = Worker(socket.socket(fileno=asked), script, most, is_debugged="--debug" in arguments[5:])
    try:
        if worker.begin():
            worker.serve()
    finally:
        worker.close()


if __name__ == "__main__":
    del __file__  # what a script starts by `multiprocessing` would run this file again, to begin with
    main(sys.argv[1:])
