"""The image that an environment's image starts from: what is asked for, and which one it was found to be."""

import re

import msgspec

from envbuild.errors import LockError
from envbuild.manifest import LayoutName, layout_name
from envbuild.resolve import Environment

_HUB, _LIBRARY, _LATEST, _AMONG = "docker.io", "library", "latest", " ~ "
_WITHOUT_COMMANDS = "oci"  # the builder that needs none to be in the base
SCRATCH = "scratch"
_NOTHING = f"{_HUB}/{_LIBRARY}/{SCRATCH}"
_REFERENCE = re.compile(
    r"(?:(?P<registry>[\w-]+(?:\.[\w-]+)+(?::[0-9]+)?|[\w-]+:[0-9]+|localhost)/)?"
    r"(?P<repository>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class ImageName(msgspec.Struct, frozen=True):
    """A reference in full, as Docker understands its short forms; `tags` is an expression for tags, if one is given."""

    registry: str
    repository: str
    tag: str
    digest: str = ""
    tags: str = ""

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.repository}"


class Base(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The image that was found: what a registry calls it now, what it is, and how a container of it starts.

    One of a folder of the project has `oci:` and that folder for its name, and no tag where it is the only one there.

    `user` is nothing where nobody told how it starts: a lock that was written before, a digest that no registry was
    heard about. `path` is where its programs are looked for.
    """

    name: str
    tag: str
    digest: str
    user: str | None = None
    path: str = ""
    entrypoint: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.name, self.tag, self.digest

    @property
    def layout(self) -> LayoutName | None:
        """The folder that it is in, if it is in one."""
        found = layout_name(self.name)
        return LayoutName(found.path, self.tag) if found else None


def image_name(text: str) -> ImageName | None:
    """What a manifest or a request names; nothing where it is no reference."""
    reference, _, tags = text.partition(_AMONG)
    match = _REFERENCE.fullmatch(reference)
    if not match:
        return None
    registry, repository = match["registry"] or _HUB, match["repository"]
    if registry == _HUB and "/" not in repository:
        repository = f"{_LIBRARY}/{repository}"
    return ImageName(registry, repository, match["tag"] or _LATEST, match["digest"] or "", tags)


def asked_base(environment: Environment) -> str:
    """The base that a registry or a folder has, in canonical form; what only makes local prefixes asks for none.

    To start from nothing asks for none, either.
    """
    base = environment.keys.image.base
    if base is None or environment.builder == "local":
        return ""
    image, tags = (base, "") if isinstance(base, str) else (base.image or "", base.tag or "")
    if not image:
        return ""
    where = environment.where("image", "base")
    if layout_name(image):
        return _in_layout(image, tags, environment)
    name = image_name(image)
    if name is None:
        raise LockError(f"'{image}' is no image", where, "write it as 'debian:12' or 'HOST/PATH/IMAGE:TAG'")
    if name.name == _NOTHING and environment.builder == _WITHOUT_COMMANDS and not tags:
        return ""
    if name.name == _NOTHING:
        hint = "name a small one, or write its stage yourself: 'dockerfile: ...' under 'image'"
        raise LockError(f"'{image}' is no image but an empty one, which has nothing to run a step with", where, hint)
    try:
        re.compile(tags)
    except re.error as error:
        hint = "write one as Python has them: '12\\.[0-9]+-slim'"
        raise LockError(f"'{tags}' is no regular expression: {error}", where, hint) from None
    return f"{image}{_AMONG}{tags}" if tags else image


def _in_layout(base: str, tags: str, environment: Environment) -> str:
    where = environment.where("image", "base")
    if environment.builder != _WITHOUT_COMMANDS:
        what = f"builder '{environment.builder}' starts from no folder, as '{base}' is one"
        raise LockError(what, where, "name an image of a registry, or use 'builder: oci'")
    if tags:
        raise LockError(f"'{base}' is a folder, and takes no pattern", where, "name the tag: 'oci:FOLDER:TAG'")
    return base
