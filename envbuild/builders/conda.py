"""Conda packages into a prefix: linked by rattler from the package cache, which holds only what is as locked."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders.noted import put_right, remove_lost, source_elsewhere, source_here
from envbuild.builders.packages import Cache, Entry
from envbuild.builders.placing import clashes, site_packages
from envbuild.builders.target import Target, Tools, note
from envbuild.errors import BuildError, Place, raise_all
from envbuild.lock import Pin, spec_name
from envbuild.machine import platform
from envbuild.solvers.archives import kind, stem
from envbuild.solvers.rattler import system_error
from envbuild.typed import from_json

if TYPE_CHECKING:
    from rattler import RepoDataRecord

_NOWHERE = "https://cached.invalid/"  # what is in the cache is asked of nobody
_REVISION = 1
_MOST_NOTES = 10
INSIDE = "set 'install: inside' in envbuild.yaml"


class Linking(msgspec.Struct, frozen=True):
    """For which platform, where the prefix will lie if not here, and whether no file may be one with the cache's."""

    platform: str
    staged: Path | None
    copies: bool


def make(prefix: Path, target: Target, tools: Tools, staged: Path | None = None) -> tuple[Pin, ...]:
    """The prefix with its conda packages; gives those whose link scripts are to be run, each after what it needs.

    `staged` is where the prefix will lie, on another machine: here nothing of it is run.
    """
    pins = target.pins.conda if target.pins else ()
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    cache = Cache(tools.rattler, tools.programs, target.say, target.rendered)
    with cache.using(pins) as entries:
        raise_all(_refused_scripts(entries, target, tools, staged))
        scripted = {entry.pin for entry in entries if entry.content.scripts}
        _note_clashes(entries, target, more=_is_written_later(target) or bool(scripted or staged))
        target.say(f"linking {len(pins)} package{'' if len(pins) == 1 else 's'}")
        copies = not staged and bool(target.is_run_in or scripted)
        link(prefix, entries, tools, Linking(target.pins.platform if target.pins else platform(), staged, copies))
    remove_lost(prefix)
    for pin in pins:
        put_right(prefix, pin, source_elsewhere(pin) if staged else source_here(pin))
        note(target.log, f"linked {pin.name} {pin.version} {pin.build}")
    _make_modes_plain(prefix)
    return tuple(pin for pin in in_order(pins) if pin in scripted)


def _refused_scripts(
    entries: Sequence[Entry], target: Target, tools: Tools, staged: Path | None
) -> Iterator[BuildError]:
    """What packages want to run when they are linked, as whoever builds: only if the project says so."""
    for entry in entries:
        pin = entry.pin
        items = target.environment.package(pin.name)
        where = items[0].where if items else Place(target.environment.path)
        shown = f"{pin.name} {pin.version}"
        if early := next((path for path in entry.content.scripts if path.endswith("-pre-link.sh")), None):
            what = f"{shown} wants to run '{early}' before it is there, which conda gave up"
            yield BuildError(what, where, "use another version of it")
        elif staged and (script := _script(entry)):
            what = f"{shown} wants to run its script '{script}', which only its own place can"
            yield BuildError(what, where, INSIDE)
        elif pin.name not in tools.allowed and (script := _script(entry)):
            what = f"{shown} wants to run its script '{script}'"
            yield BuildError(what, where, f"read it; then name {pin.name} in 'allow_link_scripts' of envbuild.yaml")


def _script(entry: Entry) -> str:
    """What would be run here: nothing is unlinked from a prefix, and none is of Windows."""
    return next((path for path in entry.content.scripts if path.endswith("-post-link.sh")), "")


def _is_written_later(target: Target) -> bool:
    pins = target.pins
    return bool(target.is_run_in or (pins and (pins.pip or pins.members)))


def _note_clashes(entries: Sequence[Entry], target: Target, *, more: bool) -> None:
    found = clashes(entries, site_packages(entry.pin for entry in entries), more=more)
    note_twice([(path, f"{one.name} {one.version}", f"{two.name} {two.version}") for path, one, two in found], target)


def note_twice(found: Sequence[tuple[str, str, str]], target: Target) -> None:
    """Paths, each with the two packages that bring it."""
    for path, first, second in found[:_MOST_NOTES]:
        note(target.log, f"note: {first} and {second} both bring '{path}'")
    if len(found) > _MOST_NOTES:
        note(target.log, f"note: {len(found) - _MOST_NOTES} more paths are brought by two packages")


def link(prefix: Path, entries: Sequence[Entry], tools: Tools, linking: Linking) -> None:
    """By rattler, which is shown the entries under the names that it looks for."""
    view = tools.store / ".views" / prefix.name
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir(parents=True)
    try:
        for entry in entries:
            (view / stem(entry.pin)).symlink_to(entry.folder)
            marked = _REVISION.to_bytes(8, "big") + bytes.fromhex(entry.pin.sha256)
            (view / f"{stem(entry.pin)}.lock").write_bytes(marked)
        _install(prefix, [record(entry.pin) for entry in entries], view, tools, linking)
    finally:
        shutil.rmtree(view, ignore_errors=True)


def _install(prefix: Path, records: "list[RepoDataRecord]", view: Path, tools: Tools, linking: Linking) -> None:
    from rattler import Config, PackageCache, Subdir, install
    from rattler.exceptions import InstallerError

    config = Config.from_toml("allow-hard-links = false\n") if linking.copies else None
    try:
        tools.rattler.call(
            lambda: install(
                records,
                target_prefix=prefix,
                package_cache=PackageCache(view),
                installed_packages=[],
                platform=Subdir(linking.platform),
                client=tools.rattler.patient_client,
                execute_link_scripts=False,
                show_progress=False,
                config=config,
                alternative_target_prefix=linking.staged,
            )
        )
    except InstallerError as error:
        if system := system_error(error, prefix):
            raise system from None
        what = f"the packages could not be linked: {error}"
        raise BuildError(what, hint="look at the log, and name other versions of what it tells of") from None


def record(pin: Pin) -> "RepoDataRecord":
    from rattler import BuildString, PackageRecord, RepoDataRecord

    package = PackageRecord(
        name=pin.name,
        version=pin.version,
        build=BuildString(pin.build),
        build_number=pin.number,
        subdir=pin.subdir,
        md5=bytes.fromhex(pin.md5) or None,
        sha256=bytes.fromhex(pin.sha256),
        depends=list(pin.dependencies),
        constrains=list(pin.constrains),
        python_site_packages_path=pin.site or None,
    )
    name = f"{stem(pin)}{kind(pin)}"
    return RepoDataRecord(package, name, f"{_NOWHERE}{pin.subdir}/{name}", _NOWHERE)


def _make_modes_plain(prefix: Path) -> None:
    """Whatever the host's umask is. Files are as in the cache, but for those that were made here."""
    for name in ("CACHEDIR.TAG", "conda-meta/history"):
        if (made := prefix / name).is_file():
            made.chmod(0o644)
    for here, _, names in os.walk(prefix):
        os.chmod(here, 0o755)  # noqa: PTH101, S103 - thousands of them; as any package's
        for name in names if here == f"{prefix}/bin" else ():
            found = os.lstat(path := f"{here}/{name}")
            if found.st_nlink == 1 and found.st_mode & 0o111 and not os.path.islink(path):  # noqa: PTH114 - as above
                os.chmod(path, 0o755)  # noqa: PTH101, S103 - as above


def as_linked(pins: Sequence[Pin]) -> list[Pin]:
    """Of a path that several bring, the last of them has it in the end: rattler's order, whoever is linked first."""
    from rattler import PackageRecord

    known = {pin.name: pin for pin in pins}
    return [known[one.name.normalized] for one in PackageRecord.sort_topologically([record(pin) for pin in pins])]


def in_order(pins: Iterable[Pin]) -> Iterator[Pin]:
    """Each after all that it needs, as far as packages do not need each other."""
    known = {pin.name: pin for pin in pins}
    seen: set[str] = set()
    waiting = [(pin, False) for pin in reversed(list(known.values()))]
    while waiting:
        pin, is_ready = waiting.pop()
        if is_ready:
            yield pin
        elif pin.name not in seen:
            seen.add(pin.name)
            needed = (known[name] for spec in pin.dependencies if (name := spec_name(spec)) in known)
            waiting += [(pin, True), *((one, False) for one in needed if one.name not in seen)]


def run_scripts(prefix: Path, pins: Sequence[Pin], target: Target, tools: Tools, env: Mapping[str, str]) -> None:
    """The scripts that are allowed, as conda runs them; what they have to say stands in the log."""
    for pin in pins:
        script = prefix / f"bin/.{pin.name}-post-link.sh"
        if not script.is_file():
            continue
        target.say(f"link script of {pin.name}")
        note(target.log, f"$ {script}")
        own = {"PKG_NAME": pin.name, "PKG_VERSION": pin.version, "PKG_BUILDNUM": str(pin.number)}
        ran = tools.programs.run(
            [shutil.which("bash", path=env.get("PATH")) or "/bin/sh", script],
            env={**env, **own, "PREFIX": str(prefix), "ROOT_PREFIX": str(prefix)},
            cwd=prefix,
            log=target.log,
            hold=target.hold,
        )
        messages = prefix / ".messages.txt"
        if messages.is_file():
            note(target.log, messages.read_text(encoding="utf-8", errors="replace").rstrip())
            messages.unlink()
        if ran.code:
            what = f"the link script of {pin.name} {pin.version} ended with {ran.code}"
            raise BuildError(what, Place(target.environment.path), "look at its output in the log")


def python_patch(prefix: Path) -> str:
    """The version of conda's own Python; nothing where there is none."""
    for path in prefix.glob("conda-meta/python-*.json"):
        try:
            found = from_json(path.read_bytes(), _Version)
        except (OSError, msgspec.DecodeError):
            continue
        if found.name == "python":
            return f"{found.version} conda"
    return ""


class _Version(msgspec.Struct, frozen=True):
    name: str
    version: str
