"""What an image is rendered from besides its environment, and where a build finds the project's files."""

import re

import msgspec

from envbuild.document import PREFIX, Sequence
from envbuild.errors import Place
from envbuild.lock import Base, Lock, Pins, Request, member_items, sound
from envbuild.manifest import Apt, Build, Copy, User, is_dockerfile
from envbuild.resolve import Environment
from envbuild.settings import Settings

# Conda's names of the platforms that images are made for, each with BuildKit's TARGETARCH.
ARCHITECTURES = {"linux-64": "amd64", "linux-aarch64": "arm64", "linux-ppc64le": "ppc64le", "linux-s390x": "s390x"}

# Folders of a context: what is copied and run, packages of the project, and the lists of what is installed.
FILES, PACKAGES, LOCKS = "envbuild/files", "envbuild/packages", "envbuild/locks"


class Parent(msgspec.Struct, frozen=True):
    """The environment whose image is the base, the content that its image has, and its user, where that is known."""

    environment: Environment
    fingerprint: str
    user: str | None = None


class Given(msgspec.Struct, frozen=True):
    """`texts` are the files that are read while rendering, by path: lists of Debian packages, a Dockerfile."""

    lock: Lock | None = None
    settings: Settings = Settings()
    texts: dict[str, str] = {}
    parent: Parent | None = None

    def pins(self, platform: str) -> Pins:
        found = self.lock.pins.get(platform) if self.lock else None
        return sound(found, platform) if found else Pins(platform, ())

    def request(self, platform: str) -> Request:
        return self.lock.head.requests.get(platform, Request(platform)) if self.lock else Request(platform)

    @property
    def base(self) -> Base | None:
        return self.lock.head.base if self.lock else None

    @property
    def python(self) -> str:
        return self.lock.head.python if self.lock else ""


def last_user(environment: Environment, base: Base | None, below: str | None) -> str | None:
    """Whose the image is in the end: by the manifest's word, else its base's; nothing where nobody says.

    `below` is whose the image of the environment is that it starts from.
    """
    image = environment.keys.image
    if isinstance(image.user, User):
        return image.user.name
    if isinstance(image.user, str) or image.dockerfile:
        return image.user
    return base.user if base else below


def is_root(user: str) -> bool:
    """Whether it is who steps run as anyway; an image that says nothing has root."""
    return user.partition(":")[0] in {"", "0", "root"}


class Input(msgspec.Struct, frozen=True, order=True):
    """A file or folder of the project that goes into a context, and the line that says so."""

    target: str
    path: str
    where: Place


def package_target(path: str) -> str:
    """Where a package of the project lies in a context; the project itself may be one."""
    return f"{PACKAGES}/{'project' if path == '.' else path}"


def platforms_of(environment: Environment) -> tuple[str, ...]:
    """Those that an image can have: it is Linux."""
    return tuple(one for one in environment.platforms if one in ARCHITECTURES)


def is_grown(environment: Environment, given: Given) -> bool:
    """Whether the base is an environment of the same lineage, at the same place: then only the rest is added."""
    parent = given.parent.environment if given.parent else None
    return parent is not None and any(one.path == parent.path for one in environment.lineage[:-1])


def adds(environment: Environment, given: Given) -> bool:
    """Whether an environment lies at this very place of the base already, so that only the rest is added to it."""
    return is_grown(environment, given) and given.parent is not None and given.parent.environment.installs


def placed(text: str, environment: Environment) -> str:
    """A text of the manifest, now that it is known where the environment lies."""
    return text.replace(PREFIX, environment.prefix)


def item_places(environment: Environment, *keys: str) -> tuple[Place, ...]:
    node = environment.node(*keys)
    return tuple(item.place for item in node.items) if isinstance(node, Sequence) else ()


def steps_of(environment: Environment) -> tuple[tuple[Build, Place], ...]:
    """The items of `image.build` in their long form, each with its line."""
    every = (Build(command=one) if isinstance(one, str) else one for one in environment.keys.image.build)
    return tuple(zip(every, item_places(environment, "image", "build"), strict=True))


def copies_of(environment: Environment) -> tuple[tuple[Copy, Place], ...]:
    return tuple(zip(environment.keys.image.copy, item_places(environment, "image", "copy"), strict=True))


def paths_of(copy: Copy) -> tuple[str, ...]:
    """The files and folders of the project that are copied."""
    return (copy.source,) if isinstance(copy.source, str) else copy.source if isinstance(copy.source, tuple) else ()


def apt_items(environment: Environment) -> tuple[str, ...]:
    """Debian packages and lists of them, as they are stated."""
    apt = environment.keys.image.apt
    items = apt.packages if isinstance(apt, Apt) else apt or ()
    return tuple(item for item in items if isinstance(item, str))


def listed_path(item: str) -> str:
    """The list that an item of `apt` names."""
    found = re.fullmatch(r"-r[\s=]*(\S.*)", item)
    return found[1] if found else ""


def texts_of(environment: Environment) -> tuple[Input, ...]:
    """The files that are read while rendering."""
    image = environment.keys.image
    lists = [(listed_path(item), environment.where("image", "apt")) for item in apt_items(environment)]
    if image.dockerfile and not is_dockerfile(image.dockerfile):
        lists.append((image.dockerfile, environment.where("image", "dockerfile")))
    return tuple(Input(path, path, where) for path, where in lists if path)


def sources_of(environment: Environment, given: Given) -> tuple[Input, ...]:
    """The files and folders that go into the context, each once."""
    copies = ((path, where) for copy, where in copies_of(environment) for path in paths_of(copy))
    scripts = ((step.script, where) for step, where in steps_of(environment) if step.script)
    found = {Input(f"{FILES}/{path}", path, where) for path, where in (*copies, *scripts)}
    found |= {Input(package_target(item.path), item.path, item.where) for item in member_items(environment)}
    links = environment.where("pip", "find_links")
    pins = (pin for platform in platforms_of(environment) for pin in given.pins(platform).pip)
    found |= {Input(package_target(pin.url), pin.url, links) for pin in pins if "://" not in pin.url}
    if context := environment.keys.image.context:
        found.add(Input("", context, environment.where("image", "context")))
    return tuple(sorted({one.target: one for one in sorted(found)}.values()))
