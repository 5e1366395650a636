"""Why an image was not built: the step of its Dockerfile, what that said at last, and what mends it."""

import re
from collections.abc import Sequence

import msgspec

from envbuild.builders import ending
from envbuild.builders.kinds import known
from envbuild.builders.steps import Step
from envbuild.errors import BuildError

_LAST_LINES = 10
_LONGEST = 300
_CODE = re.compile(r"exit code: (\d+)")
_NOISE = re.compile(r" of ref \w+::\w+|failed to compute cache key: ")


class Unbuilt(msgspec.Struct, frozen=True):
    """A build that failed. `line` is the Dockerfile's, 0 where it is not known; `lines` are the step's last ones."""

    step: str
    line: int
    code: int | None
    lines: tuple[str, ...]
    said: str
    kind: str
    hint: str

    @property
    def message(self) -> str:
        at = f"line {self.line} of the Dockerfile" if self.line else ""
        step = f"'{self.step}'" if self.step else ""
        who = f"{step} ({at})" if step and at else step or at or "the build"
        how = "failed" if self.code is None else f"ended with {self.code}"
        return f"{who} {how}{f': {self.said}' if self.said else ''}"


class UnbuiltError(BuildError):
    """What is told of it; all that is known is in `unbuilt`."""

    def __init__(self, unbuilt: Unbuilt) -> None:
        super().__init__(unbuilt.message, hint=unbuilt.hint)
        self.unbuilt = unbuilt


def unbuilt(step: Step | None, text: Sequence[str]) -> Unbuilt:
    """Read what BuildKit said, in the step that failed and behind all steps."""
    error = ending.error(text) or (step.error if step else "") or "it does not say why"
    lines = tuple(step.last) if step else ()
    code = _CODE.search(error)
    kind, telling = known(error, lines)
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = _NOISE.sub("", error) if code is None else last if telling in {"", error} else telling
    return Unbuilt(
        step=step.what[:_LONGEST] if step else "",
        line=ending.line(text),
        code=int(code[1]) if code else None,
        lines=lines[-_LAST_LINES:],
        said=said[:_LONGEST],
        kind=kind.name if kind else "",
        hint=kind.hint if kind else "look at the last lines of its log",
    )
