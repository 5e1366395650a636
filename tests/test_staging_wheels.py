"""Wheels of a prefix that is made here for an image: the very files that are locked, and none out of its folder."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.condapkg import File, Package
from support.condapython import MINOR
from support.index import Index
from support.project import Project
from support.staged import OTHER, Stage, contents, rows, traces
from support.wheels import wheel_bytes

from envbuild.errors import BuildError, EnvbuildError, SolveError
from envbuild.lock import Pin
from envbuild.process import Interrupted

_SITE = f"lib/python{MINOR}/site-packages"
_PLACE = "/opt/env"
_INSIDE = "set 'install: inside' in envbuild.yaml"
_USER = ("me", "word+of mine")


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    """With a Python that nothing here can run."""
    found = Stage(project, tmp_path)
    files = {"bin/python": File(b"\x7fELF of another machine", 0o755)}
    found.conda(Package(name="python", version=f"{MINOR}.9", subdir=OTHER, files=files))
    return found


def _zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def _wheel(**more: str) -> bytes:
    """Make a wheel of `sly` 1.0 with further files, which no tool would pack."""
    facts = "sly-1.0.dist-info"
    known = {
        f"{facts}/METADATA": "Metadata-Version: 2.1\nName: sly\nVersion: 1.0\n",
        f"{facts}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{facts}/RECORD": "",
    }
    return _zipped(**(known | more))


def _around(folder: Path) -> dict[str, bytes]:
    """Everything beside what is staged that a wheel could reach."""
    found = contents(folder.parent)
    return {path: data for path, (_, data) in found.items() if path.startswith(("outside", "envx"))}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../outside", "'../outside', which leaves its folder"),
        ("sly/../../../../../outside", "leaves its folder"),
        ("/tmp/outside", "leaves its folder"),  # noqa: S108 - it must not come to be
        ("sly\\..\\outside", "leaves its folder"),
        ("sly-1.0.data/data/../../outside", "leaves its folder"),
        ("sly-1.0.data/elsewhere/outside", "elsewhere"),
        ("sly-1.0.data/data/pyvenv.cfg", "pyvenv.cfg"),
        ("sly-1.0.data/data/bin", "where there is a folder"),
        ("sly\nx", "leaves its folder or is no name"),
    ],
)
def test_a_hostile_wheel_is_refused(staged: Stage, index: Index, path: str, words: str) -> None:
    """By its name and the file; nothing is written beside the folder."""
    staged.pip(index, "sly-1.0-py3-none-any.whl", _wheel(**{path: "x"}))
    with pytest.raises(BuildError) as caught:
        staged("env", OTHER)
    assert "sly-1.0-py3-none-any.whl" in caught.value.message
    assert words in caught.value.message
    assert _around(staged.log.parent / "env") == {}
    assert not Path("/tmp/outside").exists()  # noqa: S108 - as above


@pytest.mark.parametrize(
    "points",
    ["[console_scripts]\n../../../outside = sly:main\n", "[console_scripts]\nx = os\n", "[console_scripts\nx\n"],
)
def test_hostile_commands_are_refused(staged: Stage, index: Index, points: str) -> None:
    """A command is a file in the folder of commands, that calls a function."""
    staged.pip(index, "sly-1.0-py3-none-any.whl", _wheel(**{"sly-1.0.dist-info/entry_points.txt": points}))
    with pytest.raises(BuildError, match=r"sly-1\.0-py3-none-any\.whl"):
        staged(on=OTHER)
    assert _around(staged.log.parent / "env") == {}


def test_what_a_record_claims_is_not_believed(staged: Stage, index: Index) -> None:
    """What is there is listed, with its own hashes; what the wheel says of other files and of its way here is not."""
    record = "../../../outside,sha256=x,1\nsly.py,,\n"
    facts = "sly-1.0.dist-info"
    more = {f"{facts}/RECORD": record, "sly.py": "x = 1\n", f"{facts}/INSTALLER": "sly", f"{facts}/direct_url.json": ""}
    staged.pip(index, "sly-1.0-py3-none-any.whl", _wheel(**more, **{"__pycache__/sly.cpython-311.pyc": "bad"}))
    folder = staged(on=OTHER)
    found = folder / _SITE / facts
    assert sorted(rows(found / "RECORD")) == [
        f"{facts}/INSTALLER", f"{facts}/METADATA", f"{facts}/RECORD", f"{facts}/WHEEL", "sly.py",
    ]  # fmt: skip
    assert (found / "INSTALLER").read_text() == "envbuild\n"
    assert not list(folder.rglob("*.pyc"))
    assert not (found / "direct_url.json").exists()


@pytest.mark.parametrize("path", ["sly.py", "sly-1.0.data/scripts/sly"])
@pytest.mark.parametrize("told", ["sha256=AAAA,6", "sha256=AAAA,", ",5"])
def test_a_record_of_other_files_is_refused(staged: Stage, index: Index, path: str, told: str) -> None:
    """By the file that is not what its wheel says, whether it is its hash or its size."""
    more = {"sly-1.0.dist-info/RECORD": f"{path},{told}\n", path: "x = 1\n"}
    staged.pip(index, "sly-1.0-py3-none-any.whl", _wheel(**more))
    with pytest.raises(BuildError, match=rf"sly-1\.0-.* its file '{path}' is not the one that its RECORD tells of"):
        staged(on=OTHER)


def test_a_file_twice_and_a_wheel_of_another(staged: Stage, index: Index) -> None:
    """Such archives are read in two ways."""
    data = io.BytesIO(_wheel(**{"sly.py": "1"}))
    with zipfile.ZipFile(data, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("sly.py", "2")
    staged.pip(index, "sly-1.0-py3-none-any.whl", data.getvalue())
    with pytest.raises(BuildError, match=r"it holds 'sly\.py' twice"):
        staged(on=OTHER)
    staged.pins.pop()
    staged.pip(index, *wheel_bytes("other", "1.0"))
    staged.pins[-1] = Pin("pip", "sly", "1.0", staged.pins[-1].url, staged.pins[-1].sha256)
    with pytest.raises(BuildError, match="it is a wheel of other, and sly is locked"):
        staged("again", OTHER)


def test_what_is_no_wheel_is_told(staged: Stage, index: Index) -> None:
    """An archive of another kind, with the hash that is locked."""
    staged.pip(index, "sly-1.0-py3-none-any.whl", b"no archive")
    with pytest.raises(BuildError, match=r"sly-1\.0-py3-none-any\.whl is no wheel that can be installed"):
        staged(on=OTHER)


def test_a_folder_that_no_installer_knows_is_told(staged: Stage, index: Index) -> None:
    """In words, and each time in the same ones."""
    staged.pip(index, "sly-1.0-py3-none-any.whl", _wheel(**{"sly-1.0.data/odd/sly.py": "x"}))
    with pytest.raises(BuildError, match=r"can be installed: sly-1\.0\.data/odd/sly\.py is not contained in a valid"):
        staged(on=OTHER)


def test_a_wheel_that_swells_is_refused(staged: Stage, index: Index) -> None:
    """By what it says of itself, before anything of it is unpacked."""
    data = bytearray(_wheel(**{"sly.py": "x"}))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (0xF0000000).to_bytes(4, "little")
    staged.pip(index, "sly-1.0-py3-none-any.whl", bytes(data))
    with pytest.raises(BuildError, match="it holds more than any wheel should"):
        staged(on=OTHER)


def test_a_long_place_and_what_a_wheel_brings(staged: Stage, index: Index) -> None:
    """No shebang is longer than systems read; data, headers and scripts lie where Python's own schemes have them."""
    place = f"/opt/{'long/' * 30}env"
    staged.write(prefix=place)
    modules = {
        "alpha-1.0.data/scripts/run": "#!python\nprint(1)\n",
        "alpha-1.0.data/data/share/a": "a",
        "alpha-1.0.data/headers/a.h": "",
        "alpha-1.0.data/platlib/plat.py": "",
    }
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"alpha-x": "alpha:main"}))
    folder = staged(on=OTHER)
    shell = f"#!/bin/sh\n'''exec' {place}/bin/python \"$0\" \"$@\"\n' '''\n"
    assert (folder / "bin/alpha-x").read_text().startswith(shell)
    assert (folder / "bin/run").read_text() == f"{shell}print(1)\n"
    assert (folder / "bin/run").stat().st_mode & 0o777 == 0o755
    staged.write()
    assert (staged("short", OTHER) / "bin/run").read_text() == "#!/opt/env/bin/python\nprint(1)\n"
    listed = set(rows(folder / _SITE / "alpha-1.0.dist-info/RECORD"))
    paths = {"../../../bin/alpha-x", "../../../share/a", f"../../../include/python{MINOR}/alpha/a.h", "plat.py"}
    assert paths <= listed
    assert all((folder / _SITE / path).is_file() for path in listed)


def test_the_wrong_bytes_are_refused(staged: Stage, index: Index) -> None:
    """Both hashes are named, nothing of it is kept, and nobody has looked into it."""
    wrong = hashlib.sha256(b"locked").hexdigest()
    filename, data = wheel_bytes("alpha", "1.0")
    staged.pip(index, filename, data, sha256=wrong)
    with pytest.raises(SolveError) as caught:
        staged(on=OTHER)
    assert f"its sha256 is {hashlib.sha256(data).hexdigest()}, and {wrong} is locked" in caught.value.message
    cache = Path(staged.project.environ["XDG_CACHE_HOME"], "envbuild/files")
    assert [path for path in cache.rglob("*") if path.is_file() and ".locks" not in path.parts] == []


def test_each_file_is_fetched_once(staged: Stage, index: Index) -> None:
    """For all projects of a user; what is harmed in the cache is fetched again."""
    filename, data = wheel_bytes("alpha", "1.0")
    staged.pip(index, filename, data)
    staged("first", OTHER)
    index.requests.clear()
    staged("second", OTHER)
    assert index.requests == []
    cache = Path(staged.project.environ["XDG_CACHE_HOME"], "envbuild/files")
    (kept,) = (path for path in cache.iterdir() if path.is_file())
    kept.write_bytes(b"harm")
    staged("third", OTHER)
    assert kept.read_bytes() == data
    assert len(index.requests) == 1


def test_a_file_that_is_gone(staged: Stage, index: Index) -> None:
    """Said with what to do."""
    pin = staged.pip(index, *wheel_bytes("alpha", "1.0"))
    staged.pins[-1] = Pin("pip", "alpha", "1.0", pin.url.replace("alpha-", "alphb-"), pin.sha256)
    with pytest.raises(SolveError, match="404") as caught:
        staged(on=OTHER)
    assert caught.value.hint == "run 'envbuild lock --upgrade alpha': the index has it no longer"


def _secret(index: Index) -> str:
    return f"secrets:\n  acme: {{env: ACME_TOKEN, for: ['{index.url.removesuffix('simple/')}'], user: me}}\n"


@pytest.fixture
def closed() -> Iterator[Index]:
    with Index(auth=_USER) as index:
        yield index


def test_a_secret_opens_an_index(staged: Stage, closed: Index) -> None:
    """It goes with the files as well, and stands nowhere in what is made."""
    staged.write(settings=_secret(closed))
    staged.pip(closed, *wheel_bytes("alpha", "1.0"))
    folder = staged(on=OTHER, environ={"ACME_TOKEN": _USER[1]})
    assert (folder / _SITE / "alpha/__init__.py").is_file()
    assert traces(folder, _USER[1]) == []


def test_a_secret_without_a_value_is_told(staged: Stage, closed: Index) -> None:
    """With its line, as in the local builder; nobody is asked before."""
    staged.write(settings=_secret(closed))
    staged.pip(closed, *wheel_bytes("alpha", "1.0"))
    closed.requests.clear()
    with pytest.raises(EnvbuildError, match="ACME_TOKEN") as caught:
        staged(on=OTHER)
    assert str(caught.value.where).startswith("envbuild.yaml:3")
    assert closed.requests == []


def test_a_secret_that_is_refused_is_named(staged: Stage, closed: Index) -> None:
    """By its name, never by what it is."""
    staged.write(settings=_secret(closed))
    staged.pip(closed, *wheel_bytes("alpha", "1.0"))
    with pytest.raises(SolveError, match=r"does not take the secret 'acme' \(401 Unauthorized\)") as caught:
        staged(on=OTHER, environ={"ACME_TOKEN": "wrong-one"})
    assert "wrong-one" not in str(caught.value)


def test_who_gives_no_credentials_is_told(staged: Stage, closed: Index) -> None:
    """And how to keep some."""
    staged.pip(closed, *wheel_bytes("alpha", "1.0"))
    with pytest.raises(SolveError, match="wants credentials that it was not given") as caught:
        staged(on=OTHER)
    assert "secrets" in caught.value.hint


def test_what_the_host_s_own_index_is_opened_with(staged: Stage, closed: Index) -> None:
    """As uv has it: by the URL of the index, for its own origin alone."""
    staged.pip(closed, *wheel_bytes("alpha", "1.0"))
    inside = closed.url.replace("://", "://me:word%2Bof%20mine@")
    assert (staged(on=OTHER, environ={"UV_DEFAULT_INDEX": inside}) / _SITE / "alpha/__init__.py").is_file()
    wrong = closed.url.replace("://", "://me:wrong-one@")
    staged.pip(closed, *wheel_bytes("beta", "1.0"))
    with pytest.raises(SolveError, match="does not take what the URL of its index has for it") as caught:
        staged("again", OTHER, environ={"UV_DEFAULT_INDEX": wrong})
    assert "wrong-one" not in str(caught.value)


def test_a_mirror_is_asked_instead(staged: Stage, index: Index) -> None:
    """The lock has the public URL, and the host says where it is asked."""
    pin = staged.pip(index, *wheel_bytes("alpha", "1.0"))
    own = index.url.removesuffix("/simple/")
    staged.pins[-1] = Pin("pip", "alpha", "1.0", pin.url.replace(own, "https://pypi.example"), pin.sha256)
    folder = staged(on=OTHER, environ={"ENVBUILD_MIRRORS": f"https://pypi.example={own}"})
    assert (folder / _SITE / "alpha/__init__.py").is_file()


def test_who_stops_it_is_heard(staged: Stage, index: Index) -> None:
    """Between two wheels: some are large."""
    staged.pip(index, *wheel_bytes("alpha", "1.0"))
    staged.on_say = lambda line, programs: programs.stop() if line.startswith("fetching alpha") else None
    with pytest.raises(Interrupted):
        staged(on=OTHER)


def test_pip_s_pin_stands_for_conda_s(staged: Stage, index: Index) -> None:
    """Of the same distribution: conda's files give way, and its cache stays whole."""
    facts = f"{_SITE}/twice-2.0.dist-info"
    files = {
        f"{_SITE}/twice/__init__.py": File(b"conda\n"),
        f"{_SITE}/twice/only_conda.py": File(b""),
        f"{facts}/METADATA": File(b"Metadata-Version: 2.1\nName: twice\nVersion: 2.0\n"),
        f"{facts}/RECORD": File(b"twice/__init__.py,,\ntwice/only_conda.py,,\n"),
    }
    staged.conda(Package(name="twice", version="2.0", subdir=OTHER, files=files))
    staged.pip(index, *wheel_bytes("twice", "1.0"))
    folder = staged(on=OTHER)
    assert (folder / _SITE / "twice/__init__.py").read_text() == '__version__ = "1.0"\n'
    assert not (folder / _SITE / "twice/only_conda.py").exists()
    assert not (folder / facts).exists()
