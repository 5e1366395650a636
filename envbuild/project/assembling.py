"""What builder `oci` works with in a project."""

from collections import Counter
from collections.abc import Mapping

from envbuild.builders import makes_images
from envbuild.builders.oci.cache import LayerCache
from envbuild.builders.oci.packing import Form
from envbuild.builders.oci.workshop import OciWorkshop
from envbuild.builders.recipe import Workshop
from envbuild.errors import UsageError
from envbuild.lock import lock_path
from envbuild.project.locks import Locks
from envbuild.project.place import Place
from envbuild.project.reading import Reader
from envbuild.project.selection import Selection
from envbuild.workspace.folders import Folders

_LAYERS = "layers"
_BUDGET = 100
_VARIABLE = "SOURCE_DATE_EPOCH"
_MOST_DIGITS = 11


def assembling(project: Place, shop: Workshop) -> OciWorkshop:
    stated = project.settings.layers
    return OciWorkshop(
        **{name: getattr(shop, name) for name in shop.__struct_fields__},
        cache=LayerCache(project.rattler.cache / _LAYERS, project.programs),
        form=Form(stated.compression or "gzip", _seconds(project.host)),
        budget=stated.budget or _BUDGET,
        shared=lambda: shared_packages(project),
    )


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
