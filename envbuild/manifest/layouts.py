"""Bases that are folders of the project: `oci:FOLDER`, or `oci:FOLDER:TAG`, as other programs write it."""

import msgspec

_KIND = "oci:"


class LayoutName(msgspec.Struct, frozen=True):
    """A folder, and the name that an image has in it; without one, it is the only image there."""

    path: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{_KIND}{self.path}{f':{self.tag}' if self.tag else ''}"


def layout_name(text: str) -> LayoutName | None:
    """Nothing where the text names something else."""
    if not text.startswith(_KIND):
        return None
    path, _, tag = text.removeprefix(_KIND).partition(":")
    return LayoutName(path, tag)
