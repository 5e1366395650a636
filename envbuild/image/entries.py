"""What a layer holds: one entry for each file, folder and link, as a tar has them."""

from typing import Literal

import msgspec

Kind = Literal["file", "folder", "link"]
PLAIN, RUNNABLE, FOLDER, LINK = 0o644, 0o755, 0o755, 0o777


class Entry(msgspec.Struct, frozen=True, order=True):
    """One path of a layer, relative to the root of the image, without a slash at either end. A link leads to `target`.

    Whose it is are numbers: a name means something else in every image.
    """

    path: str
    kind: Kind = "file"
    mode: int = PLAIN
    size: int = 0
    target: str = ""
    uid: int = 0
    gid: int = 0
