"""Conda's packages and PyPI's in one environment, locked by the command as people run it."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.condachannel import Channel, ServedChannel
from support.condapkg import Package
from support.index import Index
from support.project import Project


@pytest.fixture
def mixed(project: Project, index: Index, tmp_path: Path) -> Project:
    """Conda has python, numpy 2.1 and pytorch; PyPI other versions of numpy, and what wants them."""
    channel = Channel(tmp_path / "channel")
    channel.add(
        Package(name="python", version="3.11.7", build="h0_0"),
        Package(name="pip", version="24.0", noarch="python", depends=("python",)),
        Package(name="numpy", version="2.1.3", build="py311_0", depends=("python >=3.11,<3.12.0a0",)),
        Package(name="pytorch", version="2.4.1", build="py311_0", depends=("python >=3.11,<3.12.0a0", "numpy")),
    )
    for version in ("1.26.0", "2.3.0"):
        index.add("numpy", version)
    index.add("pandas", "2.2", requires=["numpy>=1.20", "torch>=2", "alpha"])
    index.add("oldie", "1.0", requires=["numpy<2"])
    index.add("later", "1.0", requires_python=">=3.12")
    write(project, tmp_path, index, "pandas")
    return project


def write(project: Project, folder: Path, index: Index, *items: str, conda: str = "pytorch") -> None:
    project.write(
        "manifests/a.yaml",
        f"channels: ['{(folder / 'channel').as_uri()}']\nplatforms: [linux-64]\npip: {{index_url: '{index.url}'}}\n"
        f"dependencies:\n  - {conda}\n  - pip:\n" + "".join(f"      - {item}\n" for item in items),
    )


def packages(project: Project) -> dict[str, str]:
    content: Any = YAML(typ="safe").load(project.read("locks/a.conda-lock.yml"))
    return {f"{one['manager']}/{one['name']}": one["version"] for one in content["package"]}


def test_what_conda_brings_is_locked_once(mixed: Project) -> None:
    """By the names that PyPI has for it; a second lock changes no byte, and a check needs nobody."""
    mixed.run("lock")
    assert packages(mixed) == {
        "conda/numpy": "2.1.3", "conda/pip": "24.0", "conda/python": "3.11.7", "conda/pytorch": "2.4.1",
        "pip/alpha": "2.0", "pip/pandas": "2.2",
    }  # fmt: skip
    before = mixed.read("locks/a.conda-lock.yml")
    assert "file:" not in before.replace("file:///tmp", "").replace((mixed.path.parent / "channel").as_uri(), "")
    assert ".envbuild" not in before
    assert mixed.run("lock").out == "Lock: 1 current.\n"
    mixed.run("lock", "--check")
    mixed.remove("locks")
    mixed.run("lock")
    assert mixed.read("locks/a.conda-lock.yml") == before


def test_the_same_name_of_both(mixed: Project, index: Index, tmp_path: Path) -> None:
    """PyPI's stands beside conda's that pytorch needs; once it is not asked for any more, conda's serves again."""
    write(mixed, tmp_path, index, "pandas", "numpy <2")
    mixed.run("lock")
    assert packages(mixed)["conda/numpy"] == "2.1.3"
    assert packages(mixed)["pip/numpy"] == "1.26.0"
    mixed.run("lock", "--check")
    write(mixed, tmp_path, index, "pandas", "numpy >=2")
    mixed.run("lock")
    assert "pip/numpy" not in packages(mixed)
    mixed.run("lock", "--check")


def test_what_both_are_asked_for_is_noted(mixed: Project, index: Index, tmp_path: Path) -> None:
    """Pip's line holds; check says so, and so do plan and lock where everything is asked for."""
    write(mixed, tmp_path, index, "numpy ==1.26.0", conda="numpy")
    assert "numpy" not in mixed.run("lock").out
    assert packages(mixed)["pip/numpy"] == "1.26.0"
    assert "conda/numpy" not in packages(mixed)
    for command in ("check", "plan", "lock"):
        assert "manifests/a.yaml:5:5: " in mixed.run(command, "-v").out


def test_conflicts_with_conda_are_told_at_the_pip_list(mixed: Project, index: Index, tmp_path: Path) -> None:
    """What conda has, who wants another, and what to write; the lock stays as it was."""
    mixed.run("lock")
    before = mixed.read("locks/a.conda-lock.yml")
    write(mixed, tmp_path, index, "pandas", "oldie")
    run = mixed.run("lock", check=1)
    assert "manifests/a.yaml:8:9: conda brings numpy 2.1.3, and oldie wants numpy<2" in run.err
    assert "hint: ask conda for another: 'numpy <2' under 'dependencies', or PyPI: 'numpy<2' under '- pip:'" in run.err
    write(mixed, tmp_path, index, "later")
    run = mixed.run("lock", check=1)
    assert "manifests/a.yaml:7:9: later 1.0 needs Python >=3.12, and 3.11.7 is locked" in run.err
    assert mixed.read("locks/a.conda-lock.yml") == before


def test_an_upgrade_of_one_of_pip_s(mixed: Project, index: Index) -> None:
    """It moves, and conda's stay where they are."""
    mixed.run("lock")
    before = packages(mixed)
    index.add("alpha", "3.0")
    index.add("pandas", "2.3", requires=["numpy>=1.20", "torch>=2", "alpha"])
    mixed.run("lock", "--upgrade", "alpha")
    assert packages(mixed) == {**before, "pip/alpha": "3.0"}


def test_an_upgrade_of_conda_s_is_a_new_fact(mixed: Project, tmp_path: Path) -> None:
    """What PyPI's packages are given is what conda brings now."""
    mixed.run("lock")
    before = packages(mixed)
    channel = Channel(tmp_path / "channel")
    depends = ("python >=3.11,<3.12.0a0",)
    channel.add(
        Package(name="python", version="3.11.7", build="h0_0"),
        Package(name="pip", version="24.0", noarch="python", depends=("python",)),
        Package(name="numpy", version="2.1.3", build="py311_0", depends=depends),
        Package(name="numpy", version="2.2.0", build="py311_0", depends=depends),
        Package(name="pytorch", version="2.4.1", build="py311_0", depends=(*depends, "numpy")),
    )
    mixed.run("lock", "--upgrade", "numpy")
    assert packages(mixed) == {**before, "conda/numpy": "2.2.0"}


def test_a_channel_over_http_and_an_index_of_its_own(mixed: Project, index: Index, tmp_path: Path) -> None:
    """All of it together: facts, a bound name, and no credential or place of ours in the lock."""
    with ServedChannel(tmp_path / "channel") as channel, Index() as private:
        private.add("acme", "1.0", requires=["numpy>=2"])
        index.add("acme", "99")
        index.add("app", "1.0", requires=["acme"])
        mixed.write(
            "manifests/a.yaml",
            f"channels: ['{channel.url}']\nplatforms: [linux-64]\n"
            f"pip:\n  index_url: '{index.url}'\n"
            f"  indexes: {{internal: {{url: '{private.url}', packages: [acme, torch]}}}}\n"
            "dependencies: [pytorch, {pip: [app]}]\n",
        )
        mixed.run("lock")
        assert packages(mixed)["pip/acme"] == "1.0"
        assert "file:" not in mixed.read("locks/a.conda-lock.yml")
        assert str(tmp_path) not in mixed.read("locks/a.conda-lock.yml")
        mixed.run("lock", "--check")


def test_names_that_are_conda_s_alone_are_not_put_to_uv(mixed: Project, index: Index, tmp_path: Path) -> None:
    """A package of a person's own may begin with `_`, which no distribution does."""
    python = Package(name="python", version="3.11.7", build="h0_0", subdir="linux-64")
    own = Package(name="_ext_conf", version="0.1.0", depends=("python",), noarch="python")
    pip = Package(name="pip", version="20.0", subdir="noarch", noarch="python", depends=("python",))
    Channel(tmp_path / "channel").add(python, pip, own)
    write(mixed, tmp_path, index, "alpha", conda="_ext_conf")
    mixed.run("lock")
    assert {"conda/_ext_conf", "pip/alpha"} <= packages(mixed).keys()
