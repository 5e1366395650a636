"""Prefixes that are made here for an image: conda's packages and uv's Python, for whatever machine runs the image."""

import json
import marshal
import os
import stat
from pathlib import Path

import pytest
import uv
from support.condapkg import PREFIX, Archive, File, Package, link_script, script
from support.condapython import MINOR, SUBDIR
from support.index import Index
from support.project import Project
from support.services import require
from support.staged import MACHINES, OTHER, PLACE, Stage, contents, managed_python, run_in_place, traces
from support.wheels import installed_wheel, wheel_bytes

from envbuild.builders.staging import can_stage
from envbuild.errors import BuildError
from envbuild.project import Project as Opened

_SITE = f"lib/python{MINOR}/site-packages"


def _python(platform: str) -> Package:
    """Make one that nothing here can run."""
    files = {"bin/python": File(b"\x7fELF of another machine", 0o755), f"lib/python{MINOR}/os.py": File(b"")}
    return Package(name="python", version=f"{MINOR}.9", subdir=platform, files=files)


def _tool(platform: str) -> Package:
    files = {
        "bin/tool": script(f"#!/bin/sh\necho {PREFIX}/share/tool\n"),
        "lib/tool.bin": File(f"\x7fELF\0{PREFIX}/share\0end".encode(), prefix="binary"),
        "share/link": File(link="tool"),
        "share/tool": File(b"data\n"),
    }
    return Package(name="tool", subdir=platform, files=files)


def _pure() -> Package:
    files = {"site-packages/pure.py": File(b"def main():\n    print('pure')\n")}
    return Package(
        name="pure", build="py_0", subdir="noarch", noarch="python", depends=["python"], files=files,
        entry_points=["pure-x = pure:main"],
    )  # fmt: skip


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    return Stage(project, tmp_path)


def _modes(folder: Path) -> set[int]:
    found = (path.lstat().st_mode for path in (folder, *folder.rglob("*")))
    return {stat.S_IMODE(mode) for mode in found if not stat.S_ISLNK(mode)}


def test_another_machine_s_prefix(staged: Stage, index: Index) -> None:
    """Text, binary files and commands have the place in the image; nothing is run, or of this machine."""
    channel = staged.conda(_python(OTHER), _tool(OTHER), _pure())
    staged.pip(index, *wheel_bytes("alpha", "3.0", scripts={"alpha-x": "alpha:main"}))
    folder = staged(on=OTHER)
    assert (folder / "bin/tool").read_text() == f"#!/bin/sh\necho {PLACE}/share/tool\n"
    assert (folder / "lib/tool.bin").read_bytes().startswith(f"\x7fELF\0{PLACE}/share\0".encode())
    assert (folder / "share/link").readlink() == Path("tool")
    assert (folder / "bin/pure-x").read_text().startswith(f"#!{PLACE}/bin/python")
    assert (folder / "bin/alpha-x").read_text().startswith(f"#!{PLACE}/bin/python\n")
    assert (folder / _SITE / "pure.py").is_file()
    assert (folder / _SITE / "alpha/__init__.py").read_text() == '__version__ = "3.0"\n'
    assert traces(folder, ".views", channel.url) == []
    assert f"file:///{Path(channel.url).name}/" in (folder / "conda-meta/tool-1.0-0.json").read_text()
    assert not list(folder.rglob("__pycache__"))


def test_this_machine_s_prefix_runs_at_its_place(staged: Stage, index: Index, conda_python: Archive) -> None:
    """Compiled for a folder that is only read, but for what cannot be; and twice it is the same, byte for byte."""
    require("mount")
    staged.conda(conda_python, _tool(SUBDIR), _pure())
    staged.pip(index, *installed_wheel("markupsafe"))
    modules = {"alpha/cli.py": "def main():\n    print('alpha')\n", "alpha/aged.py": "print 'alpha'\n"}
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"alpha-x": "alpha.cli:main"}))
    folder = staged()
    assert run_in_place(folder, f"{PLACE}/bin/alpha-x") == "alpha\n"
    assert run_in_place(folder, f"{PLACE}/bin/pure-x") == "pure\n"
    assert run_in_place(folder, f"{PLACE}/bin/tool") == f"{PLACE}/share/tool\n"
    code = "import markupsafe._speedups as m, sys; print(sys.prefix, m.__file__)"
    assert run_in_place(folder, f"{PLACE}/bin/python", "-c", code).startswith(f"{PLACE} {PLACE}/{_SITE}/markupsafe/")
    assert traces(folder) == []
    (compiled,) = (folder / _SITE / "alpha/__pycache__").glob("cli.*.pyc")
    data = compiled.read_bytes()
    assert data[4:8] == b"\x01\0\0\0"  # by hash, and never held against the source
    assert marshal.loads(data[16:]).co_filename == f"{PLACE}/{_SITE}/alpha/cli.py"  # noqa: S302 - our own
    assert contents(folder) == contents(_staged_by_a_private_person(staged))
    assert _modes(folder) == {0o644, 0o755}


def _staged_by_a_private_person(staged: Stage) -> Path:
    before = os.umask(0o077)
    try:
        return staged("again")
    finally:
        os.umask(before)


@pytest.mark.parametrize("platform", [SUBDIR, OTHER])
def test_uv_s_python_and_its_environment(staged: Stage, index: Index, tmp_path: Path, platform: str) -> None:
    """As `uv venv` makes it where it runs: links and facts lead to places in the image."""
    staged.write(source="uv")
    staged.pip(index, *wheel_bytes("alpha", "1.0", scripts={"alpha-x": "alpha:main"}))
    folder = staged(on=platform, environ=managed_python(tmp_path, platform))
    kind = f"cpython-{MINOR}-linux-{MACHINES[platform]}-gnu"
    whole = next(path.name for path in (folder / "share/python").iterdir() if path.name.startswith(f"cpython-{MINOR}."))
    home = f"{PLACE}/share/python/{kind}/bin"
    assert (folder / "share/python" / kind).readlink() == Path(f"{PLACE}/share/python/{whole}")
    assert (folder / "bin/python").readlink() == Path(f"{home}/python{MINOR}")
    assert (folder / f"bin/python{MINOR}").readlink() == Path("python")
    facts = (folder / "pyvenv.cfg").read_text().splitlines()
    assert {f"home = {home}", f"version_info = {MINOR}", "include-system-site-packages = false"} <= set(facts)
    assert f"'{PLACE}'" in (folder / "bin/activate").read_text()
    assert (folder / "bin/alpha-x").read_text().startswith(f"#!{PLACE}/bin/python\n")
    assert traces(folder) == []
    assert _modes(folder) == {0o644, 0o755}
    assert list((folder / "lib").rglob("__pycache__")) != [] if platform == SUBDIR else True


def test_uv_itself_makes_the_same(staged: Stage, tmp_path: Path) -> None:
    """As the stage does that installs inside: but for what it works with, and what is compiled; and that runs."""
    require("mount")
    staged.write(source="uv")
    environ = managed_python(tmp_path, SUBDIR)
    folder = staged(environ=environ)
    said = run_in_place(folder, f"{PLACE}/bin/python", "-c", "import sys; print(sys.prefix, sys.base_prefix)")
    assert said.startswith(f"{PLACE} {PLACE}/share/python/cpython-")
    ours = contents(folder)
    inside = tmp_path / "inside"
    inside.mkdir()
    own = {"UV_PYTHON_INSTALL_DIR": f"{PLACE}/share/python", "UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(tmp_path / "uv")}
    words = ("venv", "--allow-existing", "--managed-python", "--python", MINOR, PLACE)
    run_in_place(inside, uv.find_uv_bin(), *words, may_write=True, environ={**environ, **own, "HOME": str(tmp_path)})
    theirs = contents(inside)
    left_out = {"share/python/.lock", "share/python/.temp"}
    differing = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    assert {path for path in differing - left_out if "__pycache__" not in path} == set()


def test_uv_s_python_twice_is_the_same(staged: Stage, tmp_path: Path) -> None:
    """It is fetched once, and kept."""
    staged.write(source="uv")
    environ = managed_python(tmp_path, OTHER)
    first = staged("first", OTHER, environ)
    (tmp_path / "python.tar.gz").unlink()
    assert contents(first) == contents(staged("second", OTHER, environ))


def test_a_python_that_nobody_has(staged: Stage, tmp_path: Path) -> None:
    """Said with the version and the platform."""
    staged.write(source="uv")
    with pytest.raises(BuildError, match=f"no Python {MINOR} for {OTHER} could be fetched") as caught:
        staged(on=OTHER, environ=managed_python(tmp_path, SUBDIR))
    assert "UV_PYTHON_INSTALL_MIRROR" in caught.value.hint


def test_a_link_script_is_not_run_here(staged: Stage) -> None:
    """Also one that the project allows: it is refused with the line that asks for its package, and what to do."""
    staged.write(more="dependencies:\n  - linked\n", settings="allow_link_scripts: [linked]\n")
    staged.conda(Package(name="linked", subdir=SUBDIR, files=link_script("linked", "post-link", "touch /tmp/x\n")))
    with pytest.raises(BuildError, match=r"linked 1\.0 wants to run its script 'bin/\.linked-post-link\.sh'") as caught:
        staged()
    assert str(caught.value.where) == "manifests/a.yaml:5:5"
    assert caught.value.hint == "set 'install: inside' in envbuild.yaml"


def test_what_is_unlinked_is_of_no_matter(staged: Stage) -> None:
    """Nothing is taken away from what is made anew."""
    staged.conda(Package(name="linked", subdir=SUBDIR, files=link_script("linked", "pre-unlink", "exit 1\n")))
    assert (staged() / "bin/.linked-pre-unlink.sh").is_file()


@pytest.mark.parametrize("manager", ["conda", "pip"])
def test_what_docker_would_read_is_refused(staged: Stage, index: Index, manager: str) -> None:
    """A package with a .dockerignore at the root is named: by it files would be missing."""
    python = _python(OTHER)
    if manager == "conda":
        staged.conda(python, Package(name="sly", version="1.0", subdir=OTHER, files={".dockerignore": File(b"*\n")}))
    else:
        staged.conda(python)
        staged.pip(index, *wheel_bytes("sly", "1.0", modules={"sly-1.0.data/data/.dockerignore": "*\n"}))
    with pytest.raises(BuildError, match=r"sly.* brings '\.dockerignore'") as caught:
        staged(on=OTHER)
    assert "install: inside" in caught.value.hint


@pytest.mark.parametrize("by", ["a wheel", "nobody that is known"])
def test_nothing_is_written_through_a_link(staged: Stage, index: Index, tmp_path: Path, by: str) -> None:
    """Where a conda package has a link out of the prefix, it is refused before a wheel, or bytecode, could use it."""
    link = Package(name="door", subdir=OTHER, files={"share/door": File(link=str(tmp_path))})
    staged.conda(_python(OTHER), link)
    if by == "a wheel":
        staged.pip(index, *wheel_bytes("sly", "1.0", modules={"sly-1.0.data/data/share/door/x": "x"}))
    with pytest.raises(BuildError, match="door"):
        staged(on=OTHER)
    assert not (tmp_path / "x").exists()


def test_nothing_is_written_through_a_link_of_uv(staged: Stage, index: Index, tmp_path: Path) -> None:
    """What leads to a place in the image would lead to that of this machine."""
    staged.write(source="uv")
    path = f"sly-1.0.data/data/share/python/cpython-{MINOR}-linux-{MACHINES[OTHER]}-gnu/x"
    staged.pip(index, *wheel_bytes("sly", "1.0", modules={path: "x"}))
    with pytest.raises(BuildError, match="through a link that leaves the environment"):
        staged(on=OTHER, environ=managed_python(tmp_path, OTHER))
    assert not Path(PLACE).exists()


def test_a_python_without_its_lock(staged: Stage, index: Index) -> None:
    """Where a free-threaded one looks for packages, its package says."""
    site = "lib/python3.13t/site-packages"
    python = Package(name="python", version="3.13.1", subdir=OTHER, fields={"python_site_packages_path": site})
    staged.conda(python, _pure())
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules={"alpha-1.0.data/headers/a.h": ""}))
    folder = staged(on=OTHER)
    assert (folder / site / "pure.py").is_file()
    assert (folder / site / "alpha/__init__.py").is_file()
    assert (folder / "include/python3.13t/alpha/a.h").is_file()


def test_what_two_packages_bring_lies_there_once(staged: Stage) -> None:
    """Of the one that conda links last; both note it as theirs, in order, and twice it is the same, byte for byte."""
    one = {f"{folder}/x": File(b"one") for folder in ("share", "lib", "etc", "include", "var")}
    other = {path: File(b"other") for path in one} | {"share/own": File(b"")}
    staged.conda(
        Package(name="one", subdir=OTHER, files=one),
        Package(name="other", subdir=OTHER, files=other, depends=["one"]),
        _python(OTHER),
    )
    folder = staged(on=OTHER)
    assert (folder / "share/x").read_bytes() == b"other"
    assert not list(folder.rglob("*clobber*"))
    noted = json.loads((folder / "conda-meta/one-1.0-0.json").read_bytes())
    assert noted["files"] == [row["_path"] for row in noted["paths_data"]["paths"]] == sorted(one)
    assert "original_path" not in str(noted)
    assert contents(folder) == contents(staged("again", on=OTHER))


def test_the_cache_is_not_written_into(staged: Stage, index: Index) -> None:
    """Files are one with the cache's; a wheel's file of the same place stands beside them."""
    own = Package(name="own", subdir=OTHER, files={"share/own": File(b"conda\n")})
    staged.conda(_python(OTHER), own)
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules={"alpha-1.0.data/data/share/own": "wheel\n"}))
    assert (staged(on=OTHER) / "share/own").read_text() == "wheel\n"
    cache = Path(staged.project.environ["XDG_CACHE_HOME"], "envbuild/packages")
    assert [path.read_text() for path in cache.glob("*/package/share/own")] == ["conda\n"]


@pytest.mark.parametrize("source", ["conda", "uv", "image"])
def test_whether_it_can_be_staged(staged: Stage, source: str) -> None:
    """The image's own Python is nowhere else."""
    staged.write(source=source)
    assert can_stage(Opened.load(staged.project.path, staged.project.environ).one("a")) == (source != "image")
