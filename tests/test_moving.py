"""What stays and what moves: preferred pins, commits of branches, URLs and their hashes."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.asked import Asked, conda_pin, pip, versions
from support.gitserver import GitServer
from support.index import Index
from support.line import apply_twice, write_base, write_child
from support.project import Project
from support.wheels import sdist_bytes, wheel_bytes

from envbuild.errors import SolveError
from envbuild.lock import Pins
from envbuild.manifest import source_of

NO_CONDA: tuple[str, ...] = ()


@pytest.fixture
def asked(index: Index, tmp_path: Path, uv_cache: Path) -> Asked:
    return Asked(index, tmp_path, uv_cache)


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        server.commit("sourced", "1.0")
        yield server


def without(pins: Pins, name: str) -> Pins:
    return Pins(pins.platform, tuple(pin for pin in pins.pins if pin.name != name), pins.members)


def test_only_what_is_to_move_moves(asked: Asked, index: Index) -> None:
    """With what must move with it; the rest stays though newer ones are there."""
    index.add("lower", "1.0")
    index.add("upper", "1.0", requires=["lower==1.0"])
    question, found = asked.question(pip("upper", "alpha", conda=("python =3.11",)))
    before = question.answer(None, found)
    index.add("lower", "2.0")
    index.add("upper", "2.0", requires=["lower>=2"])
    index.add("alpha", "3.0")
    assert question.answer(before, found) == before
    now = question.answer(without(before, "upper"), found)
    assert versions(now) == {"alpha": "2.0", "lower": "2.0", "upper": "2.0"}
    assert versions(question.answer(without(before, "lower"), found)) == versions(before)
    assert versions(question.answer(None, found))["alpha"] == "3.0"


def test_pins_of_conda_are_no_preferences_of_pip(asked: Asked, index: Index) -> None:
    """A name may be both's: what conda had says nothing of what pip is to take."""
    index.add("alpha", "1.2")
    pins = Pins("linux-64", (conda_pin("alpha", "1.2"),))
    assert versions(asked.pins(pip("alpha", conda=("python",)), preferred=pins)) == {"alpha": "2.0"}


def test_a_branch_stays_at_its_commit(asked: Asked, git: GitServer) -> None:
    """Until it is to move, or asked for otherwise; the lock holds the commit, and whatever it needs."""
    root = f"sourced @ git+{git.repository}@main"
    question, found = asked.question(pip(root, conda=("python",)))
    first = question.answer(None, found)
    (pin,) = first.pins
    commit = git.commit("sourced", "2.0")
    assert pin.sha256 != commit
    assert pin.url == f"git+{git.repository}@{pin.sha256}"
    more, other = asked.question(pip(root, "alpha", conda=("python",)))
    kept = more.answer(first, other, recorded=question.members.request)
    assert {one.name: one.sha256 for one in kept.pins if one.name == "sourced"} == {"sourced": pin.sha256}
    assert versions(kept)["sourced"] == "1.0"
    moved = more.answer(without(first, "sourced"), other, question.members.request)
    assert next(one.sha256 for one in moved.pins if one.name == "sourced") == commit
    git.branch("dev")
    elsewhere, third = asked.question(pip(root.replace("@main", "@dev"), conda=("python",)))
    assert [one.sha256 for one in elsewhere.answer(first, third, recorded=question.members.request).pins] == [commit]


def test_a_folder_of_a_repository_and_an_extra_and_a_marker(asked: Asked, git: GitServer) -> None:
    """A commit takes the place of the branch, and the rest of the words stays."""
    git.commit("inner", "1.0", "packages/inner")
    root = f'inner @ git+{git.repository}@main#subdirectory=packages/inner ; python_version > "3"'
    question, found = asked.question(pip(root.replace("'", "''"), conda=("python",)))
    first = question.answer(None, found)
    git.commit("inner", "2.0", "packages/inner")
    (kept,) = question.answer(first, found, recorded=question.members.request).pins
    assert (kept, kept.version) == (first.pins[0], "1.0")
    assert kept.url.endswith(f"@{kept.sha256}#subdirectory=packages/inner")


@pytest.mark.parametrize("words", ["sourced @ git+{}@main", "git+{}@main", "-e git+{}"])
def test_a_moving_branch_makes_no_lock_stale(project: Project, index: Index, git: GitServer, words: str) -> None:
    """It is locked to a commit, built from it, and moved by --upgrade alone; with a name or without one."""
    write_base(project, index)
    root = words.format(git.repository)
    write_child(project, "a", root, more="platforms: [linux-64]\n")
    apply_twice(project)
    before = project.read("locks/a.conda-lock.yml")
    commit = git.commit("sourced", "2.0")
    project.run("lock", "--check")
    assert project.run("lock").out == "Lock: 1 current.\n"
    assert project.read("locks/a.conda-lock.yml") == before
    code = "import sourced; print(sourced.__version__)"
    assert project.run("run", "a", "--", "python", "-c", code).out == "1.0\n"
    write_child(project, "a", root, "alpha", more="platforms: [linux-64]\n")
    project.run("lock")
    assert commit not in project.read("locks/a.conda-lock.yml")
    project.run("lock", "--upgrade")
    assert f"@{commit}" in project.read("locks/a.conda-lock.yml")
    apply_twice(project)
    assert project.run("run", "a", "--", "python", "-c", code).out == "2.0\n"


def test_what_is_asked_for_by_a_url_alone_goes_with_it(project: Project, index: Index, git: GitServer) -> None:
    """An archive and a repository say how they are called; one that is gone from the list leaves the lock."""
    filename = index.add_file(*sdist_bytes("outside", "1.0"))
    url = f"{index.url.removesuffix('simple/')}files/{filename}"
    write_base(project, index)
    write_child(project, "a", url, f"git+{git.repository}", more="platforms: [linux-64]\n")
    project.run("lock")
    names = {pin["name"] for pin in YAML(typ="safe").load(project.read("locks/a.conda-lock.yml"))["package"]}
    assert names >= {"outside", "sourced"}
    write_child(project, "a", url, more="platforms: [linux-64]\n")
    assert project.run("lock", "--check", check=3).out.count("git+") == 1
    assert project.run("lock", "--diff").out.count("- sourced") == 1
    project.run("lock")
    write_child(project, "a", url, "alpha >=1", more="platforms: [linux-64]\n")
    project.run("lock")
    write_child(project, "a", url, "alpha >=1, <9", more="platforms: [linux-64]\n")
    project.run("lock", "--check")  # what is pinned answers the new words, and the URL still brings its package


def test_a_url_alone_may_have_a_marker_and_want_another_python(project: Project, index: Index) -> None:
    """Whether it is wanted here, and what it asks of Python, is as for one that has a name."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1] + 1}"
    urls = [
        f"{index.url.removesuffix('simple/')}files/{index.add_file(*sdist_bytes(name, '1.0', requires_python=bound))}"
        for name, bound in (("outside", ""), ("newer", f">={minor}"))
    ]
    write_base(project, index)
    write_child(project, "a", f"{urls[0]} ; sys_platform == 'win32'", "alpha", more="platforms: [linux-64]\n")
    project.run("lock")
    assert "outside" not in project.read("locks/a.conda-lock.yml").partition("package:")[2]
    project.run("lock", "--check")
    write_child(project, "b", urls[1], more=f"platforms: [linux-64]\npython: {{version: '{minor}'}}\n")
    project.run("lock")
    assert "name: newer" in project.read("locks/b.conda-lock.yml")


def test_what_must_be_built_is_locked_on_its_own_platform_alone(project: Project, index: Index, git: GitServer) -> None:
    """Nothing of another platform is run: the line is told, and what to do."""
    write_base(project, index)
    write_child(project, "a", f"git+{git.repository}", more="platforms: [win-64]\n")
    told = project.run("lock", check=1).err
    assert f"how 'git+{git.repository}' is called cannot be learned" in told
    assert f"name it: 'NAME @ git+{git.repository}'" in told
    write_child(project, "a", f"sourced @ git+{git.repository}", more="platforms: [win-64]\n")
    told = project.run("lock", check=1).err
    assert "what sourced needs on win-64 is known once it is built there" in told
    assert "hint: name a wheel of it, lock on such a machine, or take win-64 out of 'platforms'" in told


def test_a_python_that_uv_does_not_know(asked: Asked) -> None:
    """Its conda packages are no trouble; those of PyPI are."""
    with pytest.raises(SolveError) as told:
        asked.pins(pip("alpha", conda=("python =2.7",)), conda_pin("python", "2.7.18"))
    assert told.value.message == "packages of PyPI cannot be locked for Python 2.7.18, but from 3.6 on"
    assert (told.value.where.line if told.value.where else 0) == 2


def test_a_url_is_locked_to_its_hash(project: Project, index: Index) -> None:
    """Other bytes at the same place are not installed."""
    filename = index.add_file(*wheel_bytes("outside", "1.0"))
    url = f"{index.url.removesuffix('simple/')}files/{filename}"
    write_base(project, index)
    write_child(project, "a", f"outside @ {url}")
    project.run("lock")
    digest = hashlib.sha256(wheel_bytes("outside", "1.0")[1]).hexdigest()
    assert f"sha256: {digest}" in project.read("locks/a.conda-lock.yml").replace("'", "")
    index.add_file(filename, wheel_bytes("outside", "1.0", modules={"outside/more.py": "1"})[1])
    cold: dict[str, str | None] = {"UV_CACHE_DIR": str(project.path.parent / "cold")}
    project.run("apply", check=1, env=cold)
    (log,) = (project.path / ".envbuild").rglob("*.log")
    assert "ash mismatch" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("reference", "said"), [("@nowhere", "no branch, tag or commit 'nowhere'"), ("x", "cannot be fetched")]
)
def test_a_repository_that_has_not_what_is_asked_for(asked: Asked, git: GitServer, reference: str, said: str) -> None:
    """At the line that names it, with git's own words below."""
    with pytest.raises(SolveError) as told:
        asked.pins(pip("alpha", f"sourced @ git+{git.repository}{reference}", conda=("python",)))
    assert said in told.value.message.splitlines()[0]
    assert (told.value.where.line if told.value.where else 0) == 5


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("git+https://h.org/@team/repo.git@v1", "git+https://h.org/@team/repo.git"),
        ("git+https://h.org/repo.git@feature/x", "git+https://h.org/repo.git"),
        ("git+ssh://Git@H.org/Repo.git", "git+ssh://Git@h.org/Repo.git"),
        ("git+https://h.org/repo.git#subdirectory=a&egg=b", "git+https://h.org/repo.git#subdirectory=a"),
        ("https://h.org/@team/a-1.0.zip", "https://h.org/@team/a-1.0.zip"),
    ],
)
def test_a_source_without_what_is_asked_for_there(url: str, source: str) -> None:
    """What follows the last '@' of a repository's path is a commit, as it is for pip and uv."""
    assert source_of(url) == source
