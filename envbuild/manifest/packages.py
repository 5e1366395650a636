"""What a manifest says of packages: under `dependencies`, `constraints`, `overrides`, `without` and `python`."""

import re
from collections.abc import Callable, Iterable

from envbuild.document import OVERRIDE, RESET, Mapping, Scalar, Sequence, Value, is_null
from envbuild.errors import EnvbuildError, ManifestError, Note
from envbuild.manifest.conda import conda_item, python_version
from envbuild.manifest.items import Item, Selector, Without, normalise
from envbuild.manifest.requirements import Open, Option, pip_items
from envbuild.manifest.values import PackageSet
from envbuild.shape import is_rendered

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*|\S*/\S*")
_SELECTORS: dict[str, Selector] = {
    "sel(linux)": "linux",
    "sel(osx)": "osx",
    "sel(win)": "win",
    "sel(unix)": "unix",
}


class PackageReader:
    """Collects what a manifest says of packages, and all that is wrong with it; what Jinja is to write comes later."""

    def __init__(self, folder: str, open_file: Open) -> None:
        self._folder = folder
        self._open = open_file
        self._defined: dict[str, list[Item]] = {}
        self._limits: dict[str, list[Item]] = {}
        self._cleared: set[str] = set()
        self.problems: list[EnvbuildError] = []
        self.options: list[Option] = []
        self.notes: list[Note] = []

    def packages(self, stated: Value | None, python: Value | None = None) -> tuple[PackageSet, PackageSet]:
        """The packages of one list, and what its `-c` files say."""
        self._defined, self._limits, self._cleared = {}, {}, set()
        if stated is not None:
            self._list(stated)
        if isinstance(python, Scalar) and python.tag != RESET and not is_null(python) and not is_rendered(python):
            self._try(python_version, python)
        cleared = frozenset(self._cleared)
        return _set(self._defined, cleared), _set(self._limits, cleared)

    def _list(self, stated: Value) -> None:
        if stated.tag in {OVERRIDE, RESET}:
            self._cleared |= {"conda", "pip"}
        for node in stated.items if isinstance(stated, Sequence) else ():
            match node:
                case Scalar():
                    self._conda(node)
                case Mapping(entries=entries):
                    self._pip(node.get("pip"))
                    for key in entries.keys() & _SELECTORS.keys():
                        self._selected(entries[key].value, _SELECTORS[key])
                case Sequence():  # the types have reported it
                    continue

    def _conda(self, node: Scalar, selector: Selector = "") -> None:
        if not is_null(node) and not is_rendered(node):
            self._try(lambda one: conda_item(one, selector), node)

    def _selected(self, stated: Value, selector: Selector) -> None:
        for node in stated.items if isinstance(stated, Sequence) else (stated,):
            if isinstance(node, Scalar):
                self._conda(node, selector)

    def _try(self, item: Callable[[Scalar], Item], node: Scalar) -> None:
        try:
            found = item(node)
        except ManifestError as error:
            self.problems.append(error)
        else:
            self._defined.setdefault(found.key, []).append(found)

    def _pip(self, stated: Value | None) -> None:
        if stated is None:
            return
        if stated.tag in {OVERRIDE, RESET}:
            self._cleared.add("pip")
        if isinstance(stated, Sequence):
            nodes = tuple(
                node
                for node in stated.items
                if isinstance(node, Scalar) and not is_null(node) and not is_rendered(node)
            )
            found = pip_items(nodes, self._folder, self._open, self.problems)
            self.options += found.options
            self.notes += found.notes
            for kept, items in ((self._defined, found.items), (self._limits, found.constraints)):
                for item in items:
                    kept.setdefault(item.key, []).append(item)

    def dropped(self, stated: Value | None, python: Value | None) -> dict[str, Without]:
        """`without`, and the version of Python that `python: !override` leaves behind."""
        found: dict[str, Without] = {}
        for node in stated.items if isinstance(stated, Sequence) else ():
            try:
                if isinstance(node, Scalar) and not is_null(node) and not is_rendered(node):
                    one = without(node)
                    found[one.key] = one
            except ManifestError as error:
                self.problems.append(error)
        version = python.get("version") if isinstance(python, Mapping) else None
        if python and (python.tag in {OVERRIDE, RESET} or (version and (version.tag == RESET or is_null(version)))):
            found["python"] = Without("python", python.place)
        return found


def _set(defined: dict[str, list[Item]], cleared: Iterable[str]) -> PackageSet:
    return PackageSet({key: tuple(items) for key, items in defined.items()}, frozenset(cleared))


def without(node: Scalar) -> Without:
    """`numpy`, `pip/torch`, `apt/nano`; one that has no name is dropped by its path or URL."""
    manager, slash, name = node.text.strip().partition("/")
    stated = re.split("[=:/]", name)[0] if manager == "apt" else name if manager == "pip" and slash else manager
    if not _NAME.fullmatch(stated):
        raise ManifestError(f"'{node.text}' names no package", node.place, "write 'name', 'pip/name' or 'apt/name'")
    if slash and manager == "pip" and name:
        return Without(f"pip/{name if '/' in name or name.startswith('.') else normalise(name)}", node.place)
    if slash and manager == "apt" and name:
        return Without(f"apt/{re.split('[=/:]', name)[0]}", node.place)
    if slash or not manager:
        raise ManifestError(f"'{node.text}' names no package", node.place, "write 'name', 'pip/name' or 'apt/name'")
    return Without(manager.lower(), node.place)
