"""Models: kept by content, counted by name, traced to the exact environment that they came from."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, clean_environment
from support.runs import wait_for
from support.served import served

_TRAIN = """
import os, sys
os.makedirs("outputs/best", exist_ok=True)
open("outputs/model.pkl", "w").write(" ".join(sys.argv[1:]))
open("outputs/best/weights", "w").write("w")
open("outputs/best/vocabulary", "w").write("v")
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """A project with two runs in one environment; each test takes a copy of it."""
    folder = tmp_path_factory.mktemp("models")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    project.write("manifests/churn/train.yaml", "variables: {OWN: one}\n")
    project.write("train.py", _TRAIN)
    for epochs in ("3", "4"):
        project.run("run", "churn/train", "--experiment", "lr", "--", "python", "train.py", epochs)
    return project


@pytest.fixture
def lab(trained: Project, tmp_path: Path) -> Project:
    shutil.copytree(trained.path, tmp_path / "lab")
    return Project(tmp_path / "lab", trained.environ)


@pytest.fixture
def plain(tmp_path: Path, uv_cache: Path) -> Project:
    """One where nothing was ever built or run."""
    project = Project(tmp_path / "plain", clean_environment(tmp_path, uv_cache))
    project.write("envbuild.yaml", "")
    return project


def models(project: Project, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.json("models", *words)["models"]
    return found


def objects(project: Project) -> list[Path]:
    return [path for path in (project.path / ".envbuild/models/objects").rglob("*") if path.is_file()]


def test_versions_are_counted_by_content(plain: Project) -> None:
    """The same content again is the version that it has; under another name, or called otherwise, it is another."""
    plain.write("model.pkl", "one")
    assert plain.run("models", "add", "churn", "model.pkl").out == "churn@1 added: model.pkl, 3 B\n"
    assert plain.run("models", "add", "churn", "model.pkl").out == "This content is churn@1 already.\n"
    shutil.copy(plain.path / "model.pkl", plain.path / "other.pkl")
    assert plain.json("models", "add", "churn", "other.pkl")["models"][0]["version"] == 2
    assert plain.json("models", "add", "churn/lr", "model.pkl")["is_new"]
    plain.write("model.pkl", "two")
    plain.run("models", "add", "churn", "model.pkl")
    assert [(one["name"], one["version"]) for one in models(plain)] == [
        ("churn", 3), ("churn", 2), ("churn", 1), ("churn/lr", 1),
    ]  # fmt: skip
    assert [one["version"] for one in models(plain, "--latest", "--name", "churn")] == [3]
    assert len(objects(plain)) == 2


def test_a_folder_is_kept_whole(plain: Project) -> None:
    """Files below it, empty folders, what links lead to; it comes back as it was, called as it was."""
    plain.write("best/a/weights", "w")
    plain.write("shared/vocabulary", "v")
    (plain.path / "best/assets").mkdir()
    (plain.path / "best/vocabulary").symlink_to("../shared/vocabulary")
    (plain.path / "best/more").symlink_to("../shared")
    plain.run("models", "add", "churn", "best/")
    plain.remove("best")
    plain.remove("shared")
    assert plain.run("models", "get", "churn", "-o", "back").out == "churn@1 written to back/best\n"
    found = {path.relative_to(plain.path / "back").as_posix() for path in (plain.path / "back").rglob("*")}
    assert found == {
        "best", "best/a", "best/a/weights", "best/assets", "best/vocabulary", "best/more", "best/more/vocabulary",
    }  # fmt: skip
    assert plain.read("back/best/vocabulary") == "v"
    assert "back/best' is there already" in plain.run("models", "get", "churn", "-o", "back", check=64).err
    assert plain.run("models", "add", "churn", "back/best").out == "This content is churn@1 already.\n"


def test_a_model_of_a_run_remembers_the_exact_environment(lab: Project) -> None:
    """Also when the run was forgotten, and when the manifest says otherwise by now; nothing takes its content."""
    lab.run("models", "add", "churn", "outputs/model.pkl", "--run", "1", "-d", "the first")
    lab.run("models", "add", "best", "outputs/best", "--run", "latest")
    record = lab.json("history", "churn/train")["records"][0]
    churn = models(lab, "--name", "churn")[0]
    assert churn["description"] == "the first"
    assert churn["origin"] | {
        "run": 1, "path": "outputs/model.pkl", "environment": "churn/train", "version": 1, "experiment": "lr",
        "fingerprint": record["fingerprint"], "reference": record["reference"], "builder": "local",
    } == churn["origin"]  # fmt: skip
    inodes = {path.stat().st_ino for path in (lab.path / ".envbuild/runs/objects").rglob("*") if path.is_file()}
    assert sum(path.stat().st_ino in inodes for path in objects(lab)) == 3, "they are the same files, and no copies"
    lab.write("manifests/churn/train.yaml", "variables: {OWN: two}\n")
    lab.run("runs", "rm", "--all")
    shown = lab.run("models", "show", "churn", "--check").out
    assert f"fingerprint {record['fingerprint']}" in shown
    assert "environment churn/train@1" in shown
    lab.run("models", "get", "churn", "-o", "back")
    assert lab.read("back/model.pkl") == "3"
    lab.run("models", "env", "churn", "-o", "then")
    then = Project(lab.path / "then", lab.environ)
    assert then.json("plan")["steps"][0]["fingerprint"] == record["fingerprint"]
    assert [one["name"] for one in models(lab, "--run", "2")] == ["best"]
    assert models(lab, "--environment", "churn/train@2") == []


def test_numbers_are_never_given_twice(plain: Project) -> None:
    """Also when the last version is gone, with all that counted it."""
    for text in ("one", "two"):
        plain.write("model.pkl", text)
        plain.run("models", "add", "churn", "model.pkl")
    plain.run("models", "add", "same", "model.pkl")
    (plain.path / ".envbuild/models/names/churn/last").unlink()
    assert plain.run("models", "rm", "churn@2").out == "1 model forgotten, 0 B freed.\n"
    assert plain.run("models", "rm", "churn", "--all").out == "1 model forgotten, 3 B freed.\n"
    assert plain.run("models", "rm", "same@1").out == "1 model forgotten, 3 B freed.\n"
    assert plain.run("models").out == "No models.\n"
    assert objects(plain) == []
    assert plain.run("models", "add", "churn", "model.pkl").out == "churn@3 added: model.pkl, 3 B\n"


def test_two_at_once_get_two_numbers(plain: Project) -> None:
    """Whoever adds what, each gets a number of its own; and of one content all get the same."""
    for at in range(6):
        plain.write(f"{at // 2}/model.pkl", f"model {at // 2}")
    adding = [
        subprocess.Popen(
            [sys.executable, "-m", "envbuild", "models", "add", "churn", f"{at // 2}/model.pkl"],
            cwd=plain.path,
            env=dict(plain.environ),
            stdout=subprocess.DEVNULL,
        )
        for at in range(6)
    ]
    assert [one.wait(60) for one in adding] == [0] * 6
    found = models(plain)
    assert sorted(one["version"] for one in found) == [1, 2, 3]
    assert len({one["digest"] for one in found}) == 3


@pytest.mark.parametrize("signals", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_whoever_dies_leaves_no_half_model(plain: Project, signals: signal.Signals) -> None:
    """While a content is read nothing is named; what is left of it is swept with the next that is forgotten."""
    plain.write("best/a", "whole")
    with (plain.path / "best/b").open("wb") as stream:
        stream.truncate(1 << 36)
    kept = plain.path / ".envbuild/models/objects"
    command = [sys.executable, "-m", "envbuild", "models", "add", "churn", "best"]
    with subprocess.Popen(
        command, cwd=plain.path, env=dict(plain.environ), stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in kept.glob(".*")))
        process.send_signal(signals)
        process.wait(60)
    plain.remove("best/b")
    assert models(plain) == []
    assert plain.run("models", "add", "churn", "best").out == "churn@1 added: best/, 1 file, 5 B\n"
    plain.run("models", "rm", "churn@1")
    assert [path for path in (plain.path / ".envbuild/models/objects").rglob("*") if path.is_file()] == []


def test_damage_is_told(plain: Project) -> None:
    """A content that is gone or changed is told by name; the same, added again, makes it whole."""
    plain.write("best/a", "whole")
    plain.write("best/b", "sound")
    plain.run("models", "add", "churn", "best")
    victim = next(path for path in objects(plain) if path.read_text() == "whole")
    victim.chmod(0o644)
    before = victim.stat()
    victim.write_text("hole!")
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert plain.run("models", "show", "churn").code == 0, "one that looks as it did is not read"
    assert "damaged     'a' is not what was added" in plain.run("models", "show", "churn", "--check", check=1).out
    assert "the model churn@1 is damaged: 'a' is not what was added" in plain.run("models", "get", "churn", check=1).err
    victim.write_text("other")
    assert plain.json("models", "show", "churn", check=1)["complaint"] == "'a' is not what was added"
    victim.unlink()
    assert plain.json("models", "show", "churn", check=1)["complaint"] == "'a' is gone"
    assert plain.run("models", "add", "churn", "best").out == "This content is churn@1 already.\n"
    assert not plain.json("models", "show", "churn", "--check")["complaint"]


def test_a_copy_elsewhere_is_known_again(plain: Project) -> None:
    """Times that a copy or a backup did not keep are no damage."""
    plain.write("model.pkl", "one")
    plain.run("models", "add", "churn", "model.pkl")
    for path in objects(plain):
        os.utime(path, (1, 1))
    assert plain.json("models", "show", "churn")["complaint"] == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Churn Model", "model.pkl"), "hint: name it 'churn-model'"),
        (("add", "churn/3", "model.pkl"), "a number behind '/' would be a version"),
        (("add", "churn@3", "model.pkl"), "no model can be called 'churn@3'"),
        (("add", "-", "model.pkl"), "no model can be called '-'"),
        (("add", "churn", "modl.pkl"), "hint: did you mean 'model.pkl'?"),
        (("add", "churn", "empty"), "the folder 'empty' has no files"),
        (("add", "churn", "."), "'.' is a project, and no model"),
        (("add", "churn", "token"), "'token' holds a secret of this project"),
        (("add", "churn", "loop"), "is a link that leads back"),
        (("add", "churn", "gone"), "'gone' is a link to what is not there\n  hint: name what it should lead to"),
        (("add", "churn", "lost"), "'lost/gone' is a link to what is not there"),
        (("add", "churn", "model.pkl", "--run", "1"), "nothing was run here yet"),
        (("show", "chrn"), "hint: did you mean 'churn'?"),
        (("show", "churn@2"), "there is no model 'churn@2'\n  hint: known are: churn@1"),
        (("show", "churn@x"), "there is no model 'churn@x'"),
        (("env", "churn"), "no run is known that churn@1 came from"),
        (("rm", "churn"), "hint: name a version, such as 'churn@1', or say --all"),
        (("churn@1",), "hint: run 'envbuild models show churn@1'"),
    ],
)
def test_what_cannot_be(plain: Project, words: tuple[str, ...], told: str) -> None:
    """Told with what can be done; and nothing is kept."""
    plain.write("envbuild.yaml", "secrets: {key: {file: token}}\n")
    plain.write("model.pkl", "one")
    plain.write("token", "canary")
    (plain.path / "empty").mkdir()
    plain.write("loop/a", "a")
    (plain.path / "loop/back").symlink_to(".")
    (plain.path / "gone").symlink_to("nowhere")
    plain.write("lost/a", "a")
    (plain.path / "lost/gone").symlink_to("nowhere")
    plain.run("models", "add", "churn", "model.pkl")
    assert told in plain.run("models", *words, check=64).err
    assert len(models(plain)) == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("outputs/modl.pkl", "run 2 left no 'outputs/modl.pkl'\n  hint: did you mean 'outputs/model.pkl'?"),
        ("outputs/bes", "hint: did you mean 'outputs/best'?"),
        ("train.py", "hint: see 'envbuild runs outputs 2'"),
        ("../outputs/model.pkl", "run 2 left no '../outputs/model.pkl'"),
    ],
)
def test_what_a_run_did_not_leave(lab: Project, path: str, told: str) -> None:
    """Whatever lies there now is not what the run has left."""
    assert told in lab.run("models", "add", "churn", path, "--run", "2", check=64).err


def test_a_damaged_output_becomes_no_model(lab: Project) -> None:
    """What is kept of a run is read before it is taken."""
    for path in (lab.path / ".envbuild/runs/objects").rglob("*"):
        if path.is_file() and path.read_bytes() == b"3":
            path.write_bytes(b"4")
    assert (
        "what is kept of a run was damaged"
        in lab.run("models", "add", "churn", "outputs/model.pkl", "--run", "1", check=1).err
    )
    assert models(lab) == []


def test_a_service_has_the_version_that_is_named(plain: Project) -> None:
    """By its number, or the newest when it starts, called as it was; one that was damaged is not served."""
    plain.write("score.py", (
        "import glob, os\ndef init(): pass\n"
        "def run(data):\n    places = sorted(glob.glob(os.environ['ENVBUILD_MODEL_DIR'] + data))\n"
        "    return [open(one).read() for one in places]\n"
    ))  # fmt: skip
    for text in ("one", "two"):
        plain.write("model.txt", text)
        plain.run("models", "add", "a/churn", "model.txt")
    plain.write(
        "manifests/score.yaml", "serve:\n  entry_script: ../score.py\n  models: {x: a/churn@1, y: a/churn@latest}\n"
    )
    with served(plain, "score", "--port", "0") as service:
        service.wait_ready()
        body = b"/*/*/model.txt"
        with urllib.request.urlopen(f"{service.url}/score", body) as reply:  # noqa: S310 - loopback's
            assert reply.read() == b'["one", "two"]'
        assert service.stop() == 0
    for path in objects(plain):
        path.chmod(0o644)
        path.write_text("???")
    told = plain.run("serve", "score", "--port", "0", check=1).err
    assert "manifests/score.yaml:3:15: the model a/churn@1 is damaged: 'model.txt' is not what was added" in told
    plain.run("models", "rm", "a/churn@1")
    told = plain.run("serve", "score", "--port", "0", check=1).err
    assert "manifests/score.yaml:3:15: there is no model 'a/churn@1'\n" in told
    assert "hint: known are: a/churn@2" in told
