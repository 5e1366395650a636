"""Whole processes, started, waited for and measured: seconds on the wall, peak memory, and what went wrong."""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import IO

from support.project import clean_environment

# The installed one if it is installed, else the checkout's; never what happens to lie in the working directory.
_ENVBUILD = (sys.executable, "-m", "envbuild")
_PEAK = Path(__file__).with_name("peak.py")


class CommandError(Exception):
    """A command of the benchmark failed, so what it should have measured is not known."""


@dataclass(frozen=True)
class Run:
    seconds: float

    def then(self, other: "Run") -> "Run":
        return Run(self.seconds + other.seconds)


@dataclass(frozen=True)
class Place:
    """A folder to run commands in, with an environment in which all caches and stores lie below it."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str | Path, aloud: bool = False) -> Run:
        """Run it to its end."""
        with tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = Popen(
                command, cwd=self.folder, env=self.environment, stdin=DEVNULL, stdout=DEVNULL, stderr=errors
            )
            process.wait()
            seconds = time.perf_counter() - start
            if process.returncode:
                raise CommandError(_complaint(command, process.returncode, errors))
            if aloud:
                sys.stderr.write(_text(errors))
        return Run(seconds)

    def envbuild(self, *words: str) -> Run:
        return self.run(*_ENVBUILD, *words)

    def peak(self, *words: str) -> int:
        """The most memory that envbuild used for it, in bytes."""
        with tempfile.NamedTemporaryFile() as told:
            self.run(sys.executable, _PEAK, told.name, *_ENVBUILD, *words)
            return int(told.read())

    def beside(self, folder: Path, **variables: str) -> "Place":
        """Another folder with the same caches."""
        return Place(folder, {**self.environment, **variables})


def place(folder: Path) -> Place:
    """A folder that keeps what is made for it in `.bench`, out of the way of what envbuild reads."""
    own = folder / ".bench"
    own.mkdir(parents=True, exist_ok=True)
    return Place(folder, clean_environment(own, own / "cache"))


def _complaint(command: Sequence[str | Path], code: int, errors: IO[bytes]) -> str:
    last = _text(errors).strip().splitlines()[-10:]
    return "\n    ".join([f"exit code {code}: {' '.join(map(str, command))}", *last])


def _text(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode(errors="replace")
