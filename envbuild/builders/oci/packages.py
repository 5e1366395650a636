"""The packages of an environment, each by itself: told apart before anything is made, and made when it is asked for.

Together they are what `staging` makes in one folder, without `history`, `CACHEDIR.TAG`, its bytecode; a test holds it.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from envbuild.builders.building import Building
from envbuild.builders.conda import as_linked, note_twice
from envbuild.builders.noted import source_elsewhere
from envbuild.builders.oci import condatrees, pythontrees, wheeltrees
from envbuild.builders.oci.bytecode import Compiling, compiler
from envbuild.builders.oci.condatrees import Known
from envbuild.builders.oci.facts import Facts
from envbuild.builders.oci.laying import Lying, Package, in_folder, kinds, laid
from envbuild.builders.oci.owning import Claim, Share, settled
from envbuild.builders.oci.tree import Tree
from envbuild.builders.packages import Cache, Entry
from envbuild.builders.placing import clashes
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.staging import Staging, layout_of, target_of
from envbuild.builders.target import Target, Tools, note
from envbuild.errors import BuildError, raise_all
from envbuild.lock import Pin, Pins
from envbuild.manifest import normalise

_FORM = 1


class Own(msgspec.Struct, frozen=True):
    """What an image has of its own: the base's Python, where the environment stands on that, and bytecode, if asked."""

    interpreter: Interpreter | None = None
    compiles: bool = False


_NOTHING = Own()


class Piece(msgspec.Struct, frozen=True):
    """A package before it is known what of it is lost to others. `facts` are all that its bytes depend on.

    `is_source` says that its modules come as they were written, and none of them compiled.
    """

    name: str
    version: str
    build: str
    facts: tuple[object, ...]
    claim: Claim
    lying: Callable[[], Lying]
    is_source: bool = False

    def package(self, share: Share, final: str, compiling: Compiling | None) -> Package:
        compiling = compiling if self.is_source else None
        own = (
            _FORM,
            final,
            self.facts,
            sorted(share.lost),
            sorted(share.moved.items()),
            *((compiling.identity,) if compiling else ()),
        )
        key = hashlib.sha256(msgspec.json.encode(own)).hexdigest()
        tree = partial(self._tree, share, final, compiling)
        return Package(self.name, self.version, self.build, key, tree, partial(kinds, self.claim.paths, share, final))

    def _tree(self, share: Share, final: str, compiling: Compiling | None) -> Tree:
        with _writing("a folder for them"):
            tree = laid(self.lying(), (path for path, _ in self.claim.paths), share, final)
            return compiling.also(tree) if compiling else tree


@contextlib.contextmanager
def packages(
    staging: Staging, tools: Tools, has: Callable[[str], bool], work: Path, own: Own = _NOTHING
) -> Iterator[tuple[Package, ...]]:
    """In the order in which they are placed. Trees are read as long as this is open.

    `has` tells whether nobody needs the tree of a key: it is made all the same when it is asked for. What is made lies
    below `work`, best on the disk of the package cache, with whose files those of the trees are one.
    """
    with tempfile.TemporaryDirectory(prefix="envbuild-", dir=work) as folder, contextlib.ExitStack() as stack:
        with _writing(folder):
            found = _Assembly(target_of(staging), tools, Path(folder).resolve(), own, stack).packages(has)
        yield found


@contextlib.contextmanager
def _writing(folder: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the packages cannot be laid out: {error.strerror}: {error.filename or folder}"
        raise BuildError(what, hint="check the space on its disk") from None


class _Assembly:
    """One environment for one platform, in a folder of ours."""

    def __init__(self, target: Target, tools: Tools, work: Path, own: Own, stack: contextlib.ExitStack) -> None:
        self._target = target
        self._tools = msgspec.structs.replace(tools, store=work)
        self._work = work
        self._own = own
        self._stack = stack
        self._facts = Facts(tools.rattler.cache)
        self._pins = target.pins or Pins("", ())
        self._layout = layout_of(work, target)

    def packages(self, has: Callable[[str], bool]) -> tuple[Package, ...]:
        found = self._known()
        linking = condatrees.Linking(found, self._target, self._tools)
        pieces = [*(self._of_conda(pin, one, linking) for pin, one in found.items()), *self._python()]
        pieces += self._wheels(found)
        whole = settled([piece.claim for piece in pieces])
        note_twice([(one.path, one.first, one.second) for one in whole.clashes], self._target)
        final, compiling = self._layout.final, self._compiling(pieces)
        made = [piece.package(share, final, compiling) for piece, share in zip(pieces, whole.shares, strict=True)]
        linking.want(pin for pin, one in zip(found, made, strict=False) if not has(one.key))
        return tuple(made)

    def _compiling(self, pieces: list[Piece]) -> Compiling | None:
        """With a Python of the version that the environment has, where there is anything to compile."""
        version = next((piece.version for piece in pieces if piece.name == "python"), "")
        if not (version and self._own.compiles and any(piece.is_source for piece in pieces)):
            return None
        site = f"{self._layout.final.strip('/')}/{self._layout.site}"
        return Compiling(compiler(version, self._tools), site, self._tools)

    def _known(self) -> dict[Pin, Known]:
        """Conda's packages, as they are linked, if they can come to lie in one prefix and nothing of them is run."""
        if not self._pins.conda:
            return {}
        cache = Cache(self._tools.rattler, self._tools.programs, self._target.say, self._target.rendered)
        found = condatrees.known(self._pins.conda, self._facts, cache)
        raise_all(condatrees.scripted(found, self._target.environment))
        entries = [Entry(pin, Path(), one.content) for pin, one in found.items()]
        if not clashes(entries, self._layout.site, more=True):
            return found
        return {pin: found[pin] for pin in as_linked(self._pins.conda)}

    def _of_conda(self, pin: Pin, one: Known, linking: condatrees.Linking) -> Piece:
        """What is noted of it says where it came from; a pure one lies where its Python is."""
        python = next((pin.version for pin in self._pins.conda if pin.name == "python"), "")
        where = (self._layout.site, python) if one.content.python else ()
        facts = ("conda", msgspec.structs.replace(pin, url=source_elsewhere(pin)), *where)
        claim = Claim(f"{pin.name} {pin.version}", condatrees.placed(pin, one, self._layout.site))
        pure = one.content.python
        return Piece(pin.name, pin.version, pin.build, facts, claim, lambda: in_folder(linking.folder(pin)), pure)

    def _python(self) -> Iterator[Piece]:
        if self._target.uses_conda:
            return
        found = (
            pythontrees.of_image(self._own.interpreter, self._target, self._tools)
            if self._own.interpreter
            else pythontrees.of_uv(self._target, self._tools)
        )
        claim = Claim(f"python {found.version}", found.laid(self._facts).paths)
        yield Piece(
            "python", found.version, found.build, ("python", found.identity), claim, lambda: in_folder(found.folder())
        )

    def _wheels(self, found: dict[Pin, Known]) -> Iterator[Piece]:
        building = Building(self._target, self._tools, self._work, None, condatrees.ELSEWHERE)
        gone = self._ousted(found)
        for one in wheeltrees.in_order(self._pins, building, self._facts):
            claim = Claim(f"{one.name} {one.version}", one.paths(self._layout), gone)
            facts = ("wheel", one.name, one.identity, self._layout.site, self._layout.headers)
            yield Piece(one.name, one.version, "", facts, claim, self._made(one), is_source=True)
            gone = frozenset()

    def _ousted(self, found: dict[Pin, Known]) -> frozenset[str]:
        """All that makes room, before the first wheel comes."""
        names = [one.name for one in self._pins.pip] + [one.name for one in self._pins.members]
        ousted = dict(condatrees.ousted(found, set(map(normalise, names)), self._layout.site))
        for facts in ousted:
            note(self._target.log, f"note: conda's {facts} gives way to what is locked of PyPI")
        return frozenset[str]().union(*ousted.values())

    def _made(self, one: wheeltrees.Placing) -> Callable[[], Lying]:
        where = self._target.environment.where_asked(one.name)
        return lambda: wheeltrees.lying(one, self._layout, where, self._stack)
