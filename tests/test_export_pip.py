"""`envbuild export pip`: requirements with hashes, installed by the real pip and the real uv."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Package
from support.exported import notes, packages, plain, write_mixed
from support.folders import write_package
from support.gitserver import GitServer
from support.index import Index
from support.project import Project
from support.wheels import sdist_bytes, wheel_bytes

TEXT = """\
# a, for linux-64 and Python 3.11: the packages that are locked; written by envbuild.
# To install it: pip install --require-hashes -r FILE; or the same with 'uv pip'.
# Paths in it are taken from the folder that it is installed from: be in this file's own.
# Each hash is of the one file that is locked: where another platform needs another file, pip refuses it.
--index-url INDEX/simple/
--find-links ./wheels
alpha @ INDEX/files/alpha-1.0-py3-none-any.whl \\
    --hash=sha256:SHA256
beta==1.0 \\
    --hash=sha256:SHA256
linked==1.0 \\
    --hash=sha256:SHA256
private @ INDEX/files/private-1.0-py3-none-any.whl \\
    --hash=sha256:SHA256
./own/local-1.0-py3-none-any.whl \\
    --hash=sha256:SHA256
"""
_UV = str(Path(sys.executable).with_name("uv"))
_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Installed:
    """A folder of its own, and the two programs that install into it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = dict(environ)

    def install(self, tool: str, cwd: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        uv = [_UV, "pip", "install", "--quiet", "--python", sys.executable]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
        command = [*(uv if tool == "uv" else pip), "--target", str(self._folder), *arguments]
        environ = self._environ
        return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=120)

    @property
    def packages(self) -> dict[str, str]:
        return {one.name: one.version for one in metadata.distributions(path=[str(self._folder)])}


@pytest.fixture
def installed(project: Project, tmp_path: Path) -> Installed:
    return Installed(tmp_path / "installed", project.environ)


def write(project: Project, index: Index, *items: str, python: str = "python =3.11", more: str = "") -> None:
    lines = "".join(f"      - {item}\n" for item in items)
    text = f"platforms: [linux-64]\npip: {{index_url: '{index.url}'{more}}}\ndependencies:\n  - {python}\n  - pip:\n"
    project.write("manifests/a.yaml", text + lines)


def write_all(project: Project, index: Index) -> None:
    """Of an index, of a bound one, of a URL, of a folder of wheels, of the project."""
    index.add("private", "1.0")
    for place, name in (("wheels", "linked"), ("own", "local")):
        filename, data = wheel_bytes(name, "1.0")
        project.write(f"{place}/keep", "")
        (project.path / place / filename).write_bytes(data)
    url = f"{index.url.removesuffix('simple/')}files/alpha-1.0-py3-none-any.whl"
    bound = f", find_links: [../wheels], indexes: {{own: {{url: '{index.url}', packages: [private]}}}}"
    items = ("beta", "linked", "private", f"alpha @ {url}", "../own/local-1.0-py3-none-any.whl")
    write(project, index, *items, python=f"python ={_PYTHON}", more=bound)


def test_the_text(project: Project, index: Index, tmp_path: Path) -> None:
    """A line for each file, its hash below it, and nothing else."""
    write_all(project, index)
    write_python(project, "3.11")
    project.run("lock")
    run = project.run("export", "pip", "a")
    assert plain(run.out, index, tmp_path) == TEXT
    assert run.err == "a: python: requirements.txt has no place for Python: use 3.11, for which it is locked\n"
    hashes = [line.partition("sha256:")[2] for line in run.out.splitlines() if "--hash" in line]
    locked = {one["name"]: one["hash"]["sha256"] for one in packages(project, "a")}
    own = (project.path / "own" / "local-1.0-py3-none-any.whl").read_bytes()
    assert hashes == [locked[name] for name in sorted(locked)] + [hashlib.sha256(own).hexdigest()]


def write_python(project: Project, version: str) -> None:
    text = project.read("manifests/a.yaml").replace(f"python ={_PYTHON}", f"python ={version}")
    project.write("manifests/a.yaml", text)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_it_installs(tool: str, project: Project, index: Index, installed: Installed) -> None:
    """By either program, every package in the version that is locked; a newer one on the index changes nothing."""
    write_all(project, index)
    project.run("lock")
    project.run("export", "pip", "a", "-o", "deploy/requirements.txt")
    index.add("beta", "2.0")
    run = installed.install(tool, project.path / "deploy", "--require-hashes", "-r", "requirements.txt")
    assert run.returncode == 0, run.stderr
    assert installed.packages == dict.fromkeys(("alpha", "beta", "linked", "local", "private"), "1.0")


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_another_file_is_refused(tool: str, project: Project, index: Index, installed: Installed) -> None:
    """An index that serves something else under the same version."""
    write(project, index, "beta", python=f"python ={_PYTHON}")
    project.run("lock")
    project.run("export", "pip", "a", "-o", "requirements.txt")
    index.add("alpha", "2.0", modules={"evil.py": ""})
    run = installed.install(tool, project.path, "--require-hashes", "-r", "requirements.txt")
    assert run.returncode != 0
    assert "hash" in (run.stdout + run.stderr).lower()
    assert installed.packages == {}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_wheel_of_another_platform(tool: str, project: Project, index: Index, installed: Installed) -> None:
    """Each platform's file has the hash of its own wheel, and only that one is taken."""
    for tag in ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64"):
        index.add("fast", "1.0", tag=f"cp311-cp311-{tag}")
    write(project, index, "fast", python="python =3.11")
    text = project.read("manifests/a.yaml").replace("[linux-64]", "[linux-64, linux-aarch64]")
    project.write("manifests/a.yaml", text)
    project.run("lock")
    texts = {one: project.run("export", "pip", "a", "--platform", one).out for one in ("linux-64", "linux-aarch64")}
    hashes = {one["platform"]: one["hash"]["sha256"] for one in packages(project, "a")}
    assert {one: hashes[one] in text for one, text in texts.items()} == {"linux-64": True, "linux-aarch64": True}
    project.write("other.txt", texts["linux-aarch64"])
    run = installed.install(tool, project.path, "--require-hashes", "-r", "other.txt")
    assert run.returncode != 0
    kinds = dict(notes(project, "pip", "a", "--platform", "linux-64"))
    assert kinds["platforms"] == "linux-aarch64: requirements.txt is for one platform, and this is linux-64"


def test_the_same_pins_come_of_it(project: Project, index: Index) -> None:
    """A new manifest that reads the file is locked to the same packages."""
    write(project, index, "gamma", "delta[fast]")
    project.run("lock")
    project.run("export", "pip", "a", "--no-hashes", "-o", "requirements.txt")
    project.run("new", "again", "--conda", "python =3.11", "-r", "requirements.txt")
    project.run("lock", "again")
    assert packages(project, "again") == packages(project, "a")


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_repositories_and_folders(
    tool: str, project: Project, index: Index, git: GitServer, installed: Installed
) -> None:
    """No hash can be checked beside them: refused, and written without hashes when that is asked for."""
    commit = git.commit("forked", "1.0")
    write_package(project, "libs/own", "own")
    write(project, index, f"forked @ git+{git.repository}@main", "-e ../libs/own", "beta", python=f"python ={_PYTHON}")
    project.run("lock")
    run = project.run("export", "pip", "a", check=64)
    assert run.err.splitlines() == [
        "error: pip checks the hashes of all packages or of none, and forked is a repository, libs/own is a folder",
        "  hint: write it without hashes: --no-hashes",
    ]
    run = project.run("export", "pip", "a", "--no-hashes", "-o", "requirements.txt")
    text = project.read("requirements.txt")
    assert f"\nforked @ git+{git.repository}@{commit}\n" in text
    assert "\n-e ./libs/own\n" in text
    assert "--hash" not in text
    assert "hashes: the file has no hashes" in run.err
    done = installed.install(tool, project.path, "-r", "requirements.txt")
    assert done.returncode == 0, done.stderr
    assert installed.packages == {"alpha": "2.0", "beta": "1.0", "forked": "1.0", "own": "1.0"}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_sources(tool: str, project: Project, index: Index, installed: Installed) -> None:
    """A package that is built from its source has the hash of that, and the wheel beside it is not taken."""
    index.add_file(*sdist_bytes("alpha", "2.0"))
    write(project, index, "alpha", python=f"python ={_PYTHON}", more=", no_binary: [alpha]")
    project.run("lock")
    run = project.run("export", "pip", "a", "-o", "requirements.txt")
    assert "\n--no-binary alpha\n" in project.read("requirements.txt")
    assert "a: build: alpha: built from source, with what the newest tools for it are then" in run.err
    done = installed.install(tool, project.path, "--require-hashes", "-r", "requirements.txt")
    assert done.returncode == 0, done.stderr
    assert installed.packages == {"alpha": "2.0"}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_overrides(tool: str, project: Project, index: Index, installed: Installed) -> None:
    """What packages ask for is not asked again, as the file says: else they would contradict what is locked."""
    index.add("strict", "1.0", requires=["alpha<2"])
    write(project, index, "strict", python=f"python ={_PYTHON}")
    text = project.read("manifests/a.yaml")
    project.write("manifests/a.yaml", f"{text}overrides: [{{pip: [alpha ==2.0]}}]\n")
    project.run("lock")
    run = project.run("export", "pip", "a", "-o", "requirements.txt")
    assert "manifests/a.yaml:7:20: overrides: pip knows no overrides, and refuses alpha==2.0 unless" in run.err
    assert "pip install --no-deps --require-hashes -r FILE" in project.read("requirements.txt")
    done = installed.install(tool, project.path, "--require-hashes", "-r", "requirements.txt")
    assert done.returncode != 0
    done = installed.install(tool, project.path, "--no-deps", "--require-hashes", "-r", "requirements.txt")
    assert done.returncode == 0, done.stderr
    assert installed.packages == {"alpha": "2.0", "strict": "1.0"}


def test_packages_of_conda_are_refused(project: Project, index: Index, tmp_path: Path) -> None:
    """Those that the manifest asks for are named; conda's Python alone, with all that it needs, is none of them."""
    write_mixed(project, index, tmp_path)
    project.run("lock")
    run = project.run("export", "pip", "a", "--platform", "linux-64", check=64)
    assert run.err.splitlines() == [
        "error: 'a' has packages of conda, which pip cannot install: numpy 2.1.3",
        "  hint: write all of it: envbuild export conda a, or explicit",
    ]
    project.remove("locks")
    channel = Channel(tmp_path / "own")
    channel.add(
        Package(name="python", version="3.11.7", depends=("zlib",)),
        Package(name="pip", version="24.0", depends=("python",)),
        Package(name="zlib"),
    )
    write(project, index, "beta")
    text = project.read("manifests/a.yaml")
    project.write("manifests/a.yaml", f"{text}python: {{from: conda}}\nchannels: ['{channel.url}']\n")
    project.run("lock")
    assert {one["name"] for one in packages(project, "a")} == {"python", "pip", "zlib", "alpha", "beta"}
    assert "\nbeta==1.0 \\\n" in project.run("export", "pip", "a").out


def test_what_conda_brings_for_a_package_of_pip(project: Project, index: Index, tmp_path: Path) -> None:
    """It is pinned as conda's alone, so that a file without it could not be installed: refused by its name."""
    channel = Channel(tmp_path / "own")
    channel.add(
        Package(name="python", version="3.11.7"),
        Package(name="setuptools", version="70.0", noarch="python", subdir="noarch", depends=("python",)),
        Package(name="pip", version="24.0", noarch="python", subdir="noarch", depends=("python", "setuptools")),
    )
    index.add("old", "1.0", requires=["setuptools"])
    write(project, index, "old")
    text = project.read("manifests/a.yaml")
    project.write("manifests/a.yaml", f"{text}python: {{from: conda}}\nchannels: ['{channel.url}']\n")
    project.run("lock")
    run = project.run("export", "pip", "a", check=64)
    assert run.err.startswith("error: 'a' has packages of conda, which pip cannot install: setuptools 70.0\n")


def test_a_path_that_pip_could_misread(project: Project, index: Index) -> None:
    """A folder's name with a blank is refused, and never written."""
    filename, data = wheel_bytes("local", "1.0")
    folder = project.path / "two words"
    folder.mkdir(parents=True)
    (folder / filename).write_bytes(data)
    write(project, index, f"../two words/{filename}")
    project.run("lock")
    run = project.run("export", "pip", "a", check=64)
    assert run.err.startswith(f"error: pip cannot be told the path './two words/{filename}'")
    assert run.out == ""


def test_nothing_is_asked_for(project: Project) -> None:
    """An environment without packages is a file with its head alone."""
    project.write("manifests/a.yaml", "platforms: [linux-64]\nvariables: {A: b}\n")
    run = project.run("export", "pip", "a")
    assert [line for line in run.out.splitlines() if not line.startswith("#")] == []
    assert "manifests/a.yaml:2:1: variables: requirements.txt has no place for variables" in run.err


def test_a_version_and_its_wheel(project: Project, index: Index) -> None:
    """The hash is that of the bytes that were built then, though the file has changed since."""
    filename, data = wheel_bytes("local", "1.0")
    (project.path / filename).write_bytes(data)
    write(project, index, f"../{filename}", python=f"python ={_PYTHON}")
    project.run("apply", "-q")
    (project.path / filename).write_bytes(wheel_bytes("local", "1.0", modules={"more.py": ""})[1])
    project.remove("manifests/a.yaml")
    run = project.run("export", "pip", "a@1")
    assert f"./{filename} \\\n    --hash=sha256:{hashlib.sha256(data).hexdigest()}\n" in run.out
    assert f"a@1: files: {filename}: taken as they are when this is used, not as they were then\n" in run.err
