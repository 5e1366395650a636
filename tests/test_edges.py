"""What people and programs do at the edges: setup that writes where it should not, odd files, odd addresses."""

import json
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, apply_twice, write_base, write_child
from support.project import Project
from support.wheels import wheel_bytes

_SPOIL = """setup: ['python -c "import alpha; open(alpha.__file__, \\"a\\").write(\\"SPOILT = 1\\")"']\n"""


def test_setup_that_writes_into_a_package_reaches_no_other_environment(project: Project, index: Index) -> None:
    """Neither what is built afterwards nor uv's cache has what one environment's setup wrote."""
    write_base(project, index)
    write_child(project, "a", "alpha", more=_SPOIL)
    project.run("apply")
    write_child(project, "b", "alpha")
    project.run("apply")
    asked = ["--", "python", "-c", "import alpha; print(hasattr(alpha, 'SPOILT'))"]
    assert [project.run("run", name, *asked).out for name in "ab"] == ["True\n", "False\n"]


def test_a_patch_version_that_is_asked_for_is_content(project: Project) -> None:
    """Two environments that ask for two patch versions are not one; without a patch the minor version counts."""
    for name, version in (("a", "3.11.2"), ("b", "3.11.7"), ("c", "3.11"), ("d", ">=3.11,<3.12")):
        project.write(f"manifests/{name}.yaml", f"python: {{version: '{version}'}}\nplatforms: [linux-64]\n")
    project.run("lock")
    found = {name: project.json("show", name)["environment"]["fingerprint"] for name in "abcd"}
    assert found["a"] != found["b"]
    assert found["a"] != found["c"]
    assert found["c"] == found["d"]


def test_an_interpreter_is_refused_with_its_line(project: Project) -> None:
    """It is for environments that envbuild does not make, which this version has none of."""
    project.write("manifests/a.yaml", "python:\n  interpreter: python3\n")
    run = project.run("plan", check=1)
    assert run.err.splitlines() == [
        "manifests/a.yaml:2:3: builder 'local' cannot do 'python.interpreter: python3'",
        "  hint: remove it, or use 'builder: docker' or 'builder: oci'",
    ]


@pytest.mark.parametrize("source", ["conda", "uv"])
def test_an_interpreter_of_the_base_is_none_beside_another_python(project: Project, source: str) -> None:
    """It counts as content, and would not be used."""
    image = "builder: docker\nplatforms: [linux-64]\nimage: {base: 'debian:12'}\n"
    project.write("manifests/a.yaml", f"{image}python: {{from: {source}, interpreter: /usr/bin/python3}}\n")
    what = f"'python.interpreter' names one of the base, and {source} brings another Python"
    assert project.run("plan", check=1).err.splitlines()[:2] == [
        f"manifests/a.yaml:4:{31 + len(source)}: {what}",
        "  hint: remove it, or say 'managed: false' where the base has all packages",
    ]


@pytest.mark.parametrize("command", ['rm -rf "$VIRTUAL_ENV"', 'rm "$VIRTUAL_ENV/bin/python"'])
def test_setup_that_breaks_its_own_prefix_stops_no_other(project: Project, command: str) -> None:
    """What was built stands or fails alone, and nobody is told of a bug."""
    project.write("manifests/a.yaml", f"setup: ['{command}']\n")
    project.write("manifests/b.yaml", "setup: ['true']\n")
    run = project.run("apply", check=None)
    assert "bug" not in run.err
    assert "b: done" in run.err


def test_a_file_whose_name_is_no_text_is_counted(project: Project) -> None:
    """Under any locale."""
    project.write("manifests/a.yaml", """setup: ['touch "$(printf "\\\\377")" é']\n""")
    apply_twice(project)
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert project.run("plan", env=plain).out.startswith("No changes.")


def test_what_setup_leaves_running_is_ended(project: Project, tmp_path: Path) -> None:
    """The store's lock is free as soon as the build is done."""
    mark = tmp_path / "still-there"
    project.write("manifests/a.yaml", f"setup: ['(sleep 2; touch {mark}) >/dev/null 2>&1 &']\n")
    project.run("apply")
    time.sleep(3)
    assert not mark.exists()


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX"])
def test_an_index_of_the_host_may_have_a_name(project: Project, variable: str) -> None:
    """NAME=URL, with its credentials in variables that are called by the name."""
    with Index(auth=("reader", "secret")) as private:
        private.add("only-here", "1.0")
        project.write("manifests/a.yaml", "dependencies: [{pip: [only-here]}]\n")
        env = {variable: f"own={private.url}", "UV_INDEX_OWN_USERNAME": "reader", "UV_INDEX_OWN_PASSWORD": "secret"}
        project.run("lock", env=env)
    assert "secret" not in project.read("locks/a.conda-lock.yml")


def test_urls_under_different_markers_are_no_contradiction(project: Project, index: Index) -> None:
    """Each platform has its own file."""
    one, two = (
        f"{index.url.removesuffix('simple/')}{name}" for name in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl")
    )
    items = f"[\"a @ {one} ; sys_platform == 'linux'\", \"a @ {two} ; sys_platform == 'win32'\"]"
    project.write("manifests/k.yaml", f"dependencies: [{{pip: {items}}}]\n")
    assert actions(project) == {"k": "create"}
    project.write("manifests/k.yaml", f'dependencies: [{{pip: ["a @ {one}", "a @ {two}"]}}]\n')
    assert "no a can be both" in project.run("plan", check=1).err


def test_a_failure_is_told_however_quiet(project: Project) -> None:
    """-q is for progress."""
    project.write("manifests/a.yaml", "setup: ['exit 3']\n")
    for args in (("apply", "-q"), ("run", "-q", "a", "--", "true")):
        run = project.run(*args, check=1)
        assert "manifests/a.yaml:1:9: setup command 1 ended with 3" in run.err
        assert "a: setup" not in run.err


def test_a_lock_that_is_no_text_is_made_again_and_bothers_nobody_else(project: Project, index: Index) -> None:
    """It is damaged like any other."""
    write_base(project, index)
    write_child(project, "a", "alpha")
    (project.path / "locks").mkdir()
    for name in ("a", "other"):
        (project.path / f"locks/{name}.conda-lock.yml").write_bytes(b"\xff\xfe")
    project.run("plan", check=1)
    project.run("lock")
    apply_twice(project)


@pytest.mark.parametrize("damage", ["flags", "data"])
def test_a_damaged_wheel_is_named(project: Project, damage: str) -> None:
    """With the line that asks for it."""
    filename, data = wheel_bytes("own", "1.0")
    path = project.path / "manifests" / filename
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with zipfile.ZipFile(path) as wheel:
        start = next(info for info in wheel.infolist() if info.filename.endswith("METADATA")).header_offset
    spoilt = bytearray(data)
    if damage == "data":
        spoilt[start + 60 : start + 80] = b"\xff" * 20
    else:
        central = data.index(b"PK\x01\x02")
        while b"METADATA" not in data[central : central + 90]:
            central = data.index(b"PK\x01\x02", central + 4)
        spoilt[central + 8] |= 1
    path.write_bytes(bytes(spoilt))
    project.write("manifests/a.yaml", f"dependencies: [{{pip: [./{filename}]}}]\n")
    assert project.run("plan", check=1).err.startswith("manifests/a.yaml:1:23: ")


def test_a_wheel_with_a_query_is_a_wheel(project: Project, index: Index) -> None:
    """Its address may say more than its name."""
    filename, data = wheel_bytes("asked", "1.0")
    index.add_file(filename, data)
    url = f"{index.url.removesuffix('simple/')}files/{filename}?download=1"
    project.write("manifests/a.yaml", f'dependencies: [{{pip: ["asked @ {url}"]}}]\n')
    apply_twice(project)
    assert project.run("run", "a", "--", "python", "-c", "import asked; print(asked.__version__)").out == "1.0\n"


def test_a_file_cannot_constrain(project: Project) -> None:
    """A constraint says versions; a path in it is refused at its own line."""
    project.write("manifests/c.txt", "alpha<2\n./x-1-py3-none-any.whl\n")
    project.write("manifests/a.yaml", "dependencies: [{pip: [alpha, -c c.txt]}]\n")
    assert project.run("plan", check=1).err.startswith("manifests/c.txt:2:1: a file cannot constrain\n")


def test_problems_have_one_form_in_json(project: Project, index: Index) -> None:
    """Of apply and of lock as of every other command: where, what, how."""
    write_base(project, index)
    write_child(project, "a", "alpha==9")
    for command in ("lock", "apply"):
        told = json.loads(project.run(command, "--json", check=1).out)["errors"]
        assert [sorted(error) for error in told] == [["column", "hint", "line", "message", "path"]]
        assert (told[0]["path"], told[0]["line"]) == ("manifests/a.yaml", 4)


def test_a_template_that_fails_ends_it_before_anything_is_fetched(
    project: Project, index: Index, tmp_path: Path
) -> None:
    """Templates are rendered while the prefix is begun, and downloads are what takes long."""
    write_base(project, index)
    write_child(project, "a", "alpha")
    project.run("lock")
    project.write("templates/environment.yml.j2", "{{ missing }}\n")
    index.requests.clear()
    run = project.run("apply", check=1, env={"UV_CACHE_DIR": str(tmp_path / "empty")})
    assert "templates/environment.yml.j2:1" in run.err
    assert index.requests == []


def test_a_template_of_the_project_stands_before_ours(project: Project) -> None:
    """By its name; a broken one fails the build of what it is for, with its line."""
    project.write("templates/environment.yml.j2", "one\n{{ missing }}\n")
    project.write("manifests/a.yaml", "setup: ['true']\n")
    assert "templates/environment.yml.j2" in project.run("apply", check=1).err
    project.write("templates/environment.yml.j2", "name: {{ environment.name | yaml }}\n")
    project.run("apply")
    query = "SELECT json_extract(record, '$.artifacts') FROM records"
    command = [
        "python3",
        "-c",
        f"import sqlite3; print(sqlite3.connect('.envbuild/state.db').execute({query!r}).fetchone()[0])",
    ]
    out = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == {"environment.yml": 'name: "a"\n'}
