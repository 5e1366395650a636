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
from envbuild.render import ARCHITECTURES
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
        form=form_of(project),
        budget=stated.budget or _BUDGET,
        shared=lambda _: shared_packages(project),
        compiles=stated.bytecode,
    )


def form_of(project: Place) -> Form:
    """How layers are written."""
    return Form(project.settings.layers.compression or "gzip", _seconds(project.host))


def afresh(project: Place, tools: Tools, folder: Path, there: tuple[Source, Manifest]) -> OciWorkshop:
    """With layers that are all made anew, into a folder that is empty: divided, and described, as one that is there."""
    shared, stated = together(*there), inside_of(*there).annotations
    shop = assembling(project, shop_of(project, tools, "oci"))
    return msgspec.structs.replace(shop, layers=folder, shared=lambda platform: shared.get(platform, {}), stated=stated)


def together(source: Source, root: Manifest) -> dict[str, dict[str, int]]:
    """How an image was divided, for each platform, as counts that divide it so again; others may differ by now."""
    platforms = {architecture: platform for platform, architecture in ARCHITECTURES.items()}
    found = {}
    for one in inside_of(source, root).variants:
        packages = ((name, len(layer.packages)) for layer in one.layers for name in layer.packages)
        counts = {name.partition(" ")[0]: int(count == 1) for name, count in packages}
        found[platforms.get(one.platform.split("/")[1], "")] = counts
    return found


def _seconds(host: Mapping[str, str]) -> int:
    """The time of all that is in an image."""
    text = host.get(_VARIABLE, "")
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
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
