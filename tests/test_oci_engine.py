"""Images that no engine has made, for those who use images: a real engine, skopeo, umoci, a real registry."""

import json
from pathlib import Path

import pytest
from support.imaging import Imaging
from support.ocitools import skopeo, umoci
from support.services import require

_SIX = ("python", "-c", "import six; print(six.PY3)")
_NUMPY = "import numpy; print(numpy.arange(4).sum())"


def _write(imaging: Imaging, name: str, more: str = "", packages: str = "numpy") -> None:
    text = f"builder: oci\npython: {{version: '3.11'}}\ndependencies:\n  - pip: [{packages}]\n{more}"
    text += "image:\n  workdir: /srv\n"
    imaging.write(name, "python", text)


@pytest.fixture(scope="module", params=["imaging", "wide"])
def kind(request: pytest.FixtureRequest) -> str:
    """An engine as most people have it, and one that keeps images as containerd does."""
    require("pypi")
    return str(request.param)


@pytest.fixture
def made(request: pytest.FixtureRequest, kind: str) -> Imaging:
    """With one image: a compiled package beside the base's own Python, for a user who is not root."""
    imaging: Imaging = request.getfixturevalue(kind)
    imaging.project.write("say.py", "import getpass, numpy\nprint(getpass.getuser(), numpy.ones(3).sum())\n")
    more = "test: {imports: [numpy], commands: ['python say.py']}\n"
    _write(imaging, "web", more)
    text = (imaging.project.path / "manifests/web.yaml").read_text()
    own = "  copy: [{from: ../say.py, to: /srv/, owner: app}]\n  user: {name: app, uid: '4321'}\n"
    own += "  command: [python, say.py]\n"
    imaging.project.write("manifests/web.yaml", text + own)
    imaging.apply()
    return imaging


def test_it_runs_where_images_run(made: Imaging, tmp_path: Path) -> None:
    """Pulled by its digest, loaded from a file, run by our own commands: the user, the folder, the compiled package."""
    docker, reference = made.engine.docker, made.reference("web")
    docker("pull", reference)
    assert made.said(reference) == "app 3.0\n"
    assert made.said(reference, "python", "-c", _NUMPY) == "6\n"
    assert made.said(reference, "sh", "-c", "id -u; touch ~/own && echo $HOME; which python") == (
        "4321\n/home/app\n/opt/env/bin/python\n"
    )
    ran = made.project.run("run", "web", "--image", "--", "python", "-c", _NUMPY)
    assert ran.out == "6\n"
    outputs = ("docker-archive:web.tar", "oci:layout", "oci-archive:web-oci.tar")
    made.project.run("apply", *(word for one in outputs for word in ("--output", one)))
    docker("image", "rm", "--force", reference)
    loaded = docker("load", "--input", str(made.project.path / "web.tar")).split()[-1]
    assert made.said(loaded) == "app 3.0\n"
    layout, archive = made.project.path / "layout", made.project.path / "web-oci.tar"
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    name = entry["annotations"]["org.opencontainers.image.ref.name"]
    umoci("unpack", "--rootless", "--image", f"{layout}:{name}", str(tmp_path / "bundle"))
    assert (tmp_path / "bundle/rootfs/opt/env/lib/python3.11/site-packages/numpy/__init__.py").is_file()
    skopeo("copy", "--dest-tls-verify=false", f"oci-archive:{archive}", f"docker://{made.server}/copied:1")
    assert made.said(f"{made.server}/copied:1") == "app 3.0\n"


def test_one_that_no_registry_has(request: pytest.FixtureRequest, kind: str) -> None:
    """It is brought to the engine when it is to run there, and tried there before it is recorded."""
    imaging: Imaging = request.getfixturevalue(kind)
    _write(imaging, "web", "test: {imports: [six]}\n", "six")
    imaging.apply("--no-push")
    assert imaging.reference("web").startswith("oci@sha256:")
    assert imaging.project.run("run", "web", "--image", "--", *_SIX).out == "True\n"
    imaging.project.run("test", "web")
    pulled = imaging.project.run("pull", "web").out
    assert "web" in pulled
    _write(imaging, "web", "test: {imports: [nothing_of_this_name]}\n", "'six<1.17'")
    assert imaging.apply("--no-push", check=1)["errors"]


def test_layers_of_zstd(request: pytest.FixtureRequest, kind: str) -> None:
    """By setting; the engine reads them as well."""
    imaging: Imaging = request.getfixturevalue(kind)
    settings = f"registry: {imaging.server}/team\nplatforms: [linux-64]\nlayers: {{compression: zstd}}\n"
    imaging.project.write("envbuild.yaml", settings)
    _write(imaging, "web", packages="six")
    imaging.apply()
    assert imaging.said(imaging.reference("web"), *_SIX) == "True\n"
    imaging.project.run("apply", "--output", "docker-archive:web.tar")
    imaging.engine.docker("load", "--input", str(imaging.project.path / "web.tar"))


def test_no_engine_is_needed(imaging: Imaging) -> None:
    """Nor Docker's command: who only builds and pushes has neither."""
    _write(imaging, "web", packages="six")
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:1", "PATH": "/usr/bin:/bin"}
    imaging.project.run("apply", env=nowhere)
    assert imaging.said(imaging.reference("web"), *_SIX) == "True\n"
