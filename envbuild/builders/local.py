"""Builder `local`: a prefix in the user's store, made by uv from the lock; needs nothing but this package."""

import csv
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from envbuild import census
from envbuild.builders import store
from envbuild.builders.activation import activated
from envbuild.document import PREFIX
from envbuild.errors import BuildError
from envbuild.lock import Pin, Pins
from envbuild.process import Interrupted, Programs, child_environment, toml
from envbuild.resolve import Environment
from envbuild.solvers.uv import Uv

FORMAT = "local-1"

# What a manifest may say that a local prefix cannot be: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset(
    {
        ("python.managed", "false"),
        ("python.interpreter", ""),
        ("python.from", "image"),
        *((key, "") for key in ("test", "run", "serve", "spark", "r")),
    }
)


class Tools(msgspec.Struct, frozen=True):
    """What this builder works with, and where it puts what it makes."""

    store: Path
    root: Path
    programs: Programs
    uv: Uv
    host: Mapping[str, str]


class Target(msgspec.Struct, frozen=True):
    """One build, as a plain value: what goes in, the address it gets, the log it writes."""

    environment: Environment
    fingerprint: str
    python: str
    python_range: str
    pins: Pins | None
    files: dict[str, str]
    log: Path
    say: Callable[[str], None]
    hold: tuple[int, ...] = ()


class _Waiting:
    """Says once that another process has the prefix, and gives up when we are to stop."""

    def __init__(self, target: Target, tools: Tools) -> None:
        self._target = target
        self._tools = tools
        self._told = False

    def __call__(self) -> None:
        if self._tools.programs.stopped:
            raise Interrupted
        if not self._told:
            self._target.say("waiting: the same content is being built already")
        self._told = True


def reference_of(folder: Path, fingerprint: str) -> Path:
    return folder / store.address(fingerprint)


def find(folder: Path, fingerprint: str) -> str | None:
    """The prefix that holds this content, if it is complete and unharmed."""
    prefix = reference_of(folder, fingerprint)
    return str(prefix) if complaint(str(prefix)) is None else None


def complaint(reference: str) -> str | None:
    """What is wrong with a prefix; None when it is as it was built."""
    prefix = Path(reference)
    if not store.is_complete(prefix):
        return "the prefix is gone" if not prefix.exists() else "the prefix is not complete"
    if not os.access(_interpreter(prefix), os.X_OK):
        return "its Python interpreter is gone"
    try:
        found = next(store.damage(prefix), None)
    except (OSError, msgspec.DecodeError):
        return "its census cannot be read"
    return f"{found[0]} {found[1]}" if found else None


def stands(reference: str) -> bool:
    """Whether a prefix was completed and is there; unlike `complaint`, which looks at every file, at once."""
    return store.is_complete(Path(reference))


def build(target: Target, tools: Tools) -> str:
    """Make the prefix, or find that another process has just made it."""
    prefix = reference_of(tools.store, target.fingerprint)
    with store.held(tools.store, prefix.name, _Waiting(target, tools)) as lock:
        if complaint(str(prefix)) is None:
            return str(prefix)
        if store.is_complete(prefix):
            _heal_cache(prefix, target, tools)
        store.clear(tools.store, prefix)
        try:
            _make(prefix, msgspec.structs.replace(target, hold=(lock,)), tools)
            store.complete(prefix)
        except OSError as error:
            store.clear(tools.store, prefix)
            what = f"the prefix cannot be written: {error.strerror}: {error.filename or prefix}"
            raise BuildError(what, hint="check the space on its disk, or set ENVBUILD_STORE") from None
        except BaseException:
            store.clear(tools.store, prefix)
            raise
    return str(prefix)


def _interpreter(prefix: Path) -> Path:
    return Path(census.interpreter(str(prefix)))


def _make(prefix: Path, target: Target, tools: Tools) -> None:
    target.say("python")
    _venv(prefix, target, tools)
    if target.pins and (target.pins.pins or target.pins.wheels):
        count = len(target.pins.pins) + len(target.pins.wheels)
        target.say(f"{count} package{'s' if count > 1 else ''}")
        _install(prefix, target, tools)
    env = activated(target.environment.variables, prefix, child_environment(tools.host))
    for number, command in enumerate(target.environment.setup, 1):
        target.say(f"setup {number} of {len(target.environment.setup)}")
        placed = command.replace(PREFIX, str(prefix))
        _note(target.log, f"$ {placed}")
        ran = tools.programs.run(["/bin/sh", "-ec", placed], env=env, cwd=prefix, log=target.log, hold=target.hold)
        if ran.code:
            where = target.environment.where_item("setup", number - 1)
            raise BuildError(f"setup command {number} ended with {ran.code}", where, "look at its output in the log")


def _venv(prefix: Path, target: Target, tools: Tools) -> None:
    wanted = target.python_range or (f"=={target.python}.*" if target.python else "")
    chosen = _own_python(wanted) or f"cpython{wanted}"
    command: list[str | Path] = ["venv", "--no-project", "--quiet", "--python", chosen, prefix]
    ran = tools.uv.run(command, log=target.log, hold=target.hold)
    if ran.code:
        found = ", ".join(tools.uv.interpreters(downloadable=False)) or "none"
        raise BuildError(
            f"no Python {target.python_range or target.python} could be found or fetched",
            next((item.where for item in target.environment.package("python")), target.environment.where("python")),
            f"found on this machine: {found}",
        )


def _own_python(wanted: str) -> str:
    """The Python that we run on, where it is one that is asked for: a search takes longer than an environment."""
    from packaging.specifiers import SpecifierSet

    plain = sys.implementation.name == "cpython" and not sys.abiflags
    version = ".".join(map(str, sys.version_info[:3]))
    base = getattr(sys, "_base_executable", "") or sys.executable
    return base if plain and sys.version_info[3] == "final" and SpecifierSet(wanted).contains(version) else ""


def _install(prefix: Path, target: Target, tools: Tools) -> None:
    """The pins exactly, by their hashes; from uv's cache alone where it has them all, which asks no network."""
    lock = target.log.with_name(f"pylock.{target.log.stem.replace('.', '-')}.toml")
    lock.write_text(_pylock(target, tools.root), encoding="utf-8")
    sync: list[str | Path] = [
        "pip",
        "sync",
        "--preview-features",
        "pylock",
        "--python",
        _interpreter(prefix),
        *_links(target),
        lock,
    ]
    try:
        index = target.environment.index_url
        ran = tools.uv.run([*sync, "--offline"], index_url=index, hold=target.hold)
        if ran.code:
            ran = tools.uv.run(sync, index_url=index, log=target.log, hold=target.hold)
        else:
            _note(target.log, ran.errors.rstrip())
    finally:
        lock.unlink()
    if ran.code:
        raise BuildError("uv could not install the packages", None, "look at its output in the log")


def _links(target: Target) -> list[str]:
    """Files are linked from uv's cache, but copied where setup could write into them, and so into the cache."""
    return ["--link-mode", "copy"] if target.environment.setup else []


def _pylock(target: Target, root: Path) -> str:
    pins = target.pins
    entries = [_entry(pin) for pin in (pins.pins if pins else ())]
    for wheel in pins.wheels if pins else ():
        hashes = f"{{ sha256 = {toml(target.files[wheel.path])} }}"
        archive = f"archive = {{ path = {toml(str(root / wheel.path))}, hashes = {hashes} }}"
        entries.append(f"[[packages]]\nname = {toml(wheel.name)}\nversion = {toml(wheel.version)}\n{archive}\n")
    return "\n".join(['lock-version = "1.0"\ncreated-by = "envbuild"\n', *entries])


def _entry(pin: Pin) -> str:
    head = f"[[packages]]\nname = {toml(pin.name)}\n"
    if "+" in pin.url.partition(":")[0]:
        kind, _, rest = pin.url.partition("+")
        bare, _, fragment = rest.partition("#")
        folder = f", subdirectory = {toml(fragment.removeprefix('subdirectory='))}" if fragment else ""
        url = bare.rpartition("@")[0]
        return f"{head}vcs = {{ type = {toml(kind)}, url = {toml(url)}, commit-id = {toml(pin.sha256)}{folder} }}\n"
    file = f"url = {toml(pin.url)}, hashes = {{ sha256 = {toml(pin.sha256)} }}"
    version = f"version = {toml(pin.version)}\n"
    if urlsplit(pin.url).path.endswith(".whl"):
        return f"{head}{version}wheels = [{{ {file} }}]\n"
    return f"{head}{version}sdist = {{ {file} }}\n"


def _note(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def _heal_cache(prefix: Path, target: Target, tools: Tools) -> None:
    """Uv links files from its cache: what was changed in a prefix was changed there too, and is fetched again."""
    try:
        changed = {path for path, how in store.damage(prefix) if how == "was changed"}
    except (OSError, msgspec.DecodeError):
        changed = set()
    owners = sorted({owner for owner, path in _owned(prefix) if path in changed})
    if owners:
        tools.uv.run(["cache", "clean", *owners], log=target.log)


def _owned(prefix: Path) -> Iterator[tuple[str, str]]:
    """Each installed file with the distribution that it belongs to."""
    for record in prefix.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        site = record.parent.parent
        owner = record.parent.name.partition("-")[0]
        with record.open(newline="", errors="replace") as stream:
            for row in csv.reader(stream):
                path = os.path.normpath(site / row[0]) if row else ""
                if path.startswith(f"{prefix}{os.sep}"):
                    yield owner, path[len(str(prefix)) + 1 :]


def python_patch(reference: str) -> str:
    """The exact Python of a prefix and where it comes from: noted in the record, not part of the content."""
    try:
        lines = (Path(reference) / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return f"{values.get('version_info', '')} {values.get('home', '')}".strip()
