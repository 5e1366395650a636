"""Layers, as manifests and configurations name them: the bytes themselves are in a cache, or in a registry."""

from collections.abc import Mapping

import msgspec


class Layer(msgspec.Struct, frozen=True):
    """`digest` and `size` are of what is sent, `diff_id` is of the tar in it; `made_by` is what its history tells."""

    digest: str
    diff_id: str
    size: int
    media_type: str
    made_by: str = ""
    annotations: Mapping[str, str] = {}
