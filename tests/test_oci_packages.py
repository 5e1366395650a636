"""The packages of an image, each by itself: together the prefix that is staged, and told apart before one is made."""

import hashlib
import io
import os
import shutil
import stat
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.condapkg import PREFIX, Archive, File, Package, script
from support.condapython import MINOR, SUBDIR
from support.index import Index
from support.project import Project
from support.staged import MACHINES, OTHER, Stage, contents, managed_python, united
from support.wheels import installed_wheel, sdist_bytes, wheel_bytes

from envbuild.builders.inwheels import held
from envbuild.builders.oci.owning import Claim, settled
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.unpacking import Layout, Wheel
from envbuild.errors import BuildError, Place
from envbuild.lock import Member

_SITE = f"lib/python{MINOR}/site-packages"
_IN_THE_BASE = Interpreter("/usr/bin/python3", f"{MINOR}.7")
_Lying = Mapping[str, tuple[int, bytes]]


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    return Stage(project, tmp_path)


def _python() -> Package:
    """Make one that nothing here can run."""
    files = {"bin/python": File(b"\x7fELF of another machine", 0o755), f"lib/python{MINOR}/os.py": File(b"")}
    return Package(name="python", version=f"{MINOR}.9", subdir=OTHER, files=files)


def _tool(name: str = "tool", /, **files: File) -> Package:
    own = {
        f"bin/{name}": script(f"#!/bin/sh\necho {PREFIX}/share/{name}\n"),
        f"lib/{name}.bin": File(f"\x7fELF\0{PREFIX}/share\0end".encode(), prefix="binary"),
        f"share/{name}/link": File(link="data"),
        f"share/{name}/data": File(b"data\n"),
    }
    return Package(name=name, subdir=OTHER, files=own | {path.replace("__", "/"): one for path, one in files.items()})


def _pure(name: str = "pure") -> Package:
    files = {f"site-packages/{name}.py": File(b"def main():\n    print('pure')\n")}
    return Package(
        name=name, build="py_0", subdir="noarch", noarch="python", depends=["python"], files=files,
        entry_points=[f"{name}-x = {name}:main"],
    )  # fmt: skip


def _as_staged(folder: Path) -> _Lying:
    """What is staged, but for bytecode, what conda keeps for itself, and folders that are left empty."""
    left_out = {"conda-meta/history", "CACHEDIR.TAG"}
    found = {path: one for path, one in contents(folder).items() if path not in left_out and "__pycache__" not in path}
    kept = {path for path, (mode, _) in found.items() if not stat.S_ISDIR(mode)}
    return {path: one for path, one in found.items() if path in kept or any(one.startswith(f"{path}/") for one in kept)}


def test_conda_s_packages(staged: Stage) -> None:
    """Commands, paths inside of files, what two of them bring, and what conda notes."""
    both = {"share__x": File(b"both"), "share__link": File(link="x")}
    other = _tool("other", share__x=File(b"other"), share__link=File(link="other"))
    staged.conda(_python(), _tool(**both), other, _pure(), _pure("more"))
    with staged.apart(OTHER) as found:
        whole = united(found)
    said = staged.log.read_text()
    assert said.count("both bring 'share/x'") == said.count("both bring 'share/link'") == 1
    assert whole == _as_staged(staged(on=OTHER))


def test_a_whole_python_and_compiled_packages(staged: Stage, index: Index, conda_python: Archive) -> None:
    """For this machine, where staging compiles: what is left of it without bytecode."""
    staged.conda(conda_python, _pure())
    staged.pip(index, *installed_wheel("markupsafe"))
    with staged.apart() as found:
        whole = united(found)
    mine = {path: one for path, one in whole.items() if "__pycache__" not in path}
    assert mine == _as_staged(staged())


@pytest.mark.parametrize("platform", [SUBDIR, OTHER])
def test_uv_s_python(staged: Stage, index: Index, tmp_path: Path, platform: str) -> None:
    """One package: the Python and the environment around it; and wheels, also where its links lead."""
    staged.write(source="uv")
    modules = {"alpha-1.0.data/data/lib64/own": "x", "alpha-1.0.data/headers/a.h": ""}
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"alpha-x": "alpha:main"}))
    environ = managed_python(tmp_path, platform)
    with staged.apart(platform, environ) as found:
        whole = united(found)
    assert [one.made_by for one in found] == [f"python {found[0].version} uv", "alpha 1.0"]
    assert whole["lib/own"][1] == b"x"
    assert whole == _as_staged(staged(on=platform, environ=environ))


def test_the_base_image_s_python(staged: Stage, index: Index) -> None:
    """An environment that leads to it, as its own venv would make, with nothing run of it."""
    staged.write(source="image")
    staged.pip(index, *wheel_bytes("alpha", "1.0", scripts={"alpha-x": "alpha:main"}))
    with staged.apart(OTHER, interpreter=Interpreter(f"/usr/local/bin/python{MINOR}", f"{MINOR}.7")) as found:
        whole = united(found)
    assert whole["bin/python"] == (stat.S_IFLNK | 0o777, f"/usr/local/bin/python{MINOR}".encode())
    assert {"home = /usr/local/bin", f"version_info = {MINOR}.7"} <= set(whole["pyvenv.cfg"][1].decode().splitlines())
    assert whole["bin/alpha-x"][1].startswith(b"#!/opt/env/bin/python\n")
    assert f"{_SITE}/alpha/__init__.py" in whole


@pytest.fixture
def mixed(staged: Stage, index: Index) -> Stage:
    staged.conda(_python(), _tool(), _pure())
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules={"alpha-1.0.data/data/share/tool/data": "wheel\n"}))
    staged.pip(index, *wheel_bytes("beta", "1.0", scripts={"beta-x": "beta:main"}))
    return staged


def test_the_same_everywhere(mixed: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever makes it, wherever it lies, with nothing in his caches; the keys are the same as well."""
    with mixed.apart(OTHER) as found:
        keys, whole = [one.key for one in found], united(found)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    before = os.umask(0o077)
    try:
        environ = {"XDG_CACHE_HOME": str(tmp_path / "elsewhere"), "LANG": "tr_TR.UTF-8", "HOME": str(tmp_path)}
        with mixed.apart(OTHER, environ) as again:
            assert united(reversed(again)) == whole
            assert [one.key for one in again] == keys
    finally:
        os.umask(before)


def test_what_has_a_layer_is_not_made(mixed: Stage, index: Index) -> None:
    """Nor fetched: a layer may outlive what it was made of; but it can be made again."""
    with mixed.apart(OTHER) as found:
        whole = {one.name: united([one]) for one in found}
    shutil.rmtree(Path(mixed.project.environ["XDG_CACHE_HOME"], "envbuild/packages"))
    shutil.rmtree(Path(mixed.project.environ["XDG_CACHE_HOME"], "envbuild/files"))
    index.requests.clear()
    mixed.said.clear()
    with mixed.apart(OTHER, has=lambda _: True) as found:
        assert mixed.said == index.requests == []
        known = {one.name: one for one in found}
        assert united([known["tool"]]) == whole["tool"]
        assert united([known["beta"]]) == whole["beta"]
    assert "linking 1 package" in mixed.said
    assert [line for line in mixed.said if line.startswith("fetching")] == [
        "fetching tool 1.0 (1 of 1)",
        "fetching beta 1.0",
    ]


def test_only_what_is_new_is_linked(mixed: Stage) -> None:
    """A pure package lies where its Python is, which need not be there; all that is new is linked together."""
    with mixed.apart(OTHER) as found:
        whole = {one.name: united([one]) for one in found}
        new = {one.key for one in found if one.name in {"pure", "tool"}}
    mixed.said.clear()
    with mixed.apart(OTHER, has=lambda key: key not in new) as found:
        known = {one.name: one for one in found}
        assert united([known["pure"]]) == whole["pure"]
        assert united([known["tool"]]) == whole["tool"]
    assert [line for line in mixed.said if line.startswith("linking")] == ["linking 2 packages"]


def test_a_package_that_changed_changes_one_key(mixed: Stage, index: Index) -> None:
    """And so does what another one newly takes from it."""
    with mixed.apart(OTHER) as found:
        before = {one.name: one.key for one in found}
    mixed.pins.remove(next(pin for pin in mixed.pins if pin.name == "beta"))
    mixed.pip(index, *wheel_bytes("beta", "2.0", modules={"beta-2.0.data/data/bin/tool": "x"}))
    with mixed.apart(OTHER) as found:
        after = {one.name: one.key for one in found}
    assert {name for name in before if before[name] != after[name]} == {"beta", "tool"}


def test_another_place_is_another_layer(mixed: Stage) -> None:
    """Each has it inside."""
    with mixed.apart(OTHER) as found:
        before = {one.key for one in found}
    mixed.write(prefix="/srv/env")
    with mixed.apart(OTHER) as found:
        assert before.isdisjoint(one.key for one in found)
        assert all(node.entry.path.startswith("srv/env") for one in found for node in one.tree())


def test_commands_of_two_packages(staged: Stage) -> None:
    """Which of them is linked first is chance, which of them has its way is not."""
    names = [f"{number}{end}" for number in range(12) for end in "ab"]
    for name in names:
        call = f"command-{name[:-1]} = m{name}:main"
        pure = Package(name=f"p{name}", subdir="noarch", noarch="python", entry_points=[call], depends=["python"])
        staged.conda(pure)
    staged.conda(_python())
    with staged.apart(OTHER) as found:
        whole = united(found)
    called = [f"from m{name} import main" for name in names if name.endswith("a")]
    assert [one for one in called if not any(one.encode() in data for _, data in whole.values())] == []


def test_what_is_known_is_held_against_its_digest(mixed: Stage) -> None:
    """What is damaged is not believed, and found anew."""
    with mixed.apart(OTHER) as found:
        keys = [one.key for one in found]
    facts = list(Path(mixed.project.environ["XDG_CACHE_HOME"], "envbuild/facts").iterdir())
    assert len(facts) == len(keys)
    for number, path in enumerate(facts):
        data = path.read_bytes()
        assert b"share" in data or b"py" in data
        changed = data.replace(b"share", b"shore").replace(b"py", b"pz")
        path.write_bytes([data[:-1], b"", changed, changed, changed][number])
    with mixed.apart(OTHER) as found:
        assert [one.key for one in found] == keys


def test_what_is_built_here_is_known_by_what_is_in_it(staged: Stage, index: Index) -> None:
    """Built again it is the same."""
    staged.write(source="image", more=f'pip: {{index_url: "{index.url}"}}\n')
    staged.pip(index, *sdist_bytes("made", "1.0", scripts={"made-x": "made:main"}))
    with staged.apart(OTHER, interpreter=_IN_THE_BASE) as found:
        keys, whole = [one.key for one in found], united(found)
    with staged.apart(OTHER, interpreter=_IN_THE_BASE) as found:
        assert [one.key for one in found] == keys
    assert b"/opt/env/bin/python" in whole["bin/made-x"][1]


def test_a_wheel_of_the_project_is_known_by_what_is_in_it(staged: Stage) -> None:
    """When it was packed, and how tightly, shows in no layer; whatever does is in the key."""
    staged.write(source="image")
    filename, data = wheel_bytes("own", "1.0")

    def key(data: bytes) -> str:
        (staged.project.path / filename).write_bytes(data)
        staged.files[filename] = hashlib.sha256(data).hexdigest()
        with staged.apart(OTHER, interpreter=_IN_THE_BASE) as found:
            return next(one.key for one in found if one.name == "own")

    staged.members.append(Member(filename, "own", "1.0"))
    assert key(data) == key(_packed_again(data))
    assert key(data) != key(_packed_again(data, b'__version__ = "1.0"', b'__version__ = "1.1"'))


def _packed_again(data: bytes, old: bytes = b"", new: bytes = b"") -> bytes:
    """Pack it on another day, more tightly, with some bytes replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as wheel, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as other:
        for info in wheel.infolist():
            packed = zipfile.ZipInfo(info.filename, (2021, 2, 3, 4, 5, 6))
            packed.compress_type, packed.external_attr = zipfile.ZIP_DEFLATED, info.external_attr
            inside = wheel.read(info)
            other.writestr(packed, inside.replace(old, new) if old else inside)
    return buffer.getvalue()


def test_a_link_that_is_lost_leads_nowhere() -> None:
    """What another package would write through it has no folder any more."""
    link, file = Claim("one 1", (("share", "lib"),)), Claim("two 1", (("share", ""),))
    with pytest.raises(BuildError, match="two 1 brings a file 'share', and three 1 a folder of that name"):
        settled([link, file, Claim("three 1", (("share/x", ""),))])


def test_a_large_command_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Some wheels bring a compiled program as a script."""
    name, data = wheel_bytes("big", "1.0", modules={"big-1.0.data/scripts/big": "\x7f" * (32 << 20)})
    path = tmp_path / name
    path.write_bytes(data)
    layout = Layout(tmp_path / "to", "/opt/env", _SITE, "include/site/python3.11")
    tracemalloc.start()
    try:
        found = held(Wheel("big", path, name), layout, Place("manifests/a.yaml"))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert found["bin/big"].size == 32 << 20


def test_a_file_where_another_has_a_folder(staged: Stage, index: Index) -> None:
    """One of them would be lost, whatever order they come in."""
    staged.conda(_python(), _tool())
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules={"alpha-1.0.data/data/share/tool": "x"}))
    what = "alpha 1.0 brings a file 'share/tool', and tool 1.0 a folder of that name"
    with pytest.raises(BuildError, match=what), staged.apart(OTHER):
        pass


@pytest.mark.parametrize("target", ["/etc", "../../etc"])
def test_a_link_that_leaves_is_refused(staged: Stage, target: str) -> None:
    """Whether or not somebody writes through it."""
    staged.conda(_python(), _tool(share__door=File(link=target)))
    with pytest.raises(BuildError, match=r"tool 1\.0 brings 'share/door', a link that leaves"), staged.apart(OTHER):
        pass


def test_nothing_is_written_through_uv_s_links(staged: Stage, index: Index, tmp_path: Path) -> None:
    """Those that lead to a place in the image do so from its root."""
    staged.write(source="uv")
    path = f"share/python/cpython-{MINOR}-linux-{MACHINES[OTHER]}-gnu/x"
    staged.pip(index, *wheel_bytes("sly", "1.0", modules={f"sly-1.0.data/data/{path}": "x"}))
    with (
        pytest.raises(BuildError, match=f"sly 1.0 would write '{path}' through a link that leaves"),
        staged.apart(OTHER, managed_python(tmp_path, OTHER)),
    ):
        pass


def test_a_wheel_of_a_bad_record(staged: Stage, index: Index) -> None:
    """Before any of it is in a layer."""
    staged.conda(_python())
    filename, data = wheel_bytes("alpha", "1.0")
    staged.pip(index, filename, _packed_again(data, b'__version__ = "1.0"', b'__version__ = "1.1"'))
    what = "its file 'alpha/__init__.py' is not the one that its RECORD tells of"
    with staged.apart(OTHER) as found, pytest.raises(BuildError, match=what):
        united(found)


def test_one_path_twice(staged: Stage, index: Index) -> None:
    """Of a path that one wheel brings twice, the later stays; a large file comes as it is."""
    staged.conda(_python())
    large = "x" * 700_000
    modules = {
        "alpha/large.py": large,
        "alpha-1.0.data/scripts/large": f"#!python\n{large}",
        "alpha-1.0.data/scripts/twice": "#!python\n",
        "alpha-1.0.data/data/bin/twice": "data",
    }
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"twice": "alpha:main"}))
    with staged.apart(OTHER) as found:
        whole = united(found)
    assert whole["bin/large"][1].startswith(b"#!/opt/env/bin/python\n")
    assert whole == _as_staged(staged(on=OTHER))


@pytest.mark.parametrize("name", ["../outside", "/outside", "./x", "a//b"])
def test_a_command_is_a_name(staged: Stage, index: Index, name: str) -> None:
    """And no way to elsewhere."""
    staged.conda(_python())
    staged.pip(index, *wheel_bytes("alpha", "1.0", scripts={name: "alpha:main"}))
    with pytest.raises(BuildError, match=r"alpha-1\.0-py3-none-any\.whl"), staged.apart(OTHER):
        pass


def test_wheels_beside_conda_s(staged: Stage, index: Index) -> None:
    """Also those that stand for conda's of the same name, and those that bring a file of another."""
    staged.conda(_python(), _tool(), _replaced("named"), _replaced("bare", listed=False), _pure("twice"))
    modules = {"alpha-1.0.data/data/share/tool/data": "wheel\n", "alpha-1.0.data/headers/a.h": "", "beta/x.py": ""}
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"alpha-x": "alpha:main"}))
    staged.pip(index, *wheel_bytes("beta", "2.0", modules={"beta/x.py": "beta"}))
    staged.pip(index, *wheel_bytes("named", "2.0"))
    staged.pip(index, *wheel_bytes("bare", "2.0"))
    with staged.apart(OTHER) as found:
        whole = united(found)
    assert whole == _as_staged(staged(on=OTHER))


def _replaced(name: str, *, listed: bool = True) -> Package:
    facts = f"{_SITE}/{name}-1.0.dist-info"
    files = {
        f"{_SITE}/{name}/__init__.py": File(b"conda\n"),
        f"{_SITE}/{name}/only_conda.py": File(b""),
        f"bin/{name}": File(b"", 0o755),
        f"share/{name}": File(b""),
        f"{facts}/METADATA": File(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()),
    }
    if listed:
        rows = f"{name}/__init__.py,,\n{name}/only_conda.py,,\n../../../bin/{name},,\n../../../../../x,,\n"
        files[f"{facts}/RECORD"] = File(rows.encode())
    return Package(name=name, subdir=OTHER, files=files)
