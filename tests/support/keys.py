"""What the tests of single keys ask: what a child has, what is refused, what counts."""

from collections.abc import Callable
from typing import Any

from envbuild.document import Mapping, Scalar, Sequence, Value, parse, plain_value
from envbuild.fingerprint import Inputs, fingerprint
from envbuild.lock import requests
from envbuild.names import FILE
from envbuild.resolve import Environment
from envbuild.settings import Settings, settings

from .manifests import PLATFORM, Body, Tagged, environment, problems


def heirs(key: str, parent: Any, own: Any, read: Callable[[Environment], Any]) -> tuple[Any, ...]:
    """What a child has that states a key plainly, with `!override`, as `!reset`, and as null."""
    stated = (own, Tagged("!override", own), Tagged("!reset"), None)
    bodies: list[Body] = [{"extends": "parent", "description": "k", key: value} for value in stated]
    return tuple(read(environment({"parent": {key: parent}, "k": body})) for body in bodies)


def refused(text: str) -> str:
    """The one thing that is wrong, without the file's name, with its hint."""
    (problem,) = problems({"k": f"{text}\n"})
    return problem.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ")


def counts(key: str, value: Any, *, beside: Body | None = None) -> bool:
    """Whether a key changes the fingerprint of a local environment whose lock stays the same."""
    base: Body = {"description": "k", **(beside or {})}
    texts = {fingerprint_of(environment({"k": body})) for body in (base, {**base, key: value})}
    return len(texts) > 1


def fingerprint_of(found: Environment) -> str:
    return fingerprint(found, Inputs("1", None, (PLATFORM,), {})).text


def asks(key: str, value: Any, *, beside: Body | None = None) -> bool:
    """Whether a key changes what is to be locked."""
    base: Body = {"description": "k", "dependencies": [{"pip": ["alpha"]}], **(beside or {})}
    return requests(environment({"k": base}), {}) != requests(environment({"k": {**base, key: value}}), {})


def plain(node: Value | None) -> Any:
    """A merged value as plain data."""
    match node:
        case Scalar():
            return plain_value(node)
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
    return None


def body(*keys: str) -> Callable[[Environment], Any]:
    """How the merged value of a key is read."""
    return lambda found: plain(found.node(*keys))


def items(field: str) -> Callable[[Environment], list[str]]:
    """How the packages under a key are read."""
    return lambda found: [item.text for package in getattr(found, field).every for item in package.items]


def child(parent: str, own: str, project: Settings | None = None) -> Environment:
    """The child k of one parent, both as text."""
    return environment({"parent": parent, "k": f"extends: parent\n{own}"}, settings=project)


def project_settings(text: str) -> Settings:
    """What envbuild.yaml says."""
    return settings(parse(FILE, text.encode()))
