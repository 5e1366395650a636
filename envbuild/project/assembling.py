"""What builder `oci` works with in a project."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from envbuild.builders import makes_images
from envbuild.builders.oci.packing import Form
from envbuild.builders.oci.workshop import OciWorkshop
from envbuild.builders.recipe import Workshop
from envbuild.builders.target import Tools
from envbuild.errors import UsageError
from envbuild.image.manifests import Manifest
from envbuild.lock import lock_path
from envbuild.project.locks import Locks
from envbuild.project.place import Place
from envbuild.project.reading import Reader
from envbuild.project.selection import Selection
from envbuild.project.shop import shop_of
from envbuild.registry.copying import Source
from envbuild.registry.inspecting import inside_of
from envbuild.workspace.folders import Folders

_LAYERS = "layers"
_BUDGET = 100
_VARIABLE = "SOURCE_DATE_EPOCH"
_MOST_DIGITS = 11


def assembling(project: Place, shop: Workshop) -> OciWorkshop:
    stated = project.settings.layers
    return OciWorkshop(
        **{name: getattr(shop, name) for name in shop.__struct_fields__},
        layers=project.rattler.cache / _LAYERS,
        form=Form(stated.compression or "gzip", _seconds(project.host)),
        budget=stated.budget or _BUDGET,
        shared=lambda: shared_packages(project),
    )


def afresh(project: Place, tools: Tools, folder: Path, shared: Mapping[str, int]) -> OciWorkshop:
    """With layers that are all made anew, into a folder that is empty; packages that shared one share it again."""
    shop = assembling(project, shop_of(project, tools, "oci"))
    return msgspec.structs.replace(shop, layers=folder, shared=lambda: shared)


def together(source: Source, root: Manifest) -> dict[str, int]:
    """How an image was divided, as counts that divide it so again: what other images have may have changed since."""
    stated = [layer.packages for one in inside_of(source, root).variants for layer in one.layers]
    return {name.partition(" ")[0]: int(len(names) == 1) for names in stated for name in names}


def _seconds(host: Mapping[str, str]) -> int:
    """The time of all that is in an image."""
    text = host.get(_VARIABLE, "")
    if not text:
        return 0
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise UsageError(
            f"{_VARIABLE} is '{text}'", hint="set it to seconds since 1970, as 'git log -1 --format=%ct' says"
        )
    return int(text)


def shared_packages(project: Place) -> Mapping[str, int]:
    """How many images of the project have a package of each name, as their locks say."""
    locks = Locks(project.workspace, Folders(project.workspace, project.programs, project.host))
    found: Counter[str] = Counter()
    for one in Reader(project.workspace, project.settings).environments(Selection(), project.platform):
        lock = locks.usable(lock_path(one.name)) if makes_images(one.builder) else None
        found.update({pin.name for pins in (lock.pins if lock else {}).values() for pin in (*pins.conda, *pins.pip)})
    return found
