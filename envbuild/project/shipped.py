"""What comes with envbuild: templates inside the wheel, or beside the package in a checkout."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envbuild.render import Template

_PACKAGE = Path(__file__).parent.parent


def shipped(kind: str) -> Path:
    """The folder of shipped `templates` or `manifests`."""
    inside = _PACKAGE / "_shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def templates() -> "dict[str, Template]":
    """Each built-in template, by its file name."""
    from envbuild.render import BUILT_IN, Template

    return {
        path.name: Template(f"{BUILT_IN}{path.name}", path.read_text(encoding="utf-8"))
        for path in sorted(shipped("templates").glob("*.j2"))
    }
