"""Bytecode in images: what Python reads in place of the source, the same bytes of the same source everywhere."""

import json
import platform
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.assembling import PYTHON, World
from support.condapkg import File, Package
from support.condapython import MINOR, SUBDIR
from support.index import Index
from support.project import Project
from support.registry import Registry
from support.services import require
from support.staged import OTHER, PLACE, Stage, managed_python, united
from support.wheels import wheel_bytes

from envbuild.builders.oci import compiling
from envbuild.builders.oci.bytecode import Compiler, Compiling
from envbuild.builders.oci.tree import Node
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.target import Tools
from envbuild.errors import BuildError
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, PLAIN

_SITE = f"lib/python{MINOR}/site-packages"
_TAG = sys.implementation.cache_tag
_MODULES = {"__init__.py": "from alpha.deep import it\n", "deep.py": "it = '\\d'\n", "broken.py": "this is no Python\n"}
_COMPILED = {f"{_SITE}/alpha/__pycache__/{name}.{_TAG}.pyc" for name in ("__init__", "deep")}
_IN_THE_BASE = Interpreter("/usr/bin/python3", MINOR)


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    return Stage(project, tmp_path)


def _alpha() -> tuple[str, bytes]:
    modules = {f"alpha/{name}": text for name, text in _MODULES.items()}
    return wheel_bytes("alpha", "3.0", modules={**modules, "alpha-3.0.data/scripts/tool.py": "print()\n"})


def _compiled(whole: dict[str, tuple[int, bytes]]) -> set[str]:
    return {path for path in whole if path.endswith(".pyc")}


@pytest.mark.parametrize("on", [SUBDIR, OTHER])
def test_a_wheel_s_modules_are_compiled_for_any_platform(staged: Stage, index: Index, on: str) -> None:
    """What is no Python stays as it is, and what is no module, too."""
    staged.write(source="image")
    staged.pip(index, *_alpha())
    with staged.apart(on, interpreter=_IN_THE_BASE, compiles=True) as found:
        whole = united(found)
    assert _compiled(whole) == _COMPILED
    assert whole[f"{_SITE}/alpha/__pycache__"][0] == stat.S_IFDIR | FOLDER
    assert {whole[path][0] for path in _COMPILED} == {stat.S_IFREG | PLAIN}


def test_python_believes_what_was_compiled(staged: Stage, index: Index, tmp_path: Path) -> None:
    """It takes it in place of the source, whatever the times are; it tells where the source lies in the image."""
    staged.write(source="image")
    staged.pip(index, *_alpha())
    with staged.apart(interpreter=_IN_THE_BASE, compiles=True) as found:
        for path, (mode, data) in united(found).items():
            if path.startswith(_SITE) and stat.S_ISREG(mode):
                place = tmp_path / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
    script = f"import sys; sys.path.insert(0, {str(tmp_path / _SITE)!r}); import alpha; print(alpha.deep.__cached__)"
    command = [sys.executable, "-I", "-B", "-v", "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    for name in ("__init__", "deep"):
        at = tmp_path / _SITE / f"alpha/__pycache__/{name}.{_TAG}.pyc"
        assert f"# code object from '{at}'" in ran.stderr
    (tmp_path / _SITE / "alpha/deep.py").write_text("it = 'changed'\n")
    changed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"# code object from '{tmp_path / _SITE}/alpha/__pycache__/deep.{_TAG}.pyc'" not in changed.stderr
    assert (
        f"{PLACE}/{_SITE}/alpha/deep.py".encode()
        in (tmp_path / _SITE / f"alpha/__pycache__/deep.{_TAG}.pyc").read_bytes()
    )


def test_pure_conda_packages_are_compiled_and_others_come_as_they_are(staged: Stage) -> None:
    """Those for a platform bring their own."""
    own = f"{_SITE}/beta/__pycache__/beta.{_TAG}.pyc"
    python = Package(
        name="python", version=platform.python_version(), subdir=OTHER,
        files={f"lib/python{MINOR}/os.py": File(b""), "bin/python": File(b"\x7fELF", 0o755)},
    )  # fmt: skip
    pure = Package(
        name="pure", build="py_0", subdir="noarch", noarch="python", depends=["python"],
        files={"site-packages/pure.py": File(b"it = 1\n")},
    )  # fmt: skip
    beta = Package(
        name="beta", subdir=OTHER, files={f"{_SITE}/beta/beta.py": File(b"it = 1\n"), own: File(b"as it came")}
    )
    staged.conda(python, pure, beta)
    with staged.apart(OTHER, compiles=True) as found:
        whole = united(found)
    assert _compiled(whole) == {own, f"{_SITE}/__pycache__/pure.{_TAG}.pyc"}
    assert whole[own][1] == b"as it came"


def test_uv_s_python_has_its_packages_compiled(staged: Stage, index: Index, tmp_path: Path) -> None:
    """For another machine, by a Python of the same version on this one."""
    staged.write(source="uv")
    staged.pip(index, *_alpha())
    with staged.apart(OTHER, managed_python(tmp_path, OTHER), compiles=True) as found:
        whole = united(found)
    assert {path for path in _compiled(whole) if path.startswith(_SITE)} == _COMPILED


@pytest.mark.parametrize("version", ["3.4.1", "3.4"])
def test_without_a_python_of_the_version(staged: Stage, index: Index, version: str) -> None:
    """It is told which one, and nothing else is taken for it."""
    staged.write(source="image")
    staged.pip(index, *_alpha())
    base = Interpreter("/usr/bin/python3", version)
    with pytest.raises(BuildError) as told, staged.apart(interpreter=base, compiles=True):
        pass
    assert told.value.message == f"no Python {version} is on this machine, and bytecode comes of the same version alone"
    assert told.value.hint == f"install it with 'uv python install {version}', or remove 'bytecode' under 'layers'"


def test_a_compiler_that_fails(staged: Stage, tmp_path: Path) -> None:
    """Nothing is left out in silence."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    program.chmod(0o755)
    with staged.tools() as tools, pytest.raises(BuildError) as told:
        _compiling(tools, str(program)).also([_module("site/a.py", b"")])
    what = f"{program} ended with 3 while it compiled modules, and said: out of order"
    assert (told.value.message, told.value.hint) == (what, "remove 'bytecode' under 'layers'")


def test_the_same_source_is_the_same_bytecode(staged: Stage) -> None:
    """In any order, beside whatever else, with other seeds of hashes each time: all of Python's own library."""
    library = Path(subprocess.__file__).parent
    sources = {f"site/{path.name}": path.read_bytes() for path in sorted(library.glob("*.py"))}
    nodes = [_module(path, data) for path, data in sources.items()]
    made = []
    with staged.tools() as tools:
        for order in (nodes, nodes[::-1], nodes[::2]):
            tree = _compiling(tools, sys.executable).also(order)
            made.append({node.entry.path: node.source.read_bytes() for node in tree if isinstance(node.source, Path)})
    assert len(made[0]) > 150
    assert made[1] == made[0]
    assert made[2].items() < made[0].items()


def _module(path: str, data: bytes) -> Node:
    return Node(Entry(path, "file", PLAIN, len(data)), data)


def _compiling(tools: Tools, program: str) -> Compiling:
    return Compiling(Compiler(program, platform.python_version()), "site", tools)


def test_every_module_is_asked_for_on_a_line_of_its_own(tmp_path: Path) -> None:
    """The program that compiles takes names that are no text."""
    (tmp_path / "a").write_bytes(b"# -*- coding: latin-1 -*-\nit = '\xe4'\n")
    asked = [[str(tmp_path / "a"), "/site/\udce4\n.py", str(tmp_path / "out")]]
    lines = "\n".join(map(json.dumps, asked))
    subprocess.run([sys.executable, "-I", "-S", compiling.__file__], input=lines, text=True, check=True)
    assert (tmp_path / "out").stat().st_size > 16


def test_images_with_bytecode(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> None:
    """The setting is part of the fingerprint; layers without it are others, and what is verified is the same again."""
    require("registry")
    index.add_file(*_alpha())
    world = World(tmp_path, uv_cache, index, registry.server)
    base = world.base(starts={**PYTHON, "Env": [*PYTHON["Env"][:2], f"PYTHON_VERSION={platform.python_version()}"]})
    stated = f"python: {{version: '{MINOR}'}}\nimage:\n  base: {base}\ndependencies: [{{pip: [alpha]}}]\n"
    world.project.write("manifests/web.yaml", stated)
    world.apply()
    world.settings("layers: {bytecode: true}\n")
    (step,) = world.project.json("plan")["steps"]
    assert (step["action"], [reason["part"] for reason in step["reasons"]]) == ("rebuild", ["image"])
    world.apply()
    world.judge(tag="v2")
    served = world.served()
    plain, compiled = (served.layers(tag) for tag in ("v1", "v2"))
    assert len(plain) == len(compiled)
    differing = [two["digest"] for one, two in zip(plain, compiled, strict=True) if one != two]
    assert len(differing) == 1
    assert {name for name in served.files(differing[0]) if name.endswith(".pyc")} == {
        f"{PLACE[1:]}/{path}" for path in _COMPILED
    }
    assert world.project.run("verify", "web").out.startswith("web@2 is what its lock makes: ")
