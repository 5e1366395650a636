"""Files that are no text, too large, unreadable, in the way or somewhere else: a plain error, and nothing written."""

import os
from pathlib import Path

import pytest
from support.index import Index
from support.project import Project


def refused(project: Project) -> str:
    """Standard error of a plan that may write nothing."""
    before = project.tree()
    run = project.run("plan", check=1)
    assert run.out == ""
    assert project.tree() == before
    return run.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"setup: [caf\xe9]\n", "1:1: the file is not UTF-8 text\n  hint: save it as UTF-8\n"),
        (
            "setup: [make]\n".encode("utf-16")[2:],
            "1:2: the character U+0000 may not stand in a file\n  hint: remove it\n",
        ),
        (b"# \x1b[2J\n", "1:3: the character U+001B may not stand in a file\n  hint: remove it\n"),
    ],
)
def test_bytes_that_are_no_text_are_refused(project: Project, data: bytes, message: str) -> None:
    """Files in no known encoding, and control characters even in comments."""
    project.write("manifests/a.yaml", "").write_bytes(data)
    assert refused(project) == f"manifests/a.yaml:{message}"


def test_a_hundred_megabytes_are_refused_unread(project: Project) -> None:
    """Its size is told from the first mebibyte."""
    path = project.write("manifests/a.yaml", "setup: [make]\n#")
    with path.open("r+b") as stream:
        stream.truncate(100 * 1024 * 1024)
    run = project.run("plan", check=1)
    message = (
        "manifests/a.yaml:1:1: the file is larger than 1024 KiB\n  hint: split it; parents are named by 'extends'\n"
    )
    assert (run.out, run.err) == ("", message)


def test_what_cannot_be_read_is_refused(project: Project, tmp_path: Path) -> None:
    """Links to nothing, to themselves and out of the project, and what is no file; a folder is looked into."""
    project.write("manifests/folder.yaml/inside.yaml", "setup: [make]\n")
    folder = project.path / "manifests"
    (tmp_path / "outside.yaml").write_text("setup: [make]\n")
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    os.mkfifo(folder / "pipe.yaml")
    run = project.run("plan", check=1)
    loop = os.strerror(40)
    assert run.err == (
        "manifests/dangling.yaml: 'manifests/dangling.yaml' is a link that leads nowhere\n"
        "  hint: mend it or remove it\n"
        f"manifests/loop.yaml: 'manifests/loop.yaml' cannot be read: {loop}\n  hint: check its permissions\n"
        "manifests/out.yaml: 'manifests/out.yaml' leads out of the project\n  hint: keep a copy inside it\n"
        "manifests/pipe.yaml: 'manifests/pipe.yaml' is not a file\n  hint: name a file\n"
    )
    assert project.run("plan", "folder.yaml/inside").out.endswith("Plan: 1 to create, 0 unchanged.\n")


@pytest.mark.parametrize("kind", ["wheel", "requirements", "parent"])
def test_no_link_leads_what_a_manifest_names_out_of_the_project(project: Project, tmp_path: Path, kind: str) -> None:
    """Wheels, requirement files and parents; through a linked folder as well."""
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    names = {"wheel": "x-1-py3-none-any.whl", "requirements": "x.txt", "parent": "x.yaml"}
    (secret / names[kind]).write_text("alpha\n")
    project.write("manifests/a.yaml", {
        "wheel": "dependencies: [{pip: [./link/x-1-py3-none-any.whl]}]\n",
        "requirements": "dependencies: [{pip: [-r link/x.txt]}]\n",
        "parent": "extends: [./link/x.yaml]\n",
    }[kind])  # fmt: skip
    (project.path / "manifests" / "link").symlink_to(secret)
    message = refused(project)
    assert f"'manifests/link/{names[kind]}' leads out of the project\n  hint: keep a copy inside it\n" in message
    assert message.startswith("manifests/a.yaml:1:")


def test_locks_are_not_written_through_a_link(project: Project, index: Index, tmp_path: Path) -> None:
    """The folder of locks may not stand outside the project."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.path / "locks").symlink_to(outside)
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    assert "leads out of the project" in project.run("lock", check=1).err
    assert list(outside.iterdir()) == []


def test_an_unwritable_private_folder_stops_apply_not_plan(project: Project, index: Index) -> None:
    """Plan writes nothing; apply says so before it does anything."""
    project.write(".envbuild", "in the way\n")
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    before = project.tree()
    assert project.run("plan").out.endswith("Plan: 1 to create, 0 unchanged.\n")
    run = project.run("apply", check=1)
    assert run.err.endswith(
        ".envbuild: cannot be written: File exists\n  hint: check the folder's permissions and the space on its disk\n"
    )
    assert project.tree() == before


def test_an_unwritable_folder_of_locks_stops_lock(project: Project, index: Index) -> None:
    """What was in the way stays as it is."""
    project.write("locks", "in the way\n")
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    before = project.tree()
    run = project.run("lock", check=1)
    assert run.err.endswith(
        "locks/a.conda-lock.yml: cannot be written: File exists\n"
        "  hint: remove the file that stands where a folder has to be, or choose another place\n"
    )
    assert project.tree() == before
