"""pixi.toml, through conda-lock's exporter: what is asked for on every platform, or what is locked.

That exporter finds what platforms share, and knows versions, builds, channels and extras. All else is said here.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from envbuild.document import PREFIX
from envbuild.errors import Note
from envbuild.interop.exports.asked import Dependency, constraints, dependencies, kept_table, overrides
from envbuild.interop.exports.quoting import comment, toml_table
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.interop.exports.systems import system_notes, system_requirements
from envbuild.lock import EVERY, Exporter, Request, pixi_exporter, safe_url
from envbuild.resolve import Variable

_FILE = "pixi.toml"
_TABLES = ("dependencies", "pypi-dependencies")
_SHELL = re.compile(r"[$`\\\"]")
_Found = Callable[[Subject, str], tuple[Dependency, ...]]
_Sections = Iterable[tuple[tuple[str, ...], dict[str, Any]]]


def export(subject: Subject) -> Exported:
    platforms = (subject.platform,) if subject.wish.platform else subject.platforms
    sections: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("workspace",), _workspace(subject, platforms)),
        (("pypi-options",), _pypi_options(subject, platforms)),
        (("system-requirements",), system_requirements(subject, platforms)),
        (("activation", "env"), dict(_variables(subject))),
        *_shared(subject, platforms, dependencies),
        *((_constraining(path), table) for path, table in _shared(subject, platforms, constraints)),
    ]
    head = "\n".join(map(comment, _head(subject, platforms)))
    text = "\n\n".join([head, *(toml_table(path, table) for path, table in sections if table)])
    return Exported(f"{text}\n", tuple(_notes(subject, platforms)), platforms)


def _head(subject: Subject, platforms: tuple[str, ...]) -> Iterator[str]:
    what = "the packages that are locked" if subject.wish.exact else "what its manifest asks for"
    yield f"{subject.title}, for {', '.join(platforms)}: {what}; written by envbuild."
    yield from subject.heading
    yield "To make it: pixi install, where this file is called pixi.toml."


def _workspace(subject: Subject, platforms: tuple[str, ...]) -> dict[str, Any]:
    asked = [conda for one in platforms if (conda := subject.request(one).conda)]
    named = subject.environment.channels
    further = (url for conda in asked for url in conda.channels if url not in subject.channel_names)
    priorities = {conda.priority for conda in asked}
    said = {
        "name": subject.environment.name.replace("/", "-"),
        "description": " ".join(subject.environment.description.split()),
        "channels": [safe_url(one) for one in dict.fromkeys((*named, *further))],
        "channel-priority": priorities.pop() if len(priorities) == 1 else "",
        "platforms": list(platforms),
    }
    return {key: value for key, value in said.items() if value}


def _shared(subject: Subject, platforms: tuple[str, ...], found: _Found) -> _Sections:
    """By table: what holds on every platform, and what on some, as conda-lock tells them apart."""
    exporter = pixi_exporter()
    every = {one: [_of_conda_lock(exporter, dep) for dep in found(subject, one)] for one in platforms}
    channels = list(subject.environment.channels)
    specification = exporter.specification(dependencies=every, channels=channels, sources=[])
    tables = exporter.render(lock_spec=specification).unwrap()
    for above in ((), *(("target", one) for one in platforms)):
        within = tables if not above else tables.get("target", {}).get(above[1], {})
        for key in _TABLES:
            yield (*above, key), {name: _restored(one) for name, one in within.get(key, {}).items()}


def _of_conda_lock(exporter: Exporter, one: Dependency) -> Any:
    return exporter.dependency(
        name=one.name,
        manager=one.manager,
        version=one.kept,
        build=one.build or None,
        conda_channel=one.channel or None,
        extras=list(one.extras),
    )


def _restored(value: Any) -> Any:
    table = kept_table(value)
    if table is not None:
        return table
    return dict(value) if isinstance(value, dict) else str(value)


def _constraining(path: tuple[str, ...]) -> tuple[str, ...]:
    return (*path[:-1], "constraints")


def _pypi_options(subject: Subject, platforms: tuple[str, ...]) -> dict[str, Any]:
    """Where packages of PyPI come from: the same on every platform."""
    asking = [request for one in platforms if (request := subject.request(one)).roots]
    if not asking:
        return {}
    request = asking[0]
    said = {
        "index-url": safe_url(request.index_url),
        "extra-index-urls": [safe_url(url) for url in request.extra_index_urls],
        "find-links": [_link(subject, link) for link in request.find_links],
        "no-binary": EVERY in request.no_binary or list(request.no_binary),
        "no-build-isolation": EVERY in request.no_build_isolation or list(request.no_build_isolation),
        "prerelease-mode": "allow" if request.prerelease else "",
        "dependency-overrides": _overrides(subject, asking),
    }
    return {key: value for key, value in said.items() if value}


def _link(subject: Subject, link: str) -> dict[str, str]:
    return {"url": safe_url(link)} if "://" in link else {"path": subject.path(link)}


def _overrides(subject: Subject, asking: Iterable[Request]) -> dict[str, Any]:
    """Those that are the same everywhere; the others are told in a note."""
    every = [overrides(subject, request.platform) for request in asking]
    return {name: value for name, value in every[0].items() if all(one.get(name) == value for one in every)}


def _variables(subject: Subject) -> Iterator[tuple[str, str]]:
    """As pixi's shell sets them: around what the host has, and with the place of the environment."""
    for one in subject.environment.variables:
        if text := _text(one):
            yield one.name, text


def _text(one: Variable) -> str:
    kept = f"${one.name}" if one.value is None else one.value
    return ":".join(filter(None, (*one.prepend, kept, *one.append))).replace(PREFIX, "$CONDA_PREFIX")


def _notes(subject: Subject, platforms: tuple[str, ...]) -> Iterator[Note]:
    if subject.wish.exact:
        yield subject.note("hashes", "the hashes of packages are left out: pixi writes a lock of its own")
    left_out = [one for one in subject.platforms if one not in platforms]
    if left_out:
        yield subject.note("platforms", f"{', '.join(left_out)}: left out, as --platform says")
    yield from _of_python(subject, platforms)
    yield from system_notes(subject, platforms)
    yield from _of_variables(subject, platforms)
    yield from _of_pip(subject, platforms)
    if any((conda := subject.request(one).conda) and conda.names for one in platforms):
        yield subject.note("pypi_names", f"{_FILE} has no place for pypi_names", _where(subject, "pypi_names"))
    yield from subject.unheld(("python.interpreter", "python.managed"), _FILE)
    yield from subject.besides(_FILE)
    yield from subject.of_paths()


def _where(subject: Subject, key: str) -> Any:
    return subject.environment.where_said(key)


def _of_python(subject: Subject, platforms: tuple[str, ...]) -> Iterator[Note]:
    if subject.python and not any(subject.pins(one).conda for one in platforms):
        yield subject.note("python", f"Python is conda's there, of which {subject.python} is locked here")


def _of_variables(subject: Subject, platforms: tuple[str, ...]) -> Iterator[Note]:
    for one in subject.environment.variables:
        where = subject.environment.where("variables", one.name)
        stated = " ".join(filter(None, (*one.prepend, one.value, *one.append)))
        if not _text(one):
            yield subject.note("variables", f"{_FILE} has no place for {one.name}, which is empty", where)
        elif _SHELL.search(stated):
            yield subject.note("variables", f"{one.name}: pixi's shell replaces what it knows in it", where)
        elif _text(one) != one.value and any(name.startswith("win-") for name in platforms):
            yield subject.note("variables", f"{one.name}: written as shells of Unix read it", where)


def _of_pip(subject: Subject, platforms: tuple[str, ...]) -> Iterator[Note]:
    environment = subject.environment
    requests = [subject.request(one) for one in platforms]
    if limits := sorted({text for request in requests for text in request.constraints}):
        items = [item for one in (environment.constraints, environment.limits) for p in one.every for item in p.items]
        where = next((item.where for item in items if item.text in limits), None)
        yield subject.note("constraints", f"{_FILE} has no place for pip's {', '.join(limits)}", where)
    asked = {one.name for platform in platforms for one in dependencies(subject, platform) if one.manager == "pip"}
    for name, url in sorted({pair for one in platforms for pair in subject.bound(one).items()}):
        if name not in asked:
            what = f"{name} is bound to {url}, which {_FILE} can only say of what is asked for by name"
            yield subject.note("pip.indexes", what, environment.where("pip", "indexes"), f"ask for {name} as well")
    held = _overrides(subject, requests)
    missing = {name for one in platforms for name in overrides(subject, one)} - set(held)
    if missing:
        what = f"{_FILE} has no place for overrides of some platforms: {', '.join(sorted(missing))}"
        yield subject.note("overrides", what, environment.overrides.every[0].items[0].where)
