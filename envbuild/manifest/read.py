"""Document -> Manifest: checked against its types, its packages parsed, not yet inherited.

What holds Jinja is checked as far as it can be now, and read again, strictly, once it is rendered.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from envbuild.document import PREFIX, RESET, Document, Entry, Mapping, Scalar, Sequence, Value, is_null, scalars
from envbuild.errors import EnvbuildError, ManifestError, raise_all
from envbuild.manifest.braces import braces_problems, is_inline, is_templated
from envbuild.manifest.items import project_path, refuse_credentials
from envbuild.manifest.keys import Keys
from envbuild.manifest.layouts import LayoutName, layout_name
from envbuild.manifest.matrix import read_matrix
from envbuild.manifest.packages import PackageReader
from envbuild.manifest.r import r_problems
from envbuild.manifest.requirements import Open, with_options
from envbuild.manifest.serve import registered, serve_problems
from envbuild.manifest.spark import spark_problems
from envbuild.manifest.values import Manifest, Parent
from envbuild.names import catalogue_of
from envbuild.shape import is_rendered, read, rewrite_marked

_LAST_PORT = 65535
_WITH_URLS = {"channels", "dependencies", "pip", "image", "publish", "spark", "r"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
    return tuple(
        Parent(node.text, node.place)
        for node in nodes
        if isinstance(node, Scalar) and not is_null(node) and not is_rendered(node)
    )


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
        says = stated is not None and not (is_null(stated) and not stated.tag)
        matrix = read_matrix(stated, self._fragment, fragments) if stated is not None and says else None
        found = self._read(body, loose=True)
        self.problems += _first_of_each_place(fragments, self.problems)
        return msgspec.structs.replace(found, matrix=matrix)

    def rendered(self, body: Mapping) -> Manifest:
        return self._read(body, loose=False)

    def _fragment(self, body: Mapping, cell: str) -> Manifest:
        return msgspec.structs.replace(self._read(body, loose=True), cell=cell, extends=(), abstract=False)

    def _read(self, body: Mapping, *, loose: bool) -> Manifest:
        special = [*(braces_problems(body) if self._braces else ()), *_problems(body)]
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
        special += [*_urls(merged), *_indexes(merged.get("pip")), *_image(merged.get("image"), self._open)]
        told = {problem.where for problem in special}
        found = [
            *_first_of_each_place(special, ()),
            *(one for one in (*typed, *packages.problems) if one.where not in told),
        ]
        self.problems += found
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
            notes=tuple(packages.notes),
            is_templated=self._braces and is_templated(body),
        )


def _first_of_each_place(problems: Iterable[EnvbuildError], told: Iterable[EnvbuildError]) -> list[EnvbuildError]:
    """What is wrong at one place for several reasons is told for the first of them."""
    places = {problem.where for problem in told}
    found = []
    for problem in problems:
        if problem.where not in places:
            places.add(problem.where)
            found.append(problem)
    return found


def _is_abstract(body: Mapping) -> bool:
    stated = body.get("abstract")
    return isinstance(stated, Scalar) and stated.text.lower() == "true"


def _problems(body: Mapping) -> Iterator[EnvbuildError]:
    """What types cannot say."""
    yield from _variable_names(body.get("variables"))
    yield from _run_problems(body.get("run"))
    yield from _paths(body)
    yield from _pip_misplaced(body)
    yield from serve_problems(body.get("serve"))
    yield from spark_problems(body.get("spark"))
    yield from r_problems(body.get("r"))


def is_variable(name: str) -> bool:
    return _VARIABLE.fullmatch(name) is not None


def _variable_names(stated: Value | None) -> Iterator[EnvbuildError]:
    for key, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if not is_variable(key):
            yield ManifestError(
                f"'{key}' cannot name a variable", entry.key.place, "use letters, digits and '_', no digit first"
            )


def _run_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    if not isinstance(stated, Mapping):
        return
    yield from _variable_names(stated.get("env"))
    command = stated.get("command")
    if isinstance(command, Sequence) and not command.items:
        yield ManifestError("an empty command runs nothing", command.place, "name a program, or remove it")


def _urls(body: Mapping) -> Iterator[EnvbuildError]:
    """A file is committed to git: nothing in it that names a place may carry a password."""
    for key in _WITH_URLS & body.entries.keys():
        for node in scalars(body.entries[key].value):
            if not is_rendered(node):
                try:
                    refuse_credentials(node.text, node.place)
                except ManifestError as error:
                    if error.message.startswith("credentials") or node.text.lower().startswith(("https:", "http:")):
                        yield error


def _indexes(stated: Value | None) -> Iterator[EnvbuildError]:
    """Indexes are asked by http or https; whether http is allowed is the settings' business."""
    if not isinstance(stated, Mapping):
        return
    named = stated.get("indexes")
    urls = [stated.get("index_url"), stated.get("extra_index_urls")]
    urls += [entry.value.get("url") for entry in _entries(named) if isinstance(entry.value, Mapping)]
    links = [node for node in _below(stated.get("find_links")) if "://" in node.text]
    for node in (*(node for url in urls for node in _below(url)), *links):
        usual = re.match(r"https?://", node.text) or is_null(node) or node.tag == RESET or is_rendered(node)
        if not usual:
            yield ManifestError(f"the index '{node.text}' is not https", node.place, "write 'https://…'")


def _below(node: Value | None) -> Iterable[Scalar]:
    return scalars(node) if node else ()


def _entries(node: Value | None) -> Iterable[Entry]:
    return node.entries.values() if isinstance(node, Mapping) else ()


def _image(stated: Value | None, open_file: Open) -> Iterator[EnvbuildError]:
    """What can be known to be wrong before there is a builder: patterns, ports, files that are not there."""
    if not isinstance(stated, Mapping):
        return
    base = stated.get("base")
    tag = base.get("tag") if isinstance(base, Mapping) else None
    if isinstance(tag, Scalar) and not is_rendered(tag):
        try:
            re.compile(tag.text)
        except re.error as error:
            yield ManifestError(f"'{tag.text}' is no regular expression: {error}", tag.place, "mend it")
    for port in _below(stated.get("expose")):
        if any(int(number) > _LAST_PORT for number in re.findall(r"[0-9]+", port.text.partition("/")[0])[:2]):
            yield ManifestError(f"there is no port '{port.text}'", port.place, f"use one up to {_LAST_PORT}")
    for item in _below(stated.get("apt")):
        try:
            if not is_rendered(item) and (path := path_of("apt", item)):
                open_file(path, item.place)
        except EnvbuildError as error:
            yield error


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
    if kind == "base":
        if (base := layout_name(text)) is None:
            return ""
        if not base.path:
            raise ManifestError(f"'{text}' names no folder", node.place, "write it as 'oci:FOLDER' or 'oci:FOLDER:TAG'")
        text = base.path
    if kind in {"base", "link"} and "://" not in text and catalogue_of(node.path):
        what = f"a catalogue has no folder of {'images' if kind == 'base' else 'wheels'}"
        raise ManifestError(what, node.place, "name a URL" if kind == "link" else "name an image of a registry")
    if PREFIX in text:
        raise ManifestError(
            "the path is absolute: it starts in the environment", node.place, "name a file of the project"
        )
    if (kind == "dockerfile" and is_inline(node)) or (kind == "link" and "://" in text):
        return ""
    if kind == "model" and registered(text):
        return ""
    if kind == "apt":
        include = re.fullmatch(r"-r[\s=]*(\S.*)", text)
        if not include:
            return ""
        text = include[1]
    return project_path(text, node.path.rpartition("/")[0], node.place)


def repathed(kind: str, node: Scalar, path: str) -> str:
    """A marked value with another path in the place of its own."""
    if kind == "apt":
        return f"-r {path}"
    if kind == "base" and (base := layout_name(node.text.strip())):
        return str(LayoutName(path, base.tag))
    return f"./{path}" if kind == "model" and registered(path) else path


def _pip_misplaced(body: Mapping) -> Iterator[EnvbuildError]:
    node = body.get("pip")
    if isinstance(node, Sequence):
        yield ManifestError(
            "a list of pip packages stands at the top", node.place, "indent it as '- pip:' under 'dependencies'"
        )
    if isinstance(dependencies := body.get("dependencies"), Mapping):
        yield ManifestError("'dependencies' must be a list", dependencies.place, "start each item with '- '")
