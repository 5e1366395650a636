"""What an engine says of an image, as a plain value."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Facts(msgspec.Struct, frozen=True):
    """What the engine says of an image."""

    id: str
    digests: tuple[str, ...]
    tags: tuple[str, ...]
    size: int
    platform: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]
    created: str


def facts(told: Mapping[str, Any]) -> Facts:
    variant = f"/{told['Variant']}" if told.get("Variant") else ""
    return Facts(
        id=told["Id"],
        digests=tuple(told.get("RepoDigests") or ()),
        tags=tuple(told.get("RepoTags") or ()),
        size=int(told.get("Size") or 0),
        platform=f"{told.get('Os', '')}/{told.get('Architecture', '')}{variant}",
        config=told.get("Config") or {},
        layers=tuple((told.get("RootFS") or {}).get("Layers") or ()),
        created=str(told.get("Created") or ""),
    )
