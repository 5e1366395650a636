"""What a format is given, and what it gives: a text, and notes on all that it cannot hold."""

import posixpath
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Mapping_

import msgspec

from envbuild.document import Mapping
from envbuild.errors import Note, Place, UsageError
from envbuild.lock import Pins, Request, member_items, public_url, sound
from envbuild.manifest import Item, asked_member, extras_text
from envbuild.project.exporting import Outgoing
from envbuild.resolve import Environment, channel_url

# What no file of packages holds: how an environment is used, built, published and tested.
_BESIDES = ("tags", "setup", "test", "image", "builder", "publish", "solve_group", "run", "serve", "spark", "r")


class Wish(msgspec.Struct, frozen=True):
    """What was asked for on the command line."""

    platform: str = ""
    requested: bool = False
    exact: bool = False
    sha256: bool = False
    no_hashes: bool = False
    folder: str = ""


class Exported(msgspec.Struct, frozen=True):
    """The text of one file; or of the main one of several, which go into a folder under their names."""

    text: str
    notes: tuple[Note, ...]
    platforms: tuple[str, ...]
    files: Mapping_[str, str] = {}


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
        lock = self.outgoing.lock
        found = lock.pins.get(platform, Pins(platform, ())) if lock else Pins(platform, ())
        return sound(found, self.title)

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
