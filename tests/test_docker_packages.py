"""Packages in images: made on the host (`install: staged`), or installed inside of the build."""

from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Archive, File, Package
from support.condapython import SUBDIR
from support.engine import Engine
from support.imaging import Imaging
from support.index import Index
from support.registry import Registry
from support.services import require


@pytest.fixture
def imaging(engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> Imaging:
    made = Imaging(tmp_path, engine, registry.server, uv_cache)
    made.project.environ = {**made.project.environ, "UV_DEFAULT_INDEX": index.url}
    return made


def test_a_staged_environment_runs_in_its_image(imaging: Imaging, conda_python: Archive, tmp_path: Path) -> None:
    """Conda's Python with wheels beside it, active without a shell; the build needs no network and no tool."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="pip", subdir=SUBDIR))
    imaging.write(
        "web",
        "debian",
        f"""
        channels: ["{channel.url}"]
        python: {{from: conda}}
        dependencies: [python, {{pip: [alpha, tool]}}]
        variables: {{PYTHONPATH: {{prepend: [/srv/lib]}}, MODE: fast}}
        setup: [python -c "import alpha" ]
        image:
          command: [python, -c, "import alpha; print(alpha.__version__)"]
        """,
    )
    imaging.apply()
    reference = imaging.reference("web")
    imaging.engine.docker("pull", reference)
    assert imaging.said(reference) == "2.0\n"
    assert imaging.said(reference, "tool") == "tool 1.0\n"
    told = imaging.said(reference, "/bin/sh", "-c", 'echo "$CONDA_PREFIX $PYTHONPATH $MODE"; command -v python')
    assert told == "/opt/env /srv/lib fast\n/opt/env/bin/python\n"
    log = imaging.log("web")
    assert "linked python" in log
    assert "micromamba" not in log
    imaging.forget()
    assert imaging.actions() == {"web": "adopt"}


def test_packages_of_the_image_s_own_python(imaging: Imaging) -> None:
    """Installed inside, by pip and with their hashes, since only there is that Python."""
    imaging.write(
        "web",
        "python",
        """
        dependencies: [python=3.11, {pip: [alpha==1.1]}]
        image:
          command: [python, -c, "import alpha; print(alpha.__version__)"]
        """,
    )
    failed = imaging.project.run("apply", check=1)
    assert "pip install" in failed.out
    assert "alpha" in imaging.log("web")


def test_the_project_s_own_package_is_staged(imaging: Imaging, conda_python: Archive, tmp_path: Path) -> None:
    """A folder of the project is a wheel in the image; when it changes, so does the image."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="pip", subdir=SUBDIR))
    imaging.project.write(
        "lib/pyproject.toml", '[project]\nname = "own"\nversion = "1"\n[tool.setuptools]\npy-modules = ["own"]\n'
    )
    imaging.project.write("lib/own.py", "print('own 1')\n")
    require("pypi")
    imaging.write(
        "web",
        "debian",
        f"""
        channels: ["{channel.url}"]
        python: {{from: conda}}
        dependencies: [python, {{pip: [../lib]}}]
        image:
          command: [python, -c, "import own"]
        """,
    )
    imaging.project.environ = {name: one for name, one in imaging.project.environ.items() if name != "UV_DEFAULT_INDEX"}
    imaging.apply()
    assert imaging.said(imaging.reference("web")) == "own 1\n"
    imaging.project.write("lib/own.py", "print('own 2')\n")
    (step,) = imaging.plan()
    assert [one["change"] for one in step["reasons"]] == ["lib/own.py changed"]
    imaging.apply()
    assert imaging.said(imaging.reference("web")) == "own 2\n"


def test_several_platforms_are_staged_in_one_build(
    containerd_engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path
) -> None:
    """Each image of the index has the folder of its own platform, and nothing of it was run."""
    imaging = Imaging(tmp_path, containerd_engine, registry.server, uv_cache)
    packages = [
        Package(name="tool", subdir=platform, files={"share/which": File(platform.encode())})
        for platform in ("linux-64", "linux-aarch64")
    ]
    channel = Channel(tmp_path / "channel", *packages)
    imaging.project.write(
        "manifests/web.yaml",
        f"""
        platforms: [linux-64, linux-aarch64]
        channels: ["{channel.url}"]
        dependencies: [tool]
        image: {{dockerfile: "FROM scratch\\n"}}
        """,
    )
    imaging.apply()
    reference = imaging.reference("web")
    told = imaging.project.json("show", "web", "--image")["image"]
    assert {one["platform"] for one in told["platforms"]} == {"linux/amd64", "linux/arm64"}
    for architecture, platform in (("amd64", "linux-64"), ("arm64", "linux-aarch64")):
        imaging.engine.docker("pull", "--platform", f"linux/{architecture}", reference)
        made = imaging.engine.docker("create", "--platform", f"linux/{architecture}", reference, "none").strip()
        imaging.engine.docker("cp", f"{made}:/opt/env/share/which", str(tmp_path / architecture))
        imaging.engine.docker("rm", made)
        assert (tmp_path / architecture).read_text() == platform
