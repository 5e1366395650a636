"""What pip is told, line by line: in a file of its own, and in the pip list of an environment.yml."""

import re
from collections.abc import Iterator

from envbuild.errors import UsageError
from envbuild.interop.exports.subject import Subject
from envbuild.lock import Pin, direct, safe_url
from envbuild.manifest import Item, extras_text

_PATH = re.compile(r"[\w./+,\[\]-]+")


def options(subject: Subject, platform: str, *, exact: bool) -> Iterator[str]:
    """Where packages come from, as the manifest says it: never what the host's own configuration adds."""
    request = subject.request(platform)
    if not request.roots:
        return
    if request.index_url:
        yield f"--index-url {safe_url(request.index_url)}"
    bound = () if exact else (index.url for index in request.indexes.values())
    for url in dict.fromkeys((*request.extra_index_urls, *bound)):
        yield f"--extra-index-url {safe_url(url)}"
    for link in request.find_links:
        yield f"--find-links {safe_url(link) if '://' in link else _plain(subject.path(link))}"
    yield from (f"--no-binary {name}" for name in request.no_binary)
    if request.prerelease and not exact:
        yield "--pre"


def requested(subject: Subject, platform: str) -> Iterator[str]:
    """What the manifest asks of PyPI."""
    packages = subject.environment.dependencies.on(platform)
    for item in (item for package in packages for item in package.items if item.manager == "pip" and not item.path):
        yield item.text
    yield from members(subject, platform)


def members(subject: Subject, platform: str) -> Iterator[str]:
    """What the project brings itself, as a line each."""
    yield from (f"-e {path}" if item.editable else path for item, path in plain_paths(subject, platform))


def plain_paths(subject: Subject, platform: str) -> Iterator[tuple[Item, str]]:
    yield from ((item, _plain(path)) for item, path in subject.members(platform))


def _plain(path: str) -> str:
    """A path that is one word to pip: what it makes of others depends on its version."""
    if not _PATH.fullmatch(path):
        raise UsageError(f"pip cannot be told the path '{path}'", hint="rename it: letters, digits and '._+-' are safe")
    return path


def pinned(subject: Subject, platform: str, *, hashed: bool) -> Iterator[tuple[Pin, str]]:
    """Each pin with what asks for it alone. A bound package is the very file of its index: no other one is asked."""
    bound, extras = subject.bound(platform), subject.extras(platform)
    for pin in subject.pins(platform).pip:
        name = f"{pin.name}{extras_text(extras.get(pin.name, ()))}"
        if direct(pin, subject.environment):
            yield pin, f"{name} @ {safe_url(pin.url)}"
        elif pin.name in bound and "://" in pin.url:
            yield pin, f"{name} @ {safe_url(pin.url)}{f'#sha256={pin.sha256}' if hashed else ''}"
        else:
            yield pin, f"{name}=={pin.version}"
