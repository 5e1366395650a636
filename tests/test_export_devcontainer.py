"""`envbuild export devcontainer`: what it says of an image, and that the real program of dev containers takes it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.imaging import Imaging
from support.project import Project
from support.services import devcontainer_program, require

_FILE = ".devcontainer/devcontainer.json"
_SECONDS = 110
_MORE = """\
run:
  env: {MODE: dev, QUOTED: 'it''s "two" é', AT: '{{ environment.prefix }}/share'}
  mounts: ['./data:/data:ro', '../more:/more', '~/cache:/cache', '/srv:/srv', '/a, "b":/c', '~root/d:/d']
  shm_size: 2g
"""


def written(project: Project) -> Any:
    return json.loads(project.read(_FILE))


def exported(imaging: Imaging, name: str) -> Any:
    """Of a small image that is in the registry."""
    imaging.image(name)
    imaging.apply()
    imaging.project.run("export", "devcontainer", name, "-o", _FILE)
    return written(imaging.project)


def test_all_that_is_said_of_it(imaging: Imaging) -> None:
    """The image by its digest, what `run:` and `image:` say of its containers; paths from the folder that is opened."""
    image = "  user: '1234:5'\n  expose: ['8000-8002', '9000/tcp', '53/udp', '8890']\n  gpu: auto\n"
    more = f"{_MORE}system_requirements: {{cuda: '12.4'}}\n"
    imaging.write("lab/web", "busybox", f"{more}image:\n{image}")
    imaging.apply()
    imaging.project.run("export", "devcontainer", "lab/web", "-o", _FILE)
    found = written(imaging.project)
    assert found == {
        "name": "lab/web",
        "image": imaging.reference("lab/web"),
        "remoteUser": "1234",
        "containerEnv": {"MODE": "dev", "QUOTED": 'it\'s "two" é', "AT": "/opt/env/share"},
        "mounts": [
            "source=${localWorkspaceFolder}/manifests/lab/data,target=/data,type=bind,readonly",
            "source=${localWorkspaceFolder}/manifests/more,target=/more,type=bind",
            "source=${localEnv:HOME}/cache,target=/cache,type=bind",
            "source=/srv,target=/srv,type=bind",
            '"source=/a, ""b""",target=/c,type=bind',
            f"source={Path('~root').expanduser()}/d,target=/d,type=bind",
        ],
        "runArgs": ["--shm-size=2g"],
        "forwardPorts": [8000, 8001, 8002, 9000, 8890],
        "hostRequirements": {"gpu": "optional"},
        "customizations": {
            "vscode": {
                "settings": {},
                "extensions": ["ms-python.python", "ms-toolsai.jupyter", "redhat.vscode-yaml"],
            }
        },
    }
    assert "@sha256:" in found["image"]
    assert "do not forward 53/udp" in imaging.project.run("export", "devcontainer", "lab/web").err


def test_what_nobody_says_is_not_said(imaging: Imaging) -> None:
    """The image has its own user; a version that was built stays exportable when the manifest has moved on."""
    assert set(exported(imaging, "web")) == {"name", "image", "customizations"}
    reference = imaging.reference("web")
    imaging.image("web", says="other")
    stale = imaging.project.run("export", "devcontainer", "web", check=3)
    assert "not built as its manifest says now" in stale.err
    out = imaging.project.run("export", "devcontainer", "web@1").out
    assert json.loads(out)["image"] == reference


def test_a_file_that_is_there_is_not_written_over(imaging: Imaging) -> None:
    """Unless it is the same, or that is asked for."""
    exported(imaging, "web")
    imaging.project.run("export", "devcontainer", "web", "-o", _FILE)
    imaging.project.write(_FILE, "{} // mine\n")
    refused = imaging.project.run("export", "devcontainer", "web", "-o", _FILE, check=64)
    assert "--force" in refused.err
    assert imaging.project.read(_FILE) == "{} // mine\n"
    imaging.project.run("export", "devcontainer", "web", "-o", _FILE, "--force")
    assert written(imaging.project)["name"] == "web"


def test_a_prefix_is_refused(project: Project) -> None:
    """With what to do about it; nothing is written."""
    project.write("manifests/a.yaml", "variables: {A: b}\n")
    project.run("apply")
    refused = project.run("export", "devcontainer", "a", "-o", _FILE, check=64)
    assert "a@1 is a prefix of this machine, and no image\n  hint: set 'builder: docker'" in refused.err
    assert not (project.path / ".devcontainer").exists()


def test_an_image_of_the_engine_alone_is_told(imaging: Imaging) -> None:
    """It works here, by its id, and nowhere else."""
    imaging.image("web")
    imaging.apply("--no-push")
    run = imaging.project.run("export", "devcontainer", "web@1")
    assert json.loads(run.out)["image"] == imaging.reference("web")
    assert "only this machine's engine may have it" in run.err


def _devcontainer(environ: Mapping[str, str], folder: Path, *words: str) -> Any:
    command = [str(devcontainer_program()), words[0], "--workspace-folder", str(folder), *words[1:]]
    run = subprocess.run(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return json.loads(run.stdout.splitlines()[-1]) if run.stdout.startswith("{") else run.stdout


def test_the_real_program_starts_it(imaging: Imaging) -> None:
    """It reads the file as it was meant, and what it runs in the container sees variables, mounts and memory."""
    require("devcontainer")
    more = "run: {env: {MODE: 'it''s $HOME'}, mounts: ['../data:/data:ro'], shm_size: 96m}"
    imaging.project.write("data/kept", "kept\n")
    imaging.write("web", "debian", f"{more}\nimage:\n  user: daemon\n  build: ['echo hello >/said']\n")
    imaging.apply()
    imaging.project.run("export", "devcontainer", "web", "-o", _FILE)
    environ, folder = imaging.project.environ, imaging.project.path
    read = _devcontainer(environ, folder, "read-configuration", "--include-merged-configuration")
    assert read["configuration"]["image"] == imaging.reference("web")
    assert read["configuration"]["remoteUser"] == "daemon"
    assert read["configuration"]["updateRemoteUserUID"] is True
    started = _devcontainer(environ, folder, "up", "--skip-post-create")
    try:
        seen = (
            'echo "$MODE"; id -un; cat /data/kept /said; df -k /dev/shm | tail -n 1; touch /data/new || echo read-only'
        )
        told = _devcontainer(environ, folder, "exec", "sh", "-c", seen).splitlines()
        assert told[:4] == ["it's $HOME", "daemon", "kept", "hello"]
        assert told[4].split()[1] == str(96 * 1024)
        assert told[5:] == ["read-only"]
    finally:
        imaging.engine.docker("rm", "--force", started["containerId"])
