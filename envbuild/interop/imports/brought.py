"""What a format finds in a source: how that calls itself, and its manifest once the place of that is known."""

from collections.abc import Callable

import msgspec

from envbuild.project.starting import Carried


class Brought(msgspec.Struct, frozen=True):
    """`name` is empty where the source has none that could name an environment."""

    name: str
    carry: Callable[[str], Carried]
