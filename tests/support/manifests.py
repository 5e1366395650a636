"""Manifests as a person writes them, read and resolved as a command does it; and graphs of them for hypothesis."""

import json
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import strategies as st

from envbuild.errors import EnvbuildError
from envbuild.project.reading import Reader, Selection
from envbuild.resolve import Environment
from envbuild.settings import Settings
from envbuild.workspace import Workspace

PLATFORM = "linux-64"

Graph: TypeAlias = dict[str, tuple[str, ...]]  # manifest -> what it extends, parents before children
Body: TypeAlias = Mapping[str, Any]


class Tagged:
    """A value with a YAML tag in front."""

    def __init__(self, tag: str, value: Any = None) -> None:
        self.tag = tag
        self.value = value

    def __repr__(self) -> str:
        return f"{self.tag} {self.value!r}"


class Written(str):
    """YAML that stands in a file as it is."""

    __slots__ = ()


def flow(value: Any) -> str:
    """A value on one line; texts are quoted."""
    match value:
        case Tagged():
            return value.tag if value.value is None else f"{value.tag} {flow(value.value)}"
        case Written():
            return value
        case Mapping():
            return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def manifest_text(body: Body, comment: str = "") -> str:
    """One line for each key, each followed by the comment."""
    tail = f"  # {comment}" if comment else ""
    return "".join(f"{key}: {flow(value)}{tail}\n" for key, value in body.items())


def pip(*items: str, extends: str = "", more: str = "") -> str:
    """A manifest with a pip list."""
    return f"extends: [{extends}]\ndependencies: {flow([{'pip': list(items)}])}\n{more}"


def write_all(root: Path, files: Mapping[str, str | Body]) -> None:
    """Write manifests: `a` is `manifests/a.yaml`, whatever has an ending is a path from the root."""
    for name, content in files.items():
        path = root / (name if name.endswith((".yaml", ".yml", ".txt")) else f"manifests/{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = textwrap.dedent(content).removeprefix("\n") if isinstance(content, str) else manifest_text(content)
        path.write_text(text, encoding="utf-8")


def resolved(files: Mapping[str, str | Body], *names: str, settings: Settings | None = None) -> dict[str, Environment]:
    """Environments by name, from files that exist for as long as it takes to read them; no name means all."""
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        write_all(Path(folder), files)
        reader = Reader(Workspace(Path(folder)), settings or Settings())
        return {one.name: one for one in reader.environments(Selection(names), PLATFORM)}


def environment(files: Mapping[str, str | Body], name: str = "k", settings: Settings | None = None) -> Environment:
    """The one environment a test is about; it is named `k` unless said otherwise."""
    return resolved(files, name, settings=settings)[name]


def problems(files: Mapping[str, str | Body], *names: str) -> list[str]:
    """Everything that is wrong, as a person reads it."""
    with pytest.raises(EnvbuildError) as caught:
        resolved(files, *(names or ("k",)))
    return [str(problem) for problem in caught.value.problems]


def asked(found: Environment) -> dict[str, list[str]]:
    """What is asked of each package, by key."""
    return {package.key: [item.wish for item in package.items] for package in found.packages}


@st.composite
def graphs(draw: st.DrawFn, largest: int = 9) -> Graph:
    """Any acyclic graph; the last manifest is named k, and parents stand in any order, also where one is idle."""
    count = draw(st.integers(1, largest))
    names = [f"m{number}" for number in range(count - 1)] + ["k"]
    graph: Graph = {}
    for at, name in enumerate(names):
        graph[name] = tuple(draw(st.lists(st.sampled_from(names[:at]), max_size=4))) if at else ()
    return graph


@st.composite
def shuffled_graphs(draw: st.DrawFn, largest: int = 9) -> Graph:
    """Graphs whose orders often contradict each other: some manifests share all parents, each in its own order."""
    roots = [f"r{number}" for number in range(draw(st.integers(2, largest - 4)))]
    sides = [f"s{number}" for number in range(draw(st.integers(2, 3)))]
    graph: Graph = dict.fromkeys(roots, ())
    graph |= {side: tuple(draw(st.permutations(roots))[: draw(st.integers(1, len(roots)))]) for side in sides}
    return graph | {"k": tuple(draw(st.permutations(sides)))}


def ancestors(graph: Graph, name: str) -> set[str]:
    """Everything that a manifest extends, directly or not."""
    found = set(graph[name])
    for parent in graph[name]:
        found |= ancestors(graph, parent)
    return found


def listed(graph: Graph, name: str) -> list[str]:
    """The parents that count: each once, and none that another one descends from."""
    unique = list(dict.fromkeys(graph[name]))
    return [one for one in unique if not any(one in ancestors(graph, other) for other in unique)]


def linearised(graph: Graph, name: str) -> list[str]:
    """Lineage as Python's own C3 sees it; a TypeError where there is none."""
    classes: dict[str, type] = {}
    for one in graph:
        if one == name or one in ancestors(graph, name):
            bases = tuple(classes[parent] for parent in reversed(listed(graph, one)))
            classes[one] = type(one, bases, {})
    return [one.__name__ for one in reversed(classes[name].__mro__) if one is not object]


def _has_order(graph: Graph) -> bool:
    try:
        linearised(graph, "k")
    except TypeError:
        return False
    return True


def ordered_graphs(largest: int = 9) -> st.SearchStrategy[Graph]:
    """Graphs in which k has a lineage."""
    return st.one_of(graphs(largest), shuffled_graphs(max(largest, 6))).filter(_has_order)


def bodies(graph: Graph, own: Mapping[str, Body] | None = None) -> dict[str, Body]:
    """A manifest for each name of a graph, with what it says of its own."""
    stated = own or {}
    return {
        name: {**({"extends": list(parents)} if parents else {}), "description": name, **stated.get(name, {})}
        for name, parents in graph.items()
    }


def shuffled(data: st.DataObject, body: Body) -> Body:
    """The same keys in another order."""
    return dict(data.draw(st.permutations(list(body.items()))))
