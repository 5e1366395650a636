"""What images are assembled with."""

from collections.abc import Callable, Mapping
from pathlib import Path

from envbuild.builders.oci.packing import Form
from envbuild.builders.recipe import Workshop


class OciWorkshop(Workshop, frozen=True, kw_only=True):
    """`layers` is where they are kept, `form` how they are written; a budget of them is for packages.

    `shared` says how many images of the project have a package of each name; it is asked only where there are more
    packages than layers for them. `stated` are annotations in place of those that manifests state. `compiles` says that
    Python's bytecode is put in.
    """

    layers: Path
    form: Form
    budget: int
    shared: Callable[[str], Mapping[str, int]]
    stated: Mapping[str, str] | None = None
    compiles: bool = False
