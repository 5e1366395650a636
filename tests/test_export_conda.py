"""`envbuild export conda`: environment.yml of what is locked or asked for, read again by others and by us."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.condachannel import Channel
from support.condapkg import Package
from support.exported import channel, notes, packages, plain, write_mixed
from support.folders import write_package
from support.gitserver import GitServer
from support.index import Index
from support.project import Project

EXACT = """\
# a, for linux-64: the packages that are locked; written by envbuild.
# trains the model
# To make it: conda env create -f FILE. As a manifest of envbuild it is valid as it stands.
name: a
channels:
  - CHANNEL
dependencies:
  - blas=1.0=a_b_1
  - numpy=2.1.3=py311_0
  - pip=24.0=0
  - python=3.11.7=h0_0
  - pip:
      - "--index-url INDEX/simple/"
      - "--find-links ./wheels"
      - alpha==2.0
      - beta==1.0
      - linked==1.0
      - "private @ INDEX/files/private-1.0-py3-none-any.whl#sha256=SHA256"
      - ./own/local-1.0-py3-none-any.whl
variables:
  SMALL: "yes"
"""
REQUESTED = """\
# a, for osx-arm64: what its manifest asks for; written by envbuild.
# trains the model
# To make it: conda env create -f FILE. As a manifest of envbuild it is valid as it stands.
name: a
channels:
  - CHANNEL
dependencies:
  - numpy >=2
  - pip
  - python 3.11.*
  - pip:
      - "--index-url INDEX/simple/"
      - "--extra-index-url INDEX/simple/"
      - "--find-links ./wheels"
      - beta>=1
      - "delta[fast]; sys_platform == \\"darwin\\""
      - linked
      - private
      - ./own/local-1.0-py3-none-any.whl
variables:
  SMALL: "yes"
"""
TOLD = """\
a: hashes: environment.yml has no place for the hashes of packages
  hint: 'export explicit' has them
manifests/a.yaml:2:12: platforms: osx-arm64: environment.yml is for one platform, and this is linux-64
  hint: export each with --platform
manifests/a.yaml:14:15: constraints: environment.yml has no place for constraints: numpy <3
manifests/a.yaml:15:34: variables: PATHS: conda sets texts, and nothing around what the host has or with the place \
of a prefix
manifests/a.yaml:15:60: variables: HOME_LIB: conda sets texts, and nothing around what the host has or with the place \
of a prefix
manifests/a.yaml:16:22: system_requirements: environment.yml has no place for __cuda 12.4
manifests/a.yaml:20:12: pip.indexes: private is bound to INDEX/simple/: the very file that is locked stands for it
manifests/a.yaml:21:1: setup: environment.yml has no place for setup
manifests/a.yaml:22:1: tags: environment.yml has no place for tags
"""


@pytest.fixture
def mixed(project: Project, index: Index, tmp_path: Path) -> Project:
    write_mixed(project, index, tmp_path)
    project.run("lock")
    return project


def again(project: Project, name: str, *options: str) -> None:
    """Export, take the file for a manifest as it is, and lock that."""
    project.run("export", "conda", name, *options, "-o", "manifests/again.yaml")
    project.run("lock", "again")


def test_what_is_locked(mixed: Project, index: Index, tmp_path: Path) -> None:
    """Every package of one platform with version and build, and the same bytes each time."""
    run = mixed.run("export", "conda", "a", "--platform", "linux-64")
    assert plain(run.out, index, tmp_path) == EXACT
    assert mixed.run("export", "conda", "a", "--platform", "linux-64").out == run.out
    mixed.run("export", "conda", "a", "-o", "environment.yml", "--platform", "linux-64")
    assert mixed.read("environment.yml") == run.out


def test_what_is_asked_for(mixed: Project, index: Index, tmp_path: Path) -> None:
    """As the manifest says it for one platform, conda's and PyPI's."""
    run = mixed.run("export", "conda", "a", "--requested", "--platform", "osx-arm64")
    assert plain(run.out, index, tmp_path) == REQUESTED


def test_all_that_has_no_place_is_told(mixed: Project, index: Index, tmp_path: Path) -> None:
    """Each with its line, on standard error beside the answer, and as notes in JSON."""
    run = mixed.run("export", "conda", "a", "--platform", "linux-64")
    assert plain(run.err, index, tmp_path) == TOLD
    told = mixed.json("export", "conda", "a", "--platform", "linux-64")
    kinds = [one["kind"] for one in told["notes"]]
    assert sorted(kinds) == [
        "constraints", "hashes", "pip.indexes", "platforms", "setup", "system_requirements", "tags", "variables",
        "variables",
    ]  # fmt: skip
    assert {key: told["export"][key] for key in ("environment", "version", "format", "platforms", "file")} == {
        "environment": "a",
        "version": None,
        "format": "conda",
        "platforms": ["linux-64"],
        "file": None,
    }
    asked = dict(notes(mixed, "conda", "a", "--requested", "--platform", "linux-64"))
    assert "hashes" not in asked
    assert asked["pip.indexes"].endswith(", and pip takes it from any index that has it")


@pytest.mark.parametrize("options", [(), ("--requested",)])
def test_a_file_that_is_read_again_gives_the_same_pins(
    options: tuple[str, ...], project: Project, index: Index, tmp_path: Path
) -> None:
    """It is a manifest as it stands, from wherever in the project it lies."""
    write_mixed(project, index, tmp_path, "linux-64")
    project.run("lock")
    again(project, "a", *options)
    assert packages(project, "again") == packages(project, "a")
    exported = YAML(typ="safe").load(project.read("manifests/again.yaml"))
    assert exported["dependencies"][-1]["pip"][-1] == "../own/local-1.0-py3-none-any.whl"


@pytest.mark.parametrize("options", [(), ("--requested",)])
def test_where_uv_brings_python(options: tuple[str, ...], project: Project, index: Index) -> None:
    """The minor version is named, which is all that is locked, and no pip comes in that was not there."""
    text = f"pip: {{index_url: '{index.url}'}}\ndependencies: [python =3.11, {{pip: [beta]}}]\n"
    project.write("manifests/a.yaml", text)
    project.run("lock")
    again(project, "a", *options)
    assert packages(project, "again") == packages(project, "a")
    found = YAML(typ="safe").load(project.read("manifests/again.yaml"))["dependencies"]
    assert found[0] == "python 3.11.*"
    assert all(isinstance(one, dict) or one.startswith("python") for one in found)
    kinds = [kind for kind, _ in notes(project, "conda", "a", *options)]
    assert ("python" in kinds) == (not options)


def test_all_that_pypi_knows(project: Project, index: Index, tmp_path: Path) -> None:
    """Repositories at their commits, URLs, extras, folders, what is built: the same pins and members again."""
    write_package(project, "libs/own", "own", needs=["alpha"])
    index.add("delta", "1.0", extras={"fast": ["beta"]})
    with GitServer(tmp_path / "git") as git:
        commit = git.commit("forked", "1.0", "sub")
        url = f"{index.url.removesuffix('simple/')}files/alpha-1.0-py3-none-any.whl"
        items = [f"git+{git.repository}@main#subdirectory=sub", url, "-e ../libs/own", "delta[fast]"]
        lines = "".join(f"      - {item}\n" for item in items)
        text = f"pip: {{index_url: '{index.url}', prerelease: true}}\ndependencies:\n  - python =3.11\n  - pip:\n"
        project.write("manifests/a.yaml", text + lines)
        project.run("lock")
        again(project, "a")
        assert packages(project, "again") == packages(project, "a")
        written = project.read("manifests/again.yaml")
        assert f"forked @ git+{git.repository}@{commit}#subdirectory=sub" in written
        assert "-e ../libs/own" in written
        again(project, "a", "--requested")
        assert packages(project, "again") == packages(project, "a")


def test_a_package_of_a_channel_that_only_its_spec_names(project: Project, tmp_path: Path) -> None:
    """It keeps its channel, which stands behind the others: the first one has another version of it."""
    first, second = Channel(tmp_path / "first"), Channel(tmp_path / "second")
    first.add(Package(name="tool", version="1.0"), Package(name="rest"))
    second.add(Package(name="tool", version="2.0"))
    text = f"channels: ['{first.url}']\nplatforms: [linux-64]\ndependencies: ['{second.url}::tool', rest]\n"
    project.write("manifests/a.yaml", text)
    project.run("lock")
    again(project, "a")
    assert [(one["name"], one["version"]) for one in packages(project, "again")] == [("rest", "1.0"), ("tool", "2.0")]
    assert f"{second.url}::tool=2.0=0" in project.read("manifests/again.yaml")


def test_a_package_by_its_url(project: Project, tmp_path: Path) -> None:
    """The URL stands for it."""
    channel = Channel(tmp_path / "channel", Package(name="tool", version="1.0"), Package(name="rest"))
    url = f"{channel.url}/linux-64/tool-1.0-0.conda"
    project.write(
        "manifests/a.yaml", f"channels: ['{channel.url}']\nplatforms: [linux-64]\ndependencies: ['{url}', rest]\n"
    )
    project.run("lock")
    again(project, "a")
    assert packages(project, "again") == packages(project, "a")
    assert url in project.read("manifests/again.yaml")


@pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning", "ignore:path is deprecated")
def test_conda_lock_reads_it(project: Project, index: Index, tmp_path: Path) -> None:
    """The same packages by its own parser, which adds a pip of its own; the index of the host stays there."""
    from conda_lock.src_parser.environment_yaml import parse_environment_file

    text = f"channels: ['{channel(tmp_path).url}']\nplatforms: [linux-64]\ndependencies: [numpy, {{pip: [beta]}}]\n"
    project.write("manifests/a.yaml", text)
    project.run("lock", env={"UV_DEFAULT_INDEX": index.url})
    project.run("export", "conda", "a", "-o", "environment.yml", env={"UV_DEFAULT_INDEX": index.url})
    assert index.url not in project.read("environment.yml")
    mapping = project.write("names.yaml", "{}\n").as_uri()
    found = parse_environment_file(project.path / "environment.yml", ["linux-64"], mapping_url=mapping)
    known = {f"{one.manager}/{one.name}": getattr(one, "version", "") for one in found.dependencies["linux-64"]}
    assert known == {
        "conda/blas": "1.0", "conda/numpy": "2.1.3", "conda/pip": "*", "conda/python": "3.11.7",
        "pip/alpha": "==2.0", "pip/beta": "==1.0",
    }  # fmt: skip


def test_a_version_whose_manifest_is_gone(project: Project, index: Index) -> None:
    """Everything is in the record; its notes name the version, since its lines are gone."""
    text = f"pip: {{index_url: '{index.url}'}}\nsetup: ['true']\ndependencies: [python =3.11, {{pip: [%s]}}]\n"
    project.write("manifests/a.yaml", text % "alpha ==1.0")
    project.run("apply", "-q")
    project.write("manifests/a.yaml", text % "alpha ==1.1")
    project.run("apply", "-q")
    project.remove("manifests/a.yaml")
    project.remove("locks")
    run = project.run("export", "conda", "a@1")
    assert "      - alpha==1.0\n" in run.out
    assert run.out.startswith("# a@1, for ")
    assert "a@1: setup: environment.yml has no place for setup\n" in run.err
    assert "      - alpha==1.1\n" in project.run("export", "conda", "a@latest").out
    run = project.run("export", "conda", "a", check=64)
    assert "'a' has no manifest now" in run.err
    assert "hint: name a version: 'a@2'" in run.err


def test_a_record_of_before_inheritance_and_settings(project: Project, index: Index) -> None:
    """What a parent and the settings said then is in the version, whatever they say now."""
    project.write("envbuild.yaml", "channels: [bioconda]\n")
    project.write("manifests/base.yaml", f"abstract: true\npip: {{index_url: '{index.url}'}}\nvariables: {{A: x}}\n")
    project.write("manifests/a.yaml", "extends: base\ndependencies: [python =3.11, {pip: [alpha ==1.0]}]\n")
    project.run("apply", "-q")
    before = project.run("export", "conda", "a").out
    project.write("envbuild.yaml", "channels: [conda-forge]\n")
    project.write("manifests/base.yaml", "abstract: true\n")
    assert project.run("export", "conda", "a@1").out == before.replace("# a,", "# a@1,", 1)
    assert "  - bioconda\n" in before
    assert "variables:\n  A: x\n" in before


def test_names_for_conda(project: Project) -> None:
    """A stated name is kept where conda takes it; else the environment's own serves, with no slash."""
    cases = (
        ("name: hello\n", "hello"),
        ("name: base\n", "x-a"),
        ("name: a/b\n", "x-a"),
        ("name:\n", "x-a"),
        ("", "x-a"),
    )
    for stated, expected in cases:
        project.write("manifests/x/a.yaml", f"{stated}variables: {{A: b}}\n")
        found: Any = YAML(typ="safe").load(project.run("export", "conda", "x/a").out)
        assert found["name"] == expected


def test_variables_are_texts_to_every_reader(project: Project) -> None:
    """Words, numbers, quotes, line breaks and braces come back as they were; braces are told of."""
    values = {
        "A": "no", "B": "1e3", "C": "0o7", "D": "a: b # c", "E": "x\ny\n", "F": "'\"\\", "G": "\u202e", "H": "",
        "I": "{{ x }}", "J": "- a", "K": "~", "L": "a:",
    }  # fmt: skip
    lines = "".join(
        f"  {name}: {'!raw ' if name == 'I' else ''}{json.dumps(value)}\n" for name, value in values.items()
    )
    project.write("manifests/a.yaml", f"variables:\n{lines}")
    run = project.run("export", "conda", "a")
    for version in ((1, 1), (1, 2)):
        yaml: Any = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(run.out)["variables"] == values
    assert "variables: I: as a manifest of envbuild its braces are Jinja" in run.err


def test_paths_are_those_from_the_file(project: Project, index: Index, tmp_path: Path) -> None:
    """Whatever folder of the project it lies in; outside of it they stay the project's, which is told."""
    write_mixed(project, index, tmp_path, "linux-64")
    project.run("lock")
    project.run("export", "conda", "a", "-o", "deep/er/environment.yml")
    assert "- ../../own/local-1.0-py3-none-any.whl" in project.read("deep/er/environment.yml")
    outside = tmp_path / "elsewhere.yml"
    run = project.run("export", "conda", "a", "-o", str(outside))
    assert (
        "a: files: the file stands outside of the project, and paths in it are those from the project's root" in run.err
    )
    assert str(tmp_path) not in outside.read_text().replace((tmp_path / "channel").as_uri(), "")
