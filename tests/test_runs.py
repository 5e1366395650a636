"""Runs are remembered: command, exact environment, source, git, log, outputs, and what became of them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import Project, clean_environment
from support.runs import latest, runs

_TRAIN = """
import os, pathlib, sys
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text(" ".join(sys.argv[1:]))
print("trained", os.environ["OWN"], *sys.argv[1:])
print("careful", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """One environment that is the default, built once; each test takes a copy of the project."""
    folder = tmp_path_factory.mktemp("runs")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    project.write("envbuild.yaml", "default_environment: churn/train\n")
    project.write("manifests/churn/train.yaml", "variables: {OWN: one}\n")
    project.write("train.py", _TRAIN)
    project.run("apply", "-q")
    return project


@pytest.fixture
def lab(built: Project, tmp_path: Path) -> Project:
    shutil.copytree(built.path, tmp_path / "lab")
    return Project(tmp_path / "lab", built.environ)


def git(project: Project, *words: str) -> str:
    command = [shutil.which("git") or "git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    run = subprocess.run(
        command, cwd=project.path, env=dict(project.environ), check=True, capture_output=True, text=True
    )
    return run.stdout


def test_a_run_is_remembered_whole(lab: Project) -> None:
    """Twice: the second is begun without loading anything, and remembers as much."""
    for number, epochs in enumerate(("3", "4"), 1):
        words = ("--experiment", "lr", "--", "python", "train.py", "--epochs", epochs)
        run = lab.run("run", "churn/train", *words)
        assert (run.out, run.err) == (f"trained one --epochs {epochs}\n", "careful\n")
        found = latest(lab)
        record = lab.json("history", "churn/train")["records"][0]
        assert found | {
            "id": number, "status": "done", "code": 0, "environment": "churn/train", "version": 1, "experiment": "lr",
            "command": ["python", "train.py", "--epochs", epochs], "fingerprint": record["fingerprint"],
            "reference": record["reference"], "folder": str(lab.path), "signal": None, "left": [], "whole_log": True,
        } == found  # fmt: skip
        assert [(one["path"], one["size"]) for one in found["outputs"]] == [("outputs/model.txt", 10)]
        assert lab.run("runs", "show", "latest", "--files").out.split() == [
            "envbuild.yaml", "manifests/churn/train.yaml", "train.py",
        ]  # fmt: skip
        log = lab.run("runs", "logs", str(number)).out.splitlines()
        assert sorted(log) == ["careful", f"trained one --epochs {epochs}"]
    assert [one["id"] for one in runs(lab)] == [2, 1]


def test_order_is_kept_where_it_means_something(lab: Project) -> None:
    """Output and errors that go to one place come as they were written, also in the log, whatever they are."""
    script = "import os\nfor at in range(300): os.write(1 + at % 2, b'%d \\xff\\r\\n' % at)\nos.write(1, b'x' * 300000)"
    command = [sys.executable, "-m", "envbuild", "run", "--", "python", "-c", script]
    run = subprocess.run(
        command, cwd=lab.path, env=dict(lab.environ), check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wanted = b"".join(b"%d \xff\r\n" % at for at in range(300)) + b"x" * 300_000
    assert run.stdout == wanted
    assert Path(lab.run("runs", "logs", "latest", "--path").out.strip()).read_bytes() == wanted


def test_no_history_and_no_snapshot(lab: Project) -> None:
    """Nothing is remembered; or everything but the source, and then it cannot be run again."""
    for _ in range(2):
        assert lab.run("run", "--no-history", "--", "sh", "-c", "echo $OWN; exit 3", check=3).out == "one\n"
        assert runs(lab) == []
    lab.run("run", "--no-history", "--timeout", "0.2", "--", "sleep", "30", check=124)
    assert lab.run("runs").out == "No runs.\n"
    for number in range(1, 3):
        lab.run("run", "--no-snapshot", "--", "true")
        assert (latest(lab)["id"], latest(lab)["snapshot"]) == (number, None)
    assert "run 1 has no snapshot of its source" in lab.run("runs", "rerun", "1", check=64).err


def test_a_folder_elsewhere_is_no_source(lab: Project, tmp_path: Path) -> None:
    """Of where one happens to be nothing is kept, unless it is of the project, or named."""
    away = Project(tmp_path / "away", lab.environ)
    away.write("x.py", "import os; print(os.getcwd(), os.environ['PWD'])\n")
    away.run("-C", str(lab.path), "run", "--", "true")
    assert latest(lab)["snapshot"] is None
    run = lab.run("run", "--source", str(away.path), "--script", "x.py")
    assert run.out == f"{away.path} {away.path}\n"
    assert latest(lab)["snapshot"]["files"] == 1
    assert latest(lab)["folder"] == str(away.path)


def test_the_manifest_says_what_runs(lab: Project) -> None:
    """Command, arguments and variables are defaults; what is said on the command line wins; nothing is rebuilt."""
    lab.write(
        "manifests/churn/train.yaml",
        """
        variables: {OWN: one}
        run:
          command: [python, train.py]
          arguments: ['--epochs', '7']
          env: {OWN: 'run', WHERE: '{{ environment.prefix }}/x'}
        """,
    )
    assert "No changes." in lab.run("plan").out
    for _ in range(2):
        assert lab.run("run").out == "trained run --epochs 7\n"
    assert lab.run("run", "--script", "train.py").out == "trained run --epochs 7\n"
    assert lab.run("run", "--script", "train.py", "--", "-x").out == "trained run -x\n"
    assert lab.run("run", "--env", "OWN=mine", "--env", "OTHER=1").out == "trained mine --epochs 7\n"
    assert (latest(lab)["env"], latest(lab)["given"]) == (["OTHER", "OWN", "WHERE"], ["OTHER", "OWN"])
    prefix = latest(lab)["reference"]
    assert lab.run("run", "--", "sh", "-c", "echo $WHERE").out == f"{prefix}/x\n"
    lab.write(
        "manifests/churn/train.yaml", "variables: {OWN: one}\nrun: {command: 'echo a; echo b', arguments: [c, 'd e']}\n"
    )
    assert lab.run("run").out == "a\nb c d e\n"
    block = "run:\n  command: |\n    echo a\n    echo b\n  arguments: [c, 'd e']\n"
    lab.write("manifests/churn/train.yaml", f"variables: {{OWN: one}}\n{block}")
    assert lab.run("run").out == "a\nb c d e\n"
    lab.write("manifests/churn/train.yaml", "variables: {OWN: one}\n")
    assert "nothing says what to run" in lab.run("run", check=64).err


def test_gpus_are_told_to_programs(lab: Project) -> None:
    """As CUDA reads it; auto says nothing."""
    show = ("--", "sh", "-c", "echo ${CUDA_VISIBLE_DEVICES-unset}")
    assert [lab.run("run", "--gpus", one, *show).out.strip() for one in ("none", "2", "auto")] == ["", "0,1", "unset"]


def test_git_is_remembered(lab: Project) -> None:
    """The commit, whether files differ from it, and how."""
    lab.run("run", "--", "true")
    assert (latest(lab)["commit"], latest(lab)["dirty"]) == (None, False)
    git(lab, "init", "-q")
    git(lab, "add", ".")
    git(lab, "commit", "-qm", "first")
    commit = git(lab, "rev-parse", "HEAD").strip()
    for _ in range(2):
        lab.run("run", "--", "true")
        assert (latest(lab)["commit"], latest(lab)["dirty"]) == (commit, False)
    lab.write("train.py", f"{_TRAIN}# more\n")
    lab.run("run", "--", "true")
    assert (latest(lab)["commit"], latest(lab)["dirty"]) == (commit, True)
    diff = lab.run("runs", "show", "latest", "--diff").out
    assert lab.json("runs", "show", "latest", "--diff")["runs"][0]["diff"] == diff
    assert "+# more" in diff
    assert diff.startswith("diff --git a/train.py b/train.py")


def test_a_run_is_done_again_when_everything_has_changed(lab: Project) -> None:
    """Manifest, source and command; the environment and the source of then are what it gets."""
    lab.run("run", "--script", "train.py", "--", "a")
    lab.write("manifests/churn/train.yaml", "variables: {OWN: two}\n")
    lab.write("train.py", "print('other')\n")
    assert lab.run("run", "--script", "train.py").out == "other\n"
    lab.remove("manifests/churn/train.yaml")
    lab.remove("train.py")
    assert lab.run("runs", "rerun", "1").out == "trained one a\n"
    again = latest(lab)
    assert (again["again"], again["version"], again["status"]) == (1, 1, "done")
    assert [one["path"] for one in again["outputs"]] == ["outputs/model.txt"]
    assert not Path(again["folder"]).exists()
    assert "Source, parameters and outputs are the same." in lab.run("runs", "compare", "1", "3").out
    assert lab.run("runs", "rerun", "3").out == "trained one a\n"
    assert [path.name for path in (lab.path / ".envbuild/runs/work").iterdir()] == []


def test_a_rerun_needs_what_was_not_kept(lab: Project) -> None:
    """Values of --env have to be said again, and a command that held a secret whole."""
    lab.run("run", "--env", "TOKEN=hush-hush", "--", "sh", "-c", "echo $TOKEN")
    assert "say them again: --env TOKEN=…" in lab.run("runs", "rerun", "1", check=64).err
    assert lab.run("runs", "rerun", "1", "--env", "TOKEN=other").out == "other\n"
    assert "hush-hush" not in (lab.path / ".envbuild/runs/1/run.json").read_text()


def test_the_environment_of_a_run_is_recovered(lab: Project, tmp_path: Path) -> None:
    """As a project of its own, from which the same content is built: also when its record was forgotten."""
    lab.run("run", "--", "true")
    fingerprint = latest(lab)["fingerprint"]
    lab.write("manifests/churn/train.yaml", "variables: {OWN: two}\n")
    lab.run("apply", "-q")
    lab.remove("manifests/churn/train.yaml")
    lab.run("apply", "-q", "--prune", "-y")
    lab.run("history", "churn/train", check=64)
    shown = lab.json("runs", "env", "1")["environment"]
    assert (shown["name"], shown["version"], shown["fingerprint"]) == ("churn/train", 1, fingerprint)
    assert "OWN: one" in shown["manifest"].replace('"', "")
    told = lab.run("runs", "env", "1", "-o", str(tmp_path / "out")).out
    assert told.startswith("churn/train@1 written to")
    other = Project(tmp_path / "out", lab.environ)
    other.run("apply", "-q")
    assert other.json("show", "churn/train")["environment"]["fingerprint"] == fingerprint
    assert lab.run("runs", "rerun", "1").out == ""
    assert "is not empty" in lab.run("runs", "env", "1", "-o", str(tmp_path / "out"), check=64).err


def test_the_environment_of_a_catalogue_gets_a_name_of_its_own(lab: Project, tmp_path: Path) -> None:
    """Where those of envbuild are reserved: the content is the same."""
    lab.run("run", "curated/minimal", "--", "true")
    lab.run("runs", "env", "latest", "-o", str(tmp_path / "out"))
    other = Project(tmp_path / "out", lab.environ)
    other.run("apply", "-q")
    assert other.json("show", "minimal")["environment"]["fingerprint"] == latest(lab)["fingerprint"]


def test_a_prefix_that_is_gone_is_not_replaced_by_another(lab: Project, tmp_path: Path) -> None:
    """A rerun says how to make it anew, and that is how."""
    environ = {**lab.environ, "ENVBUILD_STORE": str(tmp_path / "store")}
    own = Project(lab.path, environ)
    own.write("manifests/churn/train.yaml", "variables: {OWN: three}\n")
    own.run("run", "--script", "train.py")
    shutil.rmtree(tmp_path / "store")
    run = own.run("runs", "rerun", "1", check=1)
    assert "does not stand as it was built" in run.err
    assert "'envbuild runs env 1 -o DIR', then 'envbuild -C DIR apply'" in run.err
    own.run("runs", "env", "1", "-o", str(tmp_path / "out"))
    Project(tmp_path / "out", environ).run("apply", "-q")
    assert own.run("runs", "rerun", "1").out == "trained three\n"


def test_two_runs_are_compared(lab: Project) -> None:
    """Packages, source, parameters, outputs: each only where it differs."""
    lab.run("run", "--experiment", "x", "--script", "train.py", "--", "a")
    lab.write("manifests/churn/train.yaml", "variables: {OWN: two}\n")
    lab.write("train.py", f"{_TRAIN}# more\n")
    lab.write("extra.py", "")
    lab.run("run", "--experiment", "y", "--script", "train.py", "--env", "K=v", "--", "b")
    found = lab.json("runs", "compare", "1", "2")
    assert found["source"] == [
        {"path": "extra.py", "change": "added"},
        {"path": "manifests/churn/train.yaml", "change": "changed"},
        {"path": "train.py", "change": "changed"},
    ]
    assert found["parameters"] == [
        {"name": "command", "before": "a", "after": "b"},
        {"name": "experiment", "before": "x", "after": "y"},
        {"name": "variables", "before": "", "after": "K"},
    ]
    assert found["outputs"] == [{"path": "outputs/model.txt", "change": "changed"}]
    assert [one["field"] for one in found["environment"]["fields"]] == ["variables.OWN"]
    text = lab.run("runs", "compare", "1", "2").out
    for line in ("1 field changed.", "extra.py", "outputs/model.txt", "experiment"):
        assert line in text


def test_runs_are_found_by_what_they_are(lab: Project) -> None:
    """By environment and version, experiment, status; what cannot be is refused."""
    lab.run("run", "--experiment", "x", "--", "true")
    lab.run("run", "--", "false", check=1)
    lab.write("manifests/churn/train.yaml", "variables: {OWN: two}\n")
    lab.run("run", "--experiment", "x", "--", "true")

    def found(*words: str) -> list[int]:
        return [one["id"] for one in runs(lab, *words)]

    assert found("--experiment", "x") == [3, 1]
    assert found("--status", "failed") == [2]
    assert found("--environment", "churn/train@1") == [2, 1]
    assert found("--environment", "churn/*", "--status", "done", "-n", "1") == [3]
    assert found("--environment", "other") == []
    assert "did you mean 'failed'?" in lab.run("runs", "--status", "faild", check=64).err
    assert "failed (1)" in lab.run("runs").out
    assert "there is no run '9'" in lab.run("runs", "show", "9", check=64).err
    assert "name a run by its number, or 'latest'" in lab.run("runs", "logs", "x", check=64).err
    assert "run 'envbuild runs show 2'" in lab.run("runs", "2", check=64).err


def test_runs_are_forgotten_with_what_no_other_has(lab: Project) -> None:
    """Numbers are never given again; a snapshot that two have is kept for the other."""
    lab.run("run", "--script", "train.py", "--", "a")
    lab.run("run", "--script", "train.py", "--", "b")
    lab.run("runs", "rm", "2")
    assert lab.run("runs", "rerun", "1").out == "trained one a\n"
    lab.run("run", "--", "true")
    assert [one["id"] for one in runs(lab)] == [4, 3, 1]
    assert "say which runs" in lab.run("runs", "rm", check=64).err
    assert lab.run("runs", "rm", "--all").out.startswith("3 runs forgotten")
    assert [path for path in (lab.path / ".envbuild/runs/objects").rglob("*") if path.is_file()] == []
    lab.run("run", "--script", "train.py", "--", "a")
    assert latest(lab)["id"] == 5
    lab.run("runs", "env", "5")


def test_outputs_are_given_back(lab: Project, tmp_path: Path) -> None:
    """As they were when the run ended: only what it wrote, whatever became of that since."""
    lab.write("outputs/old.txt", "old")
    lab.run("run", "--script", "train.py", "--", "first")
    lab.run("run", "--script", "train.py", "--", "second")
    shutil.rmtree(lab.path / "outputs")
    lab.run("runs", "outputs", "1", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out/outputs/model.txt").read_text() == "first"
    assert [path.name for path in (tmp_path / "out/outputs").iterdir()] == ["model.txt"]


def test_limits_are_kept(lab: Project) -> None:
    """A source that is too large is refused before anything runs; an output that is too large is told."""
    lab.write("envbuild.yaml", "default_environment: churn/train\nruns: {snapshot_mib: 1, outputs_mib: 1}\n")
    script = "import os; os.makedirs('outputs', exist_ok=True); open('outputs/big', 'wb').write(b'x' * (2 << 20))"
    lab.run("run", "--", "python", "-c", script)
    assert (latest(lab)["outputs"], latest(lab)["left"]) == ([], ["outputs/big"])
    (lab.path / "data").write_bytes(b"x" * (2 << 20))
    for _ in range(2):
        run = lab.run("run", "--", "sh", "-c", "echo ran", check=1)
        assert run.out == ""
        assert "the largest file is 'data' (2 MiB)" in run.err
        assert "'.envbuildignore'" in run.err
    lab.run("run", "--no-snapshot", "--", "true")
    lab.write(".envbuildignore", "data\n")
    lab.run("run", "--", "true")
    assert len(runs(lab)) == 3


def test_no_secret_is_kept(lab: Project) -> None:
    """Of the project's secrets no value stands in a log, a command or a snapshot, nor the file that holds it."""
    secret, filed = "s3cr3t-canary", "filed-canary"
    lab.write(
        "envbuild.yaml", "default_environment: churn/train\nsecrets: {a: {env: OWN_TOKEN}, b: {file: token.txt}}\n"
    )
    lab.write("token.txt", f"{filed}\n")
    lab.write("copy.txt", "tracked\n")
    git(lab, "init", "-q")
    git(lab, "add", "copy.txt")
    git(lab, "commit", "-qm", "first")
    script = f"echo $OWN_TOKEN; cat token.txt; mkdir -p outputs; echo {secret} >/dev/null; cp token.txt outputs/"
    for _ in range(2):
        run = lab.run("run", "--", "sh", "-c", f"{script}; ln -sf ../token.txt outputs/l", env={"OWN_TOKEN": secret})
        assert run.out == f"{secret}\n{filed}\n"
    assert lab.run("runs", "logs", "latest").out == "***\n***\n"
    assert latest(lab)["masked"] is True
    assert "a secret stood in the command" in lab.run("runs", "rerun", "2", check=64).err
    assert "token.txt" not in lab.run("runs", "show", "2", "--files").out.split()
    kept = [path for path in (lab.path / ".envbuild").rglob("*") if path.is_file()]
    found = {path.name for path in kept if secret.encode() in path.read_bytes()}
    assert found == set()


def test_bad_input_is_told(lab: Project) -> None:
    """Before anything runs, with what to do, and with nothing remembered."""
    cases = {
        ("--script", "trian.py"): "did you mean 'train.py'?",
        ("--script", "/abs.py"): "is an absolute path",
        ("--source", "nowhere", "--", "true"): "there is no folder 'nowhere'",
        ("--with", "x", "churn/train", "--", "true"): "--with makes an environment",
        ("--detach", "--no-history", "--", "true"): "leave '--no-history' out",
        ("--user", "x", "--", "true"): "with '--image'",
        ("--env", "=x", "--", "true"): "is no variable",
        ("--timeout", "0", "--", "true"): "timeout",
        ("--timeout", "nan", "--", "true"): "is no time",
    }
    for words, told in cases.items():
        run = lab.run("run", *words, check=64)
        assert told in run.err, (words, run.err)
    for body, place in (("{env: {'A=B': x}}", "1:13"), ("{env: {'': x}}", "1:13"), ("{command: []}", "1:16")):
        lab.write("manifests/bad.yaml", f"run: {body}\n")
        assert f"manifests/bad.yaml:{place}: " in lab.run("run", "bad", check=1).err
    lab.remove("manifests/bad.yaml")
    assert "there is no command 'nosuch' here" in lab.run("run", "--", "nosuch", check=127).err
    assert runs(lab) == []


def test_what_cannot_be_recorded_is_told(lab: Project) -> None:
    """Before the command runs; a command that cannot be started is another matter."""
    lab.run("run", "--", "true")
    (lab.path / ".envbuild/runs/guard").unlink()
    (lab.path / ".envbuild/runs/guard").mkdir()
    for _ in range(2):
        run = lab.run("run", "--", "sh", "-c", "echo ran", check=1)
        assert run.out == ""
        assert "the run cannot be recorded: Is a directory" in run.err
        assert "'--no-history'" in run.err
    assert lab.run("run", "--no-history", "--", "sh", "-c", "echo ran").out == "ran\n"


def test_what_is_damaged_is_told(lab: Project) -> None:
    """A record that is no record, a content that is another: exit 1, with the file's place."""
    lab.run("run", "--script", "train.py")
    objects = lab.path / ".envbuild/runs/objects"
    for path in objects.glob("*/*"):
        path.write_bytes(path.read_bytes() + b" ")
    assert ".envbuild/runs/objects/" in lab.run("runs", "env", "1", check=1).err
    assert "was damaged" in lab.run("runs", "rerun", "1", check=1).err
    (lab.path / ".envbuild/runs/1/run.json").write_text(json.dumps({"id": 1}))
    assert ".envbuild/runs/1/run.json" in lab.run("runs", check=1).err


def test_an_environment_of_packages_alone(lab: Project, tmp_path: Path) -> None:
    """Named by its content: made once, whatever the order; the project's own manifests and locks are left alone."""
    from support.index import Index

    with Index() as index:
        index.add("alpha", "1.0")
        index.add("beta", "1.0", requires=["alpha"])
        env = {"UV_DEFAULT_INDEX": index.url}
        show = ("--", "python", "-c", "import alpha, beta; print('both')")
        first = lab.run("run", "--with", "pip/alpha", "--with", "pip/beta", *show, env=env)
        assert first.out == "both\n"
        name = latest(lab)["environment"]
        again = lab.run("run", "--with", "pip/beta", "--with", "pip/alpha", *show, env=env)
        assert (again.out, again.err, latest(lab)["environment"]) == ("both\n", "", name)
        lab.run("run", "--with", "pip/alpha", "--", "true", env=env)
        assert latest(lab)["environment"] != name
        lab.run("runs", "env", "1", "-o", str(tmp_path / "out"), env=env)
        assert lab.run("runs", "rerun", "1", env=env).out == "both\n"
    assert not (lab.path / "locks").exists()
    assert [one["name"] for one in lab.json("list")["environments"]] == ["churn/train"]
    assert [path.name for path in (lab.path / "manifests").iterdir()] == ["churn"]
