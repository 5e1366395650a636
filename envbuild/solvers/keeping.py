"""What stays as it is locked, where it still fits."""

import msgspec

from envbuild.lock import Pins, Request, nameless
from envbuild.manifest import source_of
from envbuild.solvers.indexes import named


class Kept(msgspec.Struct, frozen=True):
    """Versions, and the commits of what is asked for by the same words."""

    versions: dict[str, str] = {}
    commits: dict[str, str] = {}

    @classmethod
    def of(cls, preferred: Pins | None, recorded: Request | None) -> "Kept":
        """A branch stays at its commit where it is asked for by the same words as in the request that was recorded."""
        pins = preferred.pip if preferred else ()
        asked = set(recorded.roots) if recorded else set()
        names = nameless(asked, preferred) if preferred else {}
        asked = {f"{names[root]} @ {root}" if root in names else root for root in asked}
        at = {pin.name: pin.sha256 for pin in pins if pin.url.startswith("git+")}
        return cls(
            {pin.name: pin.version for pin in pins if not pin.url.startswith("git+")},
            {root: at[name] for name, root in named(asked) if name in at and "git+" in root},
        )

    def line(self, root: str) -> str:
        from packaging.requirements import Requirement

        if root not in self.commits:
            return root
        requirement = Requirement(root)
        bare, separator, fragment = (requirement.url or "").partition("#")
        requirement.url = f"{source_of(bare)}@{self.commits[root]}{separator}{fragment}"
        return str(requirement)
