"""What `test.with` names: packages of PyPI, which can be put beside an environment without becoming a part of it."""

from collections.abc import Iterator

from envbuild.document import Mapping as Node
from envbuild.document import Scalar, Sequence, Value, is_null
from envbuild.errors import EnvbuildError, ManifestError, PlanError
from envbuild.manifest import Item, pip_item
from envbuild.resolve import Environment


def extra_items(environment: Environment) -> tuple[Item, ...]:
    return tuple(pip_item(node, "") for node in _listed(environment))


def extra_refusals(environment: Environment) -> Iterator[EnvbuildError]:
    """What cannot be put beside an environment without becoming a part of it."""
    for node in _of_conda(environment):
        what = f"'{node.text}' of 'test.with' is a conda package, and would need an environment of its own"
        yield PlanError(what, node.place, "take it from PyPI, below 'pip:', or put it into 'dependencies'")
    for node in _listed(environment):
        try:
            item = pip_item(node, "")
        except ManifestError as error:
            yield PlanError(f"'{node.text}' of 'test.with' cannot be installed for tests", node.place, error.hint)
            continue
        if item.path or item.editable:
            what = f"'{node.text}' of 'test.with' is no package of an index"
            yield PlanError(what, node.place, "name one, or put it into 'dependencies'")


def _stated(environment: Environment) -> Iterator[Scalar | Node]:
    node = environment.node("test", "with")
    return (one for one in _items(node) if isinstance(one, Node) or (isinstance(one, Scalar) and not is_null(one)))


def _items(node: Value | None) -> tuple[Value, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _of_conda(environment: Environment) -> Iterator[Scalar]:
    """Alone, or in a list for some platforms."""
    for stated in _stated(environment):
        lists = (
            [entry.value for key, entry in stated.entries.items() if key != "pip"] if isinstance(stated, Node) else []
        )
        inner = [one for node in lists for one in (_items(node) or (node,))]
        yield from (one for one in (stated, *inner) if isinstance(one, Scalar) and not is_null(one))


def _listed(environment: Environment) -> Iterator[Scalar]:
    """Of a pip list."""
    for stated in _stated(environment):
        inner = _items(stated.get("pip")) if isinstance(stated, Node) else ()
        yield from (one for one in inner if isinstance(one, Scalar) and not is_null(one))
