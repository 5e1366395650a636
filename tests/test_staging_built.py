"""What has no wheel, in a prefix that is made here for an image: built here, if what comes of it fits the image."""

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from support.condapkg import Archive, File, Package
from support.condapython import MINOR, SUBDIR
from support.folders import write_package
from support.gitserver import GitServer
from support.index import Index
from support.project import Project
from support.services import require
from support.staged import OTHER, Stage, contents, rows, run_in_place, traces
from support.wheels import sdist_bytes, source_files, wheel_bytes

from envbuild.errors import BuildError, Place
from envbuild.lock import Member, Pin
from envbuild.process import Interrupted, Programs, child_environment
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders

_SITE = f"lib/python{MINOR}/site-packages"
_INSIDE = "set 'install: inside' in envbuild.yaml"
_TAG = f"cp{MINOR.replace('.', '')}-cp{MINOR.replace('.', '')}-linux_x86_64"


def _python(platform: str) -> Package:
    files = {"bin/python": File(b"\x7fELF of another machine", 0o755)}
    return Package(name="python", version=f"{MINOR}.9", subdir=platform, files=files)


@pytest.fixture
def staged(project: Project, tmp_path: Path, index: Index) -> Stage:
    """With an index that builds ask, and no Python yet."""
    found = Stage(project, tmp_path)
    found.write(more=f'pip: {{index_url: "{index.url}"}}\n')
    return found


def _backend(body: str) -> dict[str, bytes]:
    """Give the files of a package `made` 1.0 whose build does something first."""
    files = source_files("made", "1.0")
    return {**files, "backend.py": body.encode() + b"\n" + files["backend.py"]}


def test_a_pure_sdist_is_for_every_machine(staged: Stage, index: Index) -> None:
    """Built here, with its commands; it is known to come from its index."""
    staged.conda(_python(OTHER))
    staged.pip(index, *sdist_bytes("made", "1.0", scripts={"made-x": "made:main"}))
    folder = staged(on=OTHER)
    assert (folder / _SITE / "made/__init__.py").read_text() == '__version__ = "1.0"\n'
    assert (folder / "bin/made-x").read_text().startswith("#!/opt/env/bin/python\n")
    assert not list(folder.rglob("direct_url.json"))
    assert traces(folder, str(staged.project.path)) == []


def test_what_is_compiled_here_is_of_no_use_there(staged: Stage, index: Index) -> None:
    """Named, with the file that came of it and what to do."""
    staged.conda(_python(OTHER))
    staged.pip(index, *sdist_bytes("made", "1.0", tag=_TAG))
    with pytest.raises(BuildError, match=f"made was built for this machine, as made-1.0-{_TAG}") as caught:
        staged(on=OTHER)
    assert f"wanted for {OTHER}" in caught.value.message
    assert caught.value.hint == _INSIDE


def test_what_is_compiled_for_this_machine(staged: Stage, index: Index) -> None:
    """It may be used where the image is of this machine's kind."""
    staged.conda(_python(SUBDIR))
    staged.pip(index, *sdist_bytes("made", "1.0", tag=_TAG))
    assert (staged() / _SITE / "made/__init__.py").is_file()


def test_the_locked_version_is_what_is_built(staged: Stage, index: Index) -> None:
    """A build that gives another is refused, by uv itself."""
    staged.conda(_python(OTHER))
    filename, data = sdist_bytes("made", "1.0", files=source_files("made", "2.0"))
    staged.pip(index, filename, data)
    with pytest.raises(BuildError, match=r"made 1\.0 could not be built"):
        staged(on=OTHER)
    assert "2.0" in staged.log.read_text()


def test_a_build_that_fails_is_told(staged: Stage, index: Index) -> None:
    """What it says stands in the log."""
    staged.conda(_python(OTHER))
    staged.pip(index, *sdist_bytes("made", "1.0", files=_backend("raise SystemExit('no compiler here')")))
    with pytest.raises(BuildError, match=r"made 1\.0 could not be built"):
        staged(on=OTHER)
    assert "no compiler here" in staged.log.read_text()


def test_what_a_build_asks_for(staged: Stage, index: Index) -> None:
    """It has it from the manifest's index."""
    asking = b'[build-system]\nrequires = ["alpha==2.0"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {**_backend("import alpha"), "pyproject.toml": asking}
    staged.conda(_python(OTHER))
    staged.pip(index, *sdist_bytes("made", "1.0", files=files))
    assert (staged(on=OTHER) / _SITE / "made/__init__.py").is_file()


def test_bound_names_are_closed_to_builds(project: Project, tmp_path: Path, index: Index) -> None:
    """What a build asks for, and is bound to another index, comes from there or not at all."""
    asking = b'[build-system]\nrequires = ["alpha"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    with Index() as own:
        own.add("alpha", "9.0")
        staged = Stage(project, tmp_path)
        bound = f'{{index_url: "{index.url}", indexes: {{own: {{url: "{own.url}", packages: [alpha]}}}}}}'
        staged.write(more=f"pip: {bound}\n")
        staged.conda(_python(OTHER))
        needs = "import alpha; assert alpha.__version__ == '9.0'"
        files = {**_backend(needs), "pyproject.toml": asking}
        staged.pip(index, *sdist_bytes("made", "1.0", files=files))
        assert (staged(on=OTHER) / _SITE / "made/__init__.py").is_file()


def test_what_is_built_with_what_is_there(staged: Stage, index: Index, conda_python: Archive) -> None:
    """By the staged Python itself, after all else, with no trace of this machine; elsewhere it cannot be."""
    require("mount")
    staged.write(more=f'pip: {{index_url: "{index.url}", no_build_isolation: [made]}}\n')
    staged.conda(conda_python)
    staged.pip(index, *wheel_bytes("alpha", "1.0"))
    staged.pip(index, *sdist_bytes("made", "1.0", files=_backend("import alpha, zeta, json.tool")))
    staged.pip(index, *sdist_bytes("zeta", "1.0"))
    folder = staged()
    code = "import made; print(made.__version__)"
    assert run_in_place(folder, "/opt/env/bin/python", "-c", code) == "1.0\n"
    assert traces(folder) == []
    staged.pins = [pin for pin in staged.pins if pin.manager == "pip"]
    staged.conda(_python(OTHER))
    with pytest.raises(BuildError, match="made is built with what its environment has") as caught:
        staged("other", OTHER)
    assert caught.value.hint == _INSIDE


@pytest.mark.parametrize("below", ["", "lib/made"])
def test_a_repository_at_its_commit(staged: Stage, tmp_path: Path, below: str) -> None:
    """Not what its branch has now; and it is known where it came from."""
    staged.conda(_python(OTHER))
    with GitServer(tmp_path / "git") as server:
        commit = server.commit("made", "1.0", below)
        server.commit("made", "2.0", below)
        fragment = f"#subdirectory={below}" if below else ""
        url = f"git+{server.repository}@{commit}{fragment}"
        staged.pins.append(Pin("pip", "made", "1.0", url, commit))
        folder = staged(on=OTHER, environ={"GIT_DIR": "/nowhere"})
    assert (folder / _SITE / "made/__init__.py").read_text() == '__version__ = "1.0"\n'
    facts = folder / _SITE / "made-1.0.dist-info"
    assert commit in (facts / "direct_url.json").read_text()
    assert "made-1.0.dist-info/direct_url.json" in rows(facts / "RECORD")
    assert traces(folder) == []


def test_a_repository_that_is_gone(staged: Stage, tmp_path: Path) -> None:
    """What git says, in one line."""
    staged.conda(_python(OTHER))
    staged.pins.append(Pin("pip", "made", "1.0", f"git+{(tmp_path / 'none').as_uri()}@{'a' * 40}", "a" * 40))
    with pytest.raises(BuildError, match=r"the repository of made cannot be had: git fetch says: .*none"):
        staged(on=OTHER)


def _member(staged: Stage, path: str, name: str) -> None:
    folders = Folders(Workspace(staged.project.path), Programs(), child_environment(staged.project.environ))
    staged.files[path] = folders.content(path, Place("manifests/a.yaml"), editable=False).digest
    staged.members.append(Member(path, name, ""))


def test_a_folder_of_the_project(staged: Stage) -> None:
    """Built from a copy; the folder stays as it is, and the prefix knows nothing of it."""
    write_package(staged.project, "own", "own")
    before = contents(staged.project.path / "own")
    staged.conda(_python(OTHER))
    _member(staged, "own", "own")
    folder = staged(on=OTHER)
    assert "first" in (folder / _SITE / "own/__init__.py").read_text()
    assert contents(staged.project.path / "own") == before
    assert traces(folder, str(staged.project.path)) == []
    assert not list(folder.rglob("direct_url.json"))


@pytest.mark.parametrize("kind", ["folder", "wheel", "archive"])
def test_what_the_project_changed_meanwhile(staged: Stage, kind: str) -> None:
    """Is not what was planned."""
    write_package(staged.project, "own", "own")
    path = {"folder": "own", "wheel": "own-1.0-py3-none-any.whl", "archive": "own-1.0.tar.gz"}[kind]
    if kind == "folder":
        _member(staged, path, "own")
        staged.project.write("own/src/own/__init__.py", "said = 'second'\n")
    else:
        (staged.project.path / path).write_bytes(b"changed")
        staged.files[path] = "0" * 64
        staged.members.append(Member(path, "own", "1.0"))
    staged.conda(_python(OTHER))
    with pytest.raises(BuildError, match=f"'{path}' was changed since the plan was made"):
        staged(on=OTHER)


def test_a_wheel_of_the_project(staged: Stage) -> None:
    """It lies in the project, and is placed from there."""
    filename, data = wheel_bytes("own", "1.0")
    (staged.project.path / filename).write_bytes(data)
    staged.files[filename] = hashlib.sha256(data).hexdigest()
    staged.members.append(Member(filename, "own", "1.0"))
    staged.conda(_python(OTHER))
    assert (staged(on=OTHER) / _SITE / "own/__init__.py").is_file()


def test_who_stops_a_build_is_heard(staged: Stage, index: Index, tmp_path: Path) -> None:
    """What it started is ended with it."""
    alive = tmp_path / "alive"
    code = f"import os, pathlib, time\npathlib.Path({str(alive)!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n"
    staged.conda(_python(OTHER))
    staged.pip(index, *sdist_bytes("made", "1.0", files=_backend(code)))

    def stop(line: str, programs: Programs) -> None:
        if line.startswith("building"):
            threading.Thread(target=_stop_when_there, args=(alive, programs)).start()

    staged.on_say = stop
    with pytest.raises(Interrupted):
        staged(on=OTHER)
    assert not _runs(int(alive.read_text()))


def _stop_when_there(path: Path, programs: Programs) -> None:
    for _ in range(600):
        if path.is_file() and path.read_text():
            break
        time.sleep(0.1)
    programs.stop()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().split()[2]
