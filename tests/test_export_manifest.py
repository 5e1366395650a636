"""`export manifest`: an environment or a version as a project of its own, in which a plan has the same fingerprint."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.index import Index
from support.layered import Shelf as Layers
from support.layered import layer
from support.line import write_base, write_child
from support.project import Project, clean_environment
from support.registry import Registry
from support.services import require
from support.wheels import wheel_bytes

from envbuild.registry import Line
from envbuild.registry.client import Registry as Client
from envbuild.registry.copying import Target, push
from envbuild.registry.outputs import write_layout

_PACKAGE = "[project]\nname = 'own'\nversion = '1'\n[build-system]\nrequires = []\n"


def _fingerprint(project: Project, name: str, *args: str) -> str:
    (found,) = (one for one in project.json("plan", *args)["steps"] if one["environment"] == name)
    return str(found["fingerprint"])


def _recorded(project: Project, name: str) -> str:
    return str(project.json("show", name)["environment"]["fingerprint"])


def _copy(project: Project, folder: Path) -> Project:
    """What was exported, with records of its own."""
    return Project(folder, project.environ)


def test_what_is_exported_is_all_that_counts(project: Project, tmp_path: Path) -> None:
    """Whole: the settings, the manifest after inheritance, nothing outside of it; and told as JSON."""
    project.write("envbuild.yaml", "groups: {all: ['**']}\nchannel_priority: flexible\nparams: {n: '1'}\n")
    project.write("manifests/parents/base.yaml", "abstract: true\nvariables: {A: '{{ params.n }}'}\ndescription: x\n")
    project.write("manifests/a.yaml", "extends: parents/base\nvariables: {B: '2'}\nsetup: ['true']\n")
    project.run("register", "a")
    out = tmp_path / "out"
    assert project.run("export", "manifest", "a@1", str(out)).out == (
        f"a@1 written to {out} as a project of its own: 2 files\n"
    )
    assert {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()} == {
        "envbuild.yaml": (
            "# All that a@1 is built from; written by 'envbuild export manifest'.\nchannel_priority: flexible\n"
        ),
        "manifests/a.yaml": (
            'channels:\n  - conda-forge\nplatforms:\n  - linux-64\nvariables:\n  A: "1"\n  B: "2"\n'
            'params:\n  "n": "1"\nsetup:\n  - "true"\nbuilder: local\n'
        ),
    }
    copy = _copy(project, out)
    assert _fingerprint(copy, "a") == _recorded(project, "a@1")
    told = project.json("export", "manifest", "a", str(tmp_path / "now"))
    assert told == {
        "format_version": 1,
        "export": {
            "environment": "a",
            "version": None,
            "format": "manifest",
            "fingerprint": _recorded(project, "a"),
            "folder": str(tmp_path / "now"),
            "files": ["envbuild.yaml", "manifests/a.yaml"],
        },
        "notes": [],
    }


def _locked(project: Project, index: Index) -> None:
    """With packages of an index, a wheel and a folder of the project."""
    index.add("alpha", "1.0")
    name, data = wheel_bytes("brought", "1.0")
    (project.path / "wheels").mkdir(exist_ok=True)
    (project.path / "wheels" / name).write_bytes(data)
    write_base(project, index, "alpha")
    write_child(project, "deep/a", f"../../wheels/{name}", more="variables: {ONE: '1'}\n")


def test_a_local_environment_is_built_again_from_what_was_exported(
    project: Project, index: Index, tmp_path: Path
) -> None:
    """With its lock as it was, and the wheel that the project brings; it needs no solver."""
    _locked(project, index)
    project.run("apply")
    lock = project.read("locks/deep/a.conda-lock.yml")
    project.remove("manifests/deep/a.yaml")
    project.remove("locks/deep/a.conda-lock.yml")
    project.run("export", "manifest", "deep/a@1", str(tmp_path / "out"))
    copy = _copy(project, tmp_path / "out")
    assert copy.read("locks/deep/a.conda-lock.yml") == lock
    assert _fingerprint(copy, "deep/a", "--locked") == _recorded(project, "deep/a@1")
    copy.run("apply", "--locked")
    assert (
        copy.json("show", "deep/a")["environment"]["packages"]
        == project.json("show", "deep/a@1")["environment"]["packages"]
    )


def test_a_version_whose_wheel_has_changed_is_refused_by_name(project: Project, index: Index, tmp_path: Path) -> None:
    """A file that is gone, or is another one, is told, and nothing is written; what the manifest says now goes."""
    _locked(project, index)
    project.run("register", "deep/a")
    name, _ = wheel_bytes("brought", "1.0")
    (project.path / "wheels" / name).write_bytes(wheel_bytes("brought", "1.0", modules={"brought/more.py": ""})[1])
    out = tmp_path / "out"
    refused = project.run("export", "manifest", "deep/a@1", str(out), check=1)
    assert refused.err == (
        f"manifests/deep/a.yaml:1:1: 'wheels/{name}' is not as it was in deep/a@1, and no record has its bytes\n"
        "  hint: restore that file as it was, and export again\n"
    )
    assert list(tmp_path.glob("*out*")) == []
    project.run("lock")
    project.run("export", "manifest", "deep/a", str(out))
    (project.path / "wheels" / name).unlink()
    assert "is not as it was in deep/a@1" in project.run("export", "manifest", "deep/a@1", str(out / "x"), check=1).err


def test_folders_of_the_project_go_with_it(project: Project, index: Index, tmp_path: Path) -> None:
    """A package that is copied is held against what it was; of one that is editable it is said that it is not."""
    index.add("setuptools", "70.0")
    for name in ("one", "two"):
        project.write(f"src/{name}/pyproject.toml", _PACKAGE.replace("own", name))
        project.write(f"src/{name}/{name}.py", "VALUE = 1\n")
    write_base(project, index, "../src/one", "-e ../src/two")
    write_child(project, "a")
    project.run("register", "a")
    project.write("src/two/two.py", "VALUE = 2\n")
    told = project.json("export", "manifest", "a@1", str(tmp_path / "out"))
    assert [note["message"] for note in told["notes"]] == ["src/two is editable: its code is that of now"]
    assert [one for one in told["export"]["files"] if one.startswith("src/")] == [
        "src/one/one.py", "src/one/pyproject.toml", "src/two/pyproject.toml", "src/two/two.py",
    ]  # fmt: skip
    assert _fingerprint(_copy(project, tmp_path / "out"), "a", "--locked") == _recorded(project, "a@1")
    project.write("src/one/one.py", "VALUE = 3\n")
    assert (
        "'src/one' is not as it was in a@1"
        in project.run("export", "manifest", "a@1", str(tmp_path / "x"), check=1).err
    )


@pytest.fixture
def imaged(tmp_path: Path, uv_cache: Path) -> Iterator[tuple[Project, Registry]]:
    """A project of images from a small base in a registry, to which nothing is pushed."""
    require("registry")
    with Registry(tmp_path / "registry") as registry, Client(registry.server, Line({})) as client:
        base = Layers()
        push(base, base.image(layer("usr/")), Target(client, "base"), ("1",))
        (tmp_path / "home").mkdir()
        project = Project(tmp_path / "project", clean_environment(tmp_path / "home", uv_cache))
        project.write("envbuild.yaml", "platforms: [linux-64]\n")
        yield project, registry


def _image(project: Project, registry: Registry, builder: str, value: str, more: str = "") -> None:
    project.write("data/one.txt", f"{value}\n")
    project.write("data/run.sh", f"#!/bin/sh\necho {value}\n").chmod(0o755)
    text = f"builder: {builder}\nvariables: {{VALUE: '{value}'}}\nimage:\n  base: {registry.server}/base:1\n"
    project.write("manifests/team/web.yaml", f"{text}  copy: [{{from: ../../data, to: /data}}]\n{more}")


@pytest.mark.parametrize("builder", ["docker", "oci"])
def test_an_image_is_the_same_from_what_was_exported(
    imaged: tuple[Project, Registry], builder: str, tmp_path: Path
) -> None:
    """With what is copied and its lock, when the manifest says something else by now, and when it is gone."""
    project, registry = imaged
    _image(project, registry, builder, "1")
    project.run("register", "team/web")
    wanted = _recorded(project, "team/web@1")
    manifest = project.path / "manifests/team/web.yaml"
    manifest.write_text(manifest.read_text().replace("VALUE: '1'", "VALUE: '2'"))
    project.run("export", "manifest", "team/web@1", str(tmp_path / "changed"))
    assert _fingerprint(_copy(project, tmp_path / "changed"), "team/web", "--no-refresh") == wanted
    assert (tmp_path / "changed/data/run.sh").stat().st_mode & 0o777 == 0o755
    manifest.unlink()
    project.remove("locks/team/web.conda-lock.yml")
    project.run("export", "manifest", "team/web@1", str(tmp_path / "gone"))
    assert _copy(project, tmp_path / "gone").tree() == _copy(project, tmp_path / "changed").tree() | {}
    project.write("data/one.txt", "2\n")
    refused = project.run("export", "manifest", "team/web@1", str(tmp_path / "no"), check=1).err
    assert "'data' is not as it was in team/web@1" in refused
    assert not (tmp_path / "no").exists()


def test_files_of_links_and_a_base_that_is_a_folder_go_too(project: Project, index: Index, tmp_path: Path) -> None:
    """What no part of a fingerprint names by its path, and a build needs all the same."""
    base = Layers()
    write_layout(base, base.image(layer("usr/")), project.path / "bases/one", "base:1")
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    project.write("manifests/web.yaml", "builder: oci\nvariables: {A: '1'}\nimage: {base: 'oci:../bases/one'}\n")
    name, data = wheel_bytes("linked", "1.0")
    (project.path / "links").mkdir()
    (project.path / "links" / name).write_bytes(data)
    project.write(
        "manifests/a.yaml",
        f"pip: {{index_url: '{index.url}', find_links: [../links]}}\ndependencies: [pip: [linked]]\n",
    )
    project.run("register", "web", "a")
    for one, file in (("web", "bases/one/index.json"), ("a", f"links/{name}")):
        out = tmp_path / one
        told = project.json("export", "manifest", f"{one}@1", str(out))
        assert file in told["export"]["files"]
        copy = _copy(project, out)
        assert _fingerprint(copy, one, "--locked") == _recorded(project, f"{one}@1")
        copy.run("apply", "--locked")
    (project.path / "links" / name).write_bytes(data + b"\0")
    assert f"'links/{name}' is not as it was" in project.run("export", "manifest", "a@1", "x", check=1).err


def test_what_a_dockerfile_was_rendered_from_is_recorded(imaged: tuple[Project, Registry], tmp_path: Path) -> None:
    """Templates, lists of packages and settings are those of then, whatever they are now."""
    project, registry = imaged
    project.write("templates/Dockerfile.j2", "{% extends 'builtin/Dockerfile.j2' %}\n")
    project.write("lists/apt.txt", "git\n")
    more = "  apt: ['-r ../../lists/apt.txt']\n  build: ['make it']\n"
    project.write("envbuild.yaml", "platforms: [linux-64]\ninstall: inside\n")
    _image(project, registry, "docker", "1", more)
    project.run("register", "team/web")
    wanted = _recorded(project, "team/web@1")
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    project.remove("templates/Dockerfile.j2")
    project.write("lists/apt.txt", "git\ncurl\n")
    project.remove("manifests/team/web.yaml")
    project.run("export", "manifest", "team/web@1", str(tmp_path / "out"))
    copy = _copy(project, tmp_path / "out")
    assert (copy.read("lists/apt.txt"), copy.read("templates/Dockerfile.j2")) == (
        "git\n",
        "{% extends 'builtin/Dockerfile.j2' %}\n",
    )
    assert "install: inside\n" in copy.read("envbuild.yaml")
    assert _fingerprint(copy, "team/web", "--no-refresh") == wanted


def test_a_record_of_before_is_exported_only_if_the_same_comes_of_it(
    imaged: tuple[Project, Registry], tmp_path: Path
) -> None:
    """It does not say what it was rendered from: what stands now is tried, and what differs is told."""
    import sqlite3

    project, registry = imaged
    project.write("lists/apt.txt", "git\n")
    _image(project, registry, "docker", "1", "  apt: ['-r ../../lists/apt.txt']\n")
    project.run("register", "team/web")
    connection = sqlite3.connect(project.path / ".envbuild/state.db", isolation_level=None)
    (text,) = connection.execute("SELECT record FROM records").fetchone()
    old = {key: value for key, value in json.loads(text).items() if key != "sources"}
    connection.execute("UPDATE records SET record = ?", (json.dumps(old),))
    connection.close()
    project.run("export", "manifest", "team/web@1", str(tmp_path / "same"))
    project.write("lists/apt.txt", "git\ncurl\n")
    refused = project.run("export", "manifest", "team/web@1", str(tmp_path / "other"), check=3)
    assert refused.err == (
        "error: team/web@1 cannot be told whole any more: image/apt, template/Dockerfile.j2 would not be as it was\n"
        "  hint: restore these in the project as they were then, or register what it says now\n"
    )
    assert not list(tmp_path.glob("*other*"))


def test_what_an_image_starts_from_goes_with_it(imaged: tuple[Project, Registry], tmp_path: Path) -> None:
    """The environment below, as it was built then; where no record has that, it is told."""
    project, registry = imaged
    _image(project, registry, "oci", "1")
    project.write("manifests/top.yaml", "builder: oci\nvariables: {TOP: '1'}\nimage: {base: {environment: team/web}}\n")
    project.run("register", "top")
    project.write("other.txt", "")
    refused = project.run("export", "manifest", "top@1", str(tmp_path / "no"), check=64).err
    assert refused.startswith("error: top@1 starts from a version of 'team/web' that is not in the records\n")
    project.run("register", "team/web")
    wanted = _recorded(project, "top@1")
    project.remove("manifests/top.yaml")
    project.remove("manifests/team/web.yaml")
    told = project.json("export", "manifest", "top@1", str(tmp_path / "out"))["export"]["files"]
    assert {"manifests/top.yaml", "manifests/team/web.yaml", "locks/team/web.conda-lock.yml"} <= {*told}
    assert _fingerprint(_copy(project, tmp_path / "out"), "top", "--no-refresh") == wanted


def test_what_extends_its_base_cannot_stand_alone(imaged: tuple[Project, Registry], tmp_path: Path) -> None:
    """It is refused, with the reason, and nothing is written."""
    project, registry = imaged
    _image(project, registry, "docker", "1", "  build: ['make it']\n")
    text = "extends: team/web\nvariables: {TOP: '1'}\nimage: {base: {environment: team/web}}\n"
    project.write("manifests/top.yaml", text)
    project.run("lock")
    refused = project.run("export", "manifest", "top", str(tmp_path / "no"), check=None)
    assert refused.code in {1, 3}, refused
    assert "top" in refused.err
    assert not (tmp_path / "no").exists()


def test_a_cell_of_a_matrix_is_an_environment_of_its_own(project: Project, tmp_path: Path) -> None:
    project.write("manifests/deep/m.yaml", "matrix: {n: ['1', '2']}\nvariables: {N: '{{ matrix.n }}'}\n")
    project.run("export", "manifest", "deep/m-2", str(tmp_path / "out"))
    copy = _copy(project, tmp_path / "out")
    assert _fingerprint(copy, "deep/m-2") == _fingerprint(project, "deep/m-2")


def test_secrets_stay_where_they_are(project: Project, tmp_path: Path) -> None:
    """Their names go, and the file of one is told; no value of theirs is anywhere."""
    project.write("envbuild.yaml", "secrets:\n  one: {file: token.txt}\n  two: {env: MY_TOKEN}\n")
    project.write("token.txt", "canary-of-a-file")
    project.write("manifests/a.yaml", "variables: {A: '1'}\n")
    told = project.json("export", "manifest", "a", str(tmp_path / "out"))
    assert [note["message"] for note in told["notes"]] == [
        "the secret 'one' is read from 'token.txt', which stays here"
    ]
    texts = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "MY_TOKEN" in texts
    assert "canary" not in texts


def test_the_folder_is_empty_or_new(project: Project, tmp_path: Path) -> None:
    """What stands there is never written over, nor what is no folder."""
    project.write("manifests/a.yaml", "variables: {A: '1'}\n")
    empty, full, file = tmp_path / "empty", tmp_path / "full", tmp_path / "file"
    empty.mkdir()
    full.mkdir()
    (full / "kept").write_text("1")
    file.write_text("1")
    project.run("export", "manifest", "a", str(empty))
    assert (empty / "manifests/a.yaml").is_file()
    assert "is not empty" in project.run("export", "manifest", "a", str(full), check=64).err
    assert "is no folder" in project.run("export", "manifest", "a", str(file), check=64).err
    assert [path.name for path in full.iterdir()] == ["kept"]
    assert "none is named" in project.run("export", "manifest", "a", check=64).err
    assert "takes no --exact" in project.run("export", "manifest", "a", "x", "--exact", check=64).err
    assert "takes no folder" in project.run("export", "pip", "a", "x", check=64).err
    assert "among the manifests" in project.run("export", "manifest", "a", "manifests/x", check=64).err
    project.run("export", "manifest", "a", "below/deeper")
    assert project.json("list")["environments"][0]["name"] == "a"


def test_what_is_not_locked_is_not_exported(project: Project, index: Index, tmp_path: Path) -> None:
    index.add("alpha", "1.0")
    write_base(project, index, "alpha")
    write_child(project, "a")
    assert "envbuild lock a" in project.run("export", "manifest", "a", str(tmp_path / "out"), check=3).err
    assert "there is no" not in project.run("export", "manifest", "b@1", str(tmp_path / "out"), check=64).err
