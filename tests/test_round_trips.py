"""Out in one format and in again, through all of them: the same resolved environment each time."""

from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from support.channelled import prefix_of
from support.condachannel import Channel
from support.condapkg import Archive, File, Package
from support.condapython import SUBDIR
from support.condaworld import pinned
from support.index import Index
from support.project import Project


def resolved(project: Project, name: str) -> AbstractSet[str]:
    """What a fingerprint counts of the pins, and where each comes from."""
    (pins,) = pinned(project, name).values()
    assert pins.pins
    return {f"{pin.identity} {pin.url}" for pin in pins.pins}


@pytest.fixture
def mixed(project: Project, index: Index, conda_python: Archive, tmp_path: Path) -> Project:
    """Two channels, the older version of a package, distributions beside them, a variable that YAML would misread."""
    pip = Package(name="pip", version="24.0", subdir="noarch", noarch="python", depends=["python"])
    tools = [
        Package(name="tool", version=one, subdir=SUBDIR, files={"share/tool": File(b"x")}) for one in ("1.0", "2.0")
    ]
    first, other = Channel(tmp_path / "one", conda_python, pip, *tools), Channel(tmp_path / "two")
    other.add(Package(name="extra", subdir="noarch", noarch="generic"))
    project.write(
        "manifests/a.yaml",
        f"channels: ['{first.url}', '{other.url}']\npip: {{index_url: '{index.url}'}}\nvariables: {{A: 'b: #'}}\n"
        "dependencies: [python, tool <2, extra, {pip: [gamma, 'alpha <2']}]\n",
    )
    project.run("lock")
    return project


def out_and_in(project: Project, form: str, name: str, again: str, *options: str) -> None:
    """Export what `name` is, import it as `again`, and lock that."""
    project.run("export", form, name, "-o", f"{again}.txt", *options)
    project.run("import", form, f"{again}.txt", again)
    project.run("lock", again)


def test_a_mixed_environment_through_every_format(mixed: Project, index: Index) -> None:
    """From its prefix to environment.yml, to a list of URLs, and to environment.yml again; the variable stays."""
    mixed.run("apply", "a")
    mixed.run("import", "conda-env", str(prefix_of(mixed, "a")), "b")
    mixed.write("manifests/b.yaml", f"{mixed.read('manifests/b.yaml')}pip: {{index_url: '{index.url}'}}\n")
    mixed.run("lock", "b")
    out_and_in(mixed, "conda", "b", "c")
    out_and_in(mixed, "explicit", "c", "d")
    out_and_in(mixed, "explicit", "d", "e", "--sha256")
    out_and_in(mixed, "conda", "e", "f")
    out_and_in(mixed, "conda", "a", "g")
    assert 'A: "b: #"' in mixed.read("manifests/g.yaml")
    for name in "bcdefg":
        assert resolved(mixed, name) == resolved(mixed, "a"), name


def test_distributions_through_every_format(project: Project, index: Index) -> None:
    """To requirements with hashes, to environment.yml, and back; in a version that was built, too."""
    project.write(
        "manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [gamma, 'alpha <2']}}]\n"
    )
    project.run("lock")
    out_and_in(project, "pip", "a", "b")
    out_and_in(project, "conda", "b", "c")
    out_and_in(project, "pip", "c", "d")
    for name in "bcd":
        assert resolved(project, name) == resolved(project, "a"), name
    project.run("apply", "a")
    index.add("gamma", "99.0")
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [gamma]}}]\n")
    project.run("lock", "--upgrade", "a")
    out_and_in(project, "pip", "a@1", "old")
    assert resolved(project, "old") == resolved(project, "b")
    assert resolved(project, "a") != resolved(project, "b")
