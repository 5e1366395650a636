"""Service images: an environment's image with a server, models and a script, made, kept, run and queried for real."""

import json
import os
import shutil
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.engine import Engine
from support.imaging import Imaging
from support.registry import Registry
from support.runs import wait_for
from support.served import served
from support.services import require

_SCORE = """
import json, os

def init():
    global model
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.txt")) as stream:
        model = stream.read()
    print("model loaded")

def run(data):
    given = json.loads(data)
    if given == "grow":
        given = len(bytearray(400 * 1024 * 1024))
    return {"model": model, "given": given, "user": os.getuid(), "own": os.environ["OWN"], "cwd": os.getcwd()}
"""
_MANIFEST = """
python: {managed: false}
variables: {OWN: 'yes'}
serve: {entry_script: ../score.py, models: {churn: churn@1}, memory: 256Mi, cpu: 500m}
image:
  user: '1234'
"""


@pytest.fixture(scope="module")
def based(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a registry keeps of the base of all of these tests: an engine packs it anew for each one it pushes it to."""
    require("registry")
    folder = tmp_path_factory.mktemp("based")
    with Registry(folder) as found:
        reference = f"{found.server}/base/python:1"
        engine.docker("tag", engine.base("python"), reference)
        engine.docker("push", reference)
    return folder / "blobs"


@pytest.fixture
def registry(based: Path, tmp_path: Path) -> Iterator[Registry]:
    """Give one for each test that has the base already."""
    shutil.copytree(based, tmp_path / "registry" / "blobs", copy_function=os.link)
    with Registry(tmp_path / "registry") as found:
        yield found


@pytest.fixture
def imaging(imaging: Imaging) -> Imaging:
    """Give the project of all tests, which need not push it."""
    imaging.has("python")
    return imaging


@pytest.fixture
def wide(wide: Imaging) -> Imaging:
    """Give the same of the other engine."""
    wide.has("python")
    return wide


@pytest.fixture(params=["docker", "oci"])
def builder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def prepare(imaging: Imaging, builder: str) -> None:
    imaging.project.write("score.py", _SCORE)
    imaging.project.write("model.txt", "weights")
    imaging.project.run("models", "add", "churn", "model.txt")
    imaging.write("score", "python", f"builder: {builder}\n{_MANIFEST}")
    imaging.apply()


def labels(imaging: Imaging, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(imaging.engine.docker("image", "inspect", reference))[0]["Config"]
    return found


def containers(imaging: Imaging) -> list[str]:
    return imaging.engine.docker("ps", "--all", "--quiet", "--filter", "label=dev.envbuild=service").split()


def built(imaging: Imaging, *words: str) -> str:
    return imaging.project.run("serve", "score", "--image", "--build", *words).out.strip()


def test_it_is_made_run_and_queried(imaging: Imaging, builder: str) -> None:
    """On loopback alone, as the image's user, with its variables and limits; it ends in order, and leaves nothing."""
    prepare(imaging, builder)
    with served(imaging.project, "score", "--image", "--port", "0") as service:
        assert service.url.startswith("http://127.0.0.1:")
        service.wait_ready()
        assert service.ask("/score", [1, 2]) == (
            200,
            {"model": "weights", "given": [1, 2], "user": 1234, "own": "yes", "cwd": "/opt/envbuild/service/app"},
        )
        (container,) = containers(imaging)
        told = json.loads(imaging.engine.docker("inspect", container))[0]
        assert told["HostConfig"]["Memory"] == 256 * 1024 * 1024
        assert told["HostConfig"]["NanoCpus"] == 500_000_000
        assert {one["HostIp"] for one in told["NetworkSettings"]["Ports"]["5001/tcp"]} == {"127.0.0.1"}
        assert service.stop() == 0
    log = "".join(service.log)
    assert "model loaded" in log
    assert "POST /score 200" in log
    assert "stopped" in log, "what it says while it ends is heard to its end"
    assert containers(imaging) == []


def test_the_same_is_the_same_image(imaging: Imaging, builder: str) -> None:
    """Made twice it has one digest; once it is there it is not made again; a change is told apart."""
    prepare(imaging, builder)
    first = built(imaging)
    assert first.startswith(f"{imaging.server}/team/score@sha256:")
    (tag,) = (one for one in imaging.tags("score") if one.startswith("serve-"))
    assert len(tag) == len("serve-") + 12
    again = imaging.project.run("serve", "score", "--image", "--build")
    assert (again.out.strip(), again.err) == (first, ""), "nothing is packed and nothing is pushed"
    imaging.delete("score", first.rpartition("@")[2])
    assert built(imaging) == first
    imaging.project.write("score.py", f"{_SCORE}# other\n")
    other = built(imaging)
    assert other != first
    layers = [manifest(imaging, one)["layers"] for one in (first, other)]
    assert layers[0][:-1] == layers[1][:-1], "the server and the model are layers of their own, and stay"
    assert layers[0][-1] != layers[1][-1]
    imaging.project.write("score.py", _SCORE)
    assert built(imaging) == first
    found = imaging.project.json("serve", "score", "--image", "--build")["services"][0]
    assert found == {"environment": "score", "image": first, "names": [f"{imaging.server}/team/score:{tag}"]}


def manifest(imaging: Imaging, reference: str) -> dict[str, Any]:
    place, _, digest = reference.partition("@")
    url = f"http://{imaging.server}/v2/{place.removeprefix(f'{imaging.server}/')}/manifests/{digest}"
    headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
        found: dict[str, Any] = json.load(reply)
        return found


def test_it_says_what_it_is(imaging: Imaging, builder: str) -> None:
    """By labels and annotations; what starts it, at which port, and how an engine sees whether it is ready."""
    prepare(imaging, builder)
    reference = built(imaging)
    record = imaging.project.json("history", "score")["records"][0]
    imaging.engine.docker("pull", "--quiet", reference)
    config = labels(imaging, reference)
    digest = imaging.project.json("models", "show", "churn")["models"][0]["digest"]
    wanted = {
        "dev.envbuild.environment": "score",
        "dev.envbuild.version": "1",
        "dev.envbuild.fingerprint": record["fingerprint"],
        "dev.envbuild.model.churn": f"churn@1 sha256:{digest}",
    }
    assert config["Labels"] | wanted == config["Labels"]
    assert manifest(imaging, reference)["annotations"].items() >= wanted.items()
    assert "OWN=yes" in config["Env"]
    assert config["User"] == "1234"
    assert [*config["ExposedPorts"]] == ["5001/tcp"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    name = imaging.engine.docker("run", "--detach", "--read-only", "--tmpfs=/tmp", reference).strip()
    try:
        wait_for(lambda: "model loaded" in imaging.engine.docker.run("logs", name).stderr)
        assert imaging.engine.docker("exec", name, *config["Healthcheck"]["Test"][1:]) == ""
    finally:
        imaging.engine.docker("rm", "--force", name)


@pytest.mark.parametrize("kind", ["imaging", "wide"])
def test_one_that_no_registry_has(request: pytest.FixtureRequest, kind: str, builder: str) -> None:
    """It stays where its environment is: with the engine, or on the shelf; it is the same each time, and runs."""
    imaging: Imaging = request.getfixturevalue(kind)
    imaging.project.write("envbuild.yaml", "platforms: [linux-64]\n")
    prepare(imaging, builder)
    first = built(imaging)
    assert "/" not in first
    assert built(imaging) == first
    with served(imaging.project, "score", "--image", "--port", "0") as service:
        service.wait_ready()
        assert service.ask("/score", "x")[1]["model"] == "weights"
        assert service.stop() == 0
    if builder == "docker":
        imaging.engine.docker("image", "rm", "--force", first)
        assert built(imaging) == first, "made anew it is the same"


def test_packages_of_the_environment_are_the_scripts(imaging: Imaging) -> None:
    """The server sees none of them, be they called as its own parts are; workers see all."""
    require("pypi")
    project = imaging.project
    project.write(
        "app/score.py", "import h11, six, own\ndef init(): pass\ndef run(data): return [six.PY3, h11.x, own.y]\n"
    )
    project.write("app/own.py", "y = 2\n")
    project.write("more/h11.py", "x = 1\n")
    manifest = (
        "python: {version: '3.11'}\ndependencies:\n  - pip: [six]\n"
        "serve: {entry_script: ../app/score.py, source: ../app}\n"
        "image:\n  copy: [{from: ../more/h11.py, to: /opt/more/}]\n"
    )
    imaging.write("score", "python", f"builder: oci\nvariables: {{PYTHONPATH: /opt/more}}\n{manifest}")
    with served(project, "score", "--image", "--port", "0") as service:
        service.wait_ready()
        assert service.ask("/score", 1) == (200, [True, 1, 2])
        (container,) = containers(imaging)
        words = json.loads(imaging.engine.docker("inspect", container))[0]["Config"]["Entrypoint"]
        assert words[0] == "/opt/env/bin/python"
        assert service.stop() == 0


def test_a_script_sees_what_a_run_in_the_image_sees(imaging: Imaging, builder: str) -> None:
    """The variables of the image, and what is said of the service; scripts of `activate.d` are run for neither."""
    project = imaging.project
    project.write("own.sh", "export OF_A_SCRIPT=1\n")
    project.write("score.py", "import os\ndef init(): pass\ndef run(data): return dict(os.environ)\n")
    manifest = "python: {managed: false}\nvariables: {OWN: 'yes'}\nserve: {entry_script: ../score.py}\n"
    copied = "image:\n  copy: [{from: ../own.sh, to: /opt/env/etc/conda/activate.d/}]\n"
    imaging.write("score", "python", f"builder: {builder}\n{manifest}{copied}")
    imaging.apply()
    tell = (
        "import json, os; print(json.dumps(dict(os.environ)), os.path.exists('/opt/env/etc/conda/activate.d/own.sh'))"
    )
    told = project.run("run", "score", "--image", "--no-history", "--", "python3", "-c", tell).out
    assert told.endswith(" True\n")
    ran = json.loads(told.rpartition(" ")[0])
    with served(project, "score", "--image", "--port", "0") as service:
        service.wait_ready()
        found = service.ask("/score", 1)[1]
        assert service.stop() == 0
    apart = {"AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR", "ENVBUILD_MODEL_DIR", "HOSTNAME"}
    assert {name: value for name, value in found.items() if name not in apart} == {
        name: value for name, value in ran.items() if name != "HOSTNAME"
    }
    assert found["OWN"] == "yes"
    assert "OF_A_SCRIPT" not in found


def test_a_worker_short_of_memory_is_replaced(imaging: Imaging) -> None:
    """The limit of the manifest holds; the front answers, and goes on."""
    prepare(imaging, "oci")
    with served(imaging.project, "score", "--image", "--port", "0") as service:
        service.wait_ready()
        assert service.ask("/score", "grow")[0] == 502
        service.wait_ready()
        assert service.ask("/score", 1)[0] == 200
        assert service.stop(signal.SIGINT) == 0


def test_what_a_killed_command_leaves_is_swept(imaging: Imaging) -> None:
    """With kill -9 its container goes on, until the next one begins."""
    prepare(imaging, "oci")
    with served(imaging.project, "score", "--image", "--port", "0") as service:
        left = containers(imaging)
        service.process.kill()
        service.process.wait()
    assert containers(imaging) == left
    with served(imaging.project, "score", "--image", "--port", "0") as service:
        assert not {*left} & {*containers(imaging)}
        assert service.stop() == 0


def test_a_model_that_was_changed_becomes_no_layer(imaging: Imaging) -> None:
    """Its content is held to what it was added as, also where it looks as it did."""
    prepare(imaging, "oci")
    (victim,) = (one for one in (imaging.project.path / ".envbuild/models/objects").rglob("*") if one.is_file())
    before = victim.stat()
    victim.chmod(0o644)
    victim.write_text("weighty")
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "of the model churn@1 is sha256:" in imaging.project.run("serve", "score", "--image", "--build", check=1).err
    assert not {one for one in imaging.tags("score") if one.startswith("serve-")}


def test_a_container_that_cannot_serve_is_told(imaging: Imaging) -> None:
    """One that ends before it listens; a port that is taken, before anything is built."""
    imaging.project.write("score.py", _SCORE)
    text = (
        "builder: oci\npython: {managed: false, interpreter: /bin/false}\nserve: {entry_script: ../score.py}\nimage:\n"
    )
    imaging.write("score", "python", f"{text}  user: '1234'\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = imaging.project.run("serve", "score", "--image", "--port", str(port), check=1)
        assert f"port {port} of 127.0.0.1 cannot be had" in run.err
        assert not (imaging.project.path / ".envbuild/state.db").exists()
    run = imaging.project.run("serve", "score", "--image", "--host", "localhost", "--port", "0", check=1)
    assert "the service of 'score' has ended: its container ended with 1" in run.err
    assert run.out == ""
    assert containers(imaging) == []


@pytest.mark.parametrize(
    ("words", "manifest", "told"),
    [
        (("--build",), _MANIFEST, "only an image is built: say '--image' as well"),
        (("--image",), _MANIFEST.replace("churn@1", "chrn@1"), "did you mean 'churn'?"),
        (("--image",), _MANIFEST.replace("churn@1", "churn@7"), "known are: churn@1"),
        (("--image",), "builder: local\nserve: {entry_script: ../score.py}\n", "is a prefix of this machine"),
    ],
)
def test_what_cannot_be(imaging: Imaging, words: tuple[str, ...], manifest: str, told: str) -> None:
    """Told before anything is built."""
    imaging.project.write("score.py", _SCORE)
    imaging.project.write("model.txt", "weights")
    imaging.project.run("models", "add", "churn", "model.txt")
    if "local" in manifest:
        imaging.project.write("manifests/score.yaml", manifest)
    else:
        imaging.write("score", "python", f"builder: oci\n{manifest}")
    run = imaging.project.run("serve", "score", *words, check=None)
    assert run.code
    assert told in run.err
