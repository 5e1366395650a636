"""Folders of the project in the local builder: copies that are built, and editables that are used where they lie."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Archive, Package
from support.folders import write_asking, write_nameless, write_package
from support.index import Index
from support.line import actions, apply_twice, reasons, reference, steps, versions
from support.project import Project
from support.wheels import sdist_bytes, wheel_bytes

_SAYS = "import own; print(own.said)"


def python(project: Project, code: str = _SAYS, name: str = "a") -> str:
    return project.run("run", name, "--", "python", "-c", code).out.strip()


def git(project: Project, *arguments: str) -> None:
    subprocess.run(["git", "-C", project.path, *arguments], check=True, capture_output=True)  # noqa: S607


def source_of(project: Project) -> dict[str, str]:
    """What stands in the project but for what envbuild writes there."""
    return {path: digest for path, digest in project.tree().items() if not path.startswith((".envbuild/", "locks/"))}


@pytest.fixture(params=["own", "."])
def copied(request: pytest.FixtureRequest, project: Project, index: Index) -> Project:
    """A plain folder, below the root or the root itself, built once."""
    write_package(project, request.param, "own", needs=["alpha"])
    write_asking(project, index.url, f"../{'' if request.param == '.' else 'own'}")
    before = source_of(project)
    apply_twice(project)
    assert source_of(project) == before
    return project


def code_of(project: Project) -> str:
    return "own/src/own/__init__.py" if (project.path / "own").is_dir() else "src/own/__init__.py"


def test_a_folder_is_built_from_a_copy(copied: Project) -> None:
    """With what it needs; the folder stays as it is, and the prefix knows no place that is gone."""
    assert python(copied, "import own, alpha; print(own.said, own.__file__)").startswith(
        f"first {reference(copied, 'a')}/lib"
    )
    prefix = Path(reference(copied, "a"))
    assert not list(prefix.rglob("direct_url.json"))
    assert "direct_url" not in next(prefix.rglob("own-1.0.dist-info/RECORD")).read_text()
    (row,) = [one for one in copied.json("show", "a")["environment"]["packages"] if one["name"] == "own"]
    assert row == {"manager": "pip", "name": "own", "version": "1.0"}


def test_its_code_rebuilds_it(copied: Project) -> None:
    """And the reason names the file; the lock stands."""
    code = code_of(copied)
    copied.write(code, "said = 'second'\n")
    found = steps(copied)["a"]
    assert found["action"] == "rebuild"
    assert reasons(found) == [("file", f"{code} changed", "manifests/a.yaml:5")]
    apply_twice(copied)
    assert python(copied) == "second"
    assert versions(copied, "a") == [2, 1]
    folder = code.removesuffix("__init__.py")
    for number in range(4):
        copied.write(f"{folder}more{number}.py", "")
    assert reasons(steps(copied)["a"]) == [("file", f"{folder}more0.py added, and 3 more files", "manifests/a.yaml:5")]
    assert "src/own/__init__.py" in copied.run("diff", "-v", "a@1", "a@2").out


def test_what_a_build_leaves_behind_does_not_count(copied: Project) -> None:
    """Nor what envbuild writes; a package further down may be called `build`."""
    base = code_of(copied).removesuffix("src/own/__init__.py")
    for path in ("build/x", "dist/x", "own.egg-info/x", "src/own.egg-info/x", "src/own/__pycache__/x.pyc"):
        copied.write(f"{base}{path}", "left behind")
    copied.write("locks/other.conda-lock.yml", "")
    assert actions(copied) == {}
    copied.write(f"{base}src/own/build/__init__.py", "")
    assert actions(copied) == {"a": "rebuild"}
    copied.run("apply")
    assert python(copied, "import own.build; print(1)") == "1"
    seen = next(Path(reference(copied, "a")).rglob("seen_by_the_build.txt")).read_text().splitlines()
    assert "src/own/build/__init__.py" in seen
    assert not [path for path in seen if path.startswith(("build/", "dist/", ".envbuild", "locks/"))]


def test_what_git_ignores_does_not_count(project: Project, index: Index) -> None:
    """Nor goes in; what is new and not ignored counts, and a folder that is ignored as a whole counts whole."""
    write_package(project, "own", "own")
    write_asking(project, index.url, "../own")
    project.write(".gitignore", "*.secret\n/vendor/\n")
    git(project, "init", "--quiet")
    project.write("own/src/own/x.secret", "no")
    project.run("apply")
    project.write("own/src/own/x.secret", "other")
    project.write("own/build/x", "left behind")
    assert actions(project) == {}
    seen = next(Path(reference(project, "a")).rglob("seen_by_the_build.txt")).read_text()
    assert "x.secret" not in seen
    project.write("own/src/own/new.py", "")
    assert reasons(steps(project)["a"]) == [("file", "own/src/own/new.py added", "manifests/a.yaml:5")]
    git(project, "add", "--force", "own/src/own/x.secret")
    assert ("file", "own/src/own/x.secret added", "manifests/a.yaml:5") in reasons(steps(project)["a"])
    shutil.copytree(project.path / "own", project.path / "vendor/own")
    write_asking(project, index.url, "../vendor/own")
    project.run("apply")
    project.write("vendor/own/src/own/x.secret", "yes")
    assert actions(project) == {"a": "rebuild"}


def test_links_of_a_folder(project: Project, index: Index) -> None:
    """What they lead to counts and goes in; out of the project none may lead."""
    write_package(project, "own", "own")
    project.write("shared/data.py", "value = 1\n")
    (project.path / "own/src/own/data.py").symlink_to("../../../shared/data.py")
    (project.path / "own/src/own/all").symlink_to("../../../shared")
    write_asking(project, index.url, "../own")
    project.run("apply")
    assert python(project, "import own.data, own.all.data; print(own.data.value, own.all.data.value)") == "1 1"
    project.write("shared/data.py", "value = 2\n")
    changed = [("file", f"own/src/own/{one} changed", "manifests/a.yaml:5") for one in ("all/data.py", "data.py")]
    assert reasons(steps(project)["a"]) == changed
    outside = project.path.parent / "outside.py"
    outside.write_text("x = 1\n")
    (project.path / "own/src/own/out.py").symlink_to(outside)
    (error,) = project.json("plan", check=1)["errors"]
    assert error["message"] == "'own/src/own/out.py' leads out of the project"
    assert error["path"] == "manifests/a.yaml"
    assert error["line"] == 5


@pytest.fixture
def editable(project: Project, index: Index) -> Project:
    write_package(project, "own", "own", extras={"dev": ["alpha"]})
    write_asking(project, index.url, "-e ../own[dev]")
    apply_twice(project)
    return project


def test_an_editable_is_used_where_it_lies(editable: Project) -> None:
    """A change of its code is seen at once, and is none for a plan."""
    assert python(editable) == "first"
    editable.write("own/src/own/__init__.py", "import alpha\nsaid = alpha.__version__\n")
    editable.write("own/src/own/more.py", "")
    assert actions(editable) == {}
    assert python(editable) == "2.0"
    assert editable.run("plan").out.startswith("No changes.")


def test_the_build_files_of_an_editable_rebuild_it(editable: Project) -> None:
    """They decide what it needs and brings."""
    write_package(editable, "own", "own", extras={"dev": ["beta"]}, version="1.5")
    editable.run("lock")
    found = steps(editable)["a"]
    assert found["action"] == "rebuild"
    assert ("file", "own/pyproject.toml changed", "manifests/a.yaml:5") in reasons(found)
    apply_twice(editable)
    assert python(editable, "from importlib.metadata import version; print(version('own'))") == "1.5"


def test_editable_and_copy_are_told_apart(editable: Project, index: Index) -> None:
    """The same lock serves both; what stands is another thing."""
    write_asking(editable, index.url, "../own[dev]")
    editable.run("lock", "--check")
    assert reasons(steps(editable)["a"]) == [("file", "own is a copy now", "manifests/a.yaml:5")]
    apply_twice(editable)
    editable.write("own/src/own/__init__.py", "said = 'second'\n")
    assert actions(editable) == {"a": "rebuild"}
    write_asking(editable, index.url, "-e ../own[dev]")
    found = steps(editable)["a"]
    assert found["action"] == "adopt"
    assert ("file", "own is editable now", "manifests/a.yaml:5") in reasons(found)


def test_harm_to_an_editable_is_mended(editable: Project) -> None:
    """Its prefix has a census like any other."""
    (path,) = Path(reference(editable, "a")).rglob("editable_of_a_test.pth")
    path.write_text("/nowhere\n")
    assert actions(editable) == {"a": "restore"}
    apply_twice(editable)
    assert python(editable) == "first"
    assert versions(editable, "a") == [1]


def test_two_checkouts_share_no_editable(editable: Project, tmp_path: Path, index: Index) -> None:
    """Each has a prefix of its own, also one that was copied with its records; what is no editable is shared."""
    other = Project(tmp_path / "other", editable.environ)
    shutil.copytree(editable.path, other.path, dirs_exist_ok=True)
    other.write("own/src/own/__init__.py", "said = 'other'\n")
    assert reasons(steps(other)["a"]) == [("reference", "it uses the folders of another checkout", "manifests/a.yaml")]
    run = other.run("run", "a", "--locked", "--", "python", "-c", _SAYS, check=None)
    assert run.out != "first\n"
    apply_twice(other)
    assert python(other) == "other"
    assert python(editable) == "first"
    assert Path(reference(other, "a")).parent == Path(reference(editable, "a")).parent
    assert reference(other, "a") != reference(editable, "a")
    for one in (editable, other):
        write_package(one, "plain", "plain")
        write_asking(one, index.url, "../plain", name="b")
        one.run("apply")
    assert reference(other, "b") == reference(editable, "b")


def test_a_folder_that_changes_while_it_is_built(project: Project, index: Index) -> None:
    """Is not recorded as built."""
    write_package(project, "own", "own")
    write_package(project, "near", "near")
    touching = f"open({str(project.path / 'near/src/near/__init__.py')!r}, 'w').write('x = 2')\n"
    project.write("own/backend_of_a_test.py", touching + project.read("own/backend_of_a_test.py"))
    write_asking(project, index.url, "-e ../own")
    code = f"import pathlib; pathlib.Path({str(project.path / 'own/setup.cfg')!r}).write_text('[metadata]')\n"
    project.write("own/backend_of_a_test.py", code + project.read("own/backend_of_a_test.py"))
    run = project.run("apply", check=1)
    assert "manifests/a.yaml:5:9: 'own' was changed while it was built" in run.out + run.err
    assert project.json("list")["environments"][0]["version"] is None


def test_a_folder_without_a_name_and_an_archive(project: Project, index: Index) -> None:
    """Both are built and imported; another archive rebuilds."""
    write_nameless(project, "own", "own", needs=["alpha"])
    filename, data = sdist_bytes("arc", "1.0")
    project.write(f"files/{filename}", "").write_bytes(data)
    write_asking(project, index.url, "../own", f"../files/{filename}")
    apply_twice(project)
    assert python(project, "import own, arc, alpha; print(arc.__version__)") == "1.0"
    assert not list(Path(reference(project, "a")).rglob("direct_url.json"))
    changed = sdist_bytes("arc", "1.0", modules={"arc/more.py": "x = 1\n"})[1]
    (project.path / "files" / filename).write_bytes(changed)
    project.run("lock")
    assert reasons(steps(project)["a"]) == [("file", f"files/{filename} changed", "manifests/a.yaml:6")]
    apply_twice(project)
    assert python(project, "import arc.more; print(arc.more.x)") == "1"


def test_beside_conda_packages(project: Project, index: Index, conda_python: Archive, tmp_path: Path) -> None:
    """Conda's Python gets a copy and an editable; what conda brings is not had again, and setup comes last."""
    channel = Channel(tmp_path / "channel", conda_python)
    channel.add(
        Package(name="pip", version="24.0", noarch="python", subdir="noarch", depends=["python"]),
    )
    write_package(project, "own", "own", needs=["alpha"])
    write_package(project, "two", "two", needs=["own"])
    head = f'python: {{from: conda}}\nchannels: ["{channel.url}"]\npip: {{index_url: "{index.url}"}}\n'
    listed = "dependencies: [python, {pip: [../own, '-e ../two']}]\n"
    setup = "setup:\n  - python -c 'import own, two; print(own.said)' > seen\n"
    project.write("manifests/a.yaml", f"{head}{listed}{setup}")
    before = project.tree().keys()
    apply_twice(project)
    come = project.tree().keys() - before
    assert not [path for path in come if path.startswith("own/") or ("two/" in path and "__pycache__" not in path)]
    prefix = Path(reference(project, "a"))
    assert (prefix / "seen").read_text() == "first\n"
    assert (prefix / "conda-meta").is_dir()
    project.write("two/src/two/__init__.py", "said = 'seen at once'\n")
    assert python(project, "import two; print(two.said)") == "seen at once"
    assert actions(project) == {}


def test_render_and_explain(project: Project, index: Index) -> None:
    """They say the folders as they are asked for, from the project's root."""
    write_package(project, ".", "own")
    write_package(project, "two", "two", extras={"dev": []})
    write_asking(project, index.url, "..", "-e ../two[dev]")
    text = project.run("render", "a", check=None).out
    project.run("lock")
    text = project.run("render", "a").out
    assert '- "."' in text
    assert '- "-e ./two[dev]"' in text
    resolved = project.run("show", "a", "--resolved").out
    assert "-e ../two[dev]" in resolved
    assert project.json("explain", "a", "dependencies")["values"]


def test_a_wheel_keeps_no_place(project: Project, index: Index) -> None:
    """Two checkouts share the prefix, and neither is named in it."""
    filename, data = wheel_bytes("whl", "1.0")
    project.write(f"files/{filename}", "").write_bytes(data)
    write_asking(project, index.url, f"../files/{filename}")
    apply_twice(project)
    assert not list(Path(reference(project, "a")).rglob("direct_url.json"))
    frozen = python(project, "import json; from importlib.metadata import version; print(json.dumps(version('whl')))")
    assert json.loads(frozen) == "1.0"
