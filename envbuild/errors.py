"""What can go wrong, said so that a person can mend it: where, what, how.

EnvbuildError            one problem: message, where, hint
├── Problems             many of them, reported in one go
├── DocumentError        the text is not the YAML we read
├── SettingsError        envbuild.yaml says something impossible
├── ManifestError        a manifest says something impossible
├── ResolveError         manifests do not fit together
├── LockError            a lock is missing, stale or damaged
│   └── NewerLockError   a later envbuild wrote it: it is whole, and not ours to replace
├── RenderError          a template failed
├── PlanError            what was asked for cannot be planned
├── WorkspaceError       a file of the project could not be read or written
├── ProcessError         a program failed
├── SolveError           packages do not fit together
├── ImageError           an image is not what it says, or cannot be put together
├── RegistryError        an image registry did not do what it was asked
│   ├── LoginError       it does not let us: 401, 403, a login that cannot be had or used
│   ├── GoneError        it does not have that
│   ├── TakenError       that name stands for something else, and stays so
│   ├── BusyError        it wants fewer requests: 429
│   ├── BrokenError      it failed, or reported an error
│   ├── SilentError      it does not answer, or not to the end
│   └── DigestError      what it has is not what it says, or not what it was given
├── StateError           the records could not be read or written
├── BuildError           a build failed
├── RefusedError         stale or held by another run: exit 3
│   └── ConflictError    a version is another content's; it stands beside the difference that it tells
└── UsageError           the command line asks for what does not exist: exit 64
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

_SECRET = re.compile(r"(?i)((?:https?|ftp)://|//(?=[^/\s@]*:))[^/\s'\"]*@")


class Place(msgspec.Struct, frozen=True, order=True):
    """A position in a file of the project; line and column count from 1, and 0 means the file as a whole."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"

    @property
    def line_only(self) -> str:
        """The short form that reasons use: a column says nothing about why."""
        return f"{self.path}:{self.line}" if self.line else self.path


class EnvbuildError(Exception):
    exit_code = 1

    def __init__(self, message: str, where: Place | None = None, hint: str = "") -> None:
        super().__init__(message, where, hint)
        self.message = redacted(message)
        self.where = where
        self.hint = redacted(hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text

    @property
    def problems(self) -> "tuple[EnvbuildError, ...]":
        return (self,)


class Problems(EnvbuildError):  # noqa: N818 - it is read as a plural noun wherever it is raised
    """All that is wrong at once, in the order of files and lines."""

    def __init__(self, problems: Iterable[EnvbuildError]) -> None:
        flat = {str(one): one for problem in problems for one in problem.problems}
        self._problems = tuple(sorted(flat.values(), key=_order))
        super().__init__("\n".join(str(problem) for problem in self._problems))
        self.exit_code = max((problem.exit_code for problem in self._problems), default=1)

    @property
    def problems(self) -> tuple[EnvbuildError, ...]:
        return self._problems


class DocumentError(EnvbuildError): ...


class SettingsError(EnvbuildError): ...


class ManifestError(EnvbuildError): ...


class ResolveError(EnvbuildError): ...


class LockError(EnvbuildError): ...


class NewerLockError(LockError): ...


class RenderError(EnvbuildError): ...


class PlanError(EnvbuildError): ...


class WorkspaceError(EnvbuildError): ...


class ProcessError(EnvbuildError):
    """A program failed; a command that was handed the terminal may have a code of its own."""

    def __init__(self, message: str, where: Place | None = None, hint: str = "", *, exit_code: int = 1) -> None:
        super().__init__(message, where, hint)
        self.exit_code = exit_code


class SolveError(EnvbuildError): ...


class ImageError(EnvbuildError): ...


class RegistryError(EnvbuildError):
    """`after` says when it may be asked again, in seconds: nothing where that is of no use."""

    def __init__(self, message: str, where: Place | None = None, hint: str = "", *, after: float | None = None) -> None:
        super().__init__(message, where, hint)
        self.after = after


class LoginError(RegistryError): ...


class GoneError(RegistryError): ...


class TakenError(RegistryError): ...


class BusyError(RegistryError): ...


class BrokenError(RegistryError): ...


class SilentError(RegistryError): ...


class DigestError(RegistryError): ...


class StateError(EnvbuildError): ...


class BuildError(EnvbuildError): ...


class RefusedError(EnvbuildError):
    exit_code = 3


class UsageError(EnvbuildError):
    exit_code = 64


class Note(msgspec.Struct, frozen=True):
    """What is worth saying, though nothing is wrong; its kind is how a check is told to leave it out."""

    kind: str
    message: str
    where: Place
    hint: str


def secrets(text: str) -> Iterator[tuple[int, int]]:
    """Where a text holds what is not to be repeated: from where, and up to where."""
    yield from ((match.end(1), match.end() - 1) for match in _SECRET.finditer(text))


def redacted(text: str) -> str:
    """Text without what stands before the host of a URL: a message may repeat what a person wrote, no secret."""
    return _SECRET.sub(r"\1***@", text)


def raise_all(problems: Iterable[EnvbuildError]) -> None:
    """End here when anything is wrong, with all of it."""
    found = [one for problem in problems for one in problem.problems]
    if len(found) == 1:
        raise found[0]
    if found:
        raise Problems(found)


def _order(problem: EnvbuildError) -> tuple[Place, str]:
    return (problem.where or Place(""), problem.message)
