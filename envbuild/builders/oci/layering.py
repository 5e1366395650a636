"""The layers that are put upon a base: those of packages, each made once for all environments, then what is copied."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from threading import BoundedSemaphore

import msgspec

from envbuild.builders.oci.accounts import is_named
from envbuild.builders.oci.bases import Ground
from envbuild.builders.oci.cache import Cached, LayerCache
from envbuild.builders.oci.copies import Copies, accounts_of
from envbuild.builders.oci.grounds import check_interpreter, files_of, python_of
from envbuild.builders.oci.laying import Package
from envbuild.builders.oci.packages import Own, packages
from envbuild.builders.oci.packing import pack
from envbuild.builders.oci.rootfs import Rootfs
from envbuild.builders.oci.tree import Node, Tree
from envbuild.builders.oci.workshop import OciWorkshop
from envbuild.builders.recipe import Recipe
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.staging import Staging
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, Kind
from envbuild.image.grouping import grouped
from envbuild.image.layers import Layer
from envbuild.image.manifests import LAYERS
from envbuild.lock import Pins, canonical, sound
from envbuild.registry.blobs import Blob, Readable
from envbuild.registry.inspecting import PACKAGES
from envbuild.render import Assembly

_GONE = ".wh."  # how names begin that take away what layers below have
_OPAQUE = ".wh..wh..opq"  # in a folder: nothing is seen that layers below have there
_AT_ONCE = 2  # each is packed by all processors, in memory that many of them would have too much of
_PACKING = BoundedSemaphore(_AT_ONCE)
MOST_LAYERS = 127
_FORMAT = 1  # moves when the same things become other layers
_LONGEST_NAME, _LONGEST_PATH, _SHOWN = 255, 4094, 100  # as Linux has them: in bytes, with a slash before, a zero behind
_USUAL = {"opt", "srv", "usr", "usr/local"}  # which every base has as root's own


class Laid(msgspec.Struct, frozen=True):
    layer: Layer
    blob: Blob


class Layering:
    def __init__(self, recipe: Recipe, shop: OciWorkshop, sketch: Assembly, platform: str, ground: Ground) -> None:
        self._recipe = recipe
        self._shop = shop
        self._sketch = sketch
        self._platform = platform
        self._ground = ground
        self._found: dict[str, Cached | None] = {}
        self._every: tuple[Package, ...] = ()
        self._cache = LayerCache(shop.layers, shop.tools.programs, recipe.say)

    def layers(self, context: Path) -> list[Laid]:
        """In the order of the image: first what hides the environment of a base, then packages, copies last."""
        self._check_user()
        laid = self._packed()
        if self._sketch.hides:
            laid.insert(0, self._single("hidden", self._hiding, "the environment of the base is hidden"))
        if self._sketch.copies or self._sketch.account:
            laid.append(self._single("copied", lambda: self._copied(context), "copied from the project"))
        return laid

    def _check_user(self) -> None:
        """Who is named in the end is known, unless what is copied may tell of them."""
        user, environment = self._sketch.user, self._recipe.environment
        told = self._sketch.account or any(one.to.startswith("/etc") for one in self._sketch.copies)
        if user and is_named(user) and not told:
            where = environment.where("image", "user")
            accounts_of(self._files, where).owner(user, where)

    def _packed(self) -> list[Laid]:
        """What is not in the cache is made now."""
        recipe, shop = self._recipe, self._shop
        if not recipe.installs:
            check_interpreter(recipe, self._ground, lambda: self._files)
            return []
        recipe.say("packages")
        with self._packages(self._has) as every:
            self._every = every
            budget = min(shop.budget, self._room)
            shared = shop.shared(self._platform) if len(every) > budget else {}
            groups = grouped(every, shared, budget)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                return [*pool.map(self._group, groups)]

    @property
    def _room(self) -> int:
        """How many layers packages may have, so that an engine can stack all that there are."""
        below = len(self._ground.layers)
        room = MOST_LAYERS - below - bool(self._sketch.hides) - bool(self._sketch.copies or self._sketch.account)
        if room < 1:
            where = self._recipe.environment.where("image", "base")
            raise BuildError(
                f"the base has {below} layers, and engines take {MOST_LAYERS} in all", where, "choose another base"
            )
        return room

    def _packages(self, has: Callable[[str], bool]) -> AbstractContextManager[tuple[Package, ...]]:
        own = Own(self._interpreter, self._shop.compiles)
        return packages(self._staging, self._shop.tools, has, self._recipe.folder, own)

    @cached_property
    def _interpreter(self) -> Interpreter | None:
        return python_of(self._recipe, self._ground, lambda: self._files)

    def _has(self, key: str) -> bool:
        return self._find(self._key((key,))) is not None

    def _find(self, key: str) -> Cached | None:
        """Looked for once: whoever takes it away meanwhile has it made again when it is sent."""
        if key not in self._found:
            self._found[key] = self._cache.find(key)
        return self._found[key]

    def _group(self, group: tuple[Package, ...]) -> Laid:
        names = [one.made_by for one in group]
        made_by, key = ", ".join(names), self._key([one.key for one in group])
        cached = self._find(key) or self._made(key, group, made_by)
        packed = cached.packed
        layer = Layer(packed.digest, packed.diff_id, packed.size, self._kind, made_by, {PACKAGES: "\n".join(names)})
        return Laid(layer, Blob(packed.digest, packed.size, partial(self._opened, cached, [one.key for one in group])))

    def _made(self, key: str, group: tuple[Package, ...], made_by: str) -> Cached:
        with _PACKING:
            return self._cache.add(key, self._tree(group), self._shop.form, made_by)

    @contextmanager
    def _opened(self, cached: Cached, keys: Sequence[str]) -> Iterator[Readable]:
        """What is found damaged only now, long after its packages were laid out, has them laid out once more."""
        with ExitStack() as stack:

            def again() -> Tree:
                every = stack.enter_context(self._packages(lambda key: key not in keys))
                return self._tree(tuple(one for one in every if one.key in keys))

            yield stack.enter_context(cached.open(again))

    def _tree(self, group: tuple[Package, ...]) -> Tree:
        """Folders that several have are one."""
        self._recipe.say(f"packing {group[0].made_by}{f' and {len(group) - 1} more' if len(group) > 1 else ''}")
        every = ((one, node) for one in group for node in (*self._above, *one.tree()))
        return {node.entry.path: _harmless(node, one.made_by, self._where(one)) for one, node in every}.values()

    def _where(self, package: Package) -> Place:
        return self._recipe.environment.where_asked(package.name)

    def _key(self, keys: Sequence[str]) -> str:
        """What the bytes of a layer hang on."""
        stated = (_FORMAT, self._shop.form, [node.entry for node in self._above], keys)
        return hashlib.sha256(canonical(stated)).hexdigest()

    def _single(self, name: str, tree: Callable[[], Tree], made_by: str) -> Laid:
        """A layer of this image alone."""
        file = self._recipe.folder / f"{name}-{self._platform}"
        with _PACKING:
            packed = pack(tree(), file, self._shop.form, lambda: self._shop.tools.programs.stopped)
        layer = Layer(packed.digest, packed.diff_id, packed.size, self._kind, made_by)
        return Laid(layer, Blob(packed.digest, packed.size, lambda: file.open("rb")))

    def _hiding(self) -> Tree:
        prefix = self._prefix
        return (*self._above, Node(Entry(prefix, "folder", FOLDER)), Node(Entry(f"{prefix}/{_OPAQUE}")))

    def _copied(self, context: Path) -> Tree:
        where = self._recipe.environment.where("image", "copy")
        every = Copies(context, self._files, self._recipe.environment, self._own).tree(self._sketch)
        return [_harmless(node, "what is copied", where, "rename it") for node in every]

    def _own(self) -> Mapping[str, Kind]:
        """What packages have, each place once but for folders."""
        return {path: kind for one in self._every for path, kind in one.kinds().items()}

    @property
    def _kind(self) -> str:
        return LAYERS[self._shop.form.compression]

    @property
    def _prefix(self) -> str:
        return self._sketch.prefix.strip("/")

    @cached_property
    def _above(self) -> tuple[Node, ...]:
        """The folders that the environment lies in, as the base has them: a layer that leaves them out has its own."""
        *above, own = folders_to(self._prefix)
        if not self._ground.layers or {*above} <= _USUAL:
            return tuple(Node(Entry(path, "folder", FOLDER)) for path in above)
        every = {path: self._files.entry(path) for path in (*above, own)}
        for path, entry in every.items():
            if entry and entry.kind != "folder":
                where = self._recipe.environment.where("image", "prefix")
                what = f"the base has a {entry.kind} '/{path}', where folders of the environment are to be"
                raise BuildError(what, where, "choose another place: 'prefix: /opt/env' under 'image'")
        return tuple(Node(every[path] or Entry(path, "folder", FOLDER)) for path in above)

    @cached_property
    def _files(self) -> Rootfs:
        return files_of(self._ground, self._shop, self._recipe.say)

    @property
    def _staging(self) -> Staging:
        recipe = self._recipe
        pins = sound(recipe.pins.get(self._platform, Pins(self._platform, ())), self._platform)
        return Staging(recipe.environment, self._platform, pins, recipe.python, recipe.log, recipe.say, recipe.files)


def folders_to(path: str) -> list[str]:
    """Every folder on the way, and it itself."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _harmless(node: Node, what: str, where: Place, hint: str = "use another version of it") -> Node:
    """As Docker would copy it, engines disagree on what it is, or cannot unpack it."""
    path = node.entry.path
    name = path.rpartition("/")[2]
    if name.startswith(_GONE):
        text = f"{what} has '/{path}', a name by which files of other layers are taken away"
        raise BuildError(text, where, hint)
    if _bytes(name) > _LONGEST_NAME or _bytes(path) > _LONGEST_PATH:
        text = f"{what} has '/{path[:_SHOWN]}…', a name that is too long for any file system"
        raise BuildError(text, where, hint)
    return node


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
