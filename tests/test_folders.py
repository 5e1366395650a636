"""Folders of the project in a pip list: what is locked of them, and what makes that lock stale."""

import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.folders import write_asking, write_nameless, write_package
from support.index import Index
from support.project import Project
from support.wheels import sdist_bytes

from envbuild.errors import EnvbuildError
from envbuild.project import Project as Opened


def locked(project: Project, name: str = "a") -> dict[str, Any]:
    """The lock's packages of the project, by name."""
    return {one["name"]: one for one in json.loads(_custom(project, name)["envbuild.wheels"])["linux-64"]}


def pins(project: Project, name: str = "a") -> set[str]:
    return {one["name"] for one in _content(project, name)["package"]}


def stale(project: Project) -> list[tuple[str, str]]:
    (row,) = project.json("lock", "--check", check=None)["environments"]
    return [(reason["change"], reason["where"]) for reason in row.get("reasons", ())]


def _custom(project: Project, name: str) -> dict[str, str]:
    found: dict[str, str] = _content(project, name)["metadata"]["custom_metadata"]
    return found


def _content(project: Project, name: str) -> Any:
    return YAML(typ="safe").load(project.read(f"locks/{name}.conda-lock.yml"))


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("../own", "own"),
        ("../own/", "own"),
        ("..", "."),
        ("own @ ../own", "own"),
        ("own @ ..", "."),
        ("-e ../own", "own"),
        ("-e ..", "."),
        ("file:../own", "own"),
        ("inner/", "manifests/inner"),
    ],
)
def test_a_folder_is_locked_by_its_path(project: Project, index: Index, written: str, path: str) -> None:
    """However it is written; what it needs is pinned, and no place of the machine stands in the lock."""
    write_package(project, path, "own", needs=["gamma"], version="2.5")
    write_asking(project, index.url, written)
    before = {name: digest for name, digest in project.tree().items() if not name.startswith("manifests/a")}
    project.run("lock")
    assert locked(project) == {
        "own": {"name": "own", "path": path, "version": "2.5", "dependencies": ["gamma"]},
    }
    assert pins(project) == {"alpha", "beta", "gamma"}
    text = project.read("locks/a.conda-lock.yml")
    assert str(project.path.parent) not in text
    assert "file:" not in text
    assert "/envbuild-" not in text
    project.run("lock", "--check")
    assert project.run("lock").out == "Lock: 1 current.\n"
    assert before.items() <= project.tree().items()


@pytest.mark.parametrize("item", ["../own[dev]", "-e ../own[dev]", "own[dev] @ ../own", "..[dev]", "-e ..[dev]"])
def test_extras_of_a_folder(project: Project, index: Index, item: str) -> None:
    """Bring what they need; one that there is not is told at its line."""
    write_package(project, "." if ".[" in item and "own" not in item else "own", "own", extras={"dev": ["gamma"]})
    write_asking(project, index.url, item)
    project.run("lock")
    assert pins(project) == {"alpha", "beta", "gamma"}
    write_asking(project, index.url, item.replace("dev", "nope"))
    run = project.run("lock", check=1)
    assert "manifests/a.yaml:5:9: " in run.err
    assert "has no extra 'nope'" in run.err


def test_code_makes_no_lock_stale_and_build_files_do(project: Project, index: Index) -> None:
    """The reason names the file, and the line that asks for the folder."""
    write_package(project, "own", "own", needs=["alpha"])
    write_asking(project, index.url, "../own")
    project.run("lock")
    project.write("own/src/own/__init__.py", "said = 'second'\n")
    project.write("own/needs.txt", "beta\n")
    assert stale(project) == []
    write_package(project, "own", "own", needs=["gamma"])
    assert stale(project) == [("own/pyproject.toml changed", "manifests/a.yaml:5")]
    assert project.json("plan")["steps"][0]["reasons"] == [
        {"part": "lock", "change": "own/pyproject.toml changed", "where": "manifests/a.yaml:5"}
    ]
    project.run("lock")
    assert pins(project) == {"alpha", "beta", "gamma"}
    project.write("own/setup.cfg", "[metadata]\n")
    assert stale(project) == [("own/setup.cfg added", "manifests/a.yaml:5")]


def test_what_is_asked_of_a_folder(project: Project, index: Index) -> None:
    """Come, gone or asked for otherwise is told by the path, where no name is written."""
    write_package(project, "own", "own", extras={"dev": ["alpha"]})
    write_asking(project, index.url, "beta")
    project.run("lock")
    write_asking(project, index.url, "beta", "../own")
    assert stale(project) == [("./own added", "manifests/a.yaml:6")]
    project.run("lock")
    write_asking(project, index.url, "beta", "../own[dev]")
    assert stale(project) == [("./own * -> [dev]", "manifests/a.yaml:6")]
    write_asking(project, index.url, "beta")
    assert stale(project) == [("./own removed", "manifests/a.yaml")]
    write_asking(project, index.url, "beta", "own @ ../own")
    assert stale(project) == [("./own removed", "manifests/a.yaml"), ("own ./own added", "manifests/a.yaml:6")]


_DYNAMIC = '[tool.setuptools.dynamic]\ndependencies = {file = ["needs.txt"]}\n'


def test_what_only_a_build_can_tell(project: Project, index: Index) -> None:
    """Is built from a copy; the file that holds it makes the lock stale."""
    write_package(project, "own", "own", needs=["beta"], dynamic=["dependencies"], more=_DYNAMIC)
    write_asking(project, index.url, "../own")
    before = project.tree()
    project.run("lock")
    assert pins(project) == {"alpha", "beta"}
    assert {path for path in project.tree().keys() - before.keys() if not path.startswith(".envbuild/")} == {
        "locks/a.conda-lock.yml"
    }
    project.write("own/needs.txt", "gamma\n")
    assert stale(project) == [("own/needs.txt changed", "manifests/a.yaml:5")]
    project.run("lock")
    assert pins(project) == {"alpha", "beta", "gamma"}


def test_a_folder_whose_name_only_its_build_knows(project: Project, index: Index) -> None:
    """Is asked for its name; it is locked by that, and found current by its path."""
    write_nameless(project, "own", "secret_name", needs=["gamma"])
    write_asking(project, index.url, "../own", "alpha")
    project.run("lock")
    assert locked(project)["secret-name"]["dependencies"] == ["gamma"]
    assert locked(project)["secret-name"]["path"] == "own"
    project.run("lock", "--check")
    write_asking(project, index.url, "../own")
    assert stale(project) == []
    assert pins(project) == {"alpha", "beta", "gamma"}


def test_another_platform(project: Project, index: Index) -> None:
    """Nothing is built for it: what pyproject.toml says is enough, and what it does not say is told at its line."""
    write_package(project, "own", "own", needs=["gamma"], dynamic=["version"])
    write_asking(project, index.url, "../own", more="platforms: [linux-64, osx-arm64]\n")
    project.run("lock")
    assert locked(project)["own"]["version"] == ""
    write_package(project, "own", "own", needs=["beta"], dynamic=["dependencies"], more=_DYNAMIC)
    run = project.run("lock", check=1)
    assert "manifests/a.yaml:5:9: what 'own' needs on osx-arm64 is known once it is built there" in run.err
    assert "hint: state name, version and dependencies under 'project'" in run.err


def test_what_a_version_that_is_code_leaves_alone(project: Project, index: Index) -> None:
    """It is known when it is built, and its change makes no lock stale."""
    write_package(project, "own", "own", dynamic=["version"])
    write_asking(project, index.url, "../own")
    project.run("lock")
    project.write("own/src/own/version.txt", "7.0\n")
    project.run("lock", "--check")


def test_packages_that_need_a_folder(project: Project, index: Index) -> None:
    """Whoever asks for its name gets the folder, and never the index's package of that name."""
    index.add("own", "9.0")
    index.add("wants", "1.0", requires=["own>=1"])
    write_package(project, "own", "own", version="1.5")
    write_package(project, "other", "other", needs=["own"])
    write_asking(project, index.url, "wants", "../own", "../other")
    project.run("lock")
    assert {name: one["version"] for name, one in locked(project).items()} == {"own": "1.5", "other": "1.0"}
    assert locked(project)["other"]["dependencies"] == ["own"]
    assert pins(project) == {"wants"}
    write_package(project, "own", "own", version="0.5")
    run = project.run("lock", check=1)
    assert "file:" not in run.err
    assert "envbuild-" not in run.err
    assert re.search(r"manifests/a.yaml:[56]:9: no set of packages fits", run.err), run.err


def test_bound_names_beside_a_folder(project: Project, index: Index) -> None:
    """A name with an index of its own is had from there, also where a folder asks for it."""
    write_nameless(project, "own", "own", needs=["alpha"])
    with Index() as private:
        private.add("alpha", "0.5")
        bound = f'pip: {{index_url: "{index.url}", indexes: {{mine: {{url: "{private.url}", packages: [alpha]}}}}}}\n'
        project.write("manifests/a.yaml", f"{bound}dependencies: [python =3.11, {{pip: [../own]}}]\n")
        project.run("lock")
        assert f"url: {private.url.removesuffix('simple/')}" in project.read("locks/a.conda-lock.yml")
    assert locked(project)["own"]["dependencies"] == ["alpha"]


def test_a_source_archive_of_the_project(project: Project, index: Index) -> None:
    """It is locked by its path; another archive makes the lock stale."""
    folder = project.path / "archives"
    folder.mkdir()
    filename, data = sdist_bytes("arc", "1.0", requires=["gamma"])
    (folder / filename).write_bytes(data)
    write_asking(project, index.url, f"../archives/{filename}")
    project.run("lock")
    assert locked(project)["arc"]["path"] == f"archives/{filename}"
    assert pins(project) == {"alpha", "beta", "gamma"}
    project.run("lock", "--check")
    (folder / filename).write_bytes(sdist_bytes("arc", "1.0", requires=["alpha"])[1])
    assert stale(project) == [(f"archives/{filename} has other metadata", "manifests/a.yaml:5")]


WRONG = {
    "../gone": "there is no 'gone'",
    "../../outside": "the path '../../outside' leaves the project",
    "../link": "'link' leads out of the project",
    "../bare": "'bare' is no package: it has neither pyproject.toml nor setup.py",
    "../own/pyproject.toml": "'own/pyproject.toml' is neither a folder nor a wheel or source archive",
    "../broken": "it cannot be read: Invalid value",
    "../odd": "'bad name' cannot be the name of a package",
    "other @ ../own": "the package in 'own' is 'own', not 'other'",
    "-e ../a-1.0.tar.gz": "only a folder can be editable",
    "../failing": "'failing' could not be built, to learn how it is called and what it needs",
}
AT = {"../broken": "broken/pyproject.toml:2:8", "../odd": "odd/pyproject.toml"}


@pytest.mark.parametrize("item", WRONG)
def test_what_is_no_package_of_the_project(project: Project, index: Index, item: str) -> None:
    """At its line, or that of the file that is broken, with a hint; never a place of the machine."""
    write_package(project, "own", "own")
    (project.path.parent / "outside").mkdir()
    (project.path / "link").symlink_to(project.path.parent / "outside")
    project.write("bare/setup.cfg", "[metadata]\nname = bare\n")
    project.write("broken/pyproject.toml", "[project]\nname = \n")
    project.write("odd/pyproject.toml", "[project]\nname = 'bad name'\n")
    write_nameless(project, "failing", "failing")
    project.write("failing/backend_of_a_test.py", "raise SystemExit('torch is missing')\n")
    write_asking(project, index.url, item)
    run = project.run("lock", check=1)
    assert f"{AT.get(item, 'manifests/a.yaml:5:9')}: {WRONG[item]}" in run.err
    assert "hint: " in run.err
    assert "/envbuild-" not in run.err


def test_a_folder_that_does_not_build(project: Project, index: Index) -> None:
    """Its own words, at its line, with the folder as people know it and not the copy that was built."""
    write_package(project, "own", "own", dynamic=["dependencies"], more=_DYNAMIC)
    project.write("own/backend_of_a_test.py", "raise SystemExit('torch is missing')\n")
    write_asking(project, index.url, "alpha", "../own")
    run = project.run("lock", check=1)
    assert "manifests/a.yaml:6:9: own" in run.err
    assert "could not be built, to learn what it needs" in run.err
    assert "torch is missing" in run.err
    assert "/envbuild-" not in run.err
    assert "of conda" not in run.err


def test_two_folders_of_one_name(project: Project, index: Index) -> None:
    """Both are told."""
    write_package(project, "one", "own")
    write_package(project, "two", "own")
    write_asking(project, index.url, "../one", "../two")
    run = project.run("lock", check=1)
    assert "manifests/a.yaml:6:9: 'one' and 'two' are both called 'own'" in run.err


def test_a_folder_that_needs_a_place_of_the_machine(project: Project, index: Index) -> None:
    """It could not be had anywhere else: told, and not locked."""
    write_package(project, "other", "other")
    write_package(project, "own", "own", needs=[f"other @ {(project.path / 'other').as_uri()}"])
    write_asking(project, index.url, "../own")
    assert "other is asked for by where it lies on this machine" in project.run("lock", check=1).err


def test_a_builder_that_cannot_use_folders_where_they_lie(project: Project, index: Index) -> None:
    """Refuses them at their lines; the same folder as a copy it takes."""
    write_package(project, "own", "own")
    image = "builder: docker\nimage: {base: 'x/y:1'}\n"
    write_asking(project, index.url, "-e ../own", more=image)
    with pytest.raises(EnvbuildError) as told:
        Opened.load(project.path, project.environ).plan()
    (error,) = told.value.problems
    assert str(error.where) == "manifests/a.yaml:5:9"
    assert error.message == "builder 'docker' cannot do '-e': what it makes goes elsewhere"
    write_asking(project, index.url, "../own", more=image)
    Opened.load(project.path, project.environ).plan()
