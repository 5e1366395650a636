"""Wheels beside conda packages: what is locked of PyPI is imported, and conda's files stay whole in the cache."""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from support.channelled import cache_of, prefix_of, write_conda
from support.condachannel import Channel
from support.condapkg import Archive, File, Package, script
from support.condapython import MINOR, SUBDIR
from support.index import Index
from support.line import actions, apply_twice
from support.pinned import pinned
from support.project import Project
from support.wheels import installed_wheel, wheel_bytes

from envbuild.lock import Pin, Pins, lock_path, lock_text, make_lock
from envbuild.project import Project as Opened
from envbuild.project import Selection

# What comes with the packages of conda-lock.
pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]
_SITE = f"lib/python{MINOR}/site-packages"
_PIP = Package(name="pip", version="24.0", subdir="noarch", noarch="python", depends=["python"])

_FOO = Package(name="foo", subdir=SUBDIR, files={"lib/foo": File(b"foo\n")})


def _wheel_pin(index: Index, name: str, version: str, filename: str, data: bytes) -> Pin:
    url = f"{index.url.removesuffix('simple/')}files/{filename}"
    return Pin("pip", name, version, url, hashlib.sha256(data).hexdigest())


def _lock(project: Project, name: str, channel: Channel, packages: Mapping[str, Package | Archive], *pip: Pin) -> None:
    """Write the lock that its manifest asks for, with these pins."""
    opened = Opened.load(project.path, project.environ)
    (one,) = opened.to_lock(Selection((name,)))
    conda = tuple(pinned(package, channel.url) for package in packages.values())
    solved = {
        request.platform: Pins(request.platform, tuple(sorted((*conda, *pip)))) for request in one.locked.requests
    }
    lock = make_lock(MINOR, one.locked.requests, solved)
    project.write(lock_path(name), lock_text(lock, one.environment.path, name))


class Mixed:
    """An environment of conda's python, some packages of conda, and some wheels."""

    def __init__(self, project: Project, index: Index, python: Archive, folder: Path) -> None:
        self.project, self._index, self._folder = project, index, folder
        self.packages: dict[str, Package | Archive] = {"python": python, "pip": _PIP, "foo": _FOO}
        self._pins: list[Pin] = []

    def conda(self, package: Package) -> None:
        self.packages[package.name] = package

    def wheel(self, filename: str, data: bytes) -> None:
        name, version = filename.split("-")[:2]
        self._index.add_file(filename, data)
        self._pins.append(_wheel_pin(self._index, name, version, filename, data))

    def write(self, name: str = "a", more: str = "") -> None:
        channel = Channel(self._folder / "channel", *self.packages.values())
        wheels = "".join(f"      - {pin.name}\n" for pin in self._pins)
        specs = sorted(self.packages.keys() - {"python", "pip"})
        index = f'pip: {{index_url: "{self._index.url}"}}\n'
        write_conda(self.project, name, channel, *specs, more=f"  - pip:\n{wheels}{index}{more}")
        _lock(self.project, name, channel, self.packages, *self._pins)

    def python(self, code: str, name: str = "a") -> str:
        return self.project.run("run", name, "--locked", "--", "python", "-c", code).out.strip()


@pytest.fixture
def mixed(project: Project, index: Index, conda_python: Archive, tmp_path: Path) -> Mixed:
    return Mixed(project, index, conda_python, tmp_path)


def _distribution(name: str, version: str, *, facts: str = "dist-info", record: bool = True) -> Package:
    """Make a conda package that brings a Python distribution with a command, as one or another builder does."""
    module, info = f"{_SITE}/{name}/__init__.py", f"{_SITE}/{name}-{version}.{facts}"
    files = {
        module: File(f"__version__ = 'conda {version}'\n".encode()),
        f"{_SITE}/{name}/only_conda.py": File(b""),
        f"bin/{name}": script("echo conda\n"),
        f"share/{name}": File(b"shared\n"),
    }
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    if facts == "egg-info":
        files[info] = File(text)
    else:
        files |= {f"{info}/METADATA": File(text), f"{info}/INSTALLER": File(b"conda\n")}
    if record:
        rows = [f"{name}/__init__.py,,", f"{name}/only_conda.py,,", f"../../../bin/{name},,", "../../../../../../x,,"]
        files[f"{info}/RECORD"] = File("\n".join(rows).encode())
    return Package(name=name, version=version, subdir=SUBDIR, depends=["python"], files=files)


def test_a_compiled_wheel_is_imported_by_conda_s_python(mixed: Mixed) -> None:
    """Beside what conda brought, which stays; plan and cache agree afterwards."""
    mixed.conda(_distribution("beside", "1.0"))
    mixed.wheel(*installed_wheel("markupsafe"))
    mixed.write(more="setup:\n  - python -c 'import markupsafe; print(1)' > seen\n")
    apply_twice(mixed.project, "--locked")
    prefix = prefix_of(mixed.project, "a")
    assert mixed.python("import markupsafe._speedups as m; print(m.__file__)").startswith(f"{prefix}/{_SITE}/")
    assert mixed.python("import beside; print(beside.__version__)") == "conda 1.0"
    assert (prefix / "seen").read_text() == "1\n"
    assert not (prefix / "pyvenv.cfg").exists()
    assert (prefix / "bin/python").resolve().is_relative_to(prefix)


@pytest.mark.parametrize("conda", ["1.0", "2.0"])
@pytest.mark.parametrize(("facts", "record"), [("dist-info", True), ("dist-info", False), ("egg-info", False)])
def test_pip_s_pin_stands_for_conda_s(mixed: Mixed, conda: str, facts: str, record: bool) -> None:  # noqa: FBT001
    """Of the same version or another, however conda's was made: one distribution, its modules, its command."""
    mixed.conda(_distribution("twice", conda, facts=facts, record=record))
    modules = {"twice/cli.py": "def main():\n    print('wheel')\n"}
    mixed.wheel(*wheel_bytes("twice", "1.0", modules=modules, scripts={"twice": "twice.cli:main"}))
    outside = prefix_parent(mixed.project) / "x"
    mixed.write()
    apply_twice(mixed.project, "--locked")
    outside.write_text("mine")
    assert mixed.python("import twice; print(twice.__version__)") == "1.0"
    code = "import importlib.metadata as m; print([d.version for d in m.distributions() if d.name == 'twice'])"
    assert mixed.python(code) == "['1.0']"
    assert mixed.project.run("run", "a", "--", "twice").out == "wheel\n"
    prefix = prefix_of(mixed.project, "a")
    assert not (prefix / _SITE / "twice/only_conda.py").exists()
    assert (prefix / "share/twice").read_bytes() == b"shared\n"
    (kept,) = cache_of(mixed.project).glob(f"*/package/{_SITE}/twice/__init__.py")
    assert kept.read_text() == f"__version__ = 'conda {conda}'\n"
    assert (kept.parents[4] / "bin/twice").read_text() == "echo conda\n"
    assert "gives way to what is locked of PyPI" in mixed.project.run("logs", "a").out


def prefix_parent(project: Project) -> Path:
    """Give the folder that prefixes stand in."""
    store = Path(project.environ["ENVBUILD_STORE"])
    store.mkdir(parents=True, exist_ok=True)
    return store


def test_a_hostile_record_removes_nothing_outside(mixed: Mixed, tmp_path: Path) -> None:
    """What a distribution lists as its own may lie anywhere, and so it says nothing."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    package = _distribution("twice", "1.0")
    record = f"{_SITE}/twice-1.0.dist-info/RECORD"
    ups = "../" * 30
    rows = f"{precious},,\n{ups}{precious}\n{ups.removesuffix('/')}{precious},,\n,,\n\n"
    files = dict(package.files) | {record: File(rows.encode())}
    mixed.conda(Package(name="twice", version="1.0", subdir=SUBDIR, depends=["python"], files=files))
    mixed.wheel(*wheel_bytes("twice", "1.0"))
    mixed.write()
    apply_twice(mixed.project, "--locked")
    assert precious.read_text() == "mine"


def test_a_python_that_wants_to_be_managed_elsewhere(mixed: Mixed) -> None:
    """It is our own prefix, whatever stands in it."""
    mixed.conda(Package(name="marked", subdir=SUBDIR, files={f"lib/python{MINOR}/EXTERNALLY-MANAGED": File(b"")}))
    mixed.wheel(*wheel_bytes("alpha", "1.0"))
    mixed.write()
    apply_twice(mixed.project, "--locked")
    assert mixed.python("import alpha; print(alpha.__version__)") == "1.0"


def test_bytecode_that_a_package_ships_is_no_trouble(mixed: Mixed) -> None:
    """Python may write it anew; in the cache it is a file like any other."""
    path = f"{_SITE}/shipped/__pycache__/__init__.cpython-{MINOR.replace('.', '')}.pyc"
    files = {f"{_SITE}/shipped/__init__.py": File(b"x = 1\n"), path: File(b"stale")}
    mixed.conda(Package(name="shipped", subdir=SUBDIR, depends=["python"], files=files))
    mixed.wheel(*wheel_bytes("alpha", "1.0"))
    mixed.write()
    apply_twice(mixed.project, "--locked")
    assert mixed.python("import shipped; print(shipped.x)") == "1"
    assert mixed.project.run("plan").out.startswith("No changes.")
    (kept,) = cache_of(mixed.project).glob(f"*/package/{path}")
    assert kept.read_bytes() == b"stale"
    kept.write_bytes(b"harm!")
    mixed.write("b", more="variables: {X: '1'}\n")
    assert "fetching shipped 1.0 (1 of 1)" in mixed.project.run("apply", "b", "--locked", "-v").err


def test_harm_to_a_wheel_s_file_is_healed(mixed: Mixed) -> None:
    """In the prefix and in uv's cache; conda's packages are not fetched for it."""
    mixed.wheel(*wheel_bytes("alpha", "1.0"))
    mixed.write()
    apply_twice(mixed.project, "--locked")
    path = prefix_of(mixed.project, "a") / _SITE / "alpha/__init__.py"
    path.write_text("__version__ = 'harmed'\n")
    assert actions(mixed.project) == {"a": "restore"}
    assert "fetching" not in mixed.project.run("apply", "--locked", "-v").err
    assert mixed.python("import alpha; print(alpha.__version__)") == "1.0"
    mixed.write("b", more="variables: {X: '1'}\n")
    assert mixed.python("import alpha; print(alpha.__version__)", "b") == "1.0"


def test_the_record_knows_conda_s_python(mixed: Mixed, conda_python: Archive) -> None:
    """Its exact version, and that it is conda's."""
    mixed.wheel(*wheel_bytes("alpha", "1.0"))
    mixed.write()
    mixed.project.run("apply", "--locked")
    state = mixed.project.path / ".envbuild/state.db"
    with closing(sqlite3.connect(state)) as records:
        rows = "\n".join(records.iterdump())
    assert f"{conda_python.record['version']} conda" in rows


def test_a_wheel_writes_through_no_link_of_conda_s(mixed: Mixed, tmp_path: Path) -> None:
    """What a package links to outside of the prefix is no way out for the data of a wheel."""
    outside = tmp_path / "outside"
    outside.mkdir()
    mixed.conda(Package(name="linked", subdir=SUBDIR, files={"share/out": File(link=str(outside))}))
    mixed.wheel(*wheel_bytes("evil", "1.0", modules={"evil-1.0.data/data/share/out/x": "x"}))
    mixed.write()
    run = mixed.project.run("apply", "--locked", check=1)
    assert "linked 1.0 brings 'share/out', a link that leaves the prefix" in run.err
    assert list(outside.iterdir()) == []


def test_a_wheel_takes_no_prefix_from_conda(mixed: Mixed) -> None:
    """By the file that uv's own environments have, it would be taken for one of them."""
    mixed.wheel(*wheel_bytes("evil", "1.0", modules={"evil-1.0.data/data/pyvenv.cfg": "home = /usr/bin\n"}))
    mixed.write()
    run = mixed.project.run("apply", "--locked", check=1)
    assert "a wheel brings 'pyvenv.cfg'" in run.err
    assert mixed.project.run("plan", "--detailed-exitcode", check=2)


def test_a_wheel_makes_no_prefix_conda_s(project: Project, index: Index) -> None:
    """A folder of conda's name in a prefix of uv's says nothing."""
    index.add_file(*wheel_bytes("odd", "1.0", modules={"odd-1.0.data/data/conda-meta/history": ""}))
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [odd]}}]\n")
    project.run("apply")
    told = project.run("run", "a", "--", "sh", "-c", "echo ${VIRTUAL_ENV:+venv} ${CONDA_PREFIX:-none}").out
    assert told == "venv none\n"
