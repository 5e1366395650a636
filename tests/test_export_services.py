"""Services deployed: Compose files that Docker's own command reads, documents that Kubernetes' own schemas allow."""

import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest
from ruamel.yaml import YAML
from support.imaging import Imaging
from support.runs import wait_for
from support.services import require, services_folder

from envbuild.deployed import Deployed
from envbuild.errors import Place
from envbuild.interop.exports import compose, kubernetes
from envbuild.service import Routes

_WHERE = Place("manifests/churn/score.yaml", 1, 1)
_VERSIONS = ("1.31.0", kubernetes_validate.latest_version())
_DEPLOYED = Deployed(
    environment="churn/score",
    version=3,
    reference=f"registry.example/team/churn/score@sha256:{'0' * 64}",
    is_stored=True,
    routes=Routes("/live", "/ready", "/score", "/metrics"),
    port=5001,
    init_seconds=300,
    cpu="500m",
    memory="1.5Gi",
    user="1000",
    uid=1000,
    health=("python3", "-c", "print('$HOME')"),
    labels={"dev.envbuild.environment": "churn/score", "dev.envbuild.model.churn": "churn@1 sha256:$0", "n" * 70: "x"},
)


def but(**stated: object) -> Deployed:
    return msgspec.structs.replace(_DEPLOYED, **stated)


def documents(text: str) -> list[dict[str, Any]]:
    found = [*YAML(typ="safe", pure=True).load_all(text)]
    for one in found:
        for version in _VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
    return found


def docker_compose(*words: str, file: Path, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    require("compose")
    program = services_folder() / "docker-compose/usr/libexec/docker/cli-plugins/docker-compose"
    command = [str(program), "--file", str(file), *words]
    return subprocess.run(
        command, env=dict(env or {"HOME": str(file.parent)}), capture_output=True, text=True, check=False, timeout=100
    )


def composed(one: Deployed, tmp_path: Path) -> dict[str, Any]:
    """The service as Docker's command has understood it."""
    file = tmp_path / "compose.yaml"
    file.write_text(compose.text(one))
    run = docker_compose("config", "--format=json", file=file)
    assert (run.returncode, run.stderr) == (0, "")
    found: dict[str, Any] = msgspec.json.decode(run.stdout)["services"]["churn-score"]
    return found


def test_a_cluster_takes_it() -> None:
    """By digest, with probes at its routes, limits, nothing that it may do besides; no secret, but one by its name."""
    deployment, service = documents(kubernetes.text(_DEPLOYED, kubernetes.Wanted(3, "pull-me")))
    spec = deployment["spec"]
    pod, (container,) = spec["template"]["spec"], spec["template"]["spec"]["containers"]
    assert (deployment["metadata"]["name"], spec["replicas"]) == ("churn-score", 3)
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert service["spec"]["selector"] == spec["selector"]["matchLabels"]
    assert container["image"] == _DEPLOYED.reference
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/ready", "liveness": "/live", "readiness": "/ready"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > 300
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "1.5Gi"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["imagePullSecrets"] == [{"name": "pull-me"}]
    assert container["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]
    assert [*deployment["metadata"]["annotations"]] == ["dev.envbuild.environment", "dev.envbuild.model.churn"]
    assert not [*kubernetes.notes(_DEPLOYED, _WHERE)]


@pytest.mark.parametrize(
    ("user", "uid", "told"), [("", None, "runs as root"), ("0:0", 0, "runs as root"), ("app", None, "runs as 'app'")]
)
def test_whom_it_runs_as_is_told(user: str, uid: int | None, told: str) -> None:
    """Where a cluster cannot be told that it is not root, nothing is claimed."""
    one = but(user=user, uid=uid, cpu="", memory="")
    deployment, _ = documents(kubernetes.text(one, kubernetes.Wanted()))
    assert "runAsNonRoot" not in deployment["spec"]["template"]["spec"]["securityContext"]
    assert "resources" not in deployment["spec"]["template"]["spec"]["containers"][0]
    (note,) = kubernetes.notes(one, _WHERE)
    assert told in note.message


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("churn/score_2.x", "churn-score-2-x"),
        ("3d/model", "env-3d-model"),
        ("a" * 80, f"{'a' * 54}-0f45e858"),
        (f"{'a' * 53}/{'b' * 30}", None),
    ],
)
def test_names_are_such_as_clusters_take(environment: str, name: str | None) -> None:
    """By RFC 1123, at most 63 letters, and two environments never become one."""
    one = but(environment=environment)
    documents(kubernetes.text(one, kubernetes.Wanted()))
    assert name in {None, one.name}
    assert len(one.name) <= 63
    assert not one.name.endswith("-")
    assert one.name != but(environment=f"{environment}x").name


def test_compose_reads_it(tmp_path: Path) -> None:
    """What Docker's command makes of it: loopback, limits, health, and a dollar that is no variable."""
    found = composed(_DEPLOYED, tmp_path)
    assert found["image"] == _DEPLOYED.reference
    assert [(one["host_ip"], one["published"], one["target"]) for one in found["ports"]] == [
        ("127.0.0.1", "5001", 5001)
    ]
    assert found["deploy"]["resources"]["limits"] == {"cpus": 0.5, "memory": str(1536 * 1024 * 1024)}
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["healthcheck"]["test"] == ["CMD", "python3", "-c", "print('$$HOME')"]
    assert found["labels"]["dev.envbuild.model.churn"] == "churn@1 sha256:$$0"
    here = composed(but(reference="score:serve-1", is_stored=False, cpu="", memory=""), tmp_path)
    assert here["pull_policy"] == "never"
    assert "deploy" not in here


def test_from_the_project_to_containers(imaging: Imaging, tmp_path: Path) -> None:
    """What is not made yet is told with how; then what is written starts the very image, and it answers."""
    require("compose")
    project = imaging.project
    project.write("score.py", "def init(): pass\ndef run(data): return data.upper()\n")
    manifest = "builder: oci\npython: {managed: false}\nserve: {entry_script: ../score.py, memory: 256Mi}\nimage:\n"
    imaging.write("churn/score", "python", f"{manifest}  user: '1234'\n")
    project.write("manifests/churn/score.yaml", project.read("manifests/churn/score.yaml").replace("../", "../../"))
    project.run("lock", "-q")
    told = project.run("export", "kubernetes", "churn/score", check=1).err
    assert "hint: run 'envbuild apply churn/score', or name a version" in told
    imaging.apply()
    told = project.run("export", "kubernetes", "churn/score", check=64).err
    assert "the service image of 'churn/score@1' is not made as it is said now" in told
    assert "hint: run 'envbuild serve churn/score --image --build'" in told
    reference = project.run("serve", "churn/score", "--image", "--build").out.strip()
    deployment, _ = documents(project.run("export", "kubernetes", "churn/score", "--replicas", "2").out)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == reference
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 1234
    told = project.json("export", "kubernetes", "churn/score@1", "-o", "k8s.yaml")
    assert (told["export"]["file"], told["export"]["format"], told["notes"]) == ("k8s.yaml", "kubernetes", [])
    file = tmp_path / "compose.yaml"
    project.run("export", "compose", "churn/score", "-o", str(file))
    file.write_text(file.read_text().replace("127.0.0.1:5001:5001", "127.0.0.1::5001"))
    env = imaging.engine.docker.environ
    try:
        up = docker_compose("up", "--detach", "--wait", "--wait-timeout=60", file=file, env=env)
        assert up.returncode == 0, up.stderr
        place = docker_compose("port", "churn-score", "5001", file=file, env=env).stdout.strip()

        def answers() -> bool:
            with urllib.request.urlopen(f"http://{place}/score", b'"x"') as reply:
                return bool(reply.read() == b'"\\"X\\""')

        wait_for(answers)
    finally:
        docker_compose("down", "--timeout=5", file=file, env=env)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("compose", "score", "--exact"), "'export compose' takes no --exact"),
        (("compose", "score", "--replicas", "2"), "'export compose' takes no --replicas"),
        (("kubernetes", "score", "folder"), "'export kubernetes' takes no folder"),
        (("pixi", "score", "--replicas", "2"), "'export pixi' takes no --replicas"),
    ],
)
def test_what_no_deployment_is(project: Any, words: tuple[str, ...], told: str) -> None:
    """Said before anything is looked for."""
    project.write("manifests/score.yaml", "{}\n")
    assert told in project.run("export", *words, check=64).err
