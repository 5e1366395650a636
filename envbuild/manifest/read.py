"""Document -> Manifest: checked against its types, its packages parsed, not yet inherited.

What holds Jinja is checked as far as it can be now, and read again, strictly, once it is rendered.
"""

import re
from collections.abc import Iterator

import msgspec

from envbuild.document import RESET, Document, Mapping, Scalar, Sequence, Value, is_null, scalars
from envbuild.errors import EnvbuildError, ManifestError, raise_all
from envbuild.manifest.braces import braces_problems, is_templated
from envbuild.manifest.items import project_path, refuse_credentials
from envbuild.manifest.keys import Keys
from envbuild.manifest.matrix import read_matrix
from envbuild.manifest.packages import PackageReader
from envbuild.manifest.requirements import Open, with_options
from envbuild.manifest.values import Manifest, Parent
from envbuild.shape import is_rendered, read, rewrite_marked

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INLINE = re.compile(r"\n|^\s*FROM\s")


def manifest(name: str, document: Document, open_file: Open) -> Manifest:
    """Check one file; everything wrong with it is raised together."""
    reader = _Reading(name, document.path, open_file, may_hold_braces="{{" in document.text)
    found = reader.manifest(document.root)
    raise_all(reader.problems)
    return found


def read_again(old: Manifest, body: Mapping, open_file: Open) -> Manifest:
    """The same manifest with its values rendered; nothing is left to Jinja, so that every type is held."""
    reader = _Reading(old.name, old.path, open_file, may_hold_braces=False)
    found = reader.rendered(body)
    raise_all(reader.problems)
    return msgspec.structs.replace(found, cell=old.cell, matrix=old.matrix)


def parents(body: Mapping) -> tuple[Parent, ...]:
    """What a manifest extends; to be had also where the rest of it is wrong."""
    stated = body.get("extends")
    nodes = stated.items if isinstance(stated, Sequence) else (stated,) if isinstance(stated, Scalar) else ()
    return tuple(Parent(node.text, node.place) for node in nodes if isinstance(node, Scalar) and not is_null(node))


class _Reading:
    """One file, with its fragments, and all that is wrong with it."""

    def __init__(self, name: str, path: str, open_file: Open, *, may_hold_braces: bool) -> None:
        self._name = name
        self._path = path
        self._open = open_file
        self._braces = may_hold_braces
        self.problems: list[EnvbuildError] = []

    def manifest(self, body: Mapping) -> Manifest:
        if not body.entries:
            self.problems.append(ManifestError("nothing is said here", body.place, "start with 'dependencies:'"))
        fragments: list[EnvbuildError] = []
        stated = body.get("matrix")
        matrix = read_matrix(stated, self._fragment, fragments) if stated and not is_null(stated) else None
        found = self._read(body, loose=True)
        self.problems += fragments
        return msgspec.structs.replace(found, matrix=matrix)

    def rendered(self, body: Mapping) -> Manifest:
        return self._read(body, loose=False)

    def _fragment(self, body: Mapping, cell: str) -> Manifest:
        return msgspec.structs.replace(self._read(body, loose=True), cell=cell, extends=(), abstract=False)

    def _read(self, body: Mapping, *, loose: bool) -> Manifest:
        special = [*_problems(body), *(braces_problems(body) if self._braces else ())]
        typed = read(body, Keys, ManifestError, loose=loose).problems
        packages = PackageReader(self._path.rpartition("/")[0], self._open)
        python = body.get("python")
        dependencies, limits = packages.packages(
            body.get("dependencies"), python.get("version") if isinstance(python, Mapping) else None
        )
        constraints, _ = packages.packages(body.get("constraints"))
        overrides, _ = packages.packages(body.get("overrides"))
        test = body.get("test")
        packages.packages(test.get("with") if isinstance(test, Mapping) else None)
        without = packages.dropped(body.get("without"), python)
        merged = with_options(body, tuple(packages.options), packages.problems)
        special += [*_urls(merged.get("pip")), *_urls(merged.get("image")), *_index(merged.get("pip"))]
        told = {problem.where for problem in special}
        self.problems += [*special, *(one for one in (*typed, *packages.problems) if one.where not in told)]
        return Manifest(
            name=self._name,
            path=self._path,
            extends=parents(body),
            abstract=_is_abstract(body),
            body=merged,
            written=body,
            dependencies=dependencies,
            limits=limits,
            constraints=constraints,
            overrides=overrides,
            without=without,
            is_templated=self._braces and is_templated(body),
        )


def _is_abstract(body: Mapping) -> bool:
    stated = body.get("abstract")
    return isinstance(stated, Scalar) and stated.text.lower() == "true"


def _problems(body: Mapping) -> Iterator[EnvbuildError]:
    """What types cannot say."""
    yield from _variable_names(body.get("variables"))
    yield from _paths(body)
    yield from _pip_misplaced(body)


def _variable_names(stated: Value | None) -> Iterator[EnvbuildError]:
    for key, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if not _VARIABLE.fullmatch(key):
            yield ManifestError(
                f"'{key}' cannot name a variable", entry.key.place, "use letters, digits and '_', no digit first"
            )


def _urls(stated: Value | None) -> Iterator[EnvbuildError]:
    """A file is committed to git: no URL in it may carry a password."""
    for node in scalars(stated) if stated else ():
        if node.text.lower().startswith(("https:", "http:")) and not is_rendered(node):
            try:
                refuse_credentials(node.text, node.place)
            except ManifestError as error:
                yield error


def _index(stated: Value | None) -> Iterator[EnvbuildError]:
    node = stated.get("index_url") if isinstance(stated, Mapping) else None
    if not isinstance(node, Scalar) or is_null(node) or node.tag == RESET or is_rendered(node):
        return
    if not node.text.startswith(("https://", "http://")):
        yield ManifestError(f"the index '{node.text}' is not https", node.place, "write 'https://…'")


def _paths(body: Mapping) -> list[EnvbuildError]:
    """Every path must stay in the project, from the folder of the file that says it."""
    found: list[EnvbuildError] = []

    def check(kind: str, node: Scalar) -> Scalar:
        try:
            if not is_rendered(node) and not is_null(node) and node.tag != RESET:
                path_of(kind, node)
        except EnvbuildError as error:
            found.append(error)
        return node

    rewrite_marked(body, Keys, "path", check)
    return found


def path_of(kind: str, node: Scalar) -> str:
    """The path that a marked value names, from the project's root; nothing where it names no path."""
    text = node.text.strip()
    if (kind == "dockerfile" and _INLINE.search(node.text)) or (kind == "link" and "://" in text):
        return ""
    if kind == "apt":
        include = re.fullmatch(r"-r[\s=]*(\S.*)", text)
        if not include:
            return ""
        text = include[1]
    return project_path(text, node.path.rpartition("/")[0], node.place)


def _pip_misplaced(body: Mapping) -> Iterator[EnvbuildError]:
    node = body.get("pip")
    if isinstance(node, Sequence):
        yield ManifestError(
            "a list of pip packages stands at the top", node.place, "indent it as '- pip:' under 'dependencies'"
        )
    if isinstance(dependencies := body.get("dependencies"), Mapping):
        yield ManifestError("'dependencies' is a list", dependencies.place, "start each item with '- '")
