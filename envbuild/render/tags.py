"""Further tags of an image: what `publish.tags` says, once it is known which version of which commit is built."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from envbuild.document import Scalar, Sequence
from envbuild.errors import Place, RenderError
from envbuild.resolve import Environment
from envbuild.sandbox import Fault, compiled, evaluated

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_OURS = re.compile(r"v[0-9]+|fp-.*|.+-v[0-9]+")
_LONGEST = 4096
_PASSING = re.compile(r"\b(git|date|lock)\b")
_OF_LOCK = re.compile(r"\block\b")
_NAMES = frozenset({"git", "date", "lock", "matrix", "version", "environment", "params"})


class Moment(msgspec.Struct, frozen=True):
    """What an image is built from and when; `git` is empty outside of a repository."""

    version: int
    git: Mapping[str, str] = {}
    date: str = ""


def tags(environment: Environment, lock: Mapping[str, str], moment: Moment) -> tuple[str, ...]:
    """`lock` has the version of each package."""
    return tuple(dict.fromkeys(tag for _, tag in each(environment, lock, moment)))


def lasting(environment: Environment, version: int) -> tuple[str, ...]:
    """Those that are the same whenever this version is built: no commit, date or lock has a part in them."""
    nodes = (node for node in _stated(environment) if not ("{{" in node.text and _PASSING.search(node.text)))
    values = _values(environment, {}, Moment(version))
    return tuple(dict.fromkeys(_tag(node, values) for node in nodes))


def each(environment: Environment, lock: Mapping[str, str] | None, moment: Moment) -> Iterator[tuple[Place, str]]:
    """With the line of each; without a lock those are left out that it has a part in."""
    values = _values(environment, lock or {}, moment)
    for node in _stated(environment):
        if lock is not None or "{{" not in node.text or not _OF_LOCK.search(node.text):
            yield node.place, _tag(node, values)


def _values(environment: Environment, lock: Mapping[str, str], moment: Moment) -> dict[str, object]:
    return {
        "git": dict(moment.git),
        "date": moment.date,
        "lock": dict(lock),
        "matrix": environment.matrix,
        "params": environment.params,
        "version": moment.version,
        "environment": {"name": environment.name},
    }


def _stated(environment: Environment) -> Iterator[Scalar]:
    stated = environment.node("publish", "tags")
    nodes = stated.items if isinstance(stated, Sequence) else ()
    return (one for one in nodes if isinstance(one, Scalar))


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
