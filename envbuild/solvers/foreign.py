"""Files that were exported on another platform: their builds are there and nowhere else, which is said once for all."""

from collections.abc import Iterable, Iterator

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import spec_name
from envbuild.manifest import Item
from envbuild.solvers.channels import NOARCH, View

PLATFORMS = ("linux-64", "osx-arm64", "osx-64", "win-64", "linux-aarch64")
_EXACT = 3
_SHOWN = 3


class _Build(msgspec.Struct, frozen=True):
    item: Item
    name: str
    version: str
    build: str

    def is_in(self, view: View, channels: tuple[str, ...], *platforms: str) -> bool:
        found = view.records(channels, self.name, *platforms)
        return any((_plain(one.version), str(one.build)) == (_plain(self.version), self.build) for one in found)


def exported(items: Iterable[Item], platform: str, view: View, channels: tuple[str, ...]) -> SolveError | None:
    """What of a file only another platform has, if it has any of it."""
    builds = sorted(_builds(items), key=lambda one: one.item.where)
    lacking = [one for one in builds if not one.is_in(view, channels, platform, NOARCH)]
    others = [one for one in PLATFORMS if one != platform] if lacking else []
    found = {other: [one for one in lacking if _has(one, other, view, channels)] for other in others}
    best = max(found, key=lambda other: len(found[other]), default="")
    if not best or not found[best]:
        return None
    named = ", ".join(f"{one.name} {one.version} {one.build}" for one in found[best][:_SHOWN])
    more = f" and {rest} more" if (rest := len(found[best]) - _SHOWN) > 0 else ""
    what = f"this was exported on {best}, whose builds are not there for {platform}: {named}{more}"
    hint = f"leave the builds out, as 'conda env export --from-history' does, and what only {best} has"
    return SolveError(what, found[best][0].item.where, hint)


def _builds(items: Iterable[Item]) -> Iterator[_Build]:
    """What is asked for as an export writes it: name, one version, one build."""
    for item in items:
        words = item.text.partition("[")[0].split()
        if len(words) == _EXACT and words[1].startswith("==") and "*" not in words[2]:
            yield _Build(item, spec_name(item.text), words[1].removeprefix("=="), words[2])


def _has(one: _Build, platform: str, view: View, channels: tuple[str, ...]) -> bool:
    from rattler.exceptions import GatewayError

    try:
        return one.is_in(view, channels, platform)
    except GatewayError:  # a channel without that platform is no error of this one
        return False


def _plain(version: object) -> str:
    """`1.0` and `1.0.0` are one version."""
    text = str(version)
    while text.endswith(".0"):
        text = text.removesuffix(".0")
    return text
