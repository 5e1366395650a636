"""`solve_group`: environments that share versions are solved as one, and each gets what it needs of the answer."""

from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Package
from support.index import Index
from support.line import actions, apply_twice, reasons, steps, write_base
from support.project import Project

from envbuild.lock import read_lock

_PLATFORMS = ("linux-64", "osx-arm64")


def pins(project: Project, name: str, platform: str = "linux-64") -> dict[str, str]:
    path = f"locks/{name}.conda-lock.yml"
    return {pin.key: pin.version for pin in read_lock(path, project.read(path)).pins[platform].pins}


def offered(name: str, version: str, *depends: str) -> list[Package]:
    return [Package(name=name, version=version, subdir=one, depends=depends) for one in _PLATFORMS]


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """`lib` in three versions; `old` wants one below 3, and `tool` takes any."""
    versions = [package for version in ("1.0", "2.0", "3.0") for package in offered("lib", version)]
    return Channel(tmp_path / "channel", *versions, *offered("old", "1.0", "lib <3"), *offered("tool", "1.0", "lib"))


@pytest.fixture
def conda(project: Project, channel: Channel) -> Project:
    project.write("envbuild.yaml", f"channels: ['{channel.url}']\nplatforms: [{', '.join(_PLATFORMS)}]\n")
    return project


def write(project: Project, name: str, *specs: str, group: str = "serving", more: str = "") -> None:
    project.write(
        f"manifests/{name}.yaml",
        f"solve_group: {group}\n{more}dependencies:\n" + "".join(f"- {one}\n" for one in specs),
    )


def test_what_is_shared_has_one_version(conda: Project) -> None:
    """On each platform; what only one needs is only in its lock, and an environment of no group has its own."""
    write(conda, "a", "tool")
    write(conda, "b", "old")
    conda.write("manifests/alone.yaml", "dependencies: [tool]\n")
    conda.run("lock")
    for platform in _PLATFORMS:
        assert pins(conda, "a", platform) == {"lib": "2.0", "tool": "1.0"}
        assert pins(conda, "b", platform) == {"lib": "2.0", "old": "1.0"}
        assert pins(conda, "alone", platform) == {"lib": "3.0", "tool": "1.0"}
    conda.run("lock", "--check")
    before = {name: conda.read(f"locks/{name}.conda-lock.yml") for name in ("a", "b", "alone")}
    assert conda.run("lock").out == "Lock: 3 current.\n"
    assert {name: conda.read(f"locks/{name}.conda-lock.yml") for name in before} == before


def test_one_that_comes_moves_the_others_as_far_as_it_must(conda: Project) -> None:
    """Also when only it is selected; what holds for it alone leaves the others alone."""
    write(conda, "a", "tool")
    conda.run("lock")
    assert pins(conda, "a")["lib"] == "3.0"
    before = conda.read("locks/a.conda-lock.yml")
    write(conda, "c", "tool")
    assert conda.run("lock", "c").out == "c  solved  locks/c.conda-lock.yml\nLock: 1 solved.\n"
    assert conda.read("locks/a.conda-lock.yml") == before
    write(conda, "b", "old")
    assert conda.run("lock", "b", "--diff").out.splitlines() == [
        "a  solved  locks/a.conda-lock.yml",
        "  ~ lib  3.0 -> 2.0",
        "b  solved  locks/b.conda-lock.yml",
        "  + lib  2.0",
        "  + old  1.0",
        "c  solved  locks/c.conda-lock.yml",
        "  ~ lib  3.0 -> 2.0",
        "Lock: 3 solved.",
    ]
    conda.run("lock", "--check")


def test_locks_that_disagree_are_not_current(conda: Project) -> None:
    """After a merge of two branches, each of which was right; the line that joins them is told."""
    write(conda, "a", "tool")
    conda.run("lock")
    kept = conda.read("locks/a.conda-lock.yml")
    write(conda, "b", "old")
    conda.run("lock")
    conda.write("locks/a.conda-lock.yml", kept)
    run = conda.run("lock", "--check", check=3)
    assert "lib 3.0 is 2.0 in b, of one solve_group  manifests/a.yaml:1" in run.out
    assert "lib 2.0 is 3.0 in a, of one solve_group  manifests/b.yaml:1" in run.out
    ((part, change, where), *_) = reasons(steps(conda)["a"])
    assert (part, change, where) == ("lock", "lib 3.0 is 2.0 in b, of one solve_group", "manifests/a.yaml:1")
    conda.run("lock")
    conda.run("lock", "--check")
    assert pins(conda, "a")["lib"] == pins(conda, "b")["lib"]


def test_an_upgrade_moves_the_group(conda: Project, channel: Channel) -> None:
    """As far as all of it can; one package of one of them moves it in all."""
    write(conda, "a", "tool")
    write(conda, "b", "lib <4")
    conda.run("lock")
    channel.add(*offered("lib", "3.5"), *offered("lib", "4.0"), *offered("tool", "2.0", "lib"))
    conda.run("lock", "--upgrade", "lib", "a")
    assert pins(conda, "a") == {"lib": "3.5", "tool": "1.0"}
    assert pins(conda, "b") == {"lib": "3.5"}
    conda.run("lock", "--upgrade")
    assert pins(conda, "a") == {"lib": "3.5", "tool": "2.0"}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("dependencies: ['lib >=3']", "dependencies: ['lib <2']", "no lib can be both '>=3' and '<2' at manif"),
        ("dependencies: ['lib >=3']", "dependencies: [old]", "cannot agree (a, b): "),
        ("dependencies: [lib]", "dependencies: [lib]\nchannels: [other]", "channels "),
        ("dependencies: [lib]", "dependencies: [{pip: [alpha]}]\npython: {from: uv}", "Python from uv, and a from"),
        ("dependencies: [lib]", "dependencies: [lib]\nsystem_requirements: {cuda: '12'}", "system_requirements "),
    ],
)  # fmt: skip
def test_what_cannot_be_one_is_told(conda: Project, first: str, second: str, said: str) -> None:
    """Who wants what, each with its line; no lock is written, and none is touched."""
    conda.write("manifests/a.yaml", f"{first}\nsolve_group: serving\n")
    conda.run("lock")
    before = conda.read("locks/a.conda-lock.yml")
    conda.write("manifests/b.yaml", f"solve_group: serving\n{second}\n")
    run = conda.run("lock", check=1)
    assert said in run.err
    assert "'serving'" in run.err
    assert run.err.count(said) == 1
    assert conda.read("locks/a.conda-lock.yml") == before
    assert not (conda.path / "locks/b.conda-lock.yml").exists()


def test_what_is_wrong_with_one_is_told_as_that(conda: Project) -> None:
    """It is no quarrel of the group; the others wait."""
    write(conda, "a", "tool")
    write(conda, "b", "tooll")
    run = conda.run("lock", check=1)
    assert "manifests/b.yaml:3:3: no package is named 'tooll'" in run.err
    assert "cannot agree" not in run.err
    assert not (conda.path / "locks").exists()


def test_a_group_of_distributions(project: Project, index: Index) -> None:
    """Their Python is one, too; extras are of who asks for them; constraints of one hold for all."""
    write_base(project, index)
    index.add("alpha", "1.5")
    more = "extends: base\n"
    write(project, "a", "pip: [beta, 'delta[fast]']", more=more)
    write(project, "b", "pip: [alpha <2, delta]", more=more)
    write(project, "c", "pip: [delta]", more=more)
    project.run("lock")
    assert pins(project, "a") == {"pip/alpha": "1.5", "pip/beta": "1.0", "pip/delta": "1.0"}
    assert pins(project, "b") == {"pip/alpha": "1.5", "pip/delta": "1.0"}
    assert pins(project, "c") == {"pip/delta": "1.0"}
    project.run("lock", "--check")
    apply_twice(project)
    assert actions(project) == {}


def _python(*packages: Package) -> tuple[Package, ...]:
    pip = Package(name="pip", version="20.0", subdir="noarch", noarch="python", depends=("python",))
    python = Package(name="python", version="3.11.7", build="h0_0", subdir="linux-64")
    return python, pip, *packages


def test_a_group_of_both(project: Project, index: Index, tmp_path: Path) -> None:
    """What one has of conda another has of conda as well, where its distributions need it."""
    numpy = [
        Package(name="numpy", version=one, subdir="linux-64", depends=("python",), purls=(f"pkg:pypi/numpy@{one}",))
        for one in ("1.26.4", "2.1.3")
    ]
    channel = Channel(tmp_path / "channel", *_python(*numpy))
    index.add("numpy", "3.0")
    index.add("pandas", "2.2", requires=["numpy"])
    settings = f"channels: ['{channel.url}']\nplatforms: [linux-64]\n"
    project.write("envbuild.yaml", settings)
    more = f"pip: {{index_url: '{index.url}'}}\npython: {{from: conda}}\n"
    write(project, "a", "numpy <2", more=more)
    write(project, "b", "pip: [pandas]", more=more)
    project.run("lock")
    assert pins(project, "a") == {"numpy": "1.26.4", "python": "3.11.7"}
    assert pins(project, "b") == {"numpy": "1.26.4", "pip": "20.0", "pip/pandas": "2.2", "python": "3.11.7"}
    project.run("lock", "--check")
    write(project, "c", "pip: [numpy]", more=more)
    run = project.run("lock", check=1)
    assert "a asks conda for numpy, and another one asks PyPI for it" in run.err


def test_many_that_disagree_are_told_in_one_line(conda: Project) -> None:
    """By the first of them and how many more there are; each lock is read once, however many compare with it."""
    for name in "abcd":
        write(conda, name, "tool")
    conda.run("lock")
    kept = conda.read("locks/a.conda-lock.yml")
    write(conda, "e", "old")
    conda.run("lock")
    conda.write("locks/a.conda-lock.yml", kept)
    out = conda.run("lock", "--check", check=3).out
    assert "lib 3.0 is 2.0 in b and 3 more, of one solve_group  manifests/a.yaml:1\n" in out
    assert "lib 2.0 is 3.0 in a, of one solve_group  manifests/e.yaml:1\n" in out


def test_a_version_that_one_would_never_take_is_shared_all_the_same(project: Project, index: Index) -> None:
    """A pre-release that another one asks for: whose own wishes would leave it out has it, too."""
    write_base(project, index)
    index.add("alpha", "3.0rc1")
    write(project, "a", "pip: [beta]", more="extends: base\n")
    write(project, "b", "pip: [alpha ==3.0rc1]", more="extends: base\n")
    project.run("lock")
    assert pins(project, "a")["pip/alpha"] == pins(project, "b")["pip/alpha"] == "3.0rc1"
    project.run("lock", "--check")
