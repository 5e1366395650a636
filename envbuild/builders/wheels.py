"""Wheels into a prefix, by uv: exactly the pins of PyPI, whatever of the same name conda has brought."""

import csv
import os
import re
import tempfile
from collections.abc import Container, Iterator
from functools import partial
from pathlib import Path

import msgspec

from envbuild import census
from envbuild.builders import members
from envbuild.builders.target import Target, Tools, note
from envbuild.errors import BuildError, Place
from envbuild.lock import Bound, Pin
from envbuild.manifest import normalise
from envbuild.process import Ran, toml
from envbuild.solvers.building import Builds
from envbuild.solvers.fetching import BUILT
from envbuild.solvers.indexes import owners
from envbuild.solvers.installing import install_options, is_built, located
from envbuild.solvers.origins import public_url
from envbuild.solvers.uv import Stated
from envbuild.solvers.words import URL, with_words
from envbuild.typed import from_json

_MISMATCH = re.compile(
    r"Hash mismatch for `(?P<what>[^`]+)`\s+Expected:\s+sha256:(?P<locked>\w+)\s+Computed:\s+sha256:(?P<came>\w+)"
)
_DAMAGED = re.compile(r"Failed to (?:download|extract)[^`]*`(?P<what>[^`]+)`(?s:.*)(?:Failed to extract|truncated)")
_REFUSED = re.compile(r"401 Unauthorized|403 Forbidden")
_FACTS = re.compile(r"(?P<name>[^-]+)(?:-.*)?\.(?:dist-info|egg-info)")


def install(prefix: Path, target: Target, tools: Tools) -> None:
    """The pins exactly, by their hashes; from uv's cache alone where it has them all, which asks no network."""
    pins = target.pins
    names = [*(pin.name for pin in pins.pip), *(member.name for member in pins.members)] if pins else []
    if pins is None or not names:
        return
    beside = " from PyPI" if target.uses_conda else ""
    target.say(f"{len(names)} package{'s' if len(names) > 1 else ''}{beside}")
    if target.uses_conda:
        make_room(prefix, set(map(normalise, names)), target)
    built = [*(pin.name for pin in pins.pip if is_built(pin)), *members.built(pins)]
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        own = members.entries(pins, target, tools, Path(folder))
        while True:
            lock, places = Path(folder, "pylock.toml"), {pin.url: tools.uv.origins.asked(pin.url) for pin in pins.pip}
            entries = [*(entry(pin, tools) for pin in pins.pip), *own]
            lock.write_text("\n".join(['lock-version = "1.0"\ncreated-by = "envbuild"\n', *entries]), encoding="utf-8")
            ran = _ran(_command(prefix, lock, target, tools, built), target, tools, built)
            if not ran.code or not tools.uv.origins.mirrors.turned(places, ran.heard):
                break
    if ran.code:
        raise failed(ran.errors, target, tools, "uv could not install the packages")
    if target.uses_conda and os.path.lexists(prefix / "pyvenv.cfg"):
        what = "a wheel brings 'pyvenv.cfg', by which Python would take this for an environment of another kind"
        raise BuildError(what, Place(target.environment.path), "use another version of it")
    members.refuse_moved(pins, target, tools)
    for name in members.copied(pins, target):
        _forget_origin(prefix, name)


def builds_of(target: Target, tools: Tools) -> Builds:
    """What is built asks indexes for what it is built with."""
    pip = target.environment.keys.pip
    conda = target.pins.conda if target.pins else ()
    python = next((pin.version for pin in conda if pin.name == "python"), target.python)
    return Builds(
        tools.uv, target.environment, _bound(target), target.environment.index_url, pip.extra_index_urls, python
    )


def _ran(command: list[str | Path], target: Target, tools: Tools, built: list[str]) -> Ran:
    builds = builds_of(target, tools)
    asked = partial(tools.uv.run, hold=target.hold)
    ran = asked([*command, "--offline"], stated=builds.stated({}))
    target.rendered()  # a template that fails ends it before anything is fetched
    if not ran.code:
        note(target.log, ran.errors.rstrip())
        return ran
    files = [pin.url for pin in target.pins.pip if pin.url.startswith("http")] if target.pins else []

    def ask(stated: Stated) -> Ran:
        urls = (*files, *(tools.uv.urls(stated) if built else ()))
        return asked(command, stated=stated, asking=urls, log=target.log)

    ran = builds.run(ask)
    if ran.code and not target.log.read_text(encoding="utf-8", errors="replace").endswith(ran.errors):
        note(target.log, ran.errors.rstrip())  # of a question that came up on the way
    return ran


def failed(words: str, target: Target, tools: Tools, otherwise: str) -> BuildError:
    """Who refuses us; what came is not what was locked, or is no archive; all else is told by uv, in the log."""
    where = Place(target.environment.path)
    if found := _MISMATCH.search(words):
        came = f"{found['what']} has sha256 {found['came']}, and {found['locked']} is locked"
        return BuildError(came, where, "ask who keeps its index why; 'envbuild lock --upgrade' locks what is there now")
    if found := _DAMAGED.search(words):
        return BuildError(f"{found['what']} came damaged", where, "try again; if it stays so, tell who keeps the index")
    if (refused := _REFUSED.search(words)) and (url := URL.search(words)):
        told = tools.uv.origins.refusal(public_url(url[0]), refused[0])
        return BuildError(told.message, told.where or where, told.hint)
    if unbuilt := _unbuilt(words, target):
        return unbuilt
    return BuildError(otherwise, None, "look at its output in the log")


def _unbuilt(words: str, target: Target) -> BuildError | None:
    """What is built asks for a bound name, and its index could not give it."""
    built = BUILT.search(words)
    if not built or "build backend" in words:
        return None
    for name, index in owners(_bound(target)).items():
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words.replace(built[0], "")):
            what = f"{built['name']} is built with '{name}', which the index '{index}' could not give"
            where = target.environment.where_key("pip", "indexes", index)
            return BuildError(
                with_words(what, words), where, "put it there, or try again once that index answers: no other is asked"
            )
    return None


def _bound(target: Target) -> dict[str, Bound]:
    return {name: Bound(one.url, one.packages) for name, one in target.environment.keys.pip.indexes.items() if one}


def _command(prefix: Path, lock: Path, target: Target, tools: Tools, built: list[str]) -> list[str | Path]:
    """That conda's packages call the prefix their own is no matter: it is ours.

    What folders and repositories have under `tool.uv.sources` counts no more than it did for the lock. Files are linked
    from uv's cache, but copied where setup could write into them, and so into the cache.
    """
    options = ["--preview-features", "pylock", "--python", census.interpreter(str(prefix))]
    options += ["--link-mode", "copy"] if target.environment.setup else []
    options += ["--break-system-packages"] if target.uses_conda else []
    options += [word for name in members.editable(target) for word in ("--refresh-package", name)]
    building = install_options(target.environment, tools.root, built, tools.uv.origins)
    return ["pip", "install", "--no-deps", "--no-sources", *options, *building, "-r", lock]


def make_room(prefix: Path, names: set[str], target: Target) -> None:
    """Take away the distributions of conda that PyPI's are to stand for; files are unlinked, and stay in the cache."""
    for site in prefix.glob("lib/python*/site-packages"):
        for facts in sorted(site.iterdir()):
            if gives_way(facts.name, names):
                note(target.log, f"note: conda's {facts.name} gives way to what is locked of PyPI")
                for path in {*_files(prefix, site, facts), *_below(facts)}:
                    _remove(prefix, path)


def gives_way(facts: str, names: Container[str]) -> bool:
    """Whether a folder or file beside packages tells of a distribution of one of the names."""
    match = _FACTS.fullmatch(facts)
    return match is not None and normalise(match["name"]) in names


def _files(prefix: Path, site: Path, facts: Path) -> Iterator[str]:
    """What belongs to a distribution: as it says itself, else all of its conda package that lies where Python looks."""
    record = facts / "RECORD"
    if record.is_file():
        yield from (path for path in recorded(record))
        return
    for noted in prefix.glob("conda-meta/*.json"):
        files = from_json(noted.read_bytes(), _Noted).files
        own = f"{facts.relative_to(prefix).as_posix()}"
        if any(path == own or path.startswith(f"{own}/") for path in files):
            below = f"{site.relative_to(prefix).as_posix()}/"
            yield from (f"{prefix}/{path}" for path in files if path.startswith(below))


class _Noted(msgspec.Struct, frozen=True):
    files: tuple[str, ...] = ()


def recorded(record: Path) -> Iterator[str]:
    """The files that a distribution lists, whoever wrote the list."""
    site = record.parent.parent
    yield from (os.path.normpath(site / path) for path in told(record))


def told(record: Path) -> Iterator[str]:
    """As they stand there."""
    with record.open(newline="", errors="replace") as stream:
        yield from (row[0] for row in csv.reader(stream) if row)


def _below(folder: Path) -> Iterator[str]:
    if not folder.is_dir() or folder.is_symlink():
        yield str(folder)
        return
    for here, _, names in os.walk(folder):
        yield from (f"{here}/{name}" for name in names)


def _remove(prefix: Path, path: str) -> None:
    """Only below the prefix, by whatever links the path leads; and then the folders that are left empty."""
    real, root = os.path.realpath(os.path.dirname(path)), os.path.realpath(prefix)  # noqa: PTH120 - texts, many of them
    if not f"{real}/".startswith(f"{root}/") or not os.path.lexists(path) or Path(path).is_dir():
        return
    Path(path).unlink()
    while real != root and not os.listdir(real):  # noqa: PTH208 - as above
        Path(real).rmdir()
        real = os.path.dirname(real)  # noqa: PTH120 - as above


def _forget_origin(prefix: Path, name: str) -> None:
    """What was built from a copy, or from a file of one checkout, comes from nowhere that is there later."""
    for facts in prefix.glob("lib/python*/site-packages/*.dist-info"):
        match, origin, record = _FACTS.fullmatch(facts.name), facts / "direct_url.json", facts / "RECORD"
        if match and normalise(match["name"]) == name and origin.is_file():
            origin.unlink()
            rows = record.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = "".join(row for row in rows if not row.startswith(f"{facts.name}/{origin.name},"))
            record.unlink()  # it may be linked from uv's cache
            record.write_text(kept, encoding="utf-8")


def entry(pin: Pin, tools: Tools) -> str:
    """One pin as a lock of uv has it."""
    head = f"[[packages]]\nname = {toml(pin.name)}\n"
    if "+" in pin.url.partition(":")[0]:
        kind, _, rest = pin.url.partition("+")
        bare, _, fragment = rest.partition("#")
        folder = f", subdirectory = {toml(fragment.removeprefix('subdirectory='))}" if fragment else ""
        url = bare.rpartition("@")[0]
        return f"{head}vcs = {{ type = {toml(kind)}, url = {toml(url)}, commit-id = {toml(pin.sha256)}{folder} }}\n"
    file = f"url = {toml(located(pin, tools.root, tools.uv.origins))}, hashes = {{ sha256 = {toml(pin.sha256)} }}"
    version = f"version = {toml(pin.version)}\n"
    if not is_built(pin):
        return f"{head}{version}wheels = [{{ {file} }}]\n"
    return f"{head}{version}sdist = {{ {file} }}\n"


def owned(prefix: Path) -> Iterator[tuple[str, str]]:
    """Each file that uv installed, with the distribution that it belongs to."""
    for record in prefix.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        if _installer(record.parent) == "conda":
            continue
        owner = record.parent.name.partition("-")[0]
        for path in recorded(record):
            if path.startswith(f"{prefix}{os.sep}"):
                yield owner, path[len(str(prefix)) + 1 :]


def _installer(facts: Path) -> str:
    try:
        return (facts / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
