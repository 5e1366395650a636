"""What is to become a layer: entries, each with where its bytes are."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from envbuild.image import Entry


class Node(msgspec.Struct, frozen=True):
    """`source` is where the bytes of a file are, or these themselves; folders and links have none."""

    entry: Entry
    source: Path | bytes = b""


Tree = Iterable[Node]
