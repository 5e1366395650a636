"""What packages that stand at a URL of their own say that they need: it may name further URLs, which uv follows.

So it is read before a bound name is let in, held against what is bound, and then told to uv as a fact. Of a repository
or a folder, uv would else also do what its `tool.uv` says.
"""

from collections.abc import Iterable, Iterator, Mapping
from email.parser import BytesHeaderParser
from pathlib import Path

import msgspec

from envbuild.manifest import normalise
from envbuild.process import toml


class Said(msgspec.Struct, frozen=True):
    """One package's own account."""

    name: str
    version: str
    needs: tuple[str, ...]
    extras: tuple[str, ...] = ()
    python: str = ""

    @property
    def entry(self) -> str:
        """As uv's configuration takes it."""
        python = f"requires-python = {toml(self.python)}\n" if self.python else ""
        return (
            f"[[dependency-metadata]]\nname = {toml(self.name)}\nversion = {toml(self.version)}\n{python}"
            f"requires-dist = [{', '.join(map(toml, self.needs))}]\n"
            f"provides-extra = [{', '.join(map(toml, self.extras))}]"
        )


def read(folder: Path) -> Iterator[Said]:
    """Of all that is installed in a folder."""
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        facts = BytesHeaderParser().parsebytes(path.read_bytes())
        needs, extras = facts.get_all("Requires-Dist", ()), facts.get_all("Provides-Extra", ())
        python = facts.get("Requires-Python", "")
        yield Said(normalise(facts["Name"]), facts["Version"], tuple(needs), tuple(extras), python)


def urls(needs: Iterable[str], bound: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each bound name that is wanted from a URL, with the wish."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in needs:
        try:
            wish = Requirement(text)
        except InvalidRequirement:
            continue
        if wish.url and normalise(wish.name) in bound:
            yield normalise(wish.name), text
