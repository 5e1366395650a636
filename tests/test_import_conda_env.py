"""`envbuild import conda-env`: what conda and pip wrote down of an environment, read with neither of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.channelled import prefix_of, write_conda
from support.condachannel import Channel
from support.condapkg import Archive, File, Package
from support.condapython import SUBDIR
from support.condaworld import pinned
from support.index import Index
from support.project import Project

CANARY = "Canary-5ecret"
FORGE = "https://conda.anaconda.org/conda-forge"
SITE = "lib/python3.11/site-packages"


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "channels: [conda-forge]\nplatforms: [linux-64]\n")
    return project


class Prefix:
    """A prefix as conda leaves it, as far as that is of use to us."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conda-meta").mkdir(parents=True)

    def conda(self, name: str, version: str = "1.0", build: str = "0", /, **fields: Any) -> None:
        subdir = fields.get("subdir", "linux-64")
        url = f"{FORGE}/{subdir}/{name}-{version}-{build}.conda"
        record = {"name": name, "version": version, "build": build, "subdir": subdir, "url": url, "files": []}
        self.write(f"conda-meta/{name}-{version}-{build}.json", json.dumps(record | fields))

    def pip(self, name: str, version: str = "1.0", **files: str) -> None:
        self.write(
            f"{SITE}/{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        for file, text in files.items():
            self.write(f"{SITE}/{name}-{version}.dist-info/{file.replace('__', '.')}", text)

    def write(self, path: str, text: str) -> None:
        full = self.folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")


@pytest.fixture
def prefix(started: Project) -> Prefix:
    """Two packages of conda and one of pip, outside of the project."""
    found = Prefix(started.path.parent / "envs" / "Data_Env")
    found.conda("python", "3.11.7", "h0_0_cpython", requested_spec="python=3.11")
    found.conda("numpy", "1.26.4", "py311_0", files=[f"{SITE}/numpy-1.26.4.dist-info/METADATA"])
    found.pip("numpy", "1.26.4")
    found.pip("Rich_X", "13.0", REQUESTED="", INSTALLER="pip\n")
    return found


def given(prefix: Prefix) -> str:
    return str(prefix.folder)


def body(project: Project, name: str = "data_env") -> str:
    return project.read(f"manifests/{name}.yaml").partition("\n")[2]


def test_everything_is_pinned(started: Project, prefix: Prefix) -> None:
    """Those of conda by build, pip's by version; what conda brought is not listed again."""
    run = started.run("import", "conda-env", given(prefix))
    assert run.out.splitlines()[0] == f"Imported {given(prefix)} as 'data_env': wrote manifests/data_env.yaml."
    assert body(started) == (
        'channels:\n  - conda-forge\ndependencies:\n  - "numpy=1.26.4=py311_0"\n  - "python=3.11.7=h0_0_cpython"\n'
        '  - pip:\n      - "Rich_X==13.0"\n'
    )
    assert started.json("check", "data_env")["errors"] == []


def test_the_round_trip(project: Project, index: Index, conda_python: Archive, tmp_path: Path) -> None:
    """Locked, applied, imported from its prefix, locked again: equal pins, of two channels that share a name."""
    pip = Package(name="pip", version="24.0", subdir="noarch", noarch="python", depends=["python"])
    tools = [
        Package(name="tool", version=one, subdir=SUBDIR, files={"share/tool": File(b"x")}) for one in ("1.0", "2.0")
    ]
    first = Channel(tmp_path / "one/forge", conda_python, pip, tools[0])
    other = Channel(tmp_path / "two/forge", *tools, Package(name="extra", subdir="noarch", noarch="generic"))
    asked = f"channels: ['{first.url}', '{other.url}']\npip: {{index_url: '{index.url}'}}\nvariables: {{A: 'b: #'}}\n"
    specs = f"dependencies: [python, '{other.url}::tool =1.0', extra, {{pip: [gamma]}}]\n"
    project.write("manifests/a.yaml", asked + specs)
    project.run("apply")
    project.run("import", "conda-env", str(prefix_of(project, "a")), "again")
    text = project.read("manifests/again.yaml")
    assert '"gamma==1.0"' in text
    assert '"alpha==2.0"' in text
    project.write("manifests/again.yaml", f"{text}pip: {{index_url: '{index.url}'}}\n")
    project.run("lock", "again")
    assert pinned(project, "again") == pinned(project, "a")


def test_only_what_was_asked_for(started: Project, prefix: Prefix) -> None:
    """With its own specs; a platform's folder in one of them is no part of a channel's name."""
    prefix.conda("scipy", "1.11", requested_specs=["conda-forge/linux-64::scipy==1.11=0", "None"])
    prefix.conda("hidden", requested_spec="None")
    prefix.pip("beside", "2.0")
    started.run("import", "conda-env", given(prefix), "--requested")
    assert body(started) == (
        'channels:\n  - conda-forge\ndependencies:\n  - "python=3.11"\n  - "conda-forge::scipy==1.11=0"\n'
        '  - pip:\n      - "Rich_X==13.0"\n'
    )


def test_what_was_asked_for_by_history(started: Project, prefix: Prefix) -> None:
    """Where records say nothing: later lines replace earlier ones, and what was removed is gone."""
    prefix.conda("python", "3.11.7", "h0_0_cpython", requested_spec="None")
    prefix.conda("xz")
    prefix.write(
        "conda-meta/history",
        "==> 2024-01-01 10:00:00 <==\n# cmd: conda create\n+conda-forge/linux-64::xz-1.0-0\n"
        "# update specs: ['python=3.10', \"xz[version='>=1']\", 'gone']\n# remove specs: ['gone']\n"
        "# update specs: ['python=3.11', 'lost', 'numpy<2']\n# remove specs: ['numpy']\n# neutered specs: []\n",
    )
    started.run("import", "conda-env", given(prefix), "--requested")
    text = body(started)
    assert '\n  - "python=3.11"\n' in text
    assert "xz[version=" in text
    assert "gone" not in text
    assert "lost" not in text
    assert "numpy" not in text
    (prefix.folder / "conda-meta/history").unlink()
    assert (
        "leave out '--requested'" in started.run("import", "conda-env", given(prefix), "x", "--requested", check=1).err
    )


def test_variables_pins_and_platform(started: Project, prefix: Prefix) -> None:
    """What conda keeps beside packages, but what is unset; what is a secret by its name is named instead."""
    prefix.conda("xz", subdir="osx-arm64")
    (prefix.folder / "conda-meta/python-3.11.7-h0_0_cpython.json").unlink()
    (prefix.folder / "conda-meta/numpy-1.26.4-py311_0.json").unlink()
    said = {"ONE": "a: b # c\n- d", "TWO": "***unset***", "QUOTED": "'\"", "NUMBER": "3.10"}
    prefix.write("conda-meta/state", json.dumps({"version": 1, "env_vars": said}))
    prefix.write("conda-meta/pinned", "# ours\nnumpy <2\nxz 1.*  # held\n\n")
    started.run("import", "conda-env", given(prefix), "-n")
    done = started.json("import", "conda-env", given(prefix), "x")["manifest"]
    assert "platforms:\n  - osx-arm64\n" in done
    assert 'constraints:\n  - numpy <2\n  - "xz 1.*"\n' in done or "constraints:\n  - numpy <2\n  - xz 1.*\n" in done
    values = {one["field"]: json.loads(one["value"]) for one in started.json("explain", "x", "variables")["values"]}
    assert values == {"variables.ONE": said["ONE"], "variables.QUOTED": said["QUOTED"], "variables.NUMBER": "3.10"}
    prefix.write("conda-meta/state", json.dumps({"env_vars": {"PYPI_TOKEN": CANARY}}))
    run = started.run("import", "conda-env", given(prefix), "y", check=1)
    assert "'PYPI_TOKEN' is not carried: by its name it is a secret" in run.err
    assert CANARY not in run.err + started.run("import", "conda-env", given(prefix), "y", "--partial").out
    assert CANARY not in started.read("manifests/y.yaml")


def test_where_pip_packages_are_from(started: Project, prefix: Prefix) -> None:
    """Repositories at their commits, archives, editables in the project; what is elsewhere on the machine is named."""
    started.write("own/pyproject.toml", "")
    url = "https://git.test/r.git"
    prefix.pip("repo", direct_url__json=json.dumps({"url": url, "vcs_info": {"vcs": "git", "commit_id": "abc123"}}))
    sub = {"url": url, "subdirectory": "py", "vcs_info": {"vcs": "git", "commit_id": "def"}}
    prefix.pip("sub", direct_url__json=json.dumps(sub))
    prefix.pip("arch", direct_url__json=json.dumps({"url": "https://files.test/a-1.zip", "archive_info": {}}))
    own = {"url": (started.path / "own").as_uri(), "dir_info": {"editable": True}}
    prefix.pip("own", direct_url__json=json.dumps(own))
    prefix.write(f"{SITE}/linked.egg-link", f"{started.path / 'own'}\n.")
    prefix.write(f"{SITE}/legacy-1.0.egg-info/PKG-INFO", "Name: legacy\nVersion: 1.0\n")
    prefix.pip("byconda", INSTALLER="conda")
    started.run("import", "conda-env", given(prefix))
    listed = [line.strip("- \n") for line in body(started).partition("pip:")[2].splitlines() if line]
    assert listed == [
        '"Rich_X==13.0"', '"arch @ https://files.test/a-1.zip"', '"legacy==1.0"', '"-e ../own"', '"-e ../own"',
        f'"repo @ git+{url}@abc123"', f'"sub @ git+{url}@def#subdirectory=py"',
    ]  # fmt: skip
    prefix.pip("far", direct_url__json=json.dumps({"url": "file:///home/joe/far", "dir_info": {}}))
    run = started.run("import", "conda-env", given(prefix), "x", check=1)
    assert "'far (/home/joe/far)' is not carried" in run.err


def test_credentials_are_neither_written_nor_shown(started: Project, prefix: Prefix) -> None:
    """Those of channels and of what pip was given."""
    channel = f"https://conda.test/t/{CANARY}/private"
    prefix.conda("mine", channel=channel, url=f"{channel}/linux-64/mine-1.0-0.conda", requested_spec=f"{channel}::mine")
    told = {"url": f"https://joe:{CANARY}@git.test/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    prefix.pip("repo", direct_url__json=json.dumps(told))
    prefix.write("conda-meta/state", json.dumps({"env_vars": {"DB": f"postgresql://joe:{CANARY}@db.test/x"}}))
    prefix.write("conda-meta/pinned", f"https://joe:{CANARY}@conda.test/x::a =1\n")
    for args in (
        (),
        ("--requested",),
        ("--partial", "--json", "-n"),
        ("--partial", "--requested", "-n"),
        ("--partial",),
    ):
        run = started.run("import", "conda-env", given(prefix), *args, check=None)
        assert CANARY not in run.out + run.err
        assert run.code == (0 if "--partial" in args else 1)
    text = body(started)
    assert CANARY not in text
    assert "https://conda.test/private::mine=1.0=0" in text
    assert "repo @ git+https://git.test/r.git@abc" in text


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("conda-meta/bad.json", "{", "conda-meta/bad.json: this is no record of a package"),
        ("conda-meta/bad.json", "", "conda-meta/bad.json: this is no record of a package"),
        ("conda-meta/bad.json", "[]", "conda-meta/bad.json: this is no record of a package"),
        ("conda-meta/bad.json", '{"name": "x"}', "conda-meta/bad.json: this is no record of a package"),
        ("conda-meta/bad.json", '{"name": 1, "version": []}', "conda-meta/bad.json: this is no record of a package"),
        ("conda-meta/bad.json", "[" * 100_000, "conda-meta/bad.json: this is no"),
        ("conda-meta/state", "{", "conda-meta/state: this is not conda's list of variables"),
        ("conda-meta/state", '{"env_vars": []}', "conda-meta/state: this is not conda's list of variables"),
        (f"{SITE}/x-1.dist-info/METADATA", "\x00", "x-1.dist-info: this says no name and version"),
        (f"{SITE}/Rich_X-13.0.dist-info/direct_url.json", "{", "direct_url.json: this is no record of where"),
        (f"{SITE}/Rich_X-13.0.dist-info/direct_url.json", "[1]", "direct_url.json: this is no record of where"),
        (f"{SITE}/Rich_X-13.0.dist-info/direct_url.json", '{"url": 3}', "direct_url.json: this is no record of where"),
        (f"{SITE}/x.egg-link", "", "x.egg-link: this names no folder"),
    ],
)
def test_damage_is_told_with_its_file(started: Project, prefix: Prefix, path: str, text: str, said: str) -> None:
    """Also with '--partial': nobody knows what is missing."""
    prefix.write(path, text)
    run = started.run("import", "conda-env", given(prefix), "--partial", check=1)
    assert said in run.err
    assert not (started.path / "manifests").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "", "channel": "<unknown>"}, "'odd 1.0' is not carried: its channel is not known"),
        ({"url": None, "channel": None}, "'odd 1.0' is not carried: its channel is not known"),
        ({"name": "a: b\nc"}, "is not carried"),
        ({"build": "x y"}, "is not carried"),
        ({"version": "not a version"}, "is not carried"),
        ({"channel": "\x1b[31m", "url": ""}, "is not carried"),
    ],
)
def test_strange_records_are_items_that_cannot_be_carried(
    started: Project, prefix: Prefix, fields: Mapping[str, Any], said: str
) -> None:
    """Each is named; the rest of it is carried with '--partial'."""
    prefix.conda("odd", **fields)
    run = started.run("import", "conda-env", given(prefix), check=1)
    assert said in " ".join(run.err.split())
    assert "\x1b" not in run.err
    started.run("import", "conda-env", given(prefix), "--partial")
    assert '- "python=3.11.7=h0_0_cpython"' in body(started)
    assert started.json("check", "data_env")["errors"] == []


def test_an_environment_by_its_name(started: Project, prefix: Prefix) -> None:
    """Looked for as conda does: variables, .condarc, each root, and the list of all that were ever made."""
    home = Path(started.environ["HOME"])
    run = started.run("import", "conda-env", "Data_Env", check=64)
    assert "no environment of conda is called 'Data_Env'" in run.err
    above = str(prefix.folder.parent)
    for env in ({"CONDA_ENVS_PATH": f"/nowhere:{above}"}, {"CONDA_ENVS_DIRS": above}):
        started.run("import", "conda-env", "Data_Env", "-n", env=env)
    root = {"MAMBA_ROOT_PREFIX": str(prefix.folder.parent.parent)}
    started.run("import", "conda-env", "Data_Env", "-n", env=root)
    started.run("import", "conda-env", "Data_Env", "-n", env={"CONDA_PREFIX": f"{above}/other"})
    run = started.run("import", "conda-env", "DataEnv", "-n", env=root, check=64)
    assert "did you mean 'Data_Env'?" in run.err
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_text(f"/gone/x\n{prefix.folder}\n")
    started.run("import", "conda-env", "Data_Env", "-n")
    (home / ".conda/environments.txt").unlink()
    (home / ".condarc").write_text(f"envs_dirs: [{above}]\n")
    started.run("import", "conda-env", "Data_Env", "-n")
    (home / ".condarc").unlink()
    (home / "miniforge3/envs").mkdir(parents=True)
    (home / "miniforge3/envs/Data_Env").symlink_to(prefix.folder)
    started.run("import", "conda-env", "Data_Env", "-n")
    (home / "miniforge3/conda-meta").mkdir()
    assert "dependencies: []" in started.run("import", "conda-env", "base", "-n").out


def test_what_is_no_environment_of_conda(started: Project) -> None:
    """A folder without conda-meta, one of venv, none at all."""
    started.write("x/y", "")
    started.write("v/pyvenv.cfg", "")
    for where, said in (("./x", "has no folder 'conda-meta'"), ("./v", "pip freeze"), ("./z", "there is no folder")):
        assert said in started.run("import", "conda-env", where, check=64).err


def test_a_prefix_of_this_machine_needs_no_platform(project: Project, tmp_path: Path) -> None:
    """And libraries alone need no Python."""
    write_conda(project, "a", Channel(tmp_path / "c", Package(name="tool", subdir=SUBDIR)), "tool")
    project.run("apply")
    project.run("import", "conda-env", str(prefix_of(project, "a")), "b")
    assert "platforms" not in project.read("manifests/b.yaml")
    assert "pip" not in project.read("manifests/b.yaml")
