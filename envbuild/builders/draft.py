"""What a builder of images has made, before it is shipped."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from envbuild.image.manifests import Manifest
    from envbuild.registry.copying import Source


class Draft(msgspec.Struct, frozen=True):
    """An image that its keeper has by this id, or one that can be read here."""

    id: str = ""
    source: "Source | None" = None
    root: "Manifest | None" = None
