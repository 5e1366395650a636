"""The URLs of conda packages as conda, mamba and micromamba install them without solving, and pip's as conda-lock does.

conda-lock's own writer is the model, but that one puts variables of the machine into URLs.
"""

from collections.abc import Iterator

from envbuild.errors import Note, UsageError
from envbuild.interop.exports.quoting import comment, lines_text
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.lock import Pin, Pins, in_order, is_of_the_project, safe_url

_FILE = "an explicit lock"


def export(subject: Subject) -> Exported:
    platform = subject.platform
    pins = subject.pins(platform)
    if not pins.conda:
        what = f"'{subject.title}' has no conda packages, and an explicit lock lists those"
        raise UsageError(what, hint=f"write what pip reads: envbuild export pip {subject.title}")
    lines = [
        *map(comment, _head(subject, pins)),
        f"# platform: {platform}",
        "@EXPLICIT",
        *(f"{safe_url(pin.url)}#{_digest(subject, pin)}" for pin in in_order(pins)),
        *(f"# pip {pin.name} @ {_source(pin)}" for pin in pins.pip if not is_of_the_project(pin)),
    ]
    return Exported(lines_text(lines), tuple(_notes(subject, pins)), (platform,))


def _head(subject: Subject, pins: Pins) -> Iterator[str]:
    yield f"{subject.title}, for {subject.platform}: the packages that are locked; written by envbuild."
    yield from subject.heading
    yield "To make it: conda create -n NAME --file FILE, or micromamba create -n NAME -f FILE."
    if pins.pip:
        yield "What stands behind '# pip' is installed by conda-lock; other tools may leave it out."


def _digest(subject: Subject, pin: Pin) -> str:
    return f"sha256:{pin.sha256}" if subject.wish.sha256 or not pin.md5 else pin.md5


def _source(pin: Pin) -> str:
    """A repository is known by its commit, a file by its hash."""
    url = safe_url(pin.url)
    if "+" in pin.url.partition("://")[0]:
        return url
    return f"{url}{'&' if '#' in url else '#'}sha256={pin.sha256}"


def _notes(subject: Subject, pins: Pins) -> Iterator[Note]:
    yield from subject.other_platforms(_FILE)
    for pin in pins.conda:
        if pin.url.startswith("file:"):
            yield subject.note("channels", f"{pin.channel} is a folder of the machine that locked")
            break
    for item, path in subject.members(subject.platform):
        what = f"{_FILE} has no place for {path}: install it behind the rest"
        yield subject.note("files", what, item.where, f"pip install --no-deps {'-e ' if item.editable else ''}{path}")
    for pin in filter(is_of_the_project, pins.pip):
        what = f"{_FILE} has no place for {pin.name}, a file of the project: install it behind the rest"
        where = subject.environment.where("pip", "find_links")
        yield subject.note("files", what, where, f"pip install --no-deps {subject.path(pin.url)}")
    yield from subject.unheld(("variables", "python.interpreter", "python.managed"), _FILE)
    yield from subject.of_system((subject.platform,), _FILE)
    yield from subject.besides(_FILE)
