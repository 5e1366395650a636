"""Runs where things are odd: within git, with a parent that ignores its children, with what is kept damaged."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import Project, clean_environment
from support.runs import latest, runs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """One environment that is the default, built once, in a repository of git with one commit."""
    folder = tmp_path_factory.mktemp("runs")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    project.write("envbuild.yaml", "default_environment: lab\n")
    project.write("manifests/lab.yaml", "variables: {OWN: one}\n")
    project.write("train.py", "print('trained')\n")
    project.run("apply", "-q")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    return project


@pytest.fixture
def lab(built: Project, tmp_path: Path) -> Project:
    shutil.copytree(built.path, tmp_path / "lab", symlinks=True)
    return Project(tmp_path / "lab", built.environ)


def git(project: Project, *words: str) -> None:
    command = [shutil.which("git") or "git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    subprocess.run(command, cwd=project.path, env=dict(project.environ), check=True, capture_output=True)


def files(project: Project, run: str = "latest") -> list[str]:
    return project.run("runs", "show", run, "--files").out.split()


def test_a_rerun_in_a_repository_has_the_source_of_then(lab: Project) -> None:
    """Also as it is remembered, so that it can be done again: git itself ignores the copy."""
    lab.write("train.py", "print('changed')\n")
    lab.run("run", "--script", "train.py")
    git(lab, "commit", "-qam", "second")
    first = latest(lab)
    for number in ("1", "2"):
        assert lab.run("runs", "rerun", number).out == "changed\n"
        again = latest(lab)
        assert [again[name] == first[name] for name in ("snapshot", "commit", "dirty", "diff")] == [True] * 4
    assert first["dirty"]
    assert "Source, parameters and outputs are the same." in lab.run("runs", "compare", "1", "3").out
    assert files(lab, "3") == ["envbuild.yaml", "manifests/lab.yaml", "train.py"]


def test_whoever_ignores_children_may_run_something(lab: Project) -> None:
    """Such an ignoring is handed down, as some supervisors do, and then no child could be waited for."""
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    show = "import signal; print(signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL); raise SystemExit(3)"
    command = [sys.executable, "-c", ignoring, sys.executable, "-m", "envbuild", "run"]
    for options in (["lab"], ["lab", "--timeout", "60"]):
        run = subprocess.run(
            [*command, *options, "--", "python", "-c", show],
            cwd=lab.path, env=dict(lab.environ), check=False, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert (run.returncode, run.stdout, run.stderr) == (3, "True\n", "")


def test_a_signal_without_a_name_has_its_number(lab: Project) -> None:
    """Those for real time."""
    number = signal.SIGRTMIN + 6
    assert lab.run("run", "--", "sh", "-c", f"kill -{number} $$", check=128 + number).err == ""
    assert (latest(lab)["status"], latest(lab)["signal"]) == ("killed", f"signal {number}")


def test_outputs_make_no_source_dirty(lab: Project) -> None:
    """As they are in no snapshot: else the second run of the same would differ from the first."""
    lab.write("train.py", "import os; os.makedirs('outputs', exist_ok=True); open('outputs/m', 'w').close()\n")
    lab.write("sub/a.py", "")
    git(lab, "add", ".")
    git(lab, "commit", "-qm", "second")
    for _ in range(2):
        lab.run("run", "--script", "train.py")
        assert latest(lab)["dirty"] is False
    assert "Source, parameters and outputs are the same." in lab.run("runs", "compare", "1", "2").out
    lab.write("sub/outputs/x", "")
    lab.run("run", "--", "true")
    assert latest(lab)["dirty"] is True
    away = Project(lab.path / "sub", lab.environ)
    away.run("run", "--", "true")
    assert latest(lab)["dirty"] is False


def test_envbuildignore_has_the_last_word_over_git(lab: Project) -> None:
    """What git ignores can be source all the same; also in folders below, and of a folder that is not the top."""
    for name in ("build/a", "data/keep.csv", "data/x.csv", "sub/data/keep.csv", "tracked.csv"):
        lab.write(name, "")
    git(lab, "add", "-f", "tracked.csv")
    lab.write(".gitignore", "build/\n*.csv\n")
    lab.write(".envbuildignore", "!build/\n!/data/keep.csv\n/train.py\n")
    lab.write("sub/.envbuildignore", "!keep.csv\n")
    lab.run("run", "--", "true")
    wanted = [
        ".envbuildignore", ".gitignore", "build/a", "data/keep.csv", "envbuild.yaml", "manifests/lab.yaml",
        "sub/.envbuildignore", "sub/data/keep.csv", "tracked.csv",
    ]  # fmt: skip
    assert files(lab) == wanted
    Project(lab.path / "sub", lab.environ).run("run", "--", "true")
    assert files(lab) == [".envbuildignore", "data/keep.csv"]
    shutil.rmtree(lab.path / ".git")
    lab.run("run", "--", "true")
    assert files(lab) == [name for name in wanted if name != "tracked.csv"]


def test_a_file_called_outputs_is_source(lab: Project) -> None:
    """Only folders of that name are none; with and without git."""
    lab.write("outputs", "")
    lab.write("logs/x", "")
    lab.run("run", "--", "true")
    assert "outputs" in files(lab)
    assert "logs/x" not in files(lab)


def test_what_is_damaged_can_be_forgotten(lab: Project) -> None:
    """A loss of power may leave a run that says nothing, and another envbuild one that nobody here understands."""
    for _ in range(4):
        lab.run("run", "--", "true")
    kept = lab.path / ".envbuild/runs"
    (kept / "2/run.json").write_text("")
    whole = json.loads((kept / "3/run.json").read_text())
    (kept / "3/run.json").write_text(json.dumps({**whole, "status": "paused"}))
    assert ".envbuild/runs/2/run.json" in lab.run("runs", "rm", "4", check=1).err
    told = lab.run("runs", check=1)
    assert [line.split()[0] for line in told.out.splitlines()[1:]] == ["1"]
    assert "envbuild runs rm 2" in told.err
    assert "envbuild runs rm 3" in told.err
    asked = lab.json("runs", check=1)
    assert [one["id"] for one in asked["runs"]] == [1]
    assert [one["path"] for one in asked["errors"]] == [f".envbuild/runs/{number}/run.json" for number in (3, 2)]
    lab.run("runs", "rm", "2", "3")
    (kept / "1/run.json").write_text("[]")
    lab.run("runs", "rm", "--all")
    assert runs(lab) == []


def test_links_among_outputs(lab: Project, tmp_path: Path) -> None:
    """One to another output is kept as what it leads to, also as a model; all others are told."""
    lab.write("beside.txt", "not of this run\n")
    script = (
        "import os; os.makedirs('outputs/deep')\n"
        "for step in (1, 2): open(f'outputs/ckpt-{step}', 'w').write(str(step))\n"
        "os.symlink('ckpt-2', 'outputs/best'); os.symlink('../ckpt-1', 'outputs/deep/first')\n"
        "os.symlink('../beside.txt', 'outputs/out'); os.symlink('nowhere', 'outputs/gone')\n"
        "os.symlink('deep', 'outputs/d')"
    )
    lab.run("run", "--", "python", "-c", script)
    kept = {one["path"]: one["sha256"] for one in latest(lab)["outputs"]}
    assert [*kept] == ["outputs/best", "outputs/ckpt-1", "outputs/ckpt-2", "outputs/deep/first"]
    assert kept["outputs/best"] == kept["outputs/ckpt-2"]
    assert latest(lab)["left"] == ["outputs/d", "outputs/gone", "outputs/out"]
    lab.run("models", "add", "m", "outputs/best", "--run", "latest")
    lab.run("models", "get", "m", "-o", str(tmp_path / "got"))
    assert (tmp_path / "got/best").read_text() == "2"
    lab.run("run", "--", "sh", "-c", "echo 3 > outputs/ckpt-2")
    assert [one["path"] for one in latest(lab)["outputs"]] == ["outputs/best", "outputs/ckpt-2"]


def test_runs_of_a_version_by_any_of_its_names(lab: Project) -> None:
    """Its number, its label, or as the latest; a label that there is not is told."""
    lab.run("run", "--", "true")
    lab.run("label", "lab@1", "good")
    for name in ("1", "good", "latest"):
        assert [one["id"] for one in runs(lab, "--environment", f"lab@{name}")] == [1], name
    assert "'lab' has no version 'god'" in lab.run("runs", "--environment", "lab@god", check=64).err
    assert runs(lab, "--environment", "lab@2") == []


def test_what_a_run_does_not_have_is_said(lab: Project) -> None:
    """No empty line; and in JSON it is empty."""
    lab.run("run", "--no-snapshot", "--", "true")
    told = lab.run("runs", "show", "1", "--diff")
    assert (told.out, told.err) == ("", "Run 1: git told of no difference.\n")
    assert lab.json("runs", "show", "1", "--diff")["runs"] == [{"id": 1, "diff": ""}]
    assert "run 1 has no snapshot of its source" in lab.run("runs", "show", "1", "--files", check=64).err
    lab.run("run", "--", "true")
    listed = lab.json("runs", "show", "2", "--files")["runs"][0]["files"]
    assert [one["path"] for one in listed] == files(lab, "2")
    assert {one["mode"] for one in listed} == {"100644"}
    assert all(len(one["sha256"]) == 64 for one in listed)


def test_numbers_that_no_run_has(lab: Project) -> None:
    """However long."""
    lab.run("run", "--", "true")
    for text in ("9" * 5000, "0", "-1", "", "\u0663", "1.0"):
        assert "there is no run" in lab.run("runs", "show", "--", text, check=64).err


def test_a_folder_that_is_none_is_told(lab: Project) -> None:
    """Where runs are kept, and something else stands."""
    (lab.path / ".envbuild/runs").write_text("")
    assert "cannot be" in lab.run("runs", "rm", "--all", check=1).err


def test_secrets_are_masked_wherever_they_stand(lab: Project) -> None:
    """One within another, a file of several lines as a terminal has them, and in what differs from the commit."""
    lab.write("envbuild.yaml", "secrets: {A: {env: A}, B: {env: B}, KEY: {file: key.txt}}\n")
    lab.write("key.txt", "first-of-key\nsecond-of-key\nthird-of-key\nfourth-of-key\n")
    git(lab, "add", ".")
    git(lab, "commit", "-qm", "second")
    lab.write("key.txt", "first-of-key\nsecond-of-key\nthird-of-key\nmore-of-key\n")
    lab.write("train.py", "print('s3cr3t-long')\n")
    other = Project(lab.path, {**lab.environ, "A": "s3cr", "B": "s3cr3t-long"})
    script = "printf 'a s3cr'; sleep 0.2; printf '3t-long b'; sed 's/$/\\r/' key.txt"
    other.run("run", "lab", "--", "sh", "-c", script, "s3cr3t-long")
    log = lab.run("runs", "logs", "latest").out
    kept = json.dumps(latest(lab)), lab.run("runs", "show", "latest", "--diff").out, log
    for text in ("s3cr", "of-key"):
        assert [text in one for one in kept] == [False] * 3
    assert [text for text in kept[1:] if "3t-long" in text] == []
    assert log.startswith("a *** b***")


def test_an_environment_of_packages_has_the_project_s_certificates(lab: Project) -> None:
    """Their file is named from the project's own folder."""
    lab.write("envbuild.yaml", "default_environment: lab\nca_bundle: ca.pem\n")
    lab.write("ca.pem", "")
    lab.run("run", "--with", "pip/a-b-c==0", "--locked", "--", "true", check=None)
    assert f"ca_bundle: {lab.path}/ca.pem" in (lab.path / ".envbuild/with/envbuild.yaml").read_text()


def test_gpus_are_a_number_or_a_word(lab: Project) -> None:
    """Where it is said wrongly no GPU would be hidden, and nobody would know."""
    for text in ("-1", "x", "1,2", ""):
        assert "is no number of GPUs" in lab.run("run", "--gpus", text, "--", "true", check=64).err
