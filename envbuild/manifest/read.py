"""Document -> Manifest: checked against its types, its packages parsed, not yet inherited."""

import re
from collections.abc import Iterator

import msgspec

from envbuild.document import OVERRIDE, RESET, Document, Mapping, Scalar, Sequence, Value, is_null, scalars
from envbuild.errors import EnvbuildError, ManifestError, Place, raise_all
from envbuild.manifest.keys import Keys
from envbuild.manifest.packages import (
    Item,
    Without,
    conda_item,
    is_loopback,
    python_version,
    refuse_credentials,
    without,
)
from envbuild.manifest.requirements import Open, pip_items
from envbuild.shape import read

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Parent(msgspec.Struct, frozen=True):
    """One item of `extends`: a name, or a path from the project's root."""

    text: str
    where: Place

    @property
    def is_path(self) -> bool:
        return self.text.startswith(("./", "../")) or self.text.endswith((".yaml", ".yml"))


class Manifest(msgspec.Struct, frozen=True):
    name: str
    path: str
    extends: tuple[Parent, ...]
    abstract: bool
    body: Mapping
    definitions: dict[str, tuple[Item, ...]]
    constraints: tuple[Item, ...]
    without: dict[str, Without]
    cleared: frozenset[str]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def place(self) -> Place:
        return Place(self.path, 1, 1)


def manifest(name: str, document: Document, open_file: Open) -> Manifest:
    """Check one file; everything wrong with it is raised together."""
    body = document.root
    special = list(_problems(body))
    told = {problem.where for problem in special}
    reading = read(body, Keys, ManifestError)
    packages = _Packages(document.path.rpartition("/")[0], open_file)
    packages.read(body)
    raise_all([*special, *(one for one in (*reading.problems, *packages.problems) if one.where not in told)])
    return Manifest(
        name,
        document.path,
        parents(body),
        reading.value.abstract,
        body,
        {key: tuple(items) for key, items in packages.definitions.items()},
        tuple(packages.constraints),
        packages.dropped,
        frozenset(packages.cleared),
    )


def parents(body: Mapping) -> tuple[Parent, ...]:
    """What a manifest extends; to be had also where the rest of it is wrong."""
    stated = body.get("extends")
    nodes = stated.items if isinstance(stated, Sequence) else (stated,) if isinstance(stated, Scalar) else ()
    return tuple(Parent(node.text, node.place) for node in nodes if isinstance(node, Scalar) and not is_null(node))


class _Packages:
    """Collects what a manifest says of packages, and all that is wrong with it."""

    def __init__(self, folder: str, open_file: Open) -> None:
        self.folder = folder
        self.open_file = open_file
        self.problems: list[EnvbuildError] = []
        self.definitions: dict[str, list[Item]] = {}
        self.constraints: list[Item] = []
        self.dropped: dict[str, Without] = {}
        self.cleared: set[str] = set()

    def read(self, body: Mapping) -> None:
        if stated := body.get("dependencies"):
            self._dependencies(stated)
        if isinstance(dropped := body.get("without"), Sequence):
            for node in dropped.items:
                self._drop(node)
        self._python(body.get("python"))

    def _dependencies(self, stated: Value) -> None:
        if stated.tag in {OVERRIDE, RESET}:
            self.cleared |= {"conda", "pip"}
        for node in stated.items if isinstance(stated, Sequence) else ():
            match node:
                case Scalar():
                    self._conda(node)
                case Mapping():
                    self._pip(node.get("pip"))
                case Sequence():  # the types have reported it
                    continue

    def _conda(self, node: Scalar) -> None:
        if is_null(node):
            return
        try:
            self._define(conda_item(node))
        except ManifestError as error:
            self.problems.append(error)

    def _pip(self, stated: Value | None) -> None:
        if stated is None:
            return
        if stated.tag in {OVERRIDE, RESET}:
            self.cleared.add("pip")
        if isinstance(stated, Sequence):
            nodes = tuple(node for node in stated.items if isinstance(node, Scalar) and not is_null(node))
            found = pip_items(nodes, self.folder, self.open_file, self.problems)
            self.constraints += found.constraints
            for item in found.items:
                self._define(item)

    def _drop(self, node: Value) -> None:
        try:
            if isinstance(node, Scalar) and not is_null(node):
                dropped = without(node)
                self.dropped[dropped.key] = dropped
        except ManifestError as error:
            self.problems.append(error)

    def _python(self, stated: Value | None) -> None:
        """`python.version` is a definition of the conda package python, so that the two merge as one thing."""
        if stated is None:
            return
        version = stated.get("version") if isinstance(stated, Mapping) else None
        if stated.tag in {OVERRIDE, RESET} or (version and (version.tag == RESET or is_null(version))):
            self.dropped["python"] = Without("python", stated.place)
        if isinstance(version, Scalar) and version.tag != RESET and not is_null(version):
            try:
                self._define(python_version(version))
            except ManifestError as error:
                self.problems.append(error)

    def _define(self, item: Item) -> None:
        self.definitions.setdefault(item.key, []).append(item)


def _problems(body: Mapping) -> Iterator[EnvbuildError]:
    """What types cannot say."""
    if not body.entries:
        yield ManifestError("nothing is said here", body.place, "start with 'dependencies:'")
    yield from _jinja(body)
    yield from _variable_names(body.get("variables"))
    yield from _index(body.get("pip"))
    yield from _pip_misplaced(body)


def _jinja(body: Mapping) -> Iterator[EnvbuildError]:
    for node in scalars(body):
        if "{{" in node.text:
            yield ManifestError(
                "'{{ }}' is not supported in values yet", node.place, "write the value itself in this version"
            )


def _variable_names(stated: Value | None) -> Iterator[EnvbuildError]:
    for key, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if not _VARIABLE.fullmatch(key):
            yield ManifestError(
                f"'{key}' cannot name a variable", entry.key.place, "use letters, digits and '_', no digit first"
            )


def _index(stated: Value | None) -> Iterator[EnvbuildError]:
    node = stated.get("index_url") if isinstance(stated, Mapping) else None
    if not isinstance(node, Scalar) or node.tag == RESET or is_null(node):
        return
    try:
        refuse_credentials(node.text, node.place)
    except ManifestError as error:
        if node.text.startswith(("https:", "http:")):
            yield error
            return
    if not node.text.startswith("https://") and not (node.text.startswith("http://") and is_loopback(node.text)):
        yield ManifestError(f"the index '{node.text}' is not https", node.place, "plain http is for loopback only")


def _pip_misplaced(body: Mapping) -> Iterator[EnvbuildError]:
    node = body.get("pip")
    if isinstance(node, Sequence):
        yield ManifestError(
            "a list of pip packages stands at the top", node.place, "indent it as '- pip:' under 'dependencies'"
        )
    if isinstance(dependencies := body.get("dependencies"), Mapping):
        yield ManifestError("'dependencies' is a list", dependencies.place, "start each item with '- '")
