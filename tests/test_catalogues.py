"""Catalogues: environments that are no project's own, by the name of their catalogue; envbuild's own is `curated`."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Package
from support.index import Index
from support.line import actions, apply_twice, closed_port, read_only, run_without_rights
from support.project import Project, clean_environment
from support.services import require
from support.wheels import wheel_bytes

from envbuild.names import DEFAULT
from envbuild.project.shipped import shipped

FORGE = "https://conda.anaconda.org/conda-forge"
CURATED = ("lightgbm-cpu", "minimal", "pytorch-cpu", "pytorch-cuda", "r-base", "serving", "sklearn-cpu", "spark")
_CONDA = ("pytorch-cpu", "pytorch-cuda", "r-base", "spark")
_PIP = ("lightgbm-cpu", "minimal", "serving", "sklearn-cpu")


@pytest.fixture
def shelf(tmp_path: Path, index: Index) -> Project:
    """A folder of manifests beside the project, which is no project: a parent, a child of it, a list, a wheel."""
    shelf = Project(tmp_path / "shelf", {})
    shelf.write("base.yaml", f"description: all have it\npip: {{index_url: '{index.url}'}}\nvariables: {{ONE: '1'}}\n")
    shelf.write("lists/more.txt", "alpha ==1.0\n")
    (shelf.path / "wheels").mkdir()
    name, data = wheel_bytes("own", "1.0", modules={"own/__init__.py": "FROM = 'the shelf'\n"})
    (shelf.path / "wheels" / name).write_bytes(data)
    packages = f"dependencies: [{{pip: [-r lists/more.txt, ./wheels/{name}]}}]"
    shelf.write("train.yaml", f"extends: base\ndescription: trains\ntags: {{team: growth}}\n{packages}\n")
    return shelf


@pytest.fixture
def lender(project: Project, shelf: Project) -> Project:
    """A project to which that folder is lent."""
    assert shelf.path.name == "shelf"
    project.write("envbuild.yaml", "catalogues:\n  acme: ../shelf\n")
    project.write("manifests/own.yaml", "variables: {TWO: '2'}\n")
    return project


def test_curated_is_whole() -> None:
    """What the issue names is there, and the first environment of this repository is not."""
    files = {path.stem for path in shipped("manifests").glob("*.yaml")}
    assert files - {"quickstart"} == set(CURATED)


def test_curated_is_listed_anywhere(tmp_path: Path, uv_cache: Path) -> None:
    """Also where there is no project; each with what it is for, and how it is found by tags."""
    nowhere = Project(tmp_path / "nowhere", clean_environment(tmp_path, uv_cache))
    rows = nowhere.json("list", "--curated")["environments"]
    assert [row["name"] for row in rows] == [f"curated/{name}" for name in CURATED]
    assert all(row["description"] and row["tags"] for row in rows)
    assert {key for row in rows for key in row} == {"name", "description", "tags", "platforms", "file"}
    head, line, last = nowhere.run("list", "--curated", "--tag", "gpu=true").out.splitlines()
    assert head.split() == ["name", "description", "tags", "platforms"]
    assert line.split("  ") == [
        "curated/pytorch-cuda",
        "PyTorch with torchvision, for a GPU with CUDA",
        "framework=pytorch gpu=true purpose=training",
        "linux-64",
    ]
    assert last == "1 environment of catalogues: extend them, clone them, or name them."
    assert nowhere.tree() == {}


def test_packages_are_own_and_inherited_ones(project: Project) -> None:
    """With the line that asks for each; below each environment where people read."""
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    (row,) = project.json("list", "--curated", "--packages", "curated/lightgbm-cpu")["environments"]
    found = {(one["manager"], one["spec"], one["where"].partition(":")[0]) for one in row["packages"]}
    assert ("pip", "lightgbm<5,>=4.5", "~curated/lightgbm-cpu.yaml") in found
    assert ("pip", "pandas<4,>=2.2", "~curated/sklearn-cpu.yaml") in found
    assert ("conda", "python>=3.11", "~curated/minimal.yaml") in found
    lines = project.run("list", "--curated", "--packages", "curated/minimal").out.splitlines()
    assert lines[1].startswith("curated/minimal  Python and nothing else")
    assert lines[2] == "    conda: python>=3.11"


def test_packages_are_those_of_catalogues(project: Project) -> None:
    """What the project's own ask for is told by others."""
    project.write("manifests/a.yaml", "variables: {A: '1'}\n")
    assert project.run("list", "--packages", check=64).err == (
        "error: '--packages' are those of catalogues\n  hint: say '--curated --packages'\n"
    )
    assert "'a' is of no catalogue" in project.run("list", "--curated", "a", check=64).err


def test_curated_has_nothing_to_complain_of(tmp_path: Path, uv_cache: Path) -> None:
    """As a project of its own, and as one that is lent."""
    folder = tmp_path / "checkout"
    shutil.copytree(shipped("manifests"), folder / "manifests")
    own = Project(folder, clean_environment(tmp_path, uv_cache))
    assert own.run("check").out == f"No problems in {len(CURATED) + 1} manifests, 0 notes.\n"
    other = Project(tmp_path / "other", own.environ)
    other.write("envbuild.yaml", "")
    assert other.run("check", "curated/**").out == f"No problems in {len(CURATED)} manifests, 0 notes.\n"


@pytest.mark.parametrize("name", _PIP)
def test_what_is_of_pypi_alone_locks(project: Project, name: str) -> None:
    """With what PyPI has today."""
    require("pypi")
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    project.run("lock", f"curated/{name}")
    project.run("lock", "--check", f"curated/{name}")
    assert (project.path / f"locks/curated/{name}.conda-lock.yml").is_file()


@pytest.mark.parametrize("name", _CONDA)
def test_what_is_of_conda_locks(project: Project, tmp_path: Path, name: str) -> None:
    """With a channel that has these names: the newest of what is asked for, and of PyTorch the kind for the machine."""
    channel = Channel(tmp_path / "forge", *_forge())
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    mirror = {"ENVBUILD_MIRRORS": f"{FORGE}={channel.url}"}
    project.run("lock", f"curated/{name}", env=mirror)
    text = project.read(f"locks/curated/{name}.conda-lock.yml")
    kinds = {"pytorch-cpu": "cpu_0", "pytorch-cuda": "cuda_0"}
    assert kinds.get(name, "") in text
    assert all(other not in text for kind, other in kinds.items() if kind != name)


def _forge() -> list[Package]:
    plain = {
        "python": "3.12.4", "numpy": "1.26.4", "pandas": "2.2.3", "tqdm": "4.67.0", "torchvision": "0.20.0",
        "pyspark": "3.5.3", "openjdk": "17.0.11", "pyarrow": "17.0.0", "r-base": "4.4.1", "r-tidyverse": "2.0.0",
        "r-data.table": "1.16.0", "r-jsonlite": "1.8.9", "r-arrow": "17.0.0",
    }  # fmt: skip
    torch = [
        Package(name="pytorch", version="2.5.0", build="cpu_0"),
        Package(name="pytorch", version="2.5.0", build="cuda_0", number=1, depends=["__cuda >=12.1"]),
        Package(name="pytorch-cpu", version="2.5.0", depends=["pytorch 2.5.0 cpu_0"]),
        Package(name="pytorch-gpu", version="2.5.0", depends=["pytorch 2.5.0 cuda_0", "__cuda"]),
    ]
    return [*torch, *(Package(name=name, version=version) for name, version in plain.items())]


def test_a_project_extends_what_is_lent(lender: Project) -> None:
    """Its values come with their lines; a list and a wheel of the catalogue lie in it."""
    lender.write("manifests/own.yaml", "extends: acme/train\nvariables: {TWO: '2'}\n")
    apply_twice(lender)
    run = lender.run("run", "own", "--", "python", "-c", "import own, alpha, os; print(own.FROM, os.environ['ONE'])")
    assert run.out == "the shelf 1\n"
    explained = lender.run("explain", "own", "variables").out
    assert explained.splitlines()[0].split() == ["variables.ONE:", '"1"', "~acme/base.yaml:3:18"]


def test_what_is_lent_is_built_only_when_it_is_named(lender: Project) -> None:
    """Its lock and its record are the project's; a plan of everything speaks of neither, and forgets neither."""
    assert actions(lender) == {"own": "create"}
    assert lender.run("apply", "acme/train").code == 0
    assert (lender.path / "locks/acme/train.conda-lock.yml").is_file()
    assert [one["name"] for one in lender.json("list")["environments"]] == ["own"]
    assert actions(lender) == {"own": "create"}
    assert "acme" not in lender.run("apply", "--prune", "-y").out
    assert lender.run("plan").out == "No changes. 1 environment is up to date.\n"
    assert lender.run("plan", "acme/train").out == "No changes. 1 environment is up to date.\n"
    assert lender.run("run", "acme/train", "--", "python", "-c", "import own; print(own.FROM)").out == "the shelf\n"
    assert lender.json("show", "acme/train@1")["environment"]["version"] == 1
    assert [one["version"] for one in lender.json("history", "acme/train")["records"]] == [1]


def test_a_catalogue_that_is_gone_leaves_records_to_be_forgotten(lender: Project) -> None:
    """As a manifest does."""
    lender.run("apply")
    lender.run("apply", "acme/base")
    lender.write("envbuild.yaml", "")
    assert actions(lender) == {"acme/base": "forget"}


def test_names_and_globs_of_catalogues(lender: Project) -> None:
    """A glob means what is lent where it begins with the catalogue's name; what is misspelt is told beside those."""
    assert actions(lender, "**") == {"own": "create"}
    assert actions(lender, "acme/**") == {"acme/base": "create", "acme/train": "create"}
    assert actions(lender, "own", "acme/t*") == {"acme/train": "create", "own": "create"}
    assert actions(lender, "acme/**", "--exclude", "acme/base") == {"acme/train": "create"}
    assert actions(lender, "acme/**", "--tag", "team=growth") == {"acme/train": "create"}
    assert lender.run("plan", "acme/trian", check=64).err == (
        "error: no environment is named 'acme/trian'\n  hint: did you mean 'acme/train'?\n"
    )
    lender.write("manifests/own.yaml", "extends: acme/trian\n")
    assert lender.run("plan", check=1).err == (
        "manifests/own.yaml:1:10: no manifest is named 'acme/trian'\n  hint: did you mean 'acme/train'?\n"
    )


def test_a_group_may_name_what_is_lent(lender: Project) -> None:
    """Wherever ENV stands."""
    lender.write("envbuild.yaml", "catalogues: {acme: ../shelf}\ngroups: {some: ['acme/*', own]}\n")
    assert set(actions(lender, "@some")) == {"acme/base", "acme/train", "own"}


def test_within_a_catalogue_its_own_names_are_meant(lender: Project, shelf: Project) -> None:
    """Whatever it is called here, and whatever the project calls so; envbuild's own are meant by their whole name."""
    lender.write("manifests/base.yaml", "variables: {ONE: wrong}\n")
    shelf.write("more.yaml", "extends: [base, curated/minimal]\n")
    shelf.write("deep/below.yaml", "extends: ../more.yaml\n")
    lender.write("manifests/own.yaml", "extends: acme/deep/below\n")
    variables = {
        one["field"]: one["value"] for one in lender.json("explain", "own")["values"] if "variables" in one["field"]
    }
    assert variables == {"variables.ONE": '"1"', "variables.PYTHONUNBUFFERED": '"1"'}
    edges = [(one["from"], one["to"]) for one in lender.json("graph", "own")["edges"]]
    assert ("acme/deep/below", "acme/more") in edges
    assert ("acme/more", "curated/minimal") in edges


def test_a_parent_that_is_lent_is_drawn_as_what_it_is(lender: Project, shelf: Project) -> None:
    """Abstract where its manifest says so; else an environment of a catalogue, which nobody has asked for here."""
    shelf.write("idea.yaml", "abstract: true\n")
    shelf.write("two.yaml", "extends: base\n")
    lender.write("manifests/own.yaml", "extends: [acme/two, acme/idea]\n")
    assert lender.run("graph", "own").out == (
        "1 environment, 3 parents.\n"
        "acme/base  of a catalogue\n"
        "└─ acme/two  of a catalogue\n"
        "   └─ own  also extends acme/idea\n"
        "acme/idea  abstract\n"
        "└─ own (*)\n"
        "(*) named again: its own place is elsewhere\n"
    )
    nodes = {one["name"]: (one["abstract"], one["builder"]) for one in lender.json("graph", "own")["nodes"]}
    lent = (False, None)
    assert nodes == {"acme/base": lent, "acme/two": lent, "acme/idea": (True, None), "own": (False, "local")}
    dot = lender.run("graph", "own", "--format", "dot").out
    assert dot.count("dashed") == 1
    assert lender.run("graph", "own", "--format", "svg").out.count("of a catalogue") == 2
    asked = lender.run("graph", "acme/two").out
    assert asked == "1 environment, 1 parent.\nacme/base  of a catalogue\n└─ acme/two\n"
    names = {one["name"] for one in lender.json("list", "acme/two", "--with-dependents")["environments"]}
    assert names == {"acme/two", "own"}


def test_an_image_starts_from_what_is_lent(lender: Project, shelf: Project) -> None:
    """It is planned with who needs it; in a catalogue the name is its own."""
    shelf.write("image.yaml", "builder: docker\nimage: {base: 'debian:12'}\n")
    shelf.write("above.yaml", "builder: docker\nimage: {base: {environment: image}}\n")
    lender.write("manifests/own.yaml", "builder: docker\nimage: {base: {environment: acme/above}}\n")
    edges = [(one["from"], one["to"], one["kind"]) for one in lender.json("graph", "own")["edges"]]
    assert sorted(edges) == [("acme/above", "acme/image", "base"), ("own", "acme/above", "base")]
    resolved = lender.run("show", "--resolved", "own").out
    assert "environment: acme/above" in resolved
    lender.write("manifests/own.yaml", "extends: acme/above\n")
    assert "environment: acme/image" in lender.run("show", "--resolved", "own").out
    assert "environment: image" in lender.run("show", "--resolved", "acme/above").out


def test_cells_of_a_catalogue(lender: Project, shelf: Project) -> None:
    """They are named below it, also where the matrix names them."""
    shelf.write("cells.yaml", "extends: base\nmatrix: {size: [a, b]}\n")
    shelf.write("named.yaml", "extends: base\nmatrix: {size: [a, b], name: 'as-{{ matrix.size }}'}\n")
    assert set(actions(lender, "acme/cells")) == {"acme/cells-a", "acme/cells-b"}
    assert set(actions(lender, "acme/as-a")) == {"acme/as-a"}
    assert set(actions(lender, "acme/cells-b")) == {"acme/cells-b"}
    lender.run("apply", "acme/cells-b")
    assert "acme" not in lender.run("plan").out


def test_a_catalogue_that_is_a_project_names_by_its_globs(lender: Project, shelf: Project) -> None:
    """Of its settings nothing else holds; what reads on beside its manifests lies in its folder."""
    shelf.write("envbuild.yaml", "manifests: ['envs/*.yaml']\nchannels: [nowhere]\nparams: {x: '1'}\n")
    shelf.write("envs/inner.yaml", "extends: ../base.yaml\n")
    assert [one["name"] for one in lender.json("list", "--curated", "acme/*")["environments"]] == ["acme/inner"]
    shelf.remove("envbuild.yaml")
    shelf.write("manifests/usual.yaml", "extends: ../base.yaml\n")
    assert [one["name"] for one in lender.json("list", "--curated", "acme/*")["environments"]] == ["acme/usual"]
    assert lender.json("explain", "acme/usual", "channels")["values"][0]["where"] == "default"


def test_a_name_that_a_catalogue_has_to_itself(lender: Project) -> None:
    """Told at both lines; for files, for cells, and before a file is written."""
    what = "'acme/' begins the names of a catalogue, and of 'acme/mine'\n"
    lender.write("manifests/acme/mine.yaml", "variables: {A: '1'}\n")
    assert lender.run("plan", check=1).err == (
        f"envbuild.yaml:2:3: {what}  hint: rename the catalogue, or manifests/acme/mine.yaml\n"
        f"manifests/acme/mine.yaml: {what}  hint: rename it, or the catalogue 'acme'\n"
    )
    lender.remove("manifests/acme")
    lender.write("manifests/m.yaml", "variables: {A: '1'}\nmatrix: {a: [x], name: 'acme/{{ matrix.a }}'}\n")
    err = lender.run("plan", check=1).err
    assert "envbuild.yaml:2:3: 'acme/' begins the names" in err
    assert "manifests/m.yaml: 'acme/' begins the names" in err
    lender.remove("manifests/m.yaml")
    before = lender.tree()
    for command in (["new", "acme/x"], ["clone", "own", "acme/x"], ["new", "curated/x"]):
        assert "choose another" in lender.run(*command, check=64).err
    assert lender.tree() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{acme: ../none}", "envbuild.yaml:1:20: there is no folder '../none'\n  hint: check the path's spelling"),
        ("{acme: envbuild.yaml}", "envbuild.yaml:1:20: 'envbuild.yaml' is no folder\n  hint: name a folder"),
        ("{acme: /srv/envs}", "envbuild.yaml:1:20: the path '/srv/envs' is absolute\n  hint: write it relative"),
        ("{acme: ~/envs}", "envbuild.yaml:1:20: the path '~/envs' is absolute\n  hint: write it relative"),
        ("{curated: ../shelf}", "envbuild.yaml:1:14: the name 'curated' is that of envbuild's own catalogue"),
        ("{Acme: ../shelf}", "envbuild.yaml:1:14: 'Acme' cannot name a catalogue\n  hint: use small letters"),
        ("{'a/b': ../shelf}", "envbuild.yaml:1:14: 'a/b' cannot name a catalogue\n  hint: use small letters"),
        ("{acme: 'https://h.example/x'}", "envbuild.yaml:1:20: 'https://h.example/x' is a URL\n  hint: write {git"),
        ("{acme: null}", "envbuild.yaml:1:20: 'acme' must be text, not nothing"),
        ("[../shelf]", "envbuild.yaml:1:13: 'catalogues' must be a mapping, not a list"),
    ],
)
def test_settings_that_lend_nothing(lender: Project, settings: str, message: str) -> None:
    """Each with its line; what is wrong with a folder is told to who asks for something of it."""
    lender.write("envbuild.yaml", f"catalogues: {settings}\n")
    run = lender.run("plan", "acme/train", check=None)
    assert run.err.startswith(message), run
    assert run.code == 1


def test_a_folder_that_is_not_there_is_nobody_elses_business(lender: Project) -> None:
    """Who asks for nothing of it is not told."""
    lender.write("envbuild.yaml", "catalogues: {acme: ../none}\n")
    assert actions(lender) == {"own": "create"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: ../project/manifests/own.yaml", "the path '../project/manifests/own.yaml' leaves the catalogue"),
        ("extends: ./../out.yaml", "the path './../out.yaml' leaves the catalogue 'acme'"),
        ("dependencies: [{pip: [-r ../out.txt]}]", "the path '../out.txt' leaves the catalogue 'acme'"),
        ("dependencies: [{pip: [../out.whl]}]", "the path '../out.whl' leaves the catalogue 'acme'"),
        ("dependencies: [{pip: [./../project]}]", "the path './../project' leaves the catalogue 'acme'"),
        ("image: {copy: [{from: ../out, to: /x}]}", "the path '../out' leaves the catalogue 'acme'"),
        ("image: {dockerfile: ../Dockerfile}", "the path '../Dockerfile' leaves the catalogue 'acme'"),
        ("image: {copy: [{from: /etc/passwd, to: /x}]}", "the path '/etc/passwd' is absolute"),
        ("image: {copy: [{from: ~other/x, to: /x}]}", "the path '~other/x' is absolute"),
        ("image: {copy: [{from: ../~other/x, to: /x}]}", "the path '../~other/x' leaves the catalogue 'acme'"),
        ("dependencies: [{pip: [-e ./pkg]}]", "a catalogue has no package to be edited"),
        ("pip: {find_links: [./wheels]}", "a catalogue has no folder of wheels"),
        ("image: {base: 'oci:./layout'}", "a catalogue has no folder of images"),
        ("extends: own", "no manifest is named 'acme/own'"),
    ],
)
def test_a_catalogue_reads_nothing_outside_of_it(lender: Project, shelf: Project, text: str, told: str) -> None:
    """Neither of the machine nor of the project that it is lent to, whatever it says."""
    shelf.write("bad.yaml", f"{text}\n")
    for name in ("../out.yaml", "../out.txt", "../Dockerfile"):
        shelf.write(name, "alpha\n")
    err = lender.run("plan", "acme/bad", check=1).err
    assert err.startswith("~acme/bad.yaml:1:")
    assert told in err


def test_links_that_lead_out_of_a_catalogue(lender: Project, shelf: Project, tmp_path: Path) -> None:
    """Whatever the link is of: with the line of the settings, and how to mend it. One that stays inside is followed."""
    (tmp_path / "secret.yaml").write_text("variables: {SECRET: hush}\n")
    (tmp_path / "secret.txt").write_text("alpha\n")
    (shelf.path / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (shelf.path / "lists/link.txt").symlink_to("../../secret.txt")
    (shelf.path / "inside.yaml").symlink_to("train.yaml")
    shelf.write("lists.yaml", "dependencies: [{pip: [-r lists/link.txt]}]\n")
    for name, path in (("link", "link.yaml"), ("lists", "lists/link.txt")):
        err = lender.run("plan", f"acme/{name}", check=1).err
        assert err == (
            f"envbuild.yaml:2:3: '~acme/{path}' leads out of the catalogue 'acme'\n"
            "  hint: keep a copy inside its folder\n"
        )
    assert set(actions(lender, "acme/inside")) == {"acme/inside"}


def test_content_does_not_depend_on_where_a_catalogue_lies(
    lender: Project, shelf: Project, tmp_path: Path, uv_cache: Path
) -> None:
    """The same catalogue elsewhere is the same fingerprint, for what it has and for what extends that."""
    lender.write("manifests/own.yaml", "extends: acme/train\n")
    lender.run("lock", "own", "acme/train")
    found = [lender.json("show", name)["environment"]["fingerprint"] for name in ("own", "acme/train")]
    elsewhere = Project(tmp_path / "far/away/project", clean_environment(tmp_path, uv_cache))
    shutil.copytree(lender.path, elsewhere.path, dirs_exist_ok=True)
    shutil.copytree(shelf.path, elsewhere.path / "inside/of/it")
    elsewhere.write("envbuild.yaml", "catalogues: {acme: inside/of/it}\n")
    assert [elsewhere.json("show", name)["environment"]["fingerprint"] for name in ("own", "acme/train")] == found
    assert found[0] == found[1] is not None
    assert str(shelf.path) not in lender.read("locks/acme/train.conda-lock.yml")


def test_a_change_in_a_catalogue_rebuilds_and_says_its_line(lender: Project, shelf: Project) -> None:
    """As one in a parent of the project does."""
    lender.write("manifests/own.yaml", "extends: acme/base\n")
    lender.run("apply")
    shelf.write("base.yaml", shelf.read("base.yaml").replace("ONE: '1'", "ONE: other"))
    (step,) = lender.json("plan")["steps"]
    assert step["action"] == "rebuild"
    assert step["reasons"] == [{"part": "variables", "change": 'ONE "1" -> "other"', "where": "~acme/base.yaml:3"}]


def test_a_plan_with_nothing_to_do_knows_what_it_read_of_a_catalogue(lender: Project, shelf: Project) -> None:
    """It is answered from the memo, until a file of the catalogue moves."""
    lender.write("manifests/own.yaml", "extends: acme/base\n")
    lender.run("apply")
    _rest(shelf.path, lender.path)
    nothing = "No changes. 1 environment is up to date.\n"
    assert lender.run("plan").out == nothing
    memo = lender.path / ".envbuild/cache/plan"
    for _ in range(50):
        if memo.is_file():
            break
        assert lender.run("plan").out == nothing
    written = memo.stat().st_mtime_ns
    assert lender.run("plan").out == nothing
    assert memo.stat().st_mtime_ns == written
    shelf.write("base.yaml", shelf.read("base.yaml").replace("ONE: '1'", "ONE: '2'"))
    assert 'variables: ONE "1" -> "2"' in lender.run("plan").out


def _rest(*folders: Path) -> None:
    """Until the clock of the file system has gone on."""
    newest = max(path.stat().st_ctime_ns for folder in folders for path in folder.rglob("*"))
    while True:
        probe = folders[0].parent / "probe"
        probe.write_bytes(b"")
        if probe.stat().st_ctime_ns > newest:
            return
        time.sleep(0.01)


def test_a_project_that_may_not_be_written_plans_what_is_lent(lender: Project) -> None:
    """Nothing of a catalogue is kept in it."""
    with read_only(lender.path):
        run = run_without_rights(lender, "plan", "acme/base")
    assert run.code == 0, run
    assert "+ acme/base  create" in run.out


def test_check_judges_what_is_lent_where_it_is_named(lender: Project, shelf: Project) -> None:
    """Of everything only what the project extends; the rest of a catalogue is judged by its owner."""
    shelf.write("broken.yaml", "extnds: base\n")
    lender.write("manifests/own.yaml", "extends: acme/base\n")
    assert lender.run("check").out == "No problems in 2 manifests, 0 notes.\n"
    assert "~acme/broken.yaml:1:1: unknown key 'extnds'" in lender.run("check", "acme/broken", check=1).err
    assert "~acme/broken.yaml:1:1" in lender.run("list", "--curated", "acme/**", check=1).err


def test_without_env_a_minimal_python_runs(project: Project) -> None:
    """Where the settings name no other; it is said, and built like any other."""
    project.write("manifests/own.yaml", "variables: {TWO: '2'}\n")
    run = project.run("run", "--", "python", "-c", "print('it works')", env={"UV_OFFLINE": "1"})
    assert run.out == "it works\n"
    assert run.err.startswith(
        f"{DEFAULT}: no environment is named, here or as 'default_environment' in envbuild.yaml\n"
    )
    again = project.run("-q", "run", "--", "python", "-c", "print('it works')")
    assert (again.out, again.err) == ("it works\n", "")
    assert [one["name"] for one in project.json("list")["environments"]] == ["own"]


def test_new_extends_what_is_lent(lender: Project) -> None:
    """And says what is near where nothing is named so."""
    lender.run("new", "mine", "--extends", "acme/train", "--extends", "curated/minimal")
    assert lender.read("manifests/mine.yaml").endswith("extends:\n  - acme/train\n  - curated/minimal\n")
    assert "did you mean 'acme/train'?" in lender.run("new", "more", "--extends", "acme/trian", check=64).err


def test_tab_knows_what_is_lent(lender: Project) -> None:
    """Once its catalogue is begun, and not among the project's own before that."""
    assert _words(lender, "plan", "") == ["own"]
    assert _words(lender, "plan", "acme/t") == ["acme/base", "acme/train", "own"]
    assert {"curated/spark", "curated/minimal"} <= set(_words(lender, "show", "cur"))
    assert "acme/base" in _words(lender, "new", "x", "--extends", "ac")
    assert "acme/base" in _words(lender, "clone", "acme/")
    assert "curated/spark" in _words(lender, "-v", "explain", "c")
    lender.write(
        "envbuild.yaml", "catalogues: {acme: ../none, team: {git: 'https://h.example/x', commit: '%s'}}\n" % ("0" * 40)
    )
    assert _words(lender, "plan", "acme/") == ["own"]
    assert _words(lender, "plan", "team/") == ["own"]


def _words(project: Project, *typed: str) -> list[str]:
    command = [sys.executable, "-m", "envbuild", "envbuild", *typed]
    environ = {**project.environ, "_ENVBUILD_COMPLETE": "zsh"}
    run = subprocess.run(command, cwd=project.path, env=environ, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return sorted(line.partition("\t")[0] for line in run.stdout.splitlines()[1:])


def test_nothing_of_a_catalogue_is_asked_of_the_network(lender: Project, tmp_path: Path) -> None:
    """A folder is a folder: to plan and to list needs nobody."""
    nowhere = f"http://127.0.0.1:{closed_port()}"
    env = {"https_proxy": nowhere, "http_proxy": nowhere, "PATH": os.fspath(tmp_path)}
    assert "acme/train" in lender.run("plan", "acme/train", env=env).out
    assert "acme/train" in lender.run("list", "--curated", env=env).out


def test_a_folder_that_a_link_leads_to_may_be_another_one_tomorrow(lender: Project, shelf: Project) -> None:
    """A plan with nothing to do is not said again then."""
    other = Project(shelf.path.parent / "other", {})
    other.write("base.yaml", shelf.read("base.yaml").replace("ONE: '1'", "ONE: '9'"))
    link = shelf.path.parent / "link"
    link.symlink_to("shelf")
    lender.write("envbuild.yaml", "catalogues: {acme: ../link}\n")
    lender.write("manifests/own.yaml", "extends: acme/base\n")
    lender.run("apply")
    _rest(shelf.path, lender.path, other.path)
    for _ in range(3):
        assert lender.run("plan").out == "No changes. 1 environment is up to date.\n"
    assert (lender.path / ".envbuild/cache/plan").is_file()
    link.unlink()
    link.symlink_to("other")
    assert 'variables: ONE "1" -> "9"' in lender.run("plan").out


_PAGE = Path(__file__).parent.parent / "docs" / "catalogue.md"
_TRANSCRIPT = re.compile(r"^```console\n\$ envbuild ([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_shows_what_is_printed(project: Project) -> None:
    """docs/catalogue.md; ENVBUILD_TEST_GOLDEN=write writes it anew, to be read before it is committed."""
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    page = _PAGE.read_text(encoding="utf-8")
    found = _TRANSCRIPT.findall(page)
    assert len(found) == 2
    for command, shown in found:
        printed = project.run(*command.split()).out
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            page = page.replace(f"$ envbuild {command}\n{shown}```", f"$ envbuild {command}\n{printed}```")
            _PAGE.write_text(page, encoding="utf-8")
        else:
            assert printed == shown


def test_the_settings_of_the_page_are_read(project: Project) -> None:
    """As they stand; nothing of them is asked for here."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    project.write("envbuild.yaml", text)
    project.write("manifests/own.yaml", "variables: {TWO: '2'}\n")
    assert actions(project) == {"own": "create"}
