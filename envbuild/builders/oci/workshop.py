"""What images are assembled with."""

from collections.abc import Callable, Mapping

from envbuild.builders.oci.cache import LayerCache
from envbuild.builders.oci.packing import Form
from envbuild.builders.recipe import Workshop


class OciWorkshop(Workshop, frozen=True, kw_only=True):
    """`form` is that of layers, of which a budget is for packages.

    `shared` says how many images of the project have a package of each name; it is asked only where there are more
    packages than layers for them.
    """

    cache: LayerCache
    form: Form
    budget: int
    shared: Callable[[], Mapping[str, int]]
