"""What an image starts from where its base has a variant for CPUs and one for GPUs."""

from collections.abc import Iterable

import msgspec

from envbuild.document import Mapping
from envbuild.manifest import Base, Keys, SystemRequirements


def uses_gpu(keys: Keys, system: Iterable[SystemRequirements]) -> bool:
    """By the manifest's word, else by what its packages ask of the system: never by what the host has."""
    said = keys.image.gpu
    return said == "true" if said in {"true", "false"} else any(one.cuda for one in system)


def settled(body: Mapping, keys: Keys, system: Iterable[SystemRequirements]) -> tuple[Mapping, Keys]:
    """The same, with the variant that is meant as its base."""
    base, image = keys.image.base, body.get("image")
    if not isinstance(base, Base) or base.cpu is None or not isinstance(image, Mapping):
        return body, keys
    entry, which = image.entries["base"], "gpu" if uses_gpu(keys, system) else "cpu"
    if not isinstance(entry.value, Mapping):
        return body, keys
    variant = msgspec.structs.replace(entry, value=entry.value.entries[which].value)
    chosen = msgspec.structs.replace(image, entries={**image.entries, "base": variant})
    above = msgspec.structs.replace(body.entries["image"], value=chosen)
    own = msgspec.structs.replace(keys.image, base=getattr(base, which))
    return (
        msgspec.structs.replace(body, entries={**body.entries, "image": above}),
        msgspec.structs.replace(keys, image=own),
    )
