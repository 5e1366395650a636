"""What a format is given, and what it gives: a text, and notes on all that it cannot hold."""

import posixpath
import re
from collections.abc import Iterable, Iterator

import msgspec

from envbuild.document import Mapping
from envbuild.errors import LockError, Note, Place, UsageError
from envbuild.lock import Pin, Pins, Request, member_items
from envbuild.manifest import Item, asked_member, extras_text
from envbuild.project.exporting import Outgoing
from envbuild.resolve import Environment, channel_url
from envbuild.solvers.origins import public_url

# What no file of packages holds: how an environment is used, built, published and tested.
_BESIDES = ("tags", "setup", "test", "image", "builder", "publish", "solve_group", "run", "serve", "spark", "r")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9._+!*-]+")
_DIGESTS = re.compile(r"[A-Za-z0-9._+-]*/(?:[0-9a-f]{32})?/[0-9a-z]+")
_UNSAFE = " \"'<>\\`{}$"


class Wish(msgspec.Struct, frozen=True):
    """What was asked for on the command line."""

    platform: str = ""
    requested: bool = False
    exact: bool = False
    sha256: bool = False
    no_hashes: bool = False


class Exported(msgspec.Struct, frozen=True):
    text: str
    notes: tuple[Note, ...]
    platforms: tuple[str, ...]


class Subject(msgspec.Struct, frozen=True):
    """One environment or version, and how it is wanted."""

    outgoing: Outgoing
    wish: Wish

    @property
    def environment(self) -> Environment:
        return self.outgoing.environment

    @property
    def title(self) -> str:
        return self.outgoing.title

    @property
    def platforms(self) -> tuple[str, ...]:
        """Those that are stated; a lock may still have others, which a manifest named before."""
        lock = self.outgoing.lock
        return tuple(one for one in self.environment.platforms if not lock or one in lock.head.requests)

    @property
    def platform(self) -> str:
        """The one that is meant."""
        wanted, known = self.wish.platform or self.outgoing.machine, self.platforms
        if wanted in known:
            return wanted
        shown = ", ".join(known)
        if self.wish.platform:
            raise UsageError(f"'{self.title}' is not locked for {wanted}", hint=f"choose one of: {shown}")
        what = f"this machine is {wanted}, and '{self.title}' is not locked for it"
        raise UsageError(what, hint=f"say --platform with one of: {shown}")

    @property
    def python(self) -> str:
        return self.outgoing.lock.head.python if self.outgoing.lock else ""

    def pins(self, platform: str) -> Pins:
        """Whoever can write a lock can write anything into it: what is no pin goes into no file."""
        lock = self.outgoing.lock
        found = lock.pins.get(platform, Pins(platform, ())) if lock else Pins(platform, ())
        for pin in found.pins:
            if not (
                _NAME.fullmatch(pin.name) and _VERSION.fullmatch(pin.version) and _DIGESTS.fullmatch(_digests(pin))
            ):
                what = f"'{pin.name} {pin.version} {pin.build}' in the lock of '{self.title}' is no package"
                raise LockError(what, hint="run 'envbuild lock'")
        return found

    def request(self, platform: str) -> Request:
        lock = self.outgoing.lock
        return lock.head.requests[platform] if lock else Request(platform)

    @property
    def heading(self) -> Iterator[str]:
        """Which environment it is, on one line, and what it is for."""
        if self.environment.description:
            yield " ".join(self.environment.description.split())

    def path(self, path: str) -> str:
        """A path of the project as it is seen from the file that is written."""
        found = posixpath.normpath(posixpath.join(self.outgoing.place or ".", path))
        return found if found.startswith("..") else f"./{found}".removesuffix("/.")

    @property
    def channel_names(self) -> dict[str, str]:
        """The name that the manifest has for a channel, by its URL."""
        return {channel_url(name): name for name in self.environment.channels}

    @property
    def has_paths(self) -> bool:
        request = self.request(self.platform)
        return bool(request.members) or any("://" not in link for link in request.find_links)

    def members(self, platform: str) -> Iterator[tuple[Item, str]]:
        """What the project brings itself, each once, and its path with the extras that are asked for."""
        asked = {member.path for root in self.request(platform).roots if (member := asked_member(root))}
        for item in member_items(self.environment):
            if item.path in asked:
                yield item, f"{self.path(item.path)}{extras_text(item.extras)}"

    def extras(self, platform: str) -> dict[str, tuple[str, ...]]:
        """What is asked for besides a distribution itself, by its name: where markers say so."""
        from envbuild.solvers.targets import holds

        found: dict[str, set[str]] = {}
        for item in (item for package in self.environment.dependencies.on(platform) for item in package.items):
            if item.extras and item.manager == "pip" and holds(item.marker, platform, self.python):
                found.setdefault(item.name, set()).update(item.extras)
        return {name: tuple(sorted(extras)) for name, extras in found.items()}

    def note(self, kind: str, message: str, where: Place | None = None, hint: str = "") -> Note:
        """The line of a manifest as it stands now; of a version there is no such line any more."""
        known = where and not self.outgoing.version
        return Note(kind, message, where if where and known else Place(self.title), hint)

    def unheld(self, keys: Iterable[str], file: str) -> Iterator[Note]:
        """A note on each key that is stated and has no place in a file."""
        for key in keys:
            *above, last = key.split(".")
            node = self.environment.node(*above, last)
            if node is None or (isinstance(node, Mapping) and not node.entries):
                continue
            inner = sorted(node.entries) if isinstance(node, Mapping) and key in {"image", "publish", "test"} else []
            shown = ", ".join(f"{key}.{one}" for one in inner) or key
            yield self.note(key, f"{file} has no place for {shown}", self.environment.where_key(*above, last))

    def besides(self, file: str) -> Iterator[Note]:
        """What has no place in any file of packages."""
        is_other = self.environment.builder != "local"
        yield from self.unheld((key for key in _BESIDES if key != "builder" or is_other), file)

    def of_paths(self) -> Iterator[Note]:
        """What is to be known of files of the project that are named."""
        links = [link for link in self.environment.keys.pip.find_links if "://" not in link]
        paths = [*(item.path for item in member_items(self.environment)), *links]
        if paths and self.outgoing.version:
            yield self.note("files", f"{', '.join(paths)}: taken as they are when this is used, not as they were then")
        if paths and not self.outgoing.place:
            what = "the file stands outside of the project, and paths in it are those from the project's root"
            yield self.note("files", what, hint="write it into the project, or use it from there")

    def other_platforms(self, file: str) -> Iterator[Note]:
        others = [one for one in self.platforms if one != self.platform]
        if others:
            what = f"{', '.join(others)}: {file} is for one platform, and this is {self.platform}"
            yield self.note("platforms", what, self.environment.where_said("platforms"), "export each with --platform")

    def of_bounds(self, file: str) -> Iterator[Note]:
        """Bounds on packages that nothing asks for by name, and versions that beat what packages ask for."""
        environment = self.environment
        said = {
            "constraints": (*environment.constraints.every, *environment.limits.every),
            "overrides": environment.overrides.every,
        }
        for key, packages in said.items():
            if items := [item for package in packages for item in package.items]:
                shown = ", ".join(item.shown for item in items)
                yield self.note(key, f"{file} has no place for {key}: {shown}", items[0].where)

    def of_system(self, platforms: Iterable[str], file: str) -> Iterator[Note]:
        """What a project says of its platforms, in a manifest or in its settings."""
        said = {f"{name} {version}" for one in platforms for name, version in self.request(one).system.items()}
        if said:
            what = f"{file} has no place for {', '.join(sorted(said))}"
            yield self.note("system_requirements", what, self.environment.where_said("system_requirements"))

    def of_priority(self, file: str) -> Iterator[Note]:
        conda = self.request(self.platform).conda
        if conda and conda.priority != "strict":
            what = f"{file} has no place for channel_priority: {conda.priority}"
            yield self.note("channel_priority", what, self.environment.where_said("channel_priority"))

    def bound(self, platform: str) -> dict[str, str]:
        """The index that a package comes from and nowhere else, by the package."""
        indexes = self.request(platform).indexes.values()
        return {name: public_url(index.url) for index in indexes for name in index.packages}


def _digests(pin: Pin) -> str:
    return f"{pin.build}/{pin.md5}/{pin.sha256}"


def safe_url(url: str) -> str:
    """Without credentials, and with nothing that ends a line or a word, or that a reader would replace."""
    shown = public_url(url)
    return "".join(one if one.isprintable() and one not in _UNSAFE else _escaped(one) for one in shown)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def direct(pin: Pin, environment: Environment) -> bool:
    """Whether it was asked for by its URL, and not by its name."""
    items = [item for package in environment.packages for item in package.items if item.url]
    own = [item for item in items if item.manager == pin.manager]
    places = {item.url.partition("#")[0] for item in own}
    is_asked = pin.name in {item.name for item in own} or pin.url.partition("#")[0] in places
    return is_asked or "+" in pin.url.partition("://")[0]
