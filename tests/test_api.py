"""`from envbuild import Environment, Project`: what the command line does, as values."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import assert_type

import pytest
from support.index import Index
from support.line import write_base
from support.project import Project as Folder

from envbuild import EnvbuildError, Environment, Project
from envbuild.apply import Event, Summary
from envbuild.difference import ConflictError
from envbuild.errors import BuildError, ManifestError, Note, Problems, RefusedError, UsageError
from envbuild.plan import Plan
from envbuild.record import Record

pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]
CONDA = """\
# ours
name: churn
channels: [conda-forge]
dependencies:
  - python=3.11    # the servers have it
  - pip
  - pip: [tabulate>=0.9]
"""
DOCKERFILE = "FROM registry.example/base:1\nRUN true\n"
IMAGE = "registry.example/team/base:1"


@pytest.fixture
def here(project: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A project around the working directory, with one environment, and files that others are made of."""
    for name in os.environ.keys() - project.environ.keys():
        if name.startswith(("ENVBUILD_", "UV_", "PIP_", "CONDA_")):
            monkeypatch.delenv(name)
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.path)
    project.write("envbuild.yaml", "channels: [conda-forge]\nplatforms: [linux-64]\n")
    project.write("manifests/a.yaml", "description: ours\nvariables: {ONE: '1'}\n")
    project.write("conda.yml", CONDA)
    project.write("requirements.txt", "tabulate==0.9.0\n-e ./own\n")
    project.write("own/pyproject.toml", "[project]\nname = 'own'\nversion = '1'\n")
    project.write("Dockerfile", DOCKERFILE)
    return project


def files(folder: Folder) -> dict[str, str]:
    """All but records, logs and what only saves time."""
    return {path: digest for path, digest in folder.tree().items() if not path.startswith(".envbuild/")}


def one(name: str = "b", value: str = "1") -> Environment:
    """A value of the project around us, which nothing is written of."""
    path = Path("one.yml")
    path.write_text(f"variables: {{ONE: '{value}'}}\n", encoding="utf-8")
    found = Environment.from_conda_specification(name, path)
    path.unlink()
    return found


def test_the_package_gives_both_classes_and_loads_nothing_before() -> None:
    """Whoever asks for the version alone waits for nothing; a misspelt name is an error."""
    script = (
        "import sys; before = set(sys.modules); import envbuild; envbuild.__version__; dir(envbuild)\n"
        "new = set(sys.modules) - before; assert new == {'envbuild', 'envbuild.version'}, new\n"
        "from envbuild import Environment, EnvbuildError, Project\n"
        "import envbuild.api, envbuild.errors\n"
        "assert (Environment, Project) == (envbuild.api.Environment, envbuild.api.Project)\n"
        "assert EnvbuildError is envbuild.errors.EnvbuildError\n"
        "assert {'Environment', 'EnvbuildError', 'Project', '__version__'} <= set(dir(envbuild))\n"
        "assert not hasattr(envbuild, 'Projekt') and not hasattr(envbuild.api, 'front')\n"
    )
    subprocess.run([sys.executable, "-S", "-c", script], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})


def test_types_are_those_that_are_said(here: Folder) -> None:
    """A type checker reads this, too."""
    project = Project(here.path)
    assert_type(project.get("a"), Environment)
    assert_type(project.environments["a"], Environment)
    assert_type(project.plan(), Plan)
    assert_type(Environment.from_docker_image("b", IMAGE), Environment)
    assert_type(project.register("a"), Environment)
    assert_type(project.history("a"), tuple[Record, ...])
    assert_type(project.apply("a"), Summary)
    assert_type(project.get("a").save_to_directory("saved"), tuple[Note, ...])
    assert isinstance(project.root, Path)
    with pytest.raises(AttributeError):
        project.get("a").name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (lambda: Environment.from_conda_specification("x", "conda.yml"), ["conda", "conda.yml"]),
        (lambda: Environment.from_conda_specification("x", Path("conda.yml")), ["conda", "conda.yml"]),
        (lambda: Environment.from_pip_requirements("team/x", "requirements.txt"), ["pip", "requirements.txt"]),
        (
            lambda: Environment.from_conda_specification("x", "bad.yml", partial=True),
            ["conda", "bad.yml", "--partial"],
        ),
    ],
)
def test_what_is_made_of_a_file_is_what_an_import_writes(
    here: Folder, make: Callable[[], Environment], arguments: list[str]
) -> None:
    """The same text at the same place, with the same notes; and nothing is written."""
    here.write("bad.yml", "dependencies: [python, {pip: [/nowhere/x.whl, six=1.0]}]\nprefix: /home/someone/x\n")
    before = files(here)
    found = make()
    assert files(here) == before
    told = here.json("import", arguments[0], arguments[1], found.name, *arguments[2:])
    assert (found.manifest, found.path) == (told["manifest"], told["path"])
    assert here.read(found.path) == found.manifest
    assert (found.version, found.fingerprint, found.root) == (None, "", str(here.path))
    assert [one.message for one in found.notes] == [one["message"] for one in (*told["left"], *told["notes"])]


def test_what_cannot_be_carried_raises_unless_the_rest_is_asked_for(here: Folder) -> None:
    here.write("bad.yml", "dependencies: [python, {pip: [/nowhere/x.whl]}]\n")
    with pytest.raises(ManifestError, match=r"^bad\.yml:1:\d+: '/nowhere/x\.whl' is not carried"):
        Environment.from_conda_specification("x", "bad.yml")
    found = Environment.from_conda_specification("x", "bad.yml", partial=True)
    assert [(note.kind, note.where.path) for note in found.notes] == [("not-carried", "bad.yml")]
    assert found.packages == ("python",)


def test_an_environment_of_conda(here: Folder) -> None:
    """By its path here; all that is in it, or what was asked for."""
    here.write("home/x/conda-meta/history", "==> now <==\n# update specs: ['xz']\n")
    here.write(
        "home/x/conda-meta/xz-5.4.6-h0_0.json",
        '{"name": "xz", "version": "5.4.6", "build": "h0_0", "build_number": 0, "subdir": "linux-64",'
        ' "channel": "https://conda.anaconda.org/conda-forge/linux-64", "files": [], "depends": [],'
        ' "url": "https://conda.anaconda.org/conda-forge/linux-64/xz-5.4.6-h0_0.conda", "fn": "xz-5.4.6-h0_0.conda"}',
    )
    every = Environment.from_existing_conda_environment("x", "home/x")
    asked = Environment.from_existing_conda_environment("x", "home/x", requested=True)
    for found, options in ((every, []), (asked, ["--requested"])):
        assert found.manifest == here.json("import", "conda-env", "home/x", "x", "-n", *options)["manifest"]
    assert every.manifest != asked.manifest
    with pytest.raises(UsageError):
        Environment.from_existing_conda_environment("x", "nowhere")


def test_an_image_alone_brings_its_own_packages(here: Folder) -> None:
    found = Environment.from_docker_image("x", IMAGE)
    assert found.manifest == f'builder: docker\npython:\n  managed: false\nimage:\n  base: "{IMAGE}"\n'
    assert (found.builder, found.packages, found.platforms) == ("docker", (), ("linux-64",))
    here.write("envbuild.yaml", "builder: oci\nplatforms: [linux-aarch64]\n")
    again = Environment.from_docker_image("x", IMAGE)
    assert again.manifest.startswith("platforms:\n  - linux-64\npython:\n")


@pytest.mark.usefixtures("here")
def test_packages_lie_on_an_image_or_a_dockerfile() -> None:
    """Python comes from conda for them, as in Azure ML; the file's own text and remarks stay."""
    conda = Environment.from_docker_image("x", IMAGE, conda_specification="conda.yml")
    assert conda.manifest == (
        f'# Imported from conda.yml.\nbuilder: docker\npython:\n  from: conda\n{CONDA}image:\n  base: "{IMAGE}"\n'
    )
    pip = Environment.from_docker_image("x", IMAGE, pip_requirements="requirements.txt")
    assert pip.manifest == (
        "builder: docker\npython:\n  from: conda\n# Imported from requirements.txt.\ndependencies:\n  - pip:\n"
        f'      - "tabulate==0.9.0"\n      - "-e ../own"\nimage:\n  base: "{IMAGE}"\n'
    )
    assert pip.packages == ("-e ./own", "tabulate==0.9.0")
    text = Environment.from_dockerfile("x", DOCKERFILE, conda_specification="conda.yml")
    assert text.manifest.endswith(f"{CONDA}image:\n  dockerfile: |\n    FROM registry.example/base:1\n    RUN true\n")
    line = Environment.from_dockerfile("x", "FROM registry.example/base:1")
    assert line.manifest.endswith('python:\n  managed: false\nimage:\n  dockerfile: "FROM registry.example/base:1"\n')
    file = Environment.from_dockerfile("team/x", Path("Dockerfile"), pip_requirements="requirements.txt")
    assert file.manifest.endswith('image:\n  dockerfile: "../../Dockerfile"\n')


@pytest.mark.parametrize(
    ("make", "kind", "message", "hint"),
    [
        (lambda: Environment.from_conda_specification("x", "no.yml"), UsageError, "there is no file 'no.yml'", "check"),
        (lambda: Environment.from_conda_specification("x", "own"), UsageError, "'own' is a folder", "name a file"),
        (lambda: Environment.from_conda_specification("X y", "conda.yml"), UsageError, "would be named 'x-y'", "write"),
        (lambda: Environment.from_pip_requirements("x", "no.txt"), UsageError, "there is no file 'no.txt'", "check"),
        (lambda: Environment.from_docker_image("x", ""), ManifestError, "'base' is empty", "write"),
        (
            lambda: Environment.from_docker_image("x", IMAGE, conda_specification="a", pip_requirements="b"),
            UsageError,
            "'conda_specification' and 'pip_requirements' exclude each other",
            "name the pip packages in the conda file",
        ),
        (
            lambda: Environment.from_dockerfile("x", "Dockerfile", conda_specification="a", pip_requirements="b"),
            UsageError,
            "'conda_specification' and 'pip_requirements' exclude each other",
            "name the pip packages in the conda file",
        ),
        (lambda: Environment.from_docker_image("x", IMAGE, pip_requirements="no"), UsageError, "no file 'no'", "check"),
        (lambda: Environment.from_dockerfile("x", "Nofile"), UsageError, "there is no file 'Nofile'", "check"),
        (lambda: Environment.from_dockerfile("x", "../Out"), ManifestError, "leaves the project", "keep a copy"),
        (lambda: Environment.load_from_directory("nowhere"), UsageError, "there is no file 'nowhere'", "check"),
        (lambda: Project("nowhere"), UsageError, "'nowhere' is not a folder", "name"),
        (lambda: Project(".."), UsageError, "no project here", "change into the project"),
        (lambda: Project().get("c"), UsageError, "no environment is named 'c'", "known are: a"),
        (lambda: Project().get("a", 1), UsageError, "'a' was never built", "run 'envbuild apply'"),
        (lambda: Project().history("a"), UsageError, "'a' was never built", "run 'envbuild apply'"),
        (lambda: Project().register("c"), UsageError, "no environment is named 'c'", "known are: a"),
        (lambda: Project().register("a", version=0), UsageError, "no version is 0", "say a number"),
        (lambda: Project().register("a", version=7), RefusedError, "of 'a' is 1, and not 7", "say 'version=1'"),
        (lambda: Project().register("a", label="v1"), UsageError, "'v1' looks like a version itself", "choose"),
        (lambda: Project().plan("c"), UsageError, "no environment is named 'c'", "known are: a"),
        (lambda: Project().apply("c"), UsageError, "no environment is named 'c'", "known are: a"),
        (lambda: Project().apply(jobs=0), UsageError, "'jobs' is 0", "say how many"),
        (lambda: Project().apply("a", Project().plan()), UsageError, "a plan stands alone", "leave out"),
        (lambda: Project().get("a").clone("A b"), UsageError, "'A b' would be named 'a-b'", "write 'a-b'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_written(
    here: Folder, make: Callable[[], object], kind: type[EnvbuildError], message: str, hint: str
) -> None:
    """By the errors of the command line, which are all one kind."""
    (here.path.parent / "Out").write_text("FROM x\n")
    before = files(here)
    with pytest.raises(EnvbuildError) as raised:
        make()
    assert type(raised.value) is kind
    assert message in raised.value.message
    assert raised.value.hint.startswith(hint)
    assert files(here) == before
    assert not (here.path / ".envbuild/state.db").exists()


@pytest.mark.parametrize("image", ["https://someone:Canary@h.example/x:1", "someone:Canary@h.example/x:1"])
def test_credentials_are_never_carried(here: Folder, image: str) -> None:
    """Nor told; an image without them is."""
    with pytest.raises(ManifestError) as raised:
        Environment.from_docker_image("x", image)
    found = Environment.from_docker_image("x", image, partial=True)
    assert "Canary" not in f"{raised.value}{found}"
    assert "h.example/x:1" in found.manifest
    digest = f"{IMAGE}@sha256:{'0' * 64}"
    assert digest in Environment.from_docker_image("x", digest).manifest
    here.write("login.yml", "channels: ['https://someone:Canary@h.example/c']\ndependencies: [python]\n")
    with pytest.raises(ManifestError, match="credentials"):
        Environment.from_docker_image("x", IMAGE, conda_specification="login.yml")


def test_without_a_project_the_folder_of_the_source_is_one(
    here: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it names there is found; a project that is named stands before the one around us."""
    bare = tmp_path / "bare"
    (bare / "own").mkdir(parents=True)
    (bare / "own/pyproject.toml").write_text("[project]\nname = 'own'\nversion = '1'\n")
    (bare / "r.txt").write_text("-e ./own\n")
    monkeypatch.chdir(tmp_path)
    found = Environment.from_pip_requirements("x", "bare/r.txt")
    assert (found.root, found.path, found.packages) == (str(bare), "manifests/x.yaml", ("-e ./own",))
    alone = Environment.from_docker_image("x", IMAGE)
    assert alone.root == str(tmp_path)
    named = Environment.from_conda_specification("x", here.path / "conda.yml", project=Project(here.path))
    image = Environment.from_docker_image("x", IMAGE, project=Project(here.path))
    assert named.root == image.root == str(here.path)
    assert not (bare / "manifests").exists()


def test_environments_are_a_mapping_in_order_of_names(here: Folder) -> None:
    """With the cells of a matrix, without what is only extended; properties say what a text comes to."""
    here.write("manifests/base.yaml", "abstract: true\ntags: {team: growth}\n")
    here.write("manifests/z/m.yaml", "extends: base\nmatrix: {size: {small: {}, large: {}}}\n")
    project = Project()
    assert list(project.environments) == ["a", "z/m-large", "z/m-small"]
    assert len(project.environments) == 3
    cell = project.environments["z/m-small"]
    assert (cell.name, cell.path, cell.manifest) == ("z/m-small", "manifests/z/m.yaml", here.read("manifests/z/m.yaml"))
    assert cell.tags == {"team": "growth"}
    assert cell == project.get("z/m-small")
    found = project.get("a")
    assert (found.description, found.builder, found.platforms) == ("ours", "local", ("linux-64",))
    assert found.variables["ONE"].value == "1"
    with pytest.raises(KeyError):
        _ = project.environments["c"]
    here.write("manifests/c.yaml", "variables: {ONE: '1'}\n")
    assert "c" in project.environments


def test_a_project_without_environments_has_none(here: Folder) -> None:
    here.remove("manifests/a.yaml")
    assert dict(Project().environments) == {}


def test_what_is_registered_is_a_version_and_comes_back_as_it_was(here: Folder) -> None:
    """By its number, its label, and as the latest; whatever its manifest says by now, and when it is gone."""
    project = Project()
    first = project.register("a", label="first")
    assert (first.name, first.version) == ("a", 1)
    assert first.fingerprint == here.json("history", "a")["records"][0]["fingerprint"]
    assert project.register("a", version=1) == first
    here.write("manifests/a.yaml", "variables: {ONE: '2'}\n")
    second = project.register("a", version=2)
    assert (second.version, second.fingerprint == first.fingerprint) == (2, False)
    for version in (1, "1", "first"):
        assert project.get("a", version) == first
    assert project.get("a", "latest") == second
    here.remove("manifests/a.yaml")
    assert [one.version for one in project.history("a")] == [2, 1]
    assert (first.variables["ONE"].value, first.description) == ("1", "ours")
    with pytest.raises(UsageError) as raised:
        project.get("a")
    assert (raised.value.message, raised.value.hint) == ("'a' has no manifest now", "name a version: 'a@2'")
    with pytest.raises(UsageError, match="'a' has no version '3'"):
        project.get("a", 3)


def test_a_value_is_written_when_it_is_registered(here: Folder) -> None:
    """Once; the second time it is the same version."""
    project = Project()
    found = project.register(one(), label="mine")
    assert here.read("manifests/b.yaml") == "variables: {ONE: '1'}\n"
    assert (found.version, found.path) == (1, "manifests/b.yaml")
    assert project.register(one()) == found
    assert project.register(found) == found
    assert project.get("b", "mine") == found


def test_another_manifest_under_its_name_is_shown_and_never_lost(here: Folder) -> None:
    """Neither is the old definition used for it, nor is it written over, unless that is said."""
    project = Project()
    before = files(here)
    with pytest.raises(RefusedError) as raised:
        project.register(one("a", "2"))
    assert str(raised.value) == (
        "manifests/a.yaml: another manifest stands under 'a'\n"
        "--- the manifest\n+++ the value\n@@ -1,2 +1 @@\n"
        "-description: ours\n-variables: {ONE: '1'}\n+variables: {ONE: '2'}\n"
        "  hint: say 'replace=True' to write over it, or choose another name"
    )
    assert files(here) == before
    found = project.register(one("a", "2"), replace=True)
    assert (here.read("manifests/a.yaml"), found.variables["ONE"].value) == ("variables: {ONE: '2'}\n", "2")
    here.write("manifests/m.yaml", "matrix: {size: {small: {}}}\n")
    with pytest.raises(UsageError, match="there is an environment 'm-small' already"):
        one("m-small")
    with pytest.raises(RefusedError, match="another manifest stands under 'm'"):
        project.register(one("m"))


def test_a_version_that_is_another_contents_is_shown(here: Folder) -> None:
    """Nothing is written: of a value neither its manifest."""
    project = Project()
    project.register("a")
    with pytest.raises(RefusedError) as raised:
        project.register(one("a", "2"), version=1, replace=True)
    assert raised.value.message.startswith("a@1 is another definition than 'a' is now\n")
    assert "variables.ONE" in raised.value.message
    assert raised.value.hint == "leave 'version' out for the next version"
    assert isinstance(raised.value, ConflictError)
    assert [one.field for one in raised.value.difference.fields] == ["description", "variables.ONE"]
    assert here.read("manifests/a.yaml").startswith("description: ours\n")
    with pytest.raises(RefusedError, match="the next version of 'b' is 1, and not 2"):
        project.register(one(), version=2)
    assert not (here.path / "manifests/b.yaml").exists()


def test_an_old_version_is_registered_again_only_over_what_stands(here: Folder) -> None:
    """As it is now it is that version; else its manifest is another one."""
    project = Project()
    first = project.register("a")
    here.write("manifests/a.yaml", "variables: {ONE: '2'}\n")
    project.register("a")
    with pytest.raises(RefusedError, match="another manifest stands under 'a'"):
        project.register(first)
    assert project.register(first, replace=True).fingerprint == first.fingerprint
    assert here.read("manifests/a.yaml") == first.manifest


def test_what_cannot_be_locked_leaves_nothing_behind(here: Folder, index: Index) -> None:
    """Neither a manifest nor a lock; with what there is, it is locked first."""
    here.write("missing.txt", f"--index-url {index.url}\nnowhere\n")
    here.write("there.txt", f"--index-url {index.url}\nalpha\n")
    project, before = Project(), files(here)
    with pytest.raises(EnvbuildError, match="nowhere"):
        project.register(Environment.from_pip_requirements("b", "missing.txt"))
    assert files(here) == before
    with pytest.raises(RefusedError, match="the next version of 'b' is 1"):
        project.register(Environment.from_pip_requirements("b", "there.txt"), version=5)
    assert files(here) == before
    project.register(Environment.from_pip_requirements("b", "there.txt"))
    assert (here.path / "locks/b.conda-lock.yml").is_file()
    kept = files(here)
    with pytest.raises(EnvbuildError, match="nowhere"):
        project.register(Environment.from_pip_requirements("b", "missing.txt"), replace=True)
    assert files(here) == kept


def test_a_value_of_another_project_may_name_nothing_of_that(here: Folder, tmp_path: Path) -> None:
    """Files, parents and bases are that project's; a version is whole, and may go anywhere."""
    other = Folder(tmp_path / "other", here.environ)
    other.write("envbuild.yaml", "manifests: ['envs/*.yaml']\n")
    here.write("manifests/g.yaml", "image: {base: 'x:1'}\nbuilder: docker\n")
    project = Project(other.path)
    for text, shown in (
        ("extends: a\n", "'a'"),
        ("dependencies: [{pip: ['-e ../own', six]}]\n", "'-e ../own'"),
        ("image: {dockerfile: ../Dockerfile}\nbuilder: docker\n", "'../Dockerfile'"),
        ("image: {base: {environment: g}}\nbuilder: docker\n", "'g'"),
    ):
        here.write("manifests/c.yaml", text)
        with pytest.raises(UsageError) as raised:
            project.register(Project().get("c"))
        assert raised.value.message.endswith(f"names what is there: {shown}")
        assert "project=" in raised.value.hint
    assert not (other.path / "envs").exists()
    here.write("manifests/c.yaml", "extends: a\nimage: {dockerfile: 'FROM x:1'}\n")
    whole = Project().register("c")
    found = project.register(whole)
    assert (found.path, found.variables["ONE"].value) == ("envs/c.yaml", "1")
    assert project.register(Project().get("a")).root == str(other.path)


def test_a_clone_is_the_same_under_another_name(here: Folder) -> None:
    """As the command writes it, with paths made right; of a version what it was."""
    made = Environment.from_pip_requirements("b", "requirements.txt")
    assert made.clone("team/c").manifest == made.manifest.replace("../own", "../../own")
    project = Project()
    cloned = project.get("a").clone("team/x")
    here.run("clone", "a", "team/y")
    assert cloned.manifest == here.read("manifests/team/y.yaml")
    assert (cloned.path, cloned.version) == ("manifests/team/x.yaml", None)
    assert not (here.path / cloned.path).exists()
    first = project.register("a")
    here.write("manifests/a.yaml", "variables: {ONE: '2'}\n")
    assert (first.clone("b").version, first.clone("b").fingerprint) == (None, "")
    again = project.register(first.clone("b"))
    assert (again.name, again.fingerprint) == ("b", first.fingerprint)
    with pytest.raises(RefusedError, match="another manifest stands under 'b'"):
        project.register(project.get("a").clone("b"))


def test_the_folder_of_azure_ml_goes_both_ways(here: Folder, tmp_path: Path) -> None:
    """The files are those of an export, the manifest that of an import; what has no place is given back."""
    value = Environment.from_docker_image("b", IMAGE, conda_specification="conda.yml")
    assert value.save_to_directory(tmp_path / "saved") == ()
    assert sorted(one.name for one in (tmp_path / "saved").iterdir()) == [
        "azureml_environment.json",
        "conda_dependencies.yml",
    ]
    again = Environment.load_from_directory(tmp_path / "saved")
    assert (again.name, again.packages, again.builder) == ("b", value.packages, value.builder)
    assert again.manifest == here.json("import", "azureml-v1", str(tmp_path / "saved"), "-n")["manifest"]
    assert Environment.load_from_directory(tmp_path / "saved", name="team/c").name == "team/c"
    here.write("manifests/b.yaml", value.manifest)
    here.run("export", "azureml-v1", "b", "out")
    for name in ("azureml_environment.json", "conda_dependencies.yml"):
        assert (tmp_path / "saved" / name).read_text() == here.read(f"out/{name}")
    notes = Project().get("a").save_to_directory("told")
    assert [note.message for note in notes] == [
        one["message"] for one in here.json("export", "azureml-v1", "a", "told2")["notes"]
    ]


def test_a_folder_is_written_over_only_if_that_is_said(here: Folder) -> None:
    """What was saved before and is no part of it now is gone."""
    project = Project()
    Environment.from_dockerfile("b", DOCKERFILE).save_to_directory("saved")
    with pytest.raises(UsageError) as raised:
        project.get("a").save_to_directory("saved")
    assert raised.value.hint == "choose another folder, or say 'overwrite=True' to write over it"
    assert (here.path / "saved/BaseDockerfile").is_file()
    project.get("a").save_to_directory("saved", overwrite=True)
    assert sorted(one.name for one in (here.path / "saved").iterdir()) == ["azureml_environment.json"]
    version = project.register("a")
    version.save_to_directory("version")
    assert '"version": "1"' in here.read("version/azureml_environment.json")


def test_a_plan_is_done_as_it_is_or_not_at_all(here: Folder) -> None:
    """Names, globs, or one plan; a second time nothing is to do."""
    here.write("manifests/b.yaml", "variables: {TWO: '2'}\n")
    project, heard = Project(), list[Event]()
    plan = project.plan()
    assert [(step.environment, step.action) for step in plan.changes] == [("a", "create"), ("b", "create")]
    assert not (here.path / ".envbuild/state.db").exists()
    here.write("manifests/b.yaml", "variables: {TWO: '3'}\n")
    with pytest.raises(RefusedError, match="the plan is not what would be done now"):
        project.apply(plan)
    assert project.apply("a", tell=heard.append) == Summary(("a",), (), ())
    assert [one.kind for one in heard if one.kind != "progress"] == ["begin", "started", "done", "end"]
    assert project.apply(project.plan("b")) == Summary(("b",), (), ())
    assert project.apply() == project.apply(project.plan()) == Summary((), (), ())
    assert here.run("plan").out.startswith("No changes.")
    here.remove("manifests/b.yaml")
    here.write("manifests/a.yaml", "variables: {ONE: '9'}\n")
    plan = project.plan()
    assert [(step.environment, step.action) for step in plan.listed] == [("a", "rebuild"), ("b", "forget")]
    assert project.apply(plan).done == ("a",)
    here.remove("manifests/a.yaml")
    here.write("manifests/c.yaml", "abstract: true\n")
    plan = project.plan()
    here.write("manifests/d.yaml", "variables: {ONE: '1'}\n")
    assert project.apply(plan).done == ()
    assert list(project.environments) == ["d"]


def test_failures_raise_once_everything_else_is_done(here: Folder, index: Index) -> None:
    """One as it is, several together; what could not be locked is told with what could not be built."""
    write_base(here, index)
    here.write("manifests/bad.yaml", "setup: ['false']\n")
    here.write("manifests/unlockable.yaml", "extends: base\ndependencies: [{pip: [nowhere]}]\n")
    project = Project()
    with pytest.raises(BuildError):
        project.apply("a", "bad", jobs=2)
    assert [one.is_built for one in project.history("a")] == [True]
    with pytest.raises(Problems) as raised:
        project.apply()
    assert len(raised.value.problems) == 2
    assert "nowhere" in str(raised.value)
    with pytest.raises(EnvbuildError, match="nowhere"):
        project.apply("unlockable")


def test_a_lock_that_is_not_current_may_be_refused(here: Folder, index: Index) -> None:
    here.write("there.txt", f"--index-url {index.url}\nalpha\n")
    here.write("manifests/b.yaml", Environment.from_pip_requirements("b", "there.txt").manifest)
    project = Project()
    with pytest.raises(RefusedError, match="the lock of 'b' is not current"):
        project.apply("b", locked=True)
    assert not (here.path / "locks").exists()
    assert project.apply("b").done == ("b",)
    assert project.apply("b", locked=True).done == ()
