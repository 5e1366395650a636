"""Python's bytecode beside the modules of a package, made on this machine, for any, by a Python of the same version.

What it holds hangs on the source, its path in the image and the compiler alone, and on no time: each file has the hash
of its source, which Python holds against the source before it believes it.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from posixpath import basename, dirname

import msgspec

from envbuild.builders.oci import compiling
from envbuild.builders.oci.tree import Node, Tree, opened
from envbuild.builders.target import Tools
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, PLAIN
from envbuild.machine import own_python
from envbuild.names import FILE
from envbuild.process import child_environment

_SUFFIX, _FOLDER = ".py", "__pycache__"


class Compiler(msgspec.Struct, frozen=True):
    """A Python of this machine. Of the same version another one compiles to the same bytes."""

    program: str
    version: str

    @property
    def tag(self) -> str:
        return f"cpython-{''.join(self.version.split('.')[:2])}"


def compiler(version: str, tools: Tools) -> Compiler:
    """Of that very version where all of it is known; else of any patch of it, which the layers then hang on."""
    is_whole = version.count(".") > 1
    if program := own_python(f"=={version}" if is_whole else f"=={version}.*"):
        return Compiler(program, ".".join(map(str, sys.version_info[:3])))
    for one in tools.uv.pythons.here:
        if one.version == version if is_whole else one.version.startswith(f"{version}."):
            return Compiler(one.path, one.version)
    raise BuildError(
        f"no Python {version} is on this machine, and bytecode comes of the same version alone",
        Place(FILE),
        f"install it with 'uv python install {version}', or remove 'bytecode' under 'layers'",
    )


class Compiling(msgspec.Struct, frozen=True):
    """What modules below `site`, a folder of the image, compile to; the tools work in a folder of ours."""

    compiler: Compiler
    site: str
    tools: Tools

    @property
    def identity(self) -> str:
        """What bytes hang on, beside the source."""
        return f"bytecode {self.compiler.version} {self.site}"

    def also(self, tree: Tree) -> Tree:
        """The tree with bytecode; what is no Python of this version stays as it is."""
        nodes = tuple(tree)
        there = {node.entry.path for node in nodes}
        wanted = [(node, path) for node, path in self._modules(nodes) if path not in there]
        if not wanted:
            return nodes
        work = Path(tempfile.mkdtemp(prefix="bytecode-", dir=self.tools.store))
        self._compile([node for node, _ in wanted], work)
        found = [(path, out) for at, (_, path) in enumerate(wanted) if (out := _out(work, at)).is_file()]
        new = [Node(Entry(path, "file", PLAIN, out.stat().st_size), out) for path, out in found]
        new += [Node(Entry(path, "folder", FOLDER)) for path in {dirname(path) for path, _ in found} - there]
        return sorted((*nodes, *new), key=lambda node: node.entry.path)

    def _modules(self, nodes: Iterable[Node]) -> Iterator[tuple[Node, str]]:
        for node in nodes:
            path = node.entry.path
            if node.entry.kind == "file" and path.startswith(f"{self.site}/") and path.endswith(_SUFFIX):
                name = basename(path).removesuffix(_SUFFIX)
                yield node, f"{dirname(path)}/{_FOLDER}/{name}.{self.compiler.tag}.pyc"

    def _compile(self, modules: Iterable[Node], work: Path) -> None:
        asked = [(node, work / str(at), _out(work, at)) for at, node in enumerate(modules)]
        lines = [
            json.dumps((str(_on_disk(node, place)), f"/{node.entry.path}", str(out))) for node, place, out in asked
        ]
        program, environ = self.compiler.program, child_environment(self.tools.host)
        command = [program, "-I", "-S", "-B", compiling.__file__]
        ran = self.tools.programs.run(command, env=environ, stdin="\n".join(lines).encode())
        if ran.code:
            said = (ran.errors.strip().splitlines() or ["nothing"])[-1]
            what = f"{program} ended with {ran.code} while it compiled modules, and said: {said}"
            raise BuildError(what, Place(FILE), "remove 'bytecode' under 'layers'")


def _out(work: Path, number: int) -> Path:
    return work / f"{number}.pyc"


def _on_disk(node: Node, place: Path) -> Path:
    if isinstance(node.source, Path):
        return node.source
    with opened(node.source) as read, place.open("wb") as out:
        shutil.copyfileobj(read, out)
    return place
