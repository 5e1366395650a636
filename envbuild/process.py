"""The one door to other programs: argument lists only, an environment of our own making, nothing left running."""

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from envbuild.entering import given
from envbuild.errors import ProcessError
from envbuild.written import lines

_DROPPED = ("UV_", "PIP_", "CONDA_", "PYTHON", "VIRTUAL_ENV", "MAMBA_", "PIPX_", "POETRY_", "__PYVENV")
_KEPT = tuple(
    f"UV_{name}" for name in ("SYSTEM_CERTS", "NATIVE_TLS", "KEYRING_PROVIDER", "HTTP_TIMEOUT", "HTTP_RETRIES")
)
_KEPT += ("UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL")  # where uv has Pythons from
GRACE_SECONDS = 5.0
_PIECE_BYTES = 64 * 1024
_LOOK_SECONDS = 0.2
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


class Ran(msgspec.Struct, frozen=True):
    """What a program wrote. `errors` may be shown; `heard` is the same word for word, to be read and never shown."""

    code: int
    output: str
    errors: str
    heard: str = ""


class Interrupted(Exception):  # noqa: N818 - it is no error, and must not be caught as one
    """The person at the keyboard wants to stop; what was started is ended."""


def given_environment() -> dict[str, str]:
    return given(os.environ)


def child_environment(host: Mapping[str, str]) -> dict[str, str]:
    """The host's variables without those that would change what a package manager does; credentials stay."""
    return {
        name: value
        for name, value in host.items()
        if not name.startswith(_DROPPED) or name in _KEPT or is_credential(name)
    }


def is_credential(name: str) -> bool:
    return name.startswith("UV_INDEX_") and name.endswith(("_USERNAME", "_PASSWORD"))


def toml(value: str) -> str:
    """Text as a TOML string: the one quoting for configuration files that we hand to programs."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class Programs:
    """Runs programs, each in a process group of its own, and can end all of them at once."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def pause(self, seconds: float) -> None:
        """Before something is run again; whoever wants to stop need not wait for that."""
        if self._stopped.wait(seconds):
            raise Interrupted

    def run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        log: Path | None = None,
        hold: tuple[int, ...] = (),
        stdin: bytes | None = None,
    ) -> Ran:
        """Run to the end. With a log both streams go there, whole and in order; else they come back as text.

        It reads `stdin` and no more: nobody is there to be asked.
        The program keeps the files of `hold` open: a lock among them lasts as long as the program does, even when we
        are killed before it.
        """
        source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        with self._opened(log) as sink:
            process = self._start([str(word) for word in command], env, cwd, (source, sink), hold)
            try:
                output, errors = process.communicate(stdin)
            finally:
                self._finish(process)
        if self.stopped:
            raise Interrupted
        return Ran(process.returncode, _text(output), _text(errors))

    def heard(
        self,
        command: Sequence[str | Path],
        hear: Callable[[bytes], None],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        hold: tuple[int, ...] = (),
    ) -> int:
        """Run to the end; each line of both streams is handed over, whole and in order, as soon as it is there.

        One that is longer than any should be comes in pieces. When what hears raises, the program is ended.
        """
        with _Pipe() as pipe:
            process = self._start([str(word) for word in command], env, cwd, (subprocess.DEVNULL, pipe.inlet), hold)
            try:
                pipe.close_inlet()
                for line in lines(pipe.pieces(lambda: process.poll() is not None)):
                    hear(line)
                process.wait()
            finally:
                self._finish(process)
        if self.stopped:
            raise Interrupted
        return process.returncode

    @staticmethod
    @contextlib.contextmanager
    def _opened(log: Path | None) -> Iterator[int]:
        if log is None:
            yield subprocess.PIPE
            return
        with log.open("ab") as stream:
            yield stream.fileno()

    def _start(
        self, command: list[str], env: Mapping[str, str], cwd: Path | None, ends: tuple[int, int], hold: tuple[int, ...]
    ) -> "subprocess.Popen[bytes]":
        source, sink = ends
        with self._guard:
            if self.stopped:
                raise Interrupted
            try:
                process = subprocess.Popen(
                    [_encoded(word) for word in command],
                    env=_encoded_all(env),
                    cwd=cwd,
                    stdin=source,
                    stdout=sink,
                    stderr=sink if sink == subprocess.PIPE else subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=hold,
                    umask=0o022,
                )
            except OSError as error:
                if error.errno == errno.E2BIG:
                    raise _too_long(command, env) from None
                hint = "check that it is installed and may be run"
                raise ProcessError(f"cannot start {command[0]}: {error.strerror}", hint=hint) from None
            self._running.add(process)
        return process

    def _finish(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            _end(process)
        _signal(process, signal.SIGKILL)  # what it left behind in its group
        with self._guard:
            self._running.discard(process)

    @staticmethod
    def hand_over(command: Sequence[str], env: Mapping[str, str], hint: Callable[[], str] = str) -> int:
        """Run in the foreground with our own terminal; its code is ours, 128+n for a signal.

        It stays in our process group, so that keys reach it and both are suspended and go on as one job. The hint is
        asked for when there is no such command.
        """
        try:
            process = subprocess.Popen([_encoded(word) for word in command], env=_encoded_all(env))
        except OSError as error:
            raise not_run(command, error, env, hint) from None
        before = {number: signal.signal(number, _forward(process, number)) for number in _FORWARDED}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """End everything that runs, and start nothing more."""
        with self._guard:
            self._stopped.set()
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        for process in running:
            _end(process)


class _Pipe:
    """What a program writes, read by whoever started it: no thread is needed, and none is left."""

    def __init__(self) -> None:
        self._outlet, self.inlet = os.pipe()
        self._open = {self._outlet, self.inlet}

    def close_inlet(self) -> None:
        """Leave it to the program alone, so that its end is the end of what is read."""
        self._close(self.inlet)

    def pieces(self, has_ended: Callable[[], bool]) -> Iterator[bytes]:
        """All that comes; what outlives the program, and holds its end open in silence, is not waited for."""
        ready = select.poll()
        ready.register(self._outlet, select.POLLIN)
        while True:
            was_over = has_ended()
            if ready.poll(_LOOK_SECONDS * 1000):
                if not (piece := os.read(self._outlet, _PIECE_BYTES)):
                    return
                yield piece
            elif was_over:
                return

    def _close(self, end: int) -> None:
        self._open.discard(end)
        os.close(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in tuple(self._open):
            self._close(end)


def _forward(process: "subprocess.Popen[bytes]", number: signal.Signals) -> Callable[[int, object], None]:
    """A terminal sends Ctrl-C to the command as well; what comes from elsewhere is passed on."""

    def handle(_number: int, _frame: object) -> None:
        if number not in {signal.SIGINT, signal.SIGQUIT}:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    return handle


def not_run(
    words: Sequence[str], error: OSError, env: Mapping[str, str], hint: Callable[[], str] = str
) -> ProcessError:
    """Why it could not be run, with the exit code that shells have for that."""
    if error.errno == errno.E2BIG:
        return _too_long(words, env)
    command = words[0]
    is_missing = isinstance(error, FileNotFoundError) or ("/" not in command and isinstance(error, NotADirectoryError))
    if not is_missing:
        advice = "check that it may be run"
        if error.errno == errno.ENOEXEC:
            advice = "start its first line with what runs it: '#!/bin/sh'"
        return ProcessError(f"'{command}' cannot be run: {error.strerror}", hint=advice, exit_code=126)
    if found := shutil.which(command, path=env.get("PATH")):
        return ProcessError(f"the interpreter of '{found}' is gone", hint="install again what brings it", exit_code=127)
    return ProcessError(f"there is no command '{command}' here", hint=hint(), exit_code=127)


def _too_long(command: Sequence[str], env: Mapping[str, str]) -> ProcessError:
    """A system bounds each variable and argument, and all of them together: the longest is the one to shorten."""
    sizes = {f"the variable '{name}'": len(_encoded(f"{name}={value}")) for name, value in env.items()}
    sizes["an argument"] = max(len(_encoded(word)) for word in command)
    longest = max(sizes, key=sizes.__getitem__)
    what = f"'{command[0]}' cannot be given so much: {longest} has {sizes[longest]:,} bytes"
    return ProcessError(what, hint="keep long text in a file, and name that file instead", exit_code=126)


def _encoded(text: str) -> bytes:
    """As UTF-8, whatever the locale says: a manifest's text is the same on every machine."""
    return text.encode("utf-8", "surrogateescape")


def _encoded_all(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {_encoded(name): _encoded(value) for name, value in env.items()}


def _end(process: "subprocess.Popen[bytes]") -> None:
    _signal(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")
