"""What pip is told, line by line: in a file of its own, and in the pip list of an environment.yml."""

import re
from collections.abc import Iterator

from envbuild.errors import UsageError
from envbuild.interop.exports.subject import Subject, direct, safe_url
from envbuild.lock import Pin
from envbuild.resolve import Environment

_VERSION = re.compile(r"[A-Za-z0-9._+!*-]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


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
        yield f"--find-links {safe_url(link) if '://' in link else subject.path(link)}"
    yield from (f"--no-binary {name}" for name in request.no_binary)
    if request.prerelease and not exact:
        yield "--pre"


def requested(subject: Subject, platform: str) -> Iterator[str]:
    """What the manifest asks of PyPI."""
    packages = subject.environment.dependencies.on(platform)
    for item in (item for package in packages for item in package.items if item.manager == "pip" and not item.path):
        yield item.text
    yield from (f"-e {path}" if item.editable else path for item, path in subject.members(platform))


def version_of(pin: Pin, environment: Environment) -> str:
    """One pin, so that nothing else answers to it."""
    if not _NAME.fullmatch(pin.name) or not _VERSION.fullmatch(pin.version):
        raise UsageError(f"'{pin.name} {pin.version}' is no name and version", hint="lock it again")
    if direct(pin, environment):
        return f"{pin.name} @ {safe_url(pin.url)}"
    return f"{pin.name}=={pin.version}"
