"""Bad files that `test_bad_files` does not have: encodings, sizes, depths, ways out of the project, permissions."""

from pathlib import Path

import pytest
from support.index import Index
from support.line import run_without_rights
from support.project import Project

MIB = 1024 * 1024


def refused(project: Project) -> list[str]:
    """Each problem of a plan without its hint; every one of them has a hint, and nothing was written."""
    before = project.tree()
    run = project.run("plan", check=1)
    assert run.out == ""
    assert project.tree() == before
    lines = run.err.splitlines()
    assert all(line.startswith("  hint: ") and line != "  hint: " for line in lines[1::2])
    return lines[0::2]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-be", "utf-32", "shift-jis", "cp037"])
def test_a_file_in_no_known_encoding(project: Project, encoding: str) -> None:
    """UTF-8, or UTF-16 with its mark, and no other; what is refused is told to be saved as UTF-8."""
    text = "description: \u65e5\u672c\nsetup: [make]\n" if encoding != "latin-1" else "description: caf\u00e9\n"
    data = text.replace("\u65e5\u672c", "x").encode(encoding) if encoding == "cp037" else text.encode(encoding)
    project.write("manifests/a.yaml", "").write_bytes(data)
    (found,) = refused(project)
    assert found.startswith("manifests/a.yaml:1:")


def test_utf_16_with_its_mark_is_read(project: Project) -> None:
    """Both orders of bytes, and UTF-8 with a mark."""
    for name, encoding in (("a", "utf-16"), ("b", "utf-8-sig")):
        project.write(f"manifests/{name}.yaml", "").write_bytes("setup: [caf\u00e9]\r\n".encode(encoding))
    assert (
        project.json("show", "a", "--resolved")["environment"]["manifest"]
        == (project.json("show", "b", "--resolved")["environment"]["manifest"])
    )


LEAVING = {
    "dependencies: [{pip: [../../x-1-py3-none-any.whl]}]": "1:23: ",
    "dependencies: [{pip: ['-r ../../r.txt']}]": "1:23: ",
    "dependencies: [{pip: ['-e ../../..']}]": "1:23: ",
    "dependencies: [{pip: ['alpha @ file:///etc/alpha']}]": "1:23: ",
    "image: {dockerfile: ../../Dockerfile}": "1:21: ",
    "image: {context: /}": "1:18: ",
    "image: {copy: [{from: ../../../etc/passwd, to: /x}]}": "1:23: ",
    "image: {copy: [{from: [a, ~/x], to: /x}]}": "1:27: ",
    "image: {build: [{script: 'C:\\x.sh'}]}": "1:26: ",
    "image: {apt: ['-r ../../apt.txt']}": "1:15: ",
    "serve: {entry_script: ../../x.py}": "1:23: ",
    "pip: {find_links: [/wheels]}": "1:20: ",
}


def test_a_path_that_leaves_the_project(project: Project) -> None:
    """Wherever a path may stand."""
    for at, text in enumerate(LEAVING):
        project.write(f"manifests/t{at:02}.yaml", f"{text}\n")
    found = refused(project)
    assert [line.partition(": ")[0] + ": " for line in found] == [
        f"manifests/t{at:02}.yaml:{place}" for at, place in enumerate(LEAVING.values())
    ]
    assert all("leaves the project" in line or "is absolute" in line for line in found)


def test_a_path_that_leaves_after_it_is_rendered(project: Project) -> None:
    """An expression is no way out."""
    project.write("manifests/a.yaml", 'params: {up: ../..}\nimage: {dockerfile: "{{ params.up }}/Dockerfile"}\n')
    (found,) = refused(project)
    assert found == "manifests/a.yaml:2:21: the path '../../Dockerfile' leaves the project"


def test_a_folder_of_manifests_that_leads_out(project: Project, tmp_path: Path) -> None:
    """A link below `manifests/` brings no file of elsewhere in, in silence or otherwise."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.yaml").write_text("setup: [make]\n")
    project.write("manifests/a.yaml", "setup: [make]\n")
    (project.path / "manifests" / "link").symlink_to(outside)
    run = project.run("list", check=None)
    assert "link/b" not in run.out
    assert run.code == 0 or "leads out of the project" in run.err


def test_settings_that_are_a_link_out_of_the_project(project: Project, tmp_path: Path) -> None:
    """They are a file of the project like any other."""
    (tmp_path / "elsewhere.yaml").write_text("builder: local\n")
    project.write("manifests/a.yaml", "setup: [make]\n")
    (project.path / "envbuild.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (found,) = refused(project)
    assert "leads out of the project" in found


@pytest.mark.parametrize("name", ["envbuild.yaml", "manifests/r.txt", "templates/environment.yml.j2"])
def test_other_files_of_a_hundred_megabytes(project: Project, name: str) -> None:
    """Settings, requirements and templates are not read whole either."""
    project.write("manifests/a.yaml", "dependencies: [{pip: [-r r.txt]}]\n")
    project.write("manifests/r.txt", "alpha\n")
    path = project.write(name, "#")
    with path.open("r+b") as stream:
        stream.truncate(100 * MIB)
    told = project.run("check", check=1).err.splitlines()
    assert any("larger than 1024 KiB" in line for line in told)
    assert all(name in line or line.startswith("  hint: ") for line in told)


NESTED = {
    "flow": "params: {a: " + "[" * 10_000 + "]" * 10_000 + "}\n",
    "mappings": "params: " + "{a: " * 10_000 + "b" + "}" * 10_000 + "\n",
    "lists": "params:\n  a:\n  " + "- " * 10_000 + "b\n",
    "indented": "".join(f"{' ' * at}a:\n" for at in range(1_400)),
    "aliases": "params: {a: &a [x], b: &b [" + "*a ," * 40_000 + "], c: [*b , *b , *b ]}\n",
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_manifest_that_is_nested_beyond_reason(project: Project, kind: str) -> None:
    """In every way that YAML can nest."""
    project.write("manifests/a.yaml", "").write_text(NESTED[kind])
    (found,) = refused(project)
    assert "deep" in found or "more than 100,000 values" in found


def test_files_and_folders_that_may_not_be_read(project: Project) -> None:
    """A folder of manifests, and a manifest."""
    project.write("manifests/a.yaml", "setup: [make]\n").chmod(0)
    folder = project.write("manifests/b/c.yaml", "setup: [make]\n").parent
    folder.chmod(0)
    run = run_without_rights(project, "plan")
    folder.chmod(0o700)
    assert (run.code, run.err.splitlines()[0]) == (1, "manifests/b: cannot be listed: Permission denied")
    run = run_without_rights(project, "plan")
    assert run.code == 1
    assert "manifests/a.yaml: 'manifests/a.yaml' cannot be read: Permission denied" in run.err


def test_a_private_folder_that_may_not_be_written(project: Project, index: Index) -> None:
    """What only looks works; apply says so before it does anything."""
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    private = project.path / ".envbuild"
    private.mkdir(mode=0o500)
    before = project.tree()
    for command in ("plan", "list", "check"):
        assert run_without_rights(project, command).code == 0
    run = run_without_rights(project, "apply")
    assert run.code == 1
    assert "cannot be written: Permission denied" in run.err
    assert "  hint: " in run.err
    private.chmod(0o700)
    assert project.tree() == before
