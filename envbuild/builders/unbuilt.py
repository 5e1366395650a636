"""Why an image was not built: the step of its Dockerfile, what that said at last, and what mends it."""

import re
from collections.abc import Sequence

import msgspec

from envbuild.builders import ending
from envbuild.builders.kinds import PASSING, known
from envbuild.builders.steps import Step
from envbuild.errors import BuildError, Place

_LAST_LINES = 10
_LONGEST = 300
_CODE = re.compile(r"exit code: (\d+)")
# What BuildKit puts before a cause, each layer of it, and the places that it works in.
_NOISE = re.compile(
    r"(\S+: )?failed to resolve source metadata for (?=\S+: )|failed to compute cache key: | of ref [\w-]+::\w+"
    r"|failed to do request: |\S*/buildkit-mount\d+"
)


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
    def may_pass(self) -> bool:
        """A registry has failed BuildKit; what a step's own program met may cost an hour to come to again."""
        return self.kind == PASSING and self.code is None

    @property
    def message(self) -> str:
        at = f"line {self.line} of the Dockerfile" if self.line else ""
        step = f"'{self.step}'" if self.step else ""
        who = f"{step} ({at})" if step and at else step or at or "the build"
        how = "failed" if self.code is None else f"ended with {self.code}"
        return f"{who} {how}{f': {self.said}' if self.said else ''}"


class UnbuiltError(BuildError):
    """What is told of it; all that is known is in `unbuilt`."""

    def __init__(self, unbuilt: Unbuilt, where: Place | None = None) -> None:
        super().__init__(unbuilt.message, where, unbuilt.hint)
        self.unbuilt = unbuilt


def unbuilt(step: Step | None, text: Sequence[str]) -> Unbuilt:
    """Read what BuildKit said, in the step that failed and behind all steps."""
    at_last = ending.error(text)
    error = (step.error if step else "") or at_last or "it does not say why"
    lines = tuple(step.last) if step else ()
    code = _CODE.search(error)
    kind, telling = known((error, at_last), lines)
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = _NOISE.sub("", error) if code is None else last if telling in {"", error, at_last} else telling
    return Unbuilt(
        step=_instruction(step, text)[:_LONGEST],
        line=ending.line(text),
        code=int(code[1]) if code else None,
        lines=lines[-_LAST_LINES:],
        said=said[:_LONGEST],
        kind=kind.name if kind else "",
        hint=kind.hint if kind else "look at the last lines of its log",
    )


def _instruction(step: Step | None, text: Sequence[str]) -> str:
    """As it stands in the Dockerfile; what BuildKit does for itself has a name that says nothing."""
    if step and step.is_counted:
        return step.what
    return ending.marked(text) or (step.name if step and not step.name.startswith("[internal]") else "")
