"""Further tags of an image: what `publish.tags` says, once it is known which version of which commit is built."""

import re
from collections.abc import Mapping

import msgspec

from envbuild.document import Scalar, Sequence
from envbuild.errors import Place, RenderError
from envbuild.resolve import Environment
from envbuild.sandbox import Fault, compiled, evaluated

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_OURS = re.compile(r"v[0-9]+|fp-[0-9]+-[0-9a-f]{64}(-[a-z0-9]+)?|.+-v[0-9]+")
_LONGEST = 4096
_NAMES = frozenset({"git", "date", "lock", "matrix", "version", "environment", "params"})


class Moment(msgspec.Struct, frozen=True):
    """What an image is built from and when; `git` is empty outside of a repository."""

    version: int
    git: Mapping[str, str] = {}
    date: str = ""


def tags(environment: Environment, lock: Mapping[str, str], moment: Moment) -> tuple[str, ...]:
    """`lock` has the version of each package."""
    values = {
        "git": dict(moment.git),
        "date": moment.date,
        "lock": dict(lock),
        "matrix": environment.matrix,
        "params": environment.params,
        "version": moment.version,
        "environment": {"name": environment.name},
    }
    stated = environment.node("publish", "tags")
    nodes = stated.items if isinstance(stated, Sequence) else ()
    found = (_tag(one, values) for one in nodes if isinstance(one, Scalar))
    return tuple(dict.fromkeys(found))


def _tag(node: Scalar, values: Mapping[str, object]) -> str:
    text = node.text
    if "{{" in text:
        made = compiled(text)
        result = made if isinstance(made, Fault) else evaluated(made, values, _LONGEST)
        if isinstance(result, Fault):
            raise RenderError(result.message, node.place, result.hint or f"known are: {', '.join(sorted(_NAMES))}")
        text = str(result)
    return checked_tag(text, node.place)


def checked_tag(text: str, where: Place | None = None) -> str:
    """One that a registry takes, and that is not of our own making."""
    if not _TAG.fullmatch(text):
        hint = "use letters, digits, '_', '.' and '-', at most 128 of them"
        raise RenderError(f"'{text}' is no tag", where, hint)
    if _OURS.fullmatch(text):
        raise RenderError(f"'{text}' looks like a version's own tag", where, "choose another one")
    return text
