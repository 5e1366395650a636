"""What every test may ask for: a package index, a project, and how many examples hypothesis tries."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.condafleet import write_fleet
from support.condapkg import Archive
from support.engine import Engine
from support.imaging import Imaging
from support.index import Index
from support.once import made_once
from support.project import Project, clean_environment
from support.registry import Registry
from support.services import refuse_unknown_services, require

_EXAMPLES = 100
_TOOL = 'def main():\n    print("tool 1.0")\n'

settings.register_profile("default", deadline=None, max_examples=_EXAMPLES)
settings.register_profile("full", deadline=None, max_examples=20 * _EXAMPLES)
# CI tries the same cases each time: a commit is judged by what it changed. At home and in full runs they are others.
settings.register_profile("ci", deadline=None, max_examples=_EXAMPLES, derandomize=True)
_FULL, _CI = os.environ.get("ENVBUILD_TEST_FULL") == "1", bool(os.environ.get("CI"))
settings.load_profile("full" if _FULL else "ci" if _CI else "default")


def pytest_configure() -> None:
    refuse_unknown_services()
    # A shell starts what goes to its background with Ctrl-C ignored, and every command of ours would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nor is anything found by its name because somebody has activated the environment of the tests: CI has not.
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join(at for at in os.environ["PATH"].split(os.pathsep) if at != own)


@pytest.fixture
def index() -> Iterator[Index]:
    """Serve alpha <- beta <- gamma, delta with an extra `fast` that asks for alpha, and tool with a command."""
    with Index() as index:
        for version in ("1.0", "1.1", "2.0"):
            index.add("alpha", version)
        index.add("beta", "1.0", requires=["alpha>=1"])
        index.add("gamma", "1.0", requires=["beta"])
        index.add("delta", "1.0", extras={"fast": ["alpha"]})
        index.add("tool", "1.0", modules={"tool/cli.py": _TOOL}, scripts={"tool": "tool.cli:main"})
        yield index


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for all tests of a session, also for those in other workers of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def uv_cache(shared: Path) -> Path:
    return shared / "uv-cache"


@pytest.fixture(scope="session")
def conda_python(shared: Path) -> Archive:
    """Give a real python package, made once for all."""
    from support.condapython import real_python

    return real_python(shared / "conda-python")


@pytest.fixture(scope="session")
def conda_fleet(shared: Path) -> Path:
    """Give the folder of a channel of 20,000 records, to be solved only."""
    return made_once(shared / "conda-fleet", write_fleet)


@pytest.fixture(scope="session")
def engine(shared: Path) -> Iterator[Engine]:
    """Give a Docker Engine as most people have it."""
    require("docker")
    with Engine(shared / "engine") as engine:
        yield engine


@pytest.fixture(scope="session")
def containerd_engine(shared: Path) -> Iterator[Engine]:
    """Give one that keeps images in containerd's store, as new installations have it."""
    require("docker")
    with Engine.with_containerd_store(shared / "containerd-engine") as engine:
        yield engine


@pytest.fixture
def project(tmp_path: Path, uv_cache: Path) -> Project:
    return Project(tmp_path / "project", clean_environment(tmp_path, uv_cache))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Give a registry of images that lets everybody in."""
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def imaging(engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path) -> Imaging:
    """Give a project whose environments are images, with an engine as most people have it."""
    return Imaging(tmp_path, engine, registry.server, uv_cache)


@pytest.fixture
def wide(containerd_engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path) -> Imaging:
    """The same with an engine that writes images into files, of several platforms."""
    return Imaging(tmp_path, containerd_engine, registry.server, uv_cache)
