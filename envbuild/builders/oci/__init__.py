"""Builder `oci`: an image assembled here, of layers that are the same bytes wherever they are made; nothing is run.

What needs a command to be run inside is refused, since another machine would not do the same.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envbuild.builders.draft import Draft
    from envbuild.builders.oci.workshop import OciWorkshop
    from envbuild.builders.recipe import Recipe

FORMAT = "oci-1"
MAKES_IMAGES = True

_OF_DOCKERFILES = ("build", "apt", "dockerfile", "context", "template", "secrets")

# What a manifest may say that this builder cannot do: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset(
    {
        ("dependencies", "-e"),
        ("setup", ""),
        *((f"image.{key}", "") for key in _OF_DOCKERFILES),
        *((f"r.{key}", "") for key in ("cran", "bioconductor", "github", "urls")),
        ("spark.precache", "true"),
        ("spark.java", "apt"),
        ("r.from", "apt"),
    }
)


def build(recipe: "Recipe", workshop: "OciWorkshop") -> "Draft":
    """All of its blobs are on this machine, or where the base is: nothing else has to be asked for them."""
    from envbuild.builders.oci.assembled import assembled

    return assembled(recipe, workshop)
