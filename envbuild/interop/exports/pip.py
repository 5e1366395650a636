"""requirements.txt: every distribution with the hash of the one file that is locked for a platform."""

from collections.abc import Iterator

from envbuild.errors import Note, UsageError
from envbuild.interop.exports.pipping import options, pinned, plain_paths
from envbuild.interop.exports.quoting import comment, lines_text
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.lock import Pins, spec_name
from envbuild.manifest import Asked

_FILE = "requirements.txt"
_OF_PIP = ("python", "pip")


def export(subject: Subject) -> Exported:
    platform = subject.platform
    pins = subject.pins(platform)
    _refuse_conda(subject, pins)
    if not subject.wish.no_hashes:
        _refuse_hashless(subject, pins)
    lines = [
        *map(comment, _head(subject)),
        *options(subject, platform, exact=True),
        *_pinned(subject),
        *_members(subject),
    ]
    return Exported(lines_text(lines), tuple(_notes(subject, pins)), (platform,))


def _head(subject: Subject) -> Iterator[str]:
    python = f" and Python {subject.python}" if subject.python else ""
    yield f"{subject.title}, for {subject.platform}{python}: the packages that are locked; written by envbuild."
    yield from subject.heading
    deps = "--no-deps " if _overrides(subject) else ""
    hashes = "" if subject.wish.no_hashes else "--require-hashes "
    yield f"To install it: pip install {deps}{hashes}-r FILE; or the same with 'uv pip'."
    if subject.has_paths:
        yield "Paths in it are taken from the folder that it is installed from: be in this file's own."
    if hashes:
        yield "Each hash is of the one file that is locked: where another platform needs another file, pip refuses it."


def _overrides(subject: Subject) -> tuple[str, ...]:
    return subject.request(subject.platform).overrides


def _pinned(subject: Subject) -> Iterator[str]:
    """A hash stands on a line of its own; where there is to be none, a URL has one all the same."""
    without = subject.wish.no_hashes
    for pin, line in pinned(subject, subject.platform, hashed=without):
        yield from (line,) if without else (f"{line} \\", f"    --hash=sha256:{pin.sha256}")


def _members(subject: Subject) -> Iterator[str]:
    for item, path in plain_paths(subject, subject.platform):
        shown = f"-e {path}" if item.editable else path
        digest = "" if subject.wish.no_hashes else subject.outgoing.digests[item.path]
        yield from (f"{shown} \\", f"    --hash=sha256:{digest}") if digest else (shown,)


def _refuse_conda(subject: Subject, pins: Pins) -> None:
    """What conda has besides Python, pip and what these need is not pip's to install."""
    own = pins.reached(_OF_PIP) - _needed(pins)
    roots = sorted({spec_name(root) for root in subject.request(subject.platform).conda_roots})
    others = {pin.name: f"{pin.name} {pin.version}" for pin in pins.conda if pin.name not in own}
    if others:
        asked = ", ".join(shown for name, shown in others.items() if name in roots) or ", ".join(others.values())
        what = f"'{subject.title}' has packages of conda, which pip cannot install: {asked}"
        raise UsageError(what, hint=f"write all of it: envbuild export conda {subject.title}, or explicit")


def _needed(pins: Pins) -> set[str]:
    """What PyPI's packages need, and a package of conda brings: it is pinned nowhere else."""
    known, brings = pins.by_key(), pins.brings
    every = (*(pin.dependencies for pin in pins.pip), *(member.dependencies for member in pins.members))
    asked = {f"pip/{name}" for names in every for name in names}
    return {brings[key] for key in asked - known.keys() if key in brings} - {*_OF_PIP}


def _refuse_hashless(subject: Subject, pins: Pins) -> None:
    """Hashes are checked of all or of none, and a repository or a folder has none."""
    found = [f"{pin.name} is a repository" for pin in pins.pip if "+" in pin.url.partition("://")[0]]
    folders = (item for item, _ in subject.members(subject.platform) if Asked(item.path).is_folder or item.editable)
    found += [f"{item.path} is a folder" for item in folders]
    if found:
        what = f"pip checks the hashes of all packages or of none, and {', '.join(found)}"
        raise UsageError(what, hint="write it without hashes: --no-hashes")


def _notes(subject: Subject, pins: Pins) -> Iterator[Note]:
    if subject.wish.no_hashes:
        yield subject.note("hashes", "the file has no hashes: what an index serves under a version is taken as it is")
    yield from subject.other_platforms(_FILE)
    if subject.python:
        what = f"{_FILE} has no place for Python: use {subject.python}, for which it is locked"
        yield subject.note("python", what)
    if overrides := _overrides(subject):
        what = f"pip knows no overrides, and refuses {', '.join(overrides)} unless it is told --no-deps"
        yield subject.note("overrides", what, subject.environment.overrides.every[0].items[0].where)
    built = [pin.name for pin in pins.pip if not pin.url.endswith(".whl") and "+" not in pin.url.partition("://")[0]]
    if built:
        what = f"{', '.join(built)}: built from source, with what the newest tools for it are then"
        yield subject.note("build", what)
    yield from subject.unheld(("variables", "pip.no_build_isolation", "python.interpreter", "python.managed"), _FILE)
    yield from subject.of_system((subject.platform,), _FILE)
    yield from subject.besides(_FILE)
    yield from subject.of_paths()
