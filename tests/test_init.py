"""`envbuild init`: a project from what a folder has, with each file's fate told, and nothing that was there changed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.index import Index
from support.line import apply_twice, read_only, run_without_rights
from support.project import Project

_PIP = "dependencies:\n  - pip:\n      - alpha\n"
_CONDA = f"name: anything\nchannels: [conda-forge]\n{_PIP}"


def told(project: Project, *args: str) -> dict[str, dict[str, Any]]:
    """What is said of each file."""
    return {one["path"]: one for one in project.json("init", *args)["found"]}


def states(project: Project) -> dict[str, str]:
    """What each environment comes to; init of a project that is there changes nothing."""
    return {one["environment"]: one["state"] for one in project.json("init")["environments"]}


def globs(project: Project) -> list[str]:
    lines = project.read("envbuild.yaml").splitlines()
    return [line.removeprefix("  - ").strip('"') for line in lines if line.startswith("  - ")][1:]


def planned(project: Project) -> set[str]:
    return {step["environment"] for step in project.json("plan")["steps"]}


def test_an_empty_folder_becomes_a_project_that_builds(project: Project, index: Index) -> None:
    """The first use works: init, apply, and the second apply has nothing to do."""
    index.add("tabulate", "1.0")
    env = {"UV_DEFAULT_INDEX": index.url}
    out = project.run("init").out.splitlines()
    assert out[0] == "Made this folder a project: 1 environment, 1 ready."
    assert out[-1] == "Next: 'envbuild plan' says what would be built, 'envbuild apply' builds it."
    assert sorted(project.tree()) == ["envbuild.yaml", "manifests/project.yaml"]
    assert project.run("apply", env=env).out.splitlines()[-1] == "Apply: 1 done."
    assert project.run("apply", env=env).out.startswith("No changes.")
    ran = project.run("run", "project", "--", "python", "-c", "import tabulate; print('there')")
    assert ran.out == "there\n"


def test_a_new_folder_is_made(project: Project) -> None:
    """Its name is the first environment's, as a name may be; what is to be done next is a command that works here."""
    run = project.run("init", "work/My Churn")
    assert run.out.startswith("Made 'work/My Churn' a project: 1 environment")
    assert sorted(project.tree()) == ["work/My Churn/envbuild.yaml", "work/My Churn/manifests/my-churn.yaml"]
    assert "'envbuild -C 'work/My Churn' plan'" in run.out
    assert "+ my-churn  create" in project.run("-C", "work/My Churn", "plan").out
    assert project.run("init", "work/My Churn/envbuild.yaml", check=64).err.startswith("error: ")


def test_conda_files_stay_and_get_their_names(project: Project) -> None:
    """Each is found by a glob that finds nothing else, and is called by its path; nothing of it is copied."""
    for path in (
        "environment.yml", "environment-dev.yaml", "envs/cpu.yml", "envs/gpu.yml", "services/api/environment.yml",
        "services/web/environment.yml", "conda/train.yaml", ".binder/environment.yml",
    ):  # fmt: skip
        project.write(path, _CONDA)
    project.write("docker-compose.yml", "services: {web: {image: x}}\n")
    project.write("services/web/values.yml", "dependencies:\n  - {name: redis, version: '1'}\n")
    project.write("roles/meta/main.yml", "galaxy_info: {}\ndependencies: [common]\n")
    for folder in ("node_modules/x", ".venv", "data", "lib/site-packages/y", "own"):
        project.write(f"{folder}/environment.yml", _CONDA)
    project.write("own/pyvenv.cfg", "")
    project.write(".gitignore", "*.pyc\n/data/\n")
    before = project.tree()
    found = {path: one["environments"] for path, one in told(project).items()}
    assert found == {
        "environment.yml": ["environment"],
        "environment-dev.yaml": ["environment-dev"],
        "envs/cpu.yml": ["cpu"],
        "envs/gpu.yml": ["gpu"],
        "services/api/environment.yml": ["api"],
        "services/web/environment.yml": ["web"],
        "conda/train.yaml": ["train"],
        ".binder/environment.yml": ["binder"],
    }
    assert set(globs(project)) >= {"environment.yml", "envs/*.yml", "services/*/environment.yml", "conda/train.yaml"}
    assert planned(project) == {name for names in found.values() for name in names}
    assert {path: digest for path, digest in project.tree().items() if path in before} == before


def test_a_glob_finds_nothing_that_is_no_environment(project: Project) -> None:
    """Where a file that is something else stands beside, the files are named one by one."""
    for name in ("a", "b", "c", "d", "e"):
        project.write(f"envs/{name}.yml", _CONDA)
    project.write("envs/notes.yml", "what: else\n")
    project.write("one/environment.yml", _CONDA)
    project.write("two/environment.yml", "what: else\n")
    project.run("init")
    assert globs(project) == ["envs/{a,b,c,d,e}.yml", "{one}/environment.yml"]
    assert planned(project) == {"a", "b", "c", "d", "e", "one"}


def test_clashing_names_are_solved_by_the_whole_path(project: Project) -> None:
    """And where even that is one name, the second file is left out and told."""
    for path in (
        "envs/dev.yml",
        "conda/dev.yaml",
        "web/environment.yml",
        "a/web/environment.yml",
        "e/X.yml",
        "e/x.yml",
    ):
        project.write(path, _CONDA)
    found = told(project)
    assert {path: one["environments"] for path, one in found.items()} == {
        "envs/dev.yml": ["envs/dev"],
        "conda/dev.yaml": ["conda/dev"],
        "web/environment.yml": ["web"],
        "a/web/environment.yml": ["a/web"],
        "e/X.yml": ["x"],
        "e/x.yml": [],
    }
    assert found["e/x.yml"]["errors"][0]["message"] == "another file is named 'e/x' already"
    assert planned(project) == {"envs/dev", "conda/dev", "web", "a/web", "x"}


@pytest.mark.parametrize(
    "name", ["a[b].yml", "a{b,c}.yml", "a*b.yml", "a?b.yml", "~a.yml", "a b.yml", "ä.b.yml", "#a.yml"]
)
def test_odd_names_of_files(project: Project, name: str) -> None:
    """Signs of globs, blanks, quotes: the file is found, and so is nothing else."""
    project.write(f"envs/{name}", _CONDA)
    project.write("envs/none.yml", "what: else\n")
    (environment,) = told(project)[f"envs/{name}"]["environments"]
    assert planned(project) == {environment}


def test_a_name_that_no_file_can_say(project: Project) -> None:
    """Control characters and bytes that are no text: told without being shown raw, and left alone."""
    for name in (b"a\nb.yml", b"a\x1b[31m.yml", b"a\xff.yml", b"requirements-\x07.txt"):
        path = os.fsencode(project.path) + b"/" + name
        Path(os.fsdecode(path)).write_text(_CONDA if name.endswith(b"yml") else "alpha\n", encoding="utf-8")
    run = project.run("init", env={"FORCE_COLOR": "1"})
    assert run.out.count("its name holds characters that no file can name") == 4
    assert "\x07" not in run.out
    assert "\x1b[31m.yml" not in run.out
    assert project.run("plan").out.startswith("No changes.")


def test_a_broken_conda_file_is_left_out_and_told(project: Project) -> None:
    """With its own line and how to mend it; a plan of the others works, and the settings say what is missing."""
    project.write("envs/good.yml", _CONDA)
    project.write("envs/broken.yml", "name: x\ndependencies:\n  - pip:\n   - alpha\n")
    project.write("envs/key.yml", "name: x\ndependncies: []\ndependencies: [python]\n")
    project.write("other.yml", "name: x\nchannels: [a]\ndependencies: [\n")
    found = told(project)
    for path in ("envs/broken.yml", "envs/key.yml", "other.yml"):
        (error, *_) = found[path]["errors"]
        assert error["path"] == path
        assert error["line"]
        assert found[path]["hint"] == "mend it, then add it to 'manifests' in envbuild.yaml"
        assert f"# left out, until it is mended: {path}\n" in project.read("envbuild.yaml")
    assert planned(project) == {"good"}
    project.write("envs/broken.yml", _CONDA)
    text = project.read("envbuild.yaml").replace("manifests:\n", "manifests:\n  - envs/broken.yml\n")
    project.write("envbuild.yaml", text)
    assert planned(project) == {"good", "broken"}


def test_broken_files_alone_are_no_reason_for_a_first_environment(project: Project) -> None:
    """What is there is to be mended; the project is made all the same."""
    project.write("environment.yml", "dependencies: [\n")
    run = project.run("init")
    assert run.out.startswith("Made this folder a project: 0 environments")
    assert not (project.path / "manifests").exists()


def test_what_extends_a_broken_file_is_left_out_with_it(project: Project) -> None:
    """And what has nothing to do with it stays."""
    project.write("envs/base.yml", "dependencies: [python\n")
    project.write("envs/child.yml", f"extends: ./base.yml\n{_PIP}")
    project.write("envs/other.yml", _PIP)
    found = told(project)
    assert found["envs/child.yml"]["errors"]
    assert found["envs/other.yml"]["environments"] == ["other"]
    assert planned(project) == {"other"}


def test_encodings(project: Project) -> None:
    """UTF-16 with a mark is read like any other; bytes that are no text are told."""
    (project.path / "environment.yml").write_bytes(_CONDA.encode("utf-16"))
    (project.path / "environment-latin.yml").write_bytes(b"dependencies: [python]\nname: \xe4\n")
    found = told(project)
    assert found["environment.yml"]["environments"] == ["environment"]
    assert found["environment-latin.yml"]["errors"][0]["message"] == "the file is not UTF-8 text"


def test_what_a_plan_refuses_is_said_with_its_line(project: Project) -> None:
    """The answer counts it, and the next step names only what is ready."""
    project.write("envs/conda.yml", "dependencies: [python =3.11]\noverrides: [numpy =1]\n")
    project.write("envs/pip.yml", _PIP)
    project.write("envs/parent.yml", f"abstract: true\n{_CONDA}")
    out = project.run("init").out
    assert "parent: only extended\n" in out
    assert out.startswith("Made this folder a project: 2 environments, 1 ready, 1 refused.\n")
    assert "conda: refused\n    envs/conda.yml:2:13: conda packages cannot be overridden" in out
    assert "Next: 'envbuild apply pip' builds what is ready" in out
    project.run("plan", "conda", check=1)
    project.run("plan", "pip")


def test_requirement_files_stay_where_packages_are_listed(project: Project, index: Index) -> None:
    """A manifest reads each; `-dev` is built on top of the main one unless it reads that itself; limits hold."""
    project.write("requirements.txt", "alpha\n")
    project.write("requirements-dev.txt", "beta\n")
    project.write("constraints.txt", "alpha<2\n")
    project.write("web/requirements.txt", "delta\n")
    project.write("web/requirements-test.txt", "-r requirements.txt\ntool\n")
    project.write("jobs/requirements/base.txt", "gamma\n")
    found = told(project)
    assert {path: one["environments"] for path, one in found.items()} == {
        "constraints.txt": [],
        "requirements.txt": ["project"],
        "requirements-dev.txt": ["dev"],
        "web/requirements.txt": ["web"],
        "web/requirements-test.txt": ["web/test"],
        "jobs/requirements/base.txt": ["jobs/base"],
    }
    assert "extends: project\n" in project.read("manifests/dev.yaml")
    assert "extends" not in project.read("manifests/web/test.yaml")
    assert '"-r ../../web/requirements-test.txt"' in project.read("manifests/web/test.yaml")
    apply_twice_from(project, index)
    assert packages(project, "dev") == {"alpha": "1.1", "beta": "1.0"}
    assert packages(project, "web/test") == {"delta": "1.0", "tool": "1.0"}
    project.write("requirements.txt", "alpha\ngamma\n")
    assert planned(project) == {"project", "dev"}


def apply_twice_from(project: Project, index: Index) -> None:
    """With the index that the host names."""
    named = Project(project.path, {**project.environ, "UV_DEFAULT_INDEX": index.url})
    apply_twice(named)


def packages(project: Project, name: str) -> dict[str, str]:
    shown = project.json("show", name)["environment"]["packages"]
    return {one["name"]: one["version"] for one in shown if one["name"] != "python"}


def test_a_requirement_file_that_a_conda_file_reads_has_its_environment(project: Project) -> None:
    """No second one is made of it."""
    project.write("environment.yml", "dependencies:\n  - python\n  - pip:\n      - -r requirements.txt\n")
    project.write("requirements.txt", "alpha\n")
    found = told(project)
    assert found["requirements.txt"]["says"] == "is read by environment.yml"
    assert not (project.path / "manifests").exists()


def test_a_broken_requirement_file_gets_no_manifest(project: Project) -> None:
    """Its line is told, and the command that writes the manifest once it is mended works."""
    project.write("requirements.txt", "alpha\nscipy=1.4\n")
    found = told(project)["requirements.txt"]
    assert (found["errors"][0]["path"], found["errors"][0]["line"]) == ("requirements.txt", 2)
    assert "envbuild new project -r requirements.txt" in found["hint"]
    assert project.run("plan").out.startswith("No changes.")
    project.write("requirements.txt", "alpha\n")
    project.run("new", "project", "-r", "requirements.txt")
    assert planned(project) == {"project"}


_PYPROJECT = """
    [build-system]
    requires = ["hatchling"]
    [project]
    name = "Churn_App"
    requires-python = ">=3.11,<4"
    dependencies = ["alpha>=1", "local @ file:///tmp/x"]
    [project.optional-dependencies]
    fast = ["delta"]
    every = ["churn-app[fast]", "tool"]
    [dependency-groups]
    dev = ["beta", {include-group = "test"}]
    test = ["gamma"]
    loop = [{include-group = "loop"}]
    [tool.uv.sources]
    alpha = {git = "https://example.org/alpha"}
"""


def test_pyproject_is_copied_and_what_cannot_be_is_said(project: Project, index: Index) -> None:
    """The range of Python, the dependencies, each group and each extra; they lock and build."""
    project.write("pyproject.toml", _PYPROJECT)
    found = told(project)["pyproject.toml"]
    assert found["environments"] == ["churn_app", "dev", "test", "fast", "every"]
    assert found["not_carried"] == [
        "project.dependencies: the path '/tmp/x' is absolute",
        "dependency-groups.loop: it includes itself",
        "tool.uv.sources (where single packages come from)",
        "the project itself, which is a folder: build a wheel and name that",
        "'loop' holds nothing",
    ]
    assert '"python >=3.11,<4"' in project.read("manifests/churn_app.yaml")
    apply_twice_from(project, index)
    assert set(packages(project, "dev")) == {"alpha", "beta", "gamma"}
    assert set(packages(project, "every")) == {"alpha", "delta", "tool"}


def test_poetry_s_own_way_is_copied(project: Project) -> None:
    """Its ranges become those that mean the same; alternatives and paths are said."""
    project.write(
        "pyproject.toml",
        """
        [tool.poetry]
        name = "old"
        [tool.poetry.dependencies]
        python = "^3.11"
        alpha = "^1.2.3"
        beta = {version = "~1.4", extras = ["x"], markers = "sys_platform == 'linux'"}
        zero = "^0.2"
        any = "*"
        plain = "1.5"
        here = {path = "./here"}
        either = "^1 || ^2"
        nice = {version = ">=1", optional = true}
        repo = {git = "https://example.org/repo.git", tag = "v1"}
        [tool.poetry.extras]
        more = ["nice"]
        [tool.poetry.group.dev.dependencies]
        gamma = "~2"
        """,
    )
    found = told(project)["pyproject.toml"]
    assert found["environments"] == ["old", "dev", "more"]
    assert [one.partition(":")[2] for one in found["not_carried"]] == [
        " 'here': no manifest can say this", " 'either': no manifest can say this",
    ]  # fmt: skip
    text = project.read("manifests/old.yaml")
    for wanted in (
        '"python >=3.11,<4"', '"alpha>=1.2.3,<2"', "beta[x]>=1.4,<1.5 ; sys_platform == 'linux'", '"zero>=0.2,<0.3"',
        "- any\n", "plain==1.5", "repo @ git+https://example.org/repo.git@v1",
    ):  # fmt: skip
        assert wanted in text
    assert '"gamma>=2,<3"' in project.read("manifests/dev.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [("[project\n", 1), ("a = 1\nb = \n", 2), ("x = " + "[" * 5000 + "\n", None)],
)
def test_a_broken_pyproject_is_told(project: Project, text: str, line: int | None) -> None:
    """With the line where there is one, and never with a traceback."""
    project.write("pyproject.toml", text)
    (error,) = told(project)["pyproject.toml"]["errors"]
    assert (error["path"], error["line"]) == ("pyproject.toml", line)
    assert error["message"].startswith("this is not TOML")


@pytest.mark.parametrize(
    "text",
    [
        "[tool.ruff]\nline-length = 100\n",
        "project = 3\n[dependency-groups]\na = 'x'\n",
        "[project]\nname = 3\ndependencies = 'alpha'\noptional-dependencies = ['x']\nrequires-python = 3\n",
        "[project]\nname = 'x'\ndynamic = ['dependencies']\n",
        "[tool]\npoetry = 3\n",
        "[tool.poetry]\ndependencies = 3\n",
        "[tool.poetry.dependencies]\nalpha = 3\n'' = '*'\n[tool.poetry]\ngroup = 3\nextras = {a = 3}\n",
    ],
)
def test_a_pyproject_without_packages_breaks_nothing(project: Project, text: str) -> None:
    """Tables of other kinds than expected are no packages; a first environment is written as if it were not there."""
    project.write("pyproject.toml", text)
    assert told(project)["pyproject.toml"]["environments"] == []
    assert states(project) == {"project": "ready to lock"}


def test_no_value_forges_yaml(project: Project) -> None:
    """What a pyproject.toml says is text in a manifest, or is not carried."""
    forged = 'alpha; python_version > "3"\\nsetup: [touch /tmp/x]'
    project.write(
        "pyproject.toml",
        f"""
        [project]
        name = "a: b\\nsetup: [x]"
        requires-python = ">=3.11\\nsetup: [x]"
        dependencies = ["beta", {json.dumps(forged)}, "gamma @ https://user:secret@example.org/gamma-1-py3-none-any.whl"]
        [dependency-groups]
        "../../up" = ["alpha"]
        "# x\\ny: z" = ["alpha"]
        """,
    )
    run = project.run("init")
    assert "secret" not in run.out
    for path in project.path.rglob("*.yaml"):
        assert "\nsetup" not in path.read_text(encoding="utf-8")
        assert "secret" not in path.read_text(encoding="utf-8")
    assert {path for path in project.tree() if not path.startswith("manifests/")} == {"envbuild.yaml", "pyproject.toml"}
    assert set(states(project).values()) <= {"ready to lock"}


def test_other_files_are_told_and_break_nothing(project: Project) -> None:
    """Dockerfiles, conda-lock.yml and pixi.toml: no manifest is made that a plan refuses."""
    project.write("Dockerfile", "FROM scratch\n")
    project.write("docker/gpu.Dockerfile", "FROM scratch\n")
    project.write("conda-lock.yml", "version: 1\nmetadata: {channels: []}\npackage: []\n")
    project.write("pixi.toml", "[project]\n")
    found = told(project)
    assert "'image: {dockerfile: ../docker/gpu.Dockerfile}'" in found["docker/gpu.Dockerfile"]["says"]
    assert {one["kind"] for one in found.values()} == {"dockerfile", "conda-lock", "pixi"}
    assert states(project) == {"project": "ready to lock"}
    project.run("plan")


def test_twice_changes_nothing(project: Project) -> None:
    """The second run tells the same of the same files, and what is not used."""
    project.write("envs/a.yml", _CONDA)
    project.write("requirements.txt", "beta\n")
    project.run("init")
    before = project.tree()
    project.write("envs/sub/late.yml", _CONDA)
    project.write("requirements-dev.txt", "beta\n")
    project.write("late.yml", "name: x\ndependencies: [python]\nchannles: []\nchannels: []\n")
    project.write("environment-late.yml", "dependencies: [python]\nchannles: []\n")
    out = project.run("init", "--dry-run").out
    assert out == project.run("init").out
    assert "environment-late.yml: is not part of this project\n    environment-late.yml:2:1: unknown key" in out
    assert "  late.yml: is not part of this project\n    late.yml:3:1: unknown key 'channles'" in out
    assert out.startswith("This folder is a project already: nothing was changed.\n")
    assert "envs/a.yml: is found by this project (a)" in out
    assert "envs/sub/late.yml: is not part of this project\n    add it to 'manifests' in envbuild.yaml" in out
    assert "'envbuild new dev -r requirements-dev.txt'" in out
    assert {path: digest for path, digest in project.tree().items() if path in before} == before
    assert len(project.tree()) == len(before) + 4


def test_manifests_that_are_there_stay(project: Project) -> None:
    """A folder with manifests gets the settings that find the rest; a name that is taken is not taken twice."""
    project.write("manifests/project.yaml", _PIP)
    project.write("manifests/broken.yaml", "nonsense: 1\n")
    project.write("requirements.txt", "beta\n")
    project.write("envs/project.yml", _CONDA)
    before = project.tree()
    found = told(project)
    assert found["requirements.txt"]["environments"] == ["project-requirements"]
    assert found["envs/project.yml"]["environments"] == ["envs/project"]
    assert {path: digest for path, digest in project.tree().items() if path in before} == before
    assert states(project)["broken"] == "unreadable"


def test_an_interrupted_run_is_finished_by_the_next(project: Project) -> None:
    """The settings are written last; what was written before them is found to be the same."""
    project.write("pyproject.toml", _PYPROJECT)
    project.write("requirements.txt", "alpha\n")
    project.run("init")
    whole = project.tree()
    project.remove("envbuild.yaml")
    project.remove("manifests/dev.yaml")
    project.run("init")
    assert project.tree() == whole


def test_nothing_is_half_made(project: Project) -> None:
    """What cannot be written whole is taken back, and whose fault it is is said."""
    project.write("requirements.txt", "alpha\n")
    project.write("requirements-x.txt", "alpha\n")
    (project.path / "envbuild.yaml").mkdir()
    before = project.tree()
    run = project.run("init", check=64)
    assert "envbuild.yaml" in run.err
    assert project.tree() == before
    project.remove("envbuild.yaml")
    (project.path / "manifests").write_text("a file\n", encoding="utf-8")
    project.run("init", check=1)
    assert sorted(project.tree()) == ["manifests", "requirements-x.txt", "requirements.txt"]


def test_a_read_only_folder(project: Project) -> None:
    """A clear error, and exit 1."""
    project.write("requirements.txt", "alpha\n")
    with read_only(project.path):
        run = run_without_rights(project, "init")
    assert run.code == 1, run
    assert "cannot be written" in run.err
    assert sorted(project.tree()) == ["requirements.txt"]


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_listed(project: Project) -> None:
    """It is told, and neither init nor the plan after it stops there."""
    for path in ("environment.yml", "a/environment.yml", "secret/environment.yml"):
        project.write(path, _CONDA)
    with closed(project.path / "secret"):
        run = run_without_rights(project, "init")
        assert run.code == 0, run
        assert "secret/: cannot be listed" in run.out
        plan = run_without_rights(project, "plan")
    assert plan.code == 0, plan
    assert "+ a  create" in plan.out


def test_links_that_lead_out(project: Project, tmp_path: Path) -> None:
    """Files through a link are told and left alone, folders are not entered, nothing is written through one."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "environment.yml").write_text(_CONDA, encoding="utf-8")
    (outside / "requirements.txt").write_text("alpha\n", encoding="utf-8")
    (project.path / "environment.yml").symlink_to(outside / "environment.yml")
    (project.path / "requirements.txt").symlink_to(outside / "requirements.txt")
    (project.path / "envs").symlink_to(outside)
    (project.path / "environment-gone.yml").symlink_to(outside / "gone")
    found = told(project)
    assert set(found) == {"environment.yml", "environment-gone.yml", "requirements.txt"}
    assert "leads out of the project" in found["environment.yml"]["errors"][0]["message"]
    assert "leads out of the project" in found["requirements.txt"]["errors"][0]["message"]
    assert states(project) == {}
    project.remove("envbuild.yaml")
    project.remove("requirements.txt")
    project.write("requirements.txt", "alpha\n")
    (project.path / "manifests").symlink_to(outside)
    project.run("init", check=1)
    assert sorted(path.name for path in outside.iterdir()) == ["environment.yml", "requirements.txt"]


def test_ten_thousand_files(project: Project) -> None:
    """Looked at once, within bounds that are told, and no glob makes a plan walk through them."""
    for folder in range(100):
        (project.path / f"data{folder}").mkdir()
        for number in range(100):
            (project.path / f"data{folder}/{number}.yaml").write_text("kind: x\n", encoding="utf-8")
    project.write("zz/environment.yml", _CONDA)
    found = project.json("init")
    assert [one["path"] for one in found["found"]] == ["zz/environment.yml"]
    assert found["whole"] is False
    assert "There are more files here than were looked at" in project.run("init").out
    assert planned(project) == {"zz"}


def test_a_project_within_a_project_has_to_be_meant(project: Project) -> None:
    """Someone in a folder of a project wants another environment, not another project."""
    project.write("envbuild.yaml", "")
    project.write("sub/environment.yml", _CONDA)
    run = project.run("init", "sub", check=64)
    assert f"this folder lies in the project '{project.path}'" in run.err
    project.write("sub/envbuild.yaml", "")
    project.run("init", "sub")
    assert told(project) == {}


def test_dry_run_writes_nothing_and_shows_all(project: Project) -> None:
    """The same answer, and the files as they would be written."""
    project.write("requirements.txt", "alpha\n")
    before = project.tree()
    dry = project.run("init", "--dry-run").out
    as_json = project.json("init", "-n")
    assert project.tree() == before
    assert dry.startswith("Would make this folder a project: 1 environment, 1 ready.\n")
    assert dry.endswith("Next: 'envbuild init' writes this.\n")
    written = project.json("init")
    assert written["written"] == ["manifests/project.yaml", "envbuild.yaml"] == list(as_json["files"])
    for path, text in as_json["files"].items():
        assert project.read(path) == text
        assert f"==> {path} <==\n{text}" in dry


def test_it_asks_for_a_name_on_a_terminal_only(project: Project) -> None:
    """One question, with a default, again where the answer cannot be a name; none where something was found."""
    with project.terminal("init", columns=70) as terminal:
        terminal.wait_for("Name of the first environment [project]:")
        terminal.press("Not A Name\n")
        terminal.wait_for("would be named 'not-a-name'")
        terminal.press("churn/train\n")
        assert terminal.finish() == 0
        assert all(len(line) <= 70 for line in terminal.lines)
    assert (project.path / "manifests/churn/train.yaml").exists()
    project.remove("envbuild.yaml")
    project.remove("manifests")
    for args in (["init", "-y"], ["init", "--dry-run"], ["init", "--json"]):
        with project.terminal(*args) as terminal:
            assert terminal.finish() == 0
            assert "Name of" not in terminal.text
        if (project.path / "envbuild.yaml").exists():
            project.remove("envbuild.yaml")
            project.remove("manifests")
    project.write("requirements.txt", "alpha\n")
    with project.terminal("init") as terminal:
        assert terminal.finish() == 0
        assert "Name of" not in terminal.text


def test_interrupted_at_the_question_nothing_is_made(project: Project) -> None:
    """Ctrl-C there is 130, as everywhere."""
    with project.terminal("init") as terminal:
        terminal.wait_for("Name of the first environment")
        terminal.wait_until_it_reads()
        terminal.press("\x03")
        assert terminal.finish() == 130
    assert project.tree() == {}


@pytest.mark.parametrize("columns", [40, 120])
def test_lines_fit_the_terminal(project: Project, columns: int) -> None:
    """Narrow or wide, every word is there: what does not fit goes on in the next line."""
    project.write("Dockerfile", "FROM scratch\n")
    project.write("envs/broken.yml", "dependencies: [\n")
    project.write("requirements.txt", "alpha\n")
    with project.terminal("init", columns=columns, rows=60) as terminal:
        assert terminal.finish() == 0
        words = " ".join(terminal.text.split())
    assert "later 'image: {dockerfile: ../Dockerfile}' in a manifest will build on it" in words
    assert "mend it, then add it to 'manifests' in envbuild.yaml" in words
    assert b"\x1b[" in terminal.written


@pytest.mark.parametrize("text", ["x\n", "\0", "- six\n", "", "dependencies:\n"])
def test_what_is_named_as_conda_names_its_files_is_told(project: Project, text: str) -> None:
    """Whatever is in it: who looks for that file among what was found has an answer."""
    for name in ("environment.yml", "conda.yaml", "deep/environment-dev.yml"):
        project.write(name, text)
    told = {one["path"]: one for one in project.json("init", "--dry-run")["found"]}
    assert {"environment.yml", "conda.yaml", "deep/environment-dev.yml"} <= told.keys()
    assert all(one["errors"] or one["says"] for one in told.values())


def test_links_and_files_that_stand_in_the_way(project: Project) -> None:
    """They are named for what they are."""
    project.path.mkdir(exist_ok=True)
    (project.path / "pyproject.toml").symlink_to("nowhere")
    run = project.run("init", "--dry-run", check=None)
    assert "'pyproject.toml' is a link that leads nowhere" in run.out + run.err
    project.remove("pyproject.toml")
    project.write("manifests", "")
    project.write("envbuild.yaml", "")
    assert "rename the file" in project.run("plan", check=1).err


def test_a_name_that_is_too_long(project: Project) -> None:
    """It is the name that is to blame, not the disk."""
    project.write("envbuild.yaml", "")
    assert "choose a shorter name" in project.run("new", "a" * 300, check=1).err
