"""`envbuild export pixi`: pixi.toml, held against the schema that pixi's own sources give, and read part by part."""

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from packaging.specifiers import SpecifierSet
from support.condachannel import Channel
from support.condapkg import Package
from support.exported import channel, notes, packages, plain, write_mixed
from support.folders import write_nameless
from support.gitserver import GitServer
from support.index import Index
from support.project import Project

TEXT = """\
# a, for linux-64, osx-arm64: what its manifest asks for; written by envbuild.
# trains the model
# To make it: pixi install, where this file is called pixi.toml.

[workspace]
name = "a"
description = "trains the model"
channels = ["CHANNEL"]
channel-priority = "strict"
platforms = ["linux-64", "osx-arm64"]

[pypi-options]
index-url = "INDEX/simple/"
find-links = [{ path = "./wheels" }]

[system-requirements]
cuda = "12.4"

[activation.env]
HOME_LIB = "$CONDA_PREFIX/lib"
PATHS = "a:$PATHS"
SMALL = "yes"

[dependencies]
numpy = ">=2"
python = "3.11.*"

[pypi-dependencies]
beta = ">=1"
linked = "*"
local = { path = "./own/local-1.0-py3-none-any.whl" }
private = { version = "*", index = "INDEX/simple/" }

[target.linux-64.dependencies]
pip = "24.*"

[target.osx-arm64.dependencies]
pip = "*"

[target.osx-arm64.pypi-dependencies]
delta = { version = "*", extras = ["fast"] }

[constraints]
numpy = "<3"
"""


@pytest.fixture(scope="module")
def schema() -> Any:
    """What pixi reads, as its own model says; nothing at the top that it does not know."""
    text = resources.files("validate_pyproject_schema_store.resources").joinpath("pixi.schema.json").read_text()
    return fastjsonschema.compile({**json.loads(text), "additionalProperties": False})


@pytest.fixture
def mixed(project: Project, index: Index, tmp_path: Path) -> Project:
    write_mixed(project, index, tmp_path)
    project.run("lock")
    return project


def read(text: str, schema: Any) -> dict[str, Any]:
    """The tables, once they are known to be pixi's, and each conda spec to be one that rattler takes strictly."""
    from rattler import VersionSpec

    found: dict[str, Any] = tomllib.loads(text)
    schema(found)
    for tables in (found, *found.get("target", {}).values()):
        for one in (*tables.get("dependencies", {}).values(), *tables.get("constraints", {}).values()):
            version = one if isinstance(one, str) else one.get("version", "*")
            VersionSpec(version, strict=True)
        for one in tables.get("pypi-dependencies", {}).values():
            version = one if isinstance(one, str) else one.get("version", "")
            SpecifierSet("" if version == "*" else version)
    return found


def test_the_text(mixed: Project, index: Index, tmp_path: Path, schema: Any) -> None:
    """What every platform shares, and what each has of its own; the same bytes each time."""
    run = mixed.run("export", "pixi", "a")
    assert plain(run.out, index, tmp_path) == TEXT
    assert mixed.run("export", "pixi", "a").out == run.out
    read(run.out, schema)
    assert run.err.splitlines() == [
        "manifests/a.yaml:16:22: system_requirements: __cuda 12.4 on linux-64: pixi.toml says it of osx-arm64 as well",
        "manifests/a.yaml:21:1: setup: pixi.toml has no place for setup",
        "manifests/a.yaml:22:1: tags: pixi.toml has no place for tags",
    ]


def test_what_is_locked(mixed: Project, schema: Any) -> None:
    """Every package of every platform with version, build and channel: those of the lock, and no others."""
    found = read(mixed.run("export", "pixi", "a", "--exact").out, schema)
    for platform in ("linux-64", "osx-arm64"):
        every: dict[tuple[str, str], Any] = {}
        for tables in (found, found["target"][platform]):
            every |= {("conda", name): one for name, one in tables.get("dependencies", {}).items()}
            every |= {("pip", name): one for name, one in tables.get("pypi-dependencies", {}).items()}
        local = every.pop(("pip", "local"))
        assert local == {"path": "./own/local-1.0-py3-none-any.whl"}
        locked = {(one["manager"], one["name"]): one for one in packages(mixed, "a") if one["platform"] == platform}
        assert every.keys() == locked.keys()
        for key, one in every.items():
            stated = one if isinstance(one, str) else one["version"]
            assert stated == f"=={locked[key]['version']}"
            assert key[0] == "pip" or one["build"] == locked[key]["build"]
    assert dict(notes(mixed, "pixi", "a", "--exact"))["hashes"].startswith("the hashes of packages are left out")


def test_one_platform(mixed: Project, schema: Any) -> None:
    """The others are left out, which is told."""
    run = mixed.run("export", "pixi", "a", "--platform", "osx-arm64")
    found = read(run.out, schema)
    assert found["workspace"]["platforms"] == ["osx-arm64"]
    assert "target" not in found
    assert "delta" in found["pypi-dependencies"]
    assert "a: platforms: linux-64: left out, as --platform says\n" in run.err


def test_repositories_urls_folders_and_extras(project: Project, index: Index, tmp_path: Path, schema: Any) -> None:
    """Each in pixi's own form; what only its own files name has that name."""
    write_nameless(project, "libs/hidden", "hidden", ["alpha"])
    with GitServer(tmp_path / "git") as git:
        commit = git.commit("forked", "1.0", "sub")
        url = f"{index.url.removesuffix('simple/')}files/alpha-1.0-py3-none-any.whl"
        items = [f"git+{git.repository}@main#subdirectory=sub", url, "-e ../libs/hidden", "delta[fast] >=1,<2"]
        lines = "".join(f"      - {item}\n" for item in items)
        text = f"platforms: [linux-64]\npip: {{index_url: '{index.url}'}}\ndependencies:\n  - python >=3.10,<3.13\n"
        index.add("delta", "1.0", extras={"fast": ["beta"]})
        project.write("manifests/a.yaml", f"{text}  - pip:\n{lines}")
        project.run("lock")
        run = project.run("export", "pixi", "a")
        found = read(run.out, schema)
        assert found["dependencies"] == {"python": ">=3.10,<3.13"}
        assert found["pypi-dependencies"] == {
            "alpha": {"url": url},
            "delta": {"version": "<2,>=1", "extras": ["fast"]},
            "forked": {"git": git.repository, "rev": "main", "subdirectory": "sub"},
            "hidden": {"path": "./libs/hidden", "editable": True},
        }
        assert "a: python: Python is conda's there, of which " in run.err
        project.run("export", "pixi", "a", "--exact", "-o", "x/pixi.toml")
        exact = read(project.read("x/pixi.toml"), schema)
        assert exact["pypi-dependencies"]["forked"]["rev"] == commit
        assert exact["pypi-dependencies"]["hidden"]["path"] == "../libs/hidden"
        assert exact["pypi-dependencies"]["beta"] == "==1.0"


def test_specs_of_conda(project: Project, tmp_path: Path, schema: Any) -> None:
    """Builds, channels of one package alone, URLs, hashes, and what is said of a package in two places."""
    first, second = channel(tmp_path), Channel(tmp_path / "second")
    second.add(Package(name="tool", version="2.0"), Package(name="other"))
    url = f"{second.url}/linux-64/other-1.0-0.conda"
    specs = [f"{second.url}::tool >=1", "numpy 2.1.* py311_*", "numpy <3", "blas[build_number='<9']", url]
    lines = "".join(f'  - "{one}"\n' for one in specs)
    project.write("manifests/a.yaml", f"channels: ['{first.url}']\nplatforms: [linux-64]\ndependencies:\n{lines}")
    project.run("lock")
    found = read(project.run("export", "pixi", "a").out, schema)
    assert found["workspace"]["channels"] == [first.url, second.url]
    assert found["dependencies"] == {
        "blas": {"build-number": "<9"},
        "numpy": {"version": "2.1.*,<3", "build": "py311_*"},
        "other": {"url": url},
        "tool": {"version": ">=1", "channel": second.url},
    }
    exact = read(project.run("export", "pixi", "a", "--exact").out, schema)["dependencies"]
    assert exact["tool"] == {"version": "==2.0", "build": "0", "channel": second.url}
    assert exact["other"]["url"] == url
    assert len(exact["other"]["sha256"]) == 64


def test_options_and_overrides_of_pip(project: Project, index: Index, schema: Any) -> None:
    """Pixi has a place for nearly all of it; pip's constraints and a bound package nobody asks for are told."""
    index.add("needs", "1.0", requires=["private", "alpha"])
    index.add("private", "1.0")
    project.write(
        "manifests/a.yaml",
        f"""
        platforms: [linux-64]
        pip:
          index_url: "{index.url}"
          extra_index_urls: ["{index.url}"]
          prerelease: true
          no_build_isolation: [beta]
          indexes: {{own: {{url: "{index.url}", packages: [private]}}}}
        dependencies: [python =3.11, {{pip: [needs]}}]
        constraints: [{{pip: [alpha <3]}}]
        overrides: [{{pip: [alpha ==1.1]}}]
        """,
    )
    project.run("lock")
    run = project.run("export", "pixi", "a")
    assert read(run.out, schema)["pypi-options"] == {
        "index-url": index.url,
        "extra-index-urls": [index.url],
        "no-build-isolation": ["beta"],
        "prerelease-mode": "allow",
        "dependency-overrides": {"alpha": "==1.1"},
    }
    bound = f"private is bound to {index.url}, which pixi.toml can only say of what is asked for by name"
    assert run.err.splitlines() == [
        "a: python: Python is conda's there, of which 3.11 is locked here",
        f"manifests/a.yaml:7:12: pip.indexes: {bound}",
        "  hint: ask for private as well",
        "manifests/a.yaml:9:22: constraints: pixi.toml has no place for pip's alpha<3",
    ]


def test_system_requirements(project: Project, tmp_path: Path, schema: Any) -> None:
    """One statement where platforms agree; where they differ it is told and left out."""
    project.write("envbuild.yaml", "system_requirements: {linux-64: {cuda: '12.4'}, linux-aarch64: {cuda: '11.8'}}\n")
    found = channel(tmp_path)
    found.add(Package(name="blas", version="1.0", subdir="linux-aarch64"))
    text = f"channels: ['{found.url}']\nplatforms: [linux-64, linux-aarch64]\ndependencies: [blas]\n"
    project.write("manifests/a.yaml", f"{text}system_requirements: {{libc: 'musl 1.2', linux: '5.4'}}\n")
    project.run("lock")
    run = project.run("export", "pixi", "a")
    assert read(run.out, schema)["system-requirements"] == {
        "libc": {"family": "musl", "version": "1.2"},
        "linux": "5.4",
    }
    assert "pixi.toml has no place for __cuda: 12.4 on linux-64, 11.8 on linux-aarch64" in run.err


def test_variables(project: Project, schema: Any) -> None:
    """Texts as they are, quoted; what pixi's shell would replace is told, and so is what is empty."""
    values = {"A": 'say "x"', "B": "a\nb", "C": "$HOME", "D": "", "E": "\u202e[x]\\"}
    lines = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in values.items())
    project.write("manifests/a.yaml", f"platforms: [linux-64]\nvariables:\n{lines}")
    run = project.run("export", "pixi", "a")
    kept = {name: value for name, value in values.items() if value}
    assert read(run.out, schema)["activation"]["env"] == kept
    assert "\u202e" not in run.out
    told = [line for line in run.err.splitlines() if ": variables: " in line]
    assert [line.partition(": variables: ")[2] for line in told] == [
        "A: pixi's shell replaces what it knows in it",
        "C: pixi's shell replaces what it knows in it",
        "pixi.toml has no place for D, which is empty",
        "E: pixi's shell replaces what it knows in it",
    ]


def test_a_version_whose_manifest_is_gone(project: Project, index: Index, schema: Any) -> None:
    """What was asked for then, and what was locked."""
    text = f"platforms: [linux-64]\npip: {{index_url: '{index.url}'}}\ndependencies: [python =3.11, {{pip: [beta]}}]\n"
    project.write("manifests/x/a.yaml", text)
    project.run("apply", "-q")
    project.remove("manifests/x")
    project.remove("locks")
    found = read(project.run("export", "pixi", "x/a@1").out, schema)
    assert found["workspace"]["name"] == "x-a"
    assert found["pypi-dependencies"] == {"beta": "*"}
    exact = read(project.run("export", "pixi", "x/a@1", "--exact").out, schema)
    assert exact["pypi-dependencies"] == {"alpha": "==2.0", "beta": "==1.0"}
    assert exact["dependencies"] == {"python": "3.11.*"}
