"""`envbuild kernel`: what Jupyter finds, whose it is, and what it starts; in test_kernel_real.py a real client asks."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.channelled import write_conda
from support.condachannel import Channel
from support.condapkg import File, Package
from support.condapython import SUBDIR
from support.index import Index
from support.line import reference
from support.project import Project

# What stands in for what runs notebooks: it tells how it was called, and waits to be interrupted if that is asked for.
_LAUNCHER = """\
import json, os, sys, time
try:
    told = {"argv": sys.argv[1:], "pid": os.getpid(), "prefix": sys.prefix, "env": dict(os.environ)}
    print(json.dumps(told), flush=True)
    if "wait" in sys.argv[-1]:
        time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
_SECONDS = 60


@pytest.fixture
def notebooks(project: Project) -> Iterator[Project]:
    """An environment that is built and has a kernel's program, and one that has none."""
    with Index() as index:
        index.add("ipykernel", "1.0", modules={"ipykernel_launcher.py": _LAUNCHER})
        stated = f"pip: {{index_url: '{index.url}'}}\ndependencies: [python, {{pip: [ipykernel]}}]\n"
        project.write("manifests/base.yaml", f"abstract: true\n{stated}")
        project.write("manifests/lab/one.yaml", "extends: base\nvariables: {WHICH: first}\nrun: {env: {MODE: nb}}\n")
        project.write("manifests/bare.yaml", "variables: {A: b}\n")
        project.run("apply")
        yield project


def folder(project: Project) -> Path:
    """Where Jupyter looks for the user's own kernels."""
    return Path(project.environ["XDG_DATA_HOME"], "jupyter/kernels")


def spec(project: Project, name: str) -> Any:
    return json.loads((folder(project) / name / "kernel.json").read_text())


def listed(project: Project, *options: str) -> list[Any]:
    found: list[Any] = project.json("kernel", "--list", *options)["kernels"]
    return found


def started(project: Project, name: str, connection: str = "/tmp/conn.json") -> Any:  # noqa: S108 - only a name
    """What the kernel's program tells, started by the very words of kernel.json, from another folder."""
    words = [connection if word == "{connection_file}" else word for word in spec(project, name)["argv"]]
    run = subprocess.run(
        words, cwd="/", env=dict(project.environ), capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    assert run.returncode == 0, run
    return {**json.loads(run.stdout), "log": run.stderr}


def test_it_is_installed_where_jupyter_looks(notebooks: Project) -> None:
    """By a name that tells of the project, with what an editor shows; and listed."""
    out = notebooks.run("kernel", "lab/one").out
    assert (
        out == "Kernel 'lab/one (project)' starts lab/one, now version 1; Jupyter calls it envbuild-project-lab-one\n"
    )
    found = spec(notebooks, "envbuild-project-lab-one")
    root = str(notebooks.path.resolve())
    assert (found["display_name"], found["language"], found["interrupt_mode"]) == (
        "lab/one (project)",
        "python",
        "signal",
    )
    assert found["metadata"]["envbuild"] == {"environment": "lab/one", "root": root, "language": "python"}
    assert Path(found["argv"][0]).is_absolute()
    assert listed(notebooks) == [
        {
            "name": "envbuild-project-lab-one",
            "display_name": "lab/one (project)",
            "language": "python",
            "environment": "lab/one",
            "project": root,
            "folder": str(folder(notebooks) / "envbuild-project-lab-one"),
            "state": "version 1",
        }
    ]
    assert "envbuild-project-lab-one" in notebooks.run("kernel", "--list").out


def test_it_starts_what_was_built_last(notebooks: Project) -> None:
    """With the variables of environment and `run:`; what is only written is told in the log, and not started."""
    notebooks.run("kernel", "lab/one")
    first = started(notebooks, "envbuild-project-lab-one")
    assert first["argv"] == ["-f", "/tmp/conn.json"]  # noqa: S108
    assert first["prefix"] == reference(notebooks, "lab/one")
    assert (first["env"]["WHICH"], first["env"]["MODE"], first["log"]) == ("first", "nb", "")
    notebooks.write("manifests/lab/one.yaml", "extends: base\nvariables: {WHICH: second}\n")
    stale = started(notebooks, "envbuild-project-lab-one")
    assert stale["env"]["WHICH"] == "first"
    assert "lab/one@1 is started; its manifest has changed since then: run 'envbuild apply lab/one'" in stale["log"]
    notebooks.run("apply")
    assert started(notebooks, "envbuild-project-lab-one")["env"]["WHICH"] == "second"
    notebooks.write("manifests/lab/one.yaml", "extend: base\n")
    broken = started(notebooks, "envbuild-project-lab-one")
    assert broken["env"]["WHICH"] == "second"
    assert "what its manifest says now is not known" in broken["log"]


def test_a_version_stays_that_version(notebooks: Project) -> None:
    """Beside the kernel of what is current."""
    notebooks.run("kernel", "lab/one@1", "--display-name", "May")
    notebooks.write("manifests/lab/one.yaml", "extends: base\nvariables: {WHICH: second}\n")
    notebooks.run("apply")
    notebooks.run("kernel", "lab/one")
    assert {one["display_name"]: one["environment"] for one in listed(notebooks)} == {
        "May": "lab/one@1",
        "lab/one (project)": "lab/one",
    }
    assert started(notebooks, "envbuild-project-lab-one-1")["env"]["WHICH"] == "first"


def test_it_takes_our_place(notebooks: Project) -> None:
    """The process that was started is the kernel itself, so that an interrupt and an end reach it and nobody else."""
    notebooks.run("kernel", "lab/one")
    argv = spec(notebooks, "envbuild-project-lab-one")["argv"]
    words = ["wait" if word == "{connection_file}" else word for word in argv]
    with subprocess.Popen(
        words, env=dict(notebooks.environ), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            assert json.loads(process.stdout.readline())["pid"] == process.pid
            os.killpg(process.pid, signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            assert process.wait(_SECONDS) == 0
        finally:
            process.kill()


def test_what_is_lent_cannot_be_added_to(project: Project) -> None:
    """So nobody is told to."""
    project.write("shelf/plain.yaml", "variables: {A: '1'}\n")
    project.write("envbuild.yaml", "catalogues: {acme: shelf}\n")
    told = project.run("kernel", "acme/plain", check=1).err
    assert "acme/plain@1 has no ipykernel" in told
    assert told.endswith("hint: extend it in a manifest with 'ipykernel' among its dependencies, and name that\n")


def test_what_it_lacks_is_told(notebooks: Project) -> None:
    """When it is installed, and in the notebook's log when it is started."""
    refused = notebooks.run("kernel", "bare", check=1).err
    assert "bare@1 has no ipykernel" in refused
    assert "add 'ipykernel' to its dependencies, and run 'envbuild apply bare'" in refused
    assert listed(notebooks) == []
    assert "bare@1 has no ipykernel" in notebooks.run("kernel", "--start", "c", "bare", check=1).err
    notebooks.write("manifests/new.yaml", "extends: base\nvariables: {N: '1'}\n")
    assert "run 'envbuild apply'" in notebooks.run("kernel", "--start", "c", "new", check=64).err
    shutil.rmtree(reference(notebooks, "lab/one"))
    gone = notebooks.run("kernel", "--start", "c", "lab/one", check=1).err
    assert "run 'envbuild apply lab/one'" in gone


def test_installing_builds_what_is_due(notebooks: Project) -> None:
    """As `run` does; with --locked it is refused instead."""
    notebooks.write("manifests/new.yaml", "extends: base\nvariables: {N: '1'}\n")
    notebooks.run("kernel", "new")
    assert started(notebooks, "envbuild-project-new")["env"]["N"] == "1"


def test_projects_of_one_name_do_not_clash(notebooks: Project, tmp_path: Path) -> None:
    """Nor environments whose names come to the same; what others have put there is left alone."""
    twin = Project(tmp_path / "other" / "project", notebooks.environ)
    shutil.copytree(notebooks.path, twin.path, dirs_exist_ok=True)
    twin.run("apply")
    for one in (notebooks, twin, notebooks, twin):
        one.run("kernel", "lab/one")
    found = listed(notebooks)
    assert {one["project"] for one in found} == {str(notebooks.path.resolve()), str(twin.path.resolve())}
    assert len(found) == 2
    notebooks.write("manifests/lab-one.yaml", "extends: base\nvariables: {N: '1'}\n")
    notebooks.run("kernel", "lab-one")
    assert len({one["name"] for one in listed(notebooks)}) == 3
    theirs = folder(notebooks) / "theirs"
    theirs.mkdir()
    (theirs / "kernel.json").write_text('{"argv": ["x"], "display_name": "theirs", "language": "x"}')
    assert len(listed(notebooks)) == 3
    assert "of something else" in notebooks.run("kernel", "lab/one", "--name", "theirs", check=64).err
    notebooks.run("kernel", "--remove", "theirs", check=64)
    assert (theirs / "kernel.json").exists()
    notebooks.run("kernel", "--remove", "lab/one")
    assert {one["project"] for one in listed(notebooks) if one["environment"] == "lab/one"} == {
        str(twin.path.resolve())
    }


def test_what_is_gone_is_told_and_removed(notebooks: Project, tmp_path: Path) -> None:
    """A project, a version's prefix, or all its records; by the kernel's own name from anywhere."""
    notebooks.run("kernel", "lab/one")
    prefix = Path(reference(notebooks, "lab/one"))
    prefix.rename(tmp_path / "away")
    assert [one["state"] for one in listed(notebooks)] == ["version 1 is gone"]
    (tmp_path / "away").rename(prefix)
    elsewhere = Project(tmp_path / "empty", notebooks.environ)
    notebooks.path.rename(tmp_path / "moved")
    assert [one["state"] for one in listed(elsewhere)] == ["its project is gone"]
    elsewhere.run("kernel", "--remove", "envbuild-project-lab-one")
    assert listed(elsewhere) == []
    assert elsewhere.run("kernel", "--list").out == "No kernels.\n"


def test_other_places(notebooks: Project, tmp_path: Path) -> None:
    """Jupyter's own variable, the environment that Jupyter is in, and any folder."""
    data = {"JUPYTER_DATA_DIR": str(tmp_path / "data")}
    notebooks.run("kernel", "lab/one", env=data)
    assert (tmp_path / "data/kernels/envbuild-project-lab-one/kernel.json").exists()
    notebooks.run("kernel", "lab/one", "--prefix", "venv", "--name", "Mine_1.0")
    assert (notebooks.path / "venv/share/jupyter/kernels/Mine_1.0/kernel.json").exists()
    notebooks.run("kernel", "lab/one", "--dir", "specs")
    assert [one["environment"] for one in listed(notebooks, "--dir", "specs")] == ["lab/one"]
    assert not folder(notebooks).exists()
    for words in (
        ("--prefix", "a", "--dir", "b", "x"),
        ("--list", "x"),
        ("--remove",),
        ("--list", "--remove"),
        ("no/ne",),
    ):
        notebooks.run("kernel", *words, check=64)
    for name in ("a b", ".", ".."):
        assert "no name of a kernel" in notebooks.run("kernel", "lab/one", "--name", name, check=64).err


def test_where_records_are_kept_is_kept(notebooks: Project, tmp_path: Path) -> None:
    """Jupyter may be started without the variable that says so."""
    state = {"ENVBUILD_STATE": f"sqlite:///{tmp_path}/state.db"}
    notebooks.run("apply", env=state)
    notebooks.run("kernel", "lab/one", env=state)
    assert spec(notebooks, "envbuild-project-lab-one")["env"] == state


def test_notebooks_of_r(project: Project, tmp_path: Path) -> None:
    """What has IRkernel, and no ipykernel: R is started as that wants it."""
    script = '#!/bin/sh\nprintf "%s|" "$@"\necho "$CONDA_PREFIX"\n'
    files = {
        "bin/R": File(script.encode(), mode=0o755),
        "lib/R/library/IRkernel/DESCRIPTION": File(b"Package: IRkernel\n"),
    }
    channel = Channel(tmp_path / "channel", Package(name="r-irkernel", subdir=SUBDIR, files=files))
    write_conda(project, "stats", channel, "r-irkernel")
    project.run("kernel", "stats")
    found = spec(project, "envbuild-project-stats-r")
    assert (found["language"], found["display_name"]) == ("R", "stats (project) R")
    words = ["c.json" if word == "{connection_file}" else word for word in found["argv"]]
    told = subprocess.run(
        words, env=dict(project.environ), capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    assert told.stdout == f"--slave|-e|IRkernel::main()|--args|c.json|{reference(project, 'stats')}\n"
    assert "has no ipykernel" in project.run("kernel", "stats", "--language", "python", check=1).err
