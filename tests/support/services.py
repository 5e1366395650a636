"""The services that some tests need of the machine: how each is found, and how to get it.

A test without its service skips. `ENVBUILD_TEST_REQUIRE=docker,registry` names those whose lack is a failure instead.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import uv

from .project import clean_environment

_REQUIRE = "ENVBUILD_TEST_REQUIRE"
_PROBE_SECONDS = 60


@dataclass(frozen=True)
class _Service:
    is_there: Callable[[], bool]
    how: str


def require(service: str) -> None:
    """Skip the test, or fail it where the service is required, unless the machine has the service."""
    how = how_to_get(service)
    if how and service in _required():
        pytest.fail(f"{service} is missing, and {_REQUIRE} names it: {how}", pytrace=False)
    if how:
        pytest.skip(f"{service} is missing: {how}")


def how_to_get(service: str) -> str:
    """Nothing where the machine has it."""
    known = _SERVICES[service]
    return "" if known.is_there() else known.how


def refuse_unknown_services() -> None:
    unknown = sorted(_required() - _SERVICES.keys())
    if unknown:
        raise pytest.UsageError(f"{_REQUIRE}: unknown {', '.join(unknown)}; known are {', '.join(sorted(_SERVICES))}")


def _required() -> set[str]:
    return {name.strip() for name in os.environ.get(_REQUIRE, "").split(",")} - {""}


def _has_program(*names: str) -> bool:
    return any(shutil.which(name) for name in names)


def services_folder() -> Path:
    """Where `tests/services/install` unpacks."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("ENVBUILD_TEST_SERVICES") or cache / "envbuild-tests")


def registry_program() -> str | None:
    return _program("docker-registry", "docker-registry/usr/bin")


def _program(name: str, unpacked: str) -> str | None:
    """What the system has, else what was unpacked."""
    return shutil.which(name) or shutil.which(services_folder() / unpacked / name)


def _has_unpacked(*paths: str) -> bool:
    return all(Path(services_folder(), path).exists() for path in paths)


def _has_engine() -> bool:
    """Tests start an engine of their own in namespaces of its own, which takes more rights than a user has."""
    unpacked = ("engine", "docker-buildx", *(f"base-{name}.tar" for name in ("busybox", "debian", "python")))
    return _has_unpacked(*unpacked) and _has_program("ip") and _may_mount()


def spark_wheels() -> Path:
    """Where pyspark and what it needs are, as wheels."""
    return services_folder() / "spark"


def java_home() -> Path:
    return next(services_folder().glob("jre/usr/lib/jvm/java-*-openjdk-*"))


def _has_spark() -> bool:
    return _has_unpacked("spark", "base-java.tar") and any(services_folder().glob("jre/usr/lib/jvm/*/bin/java"))


def devcontainer_program() -> Path:
    """The reference implementation of dev containers, which is a program of Node."""
    return services_folder() / "devcontainer/node_modules/.bin/devcontainer"


def _has_devcontainer() -> bool:
    return devcontainer_program().exists() and _has_program("node")


def load_generator() -> tuple[Path, str]:
    """wrk, and where its libraries are."""
    folder = services_folder() / "load"
    return folder / "usr/bin/wrk", str(next(folder.rglob("libluajit-*.so*")).parent)


def _has_shells() -> bool:
    return all(shutil.which(name) for name in ("zsh", "fish", "direnv"))


def _has_postgres() -> bool:
    return _has_program("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _succeeds(*command: str, stdin: str = "") -> bool:
    """Ask in the environment that the tests run commands in, since what is out of its reach is no use to them."""
    program = shutil.which(command[0])
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        environ = clean_environment(Path(folder), Path(folder, "cache"))
        try:
            run = subprocess.run(
                [program, *command[1:]],
                input=stdin.encode(),
                env=environ,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return run.returncode == 0


def _may_mount() -> bool:
    return _succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt")


def _reaches_pypi() -> bool:
    return _succeeds(uv.find_uv_bin(), "pip", "compile", "-", "--no-config", "--no-deps", stdin="packaging")


_SERVICES = {
    "azureml": _Service(
        partial(_has_unpacked, "azureml/installed"), "run tests/services/install azureml, which needs PyPI and no root"
    ),
    "browser": _Service(
        partial(_has_program, "chromium", "chromium-browser", "google-chrome"), "install Chromium, from your system"
    ),
    "buildx": _Service(partial(_succeeds, "docker", "buildx", "version"), "run tests/services/install buildx"),
    "compose": _Service(
        partial(_has_unpacked, "docker-compose"), "run tests/services/install compose, which needs no root"
    ),
    "devcontainer": _Service(_has_devcontainer, "run tests/services/install devcontainer, which needs npm and no root"),
    "docker": _Service(
        _has_engine,
        "run tests/services/install base engine, and the tests as root; they start their own, with iproute2",
    ),
    "graphviz": _Service(
        partial(_has_program, "dot"), "run tests/services/install graphviz, or install it from your system"
    ),
    "load": _Service(
        partial(_has_unpacked, "load/usr/bin/wrk"), "run tests/services/install load, which needs no root"
    ),
    "mount": _Service(_may_mount, "run the tests as root"),
    "oci-tools": _Service(
        partial(_has_unpacked, "oci-tools"), "run tests/services/install oci-tools, which needs no root"
    ),
    "postgres": _Service(_has_postgres, "install the PostgreSQL server; tests start a cluster of their own"),
    "pypi": _Service(
        _reaches_pypi, "connect to the network, with HTTPS_PROXY and SSL_CERT_FILE set if it asks for them"
    ),
    "r": _Service(partial(_has_unpacked, "base-r.tar"), "run tests/services/install r"),
    "registry": _Service(
        lambda: registry_program() is not None, "run tests/services/install registry; tests start their own"
    ),
    "shells": _Service(
        _has_shells, "run tests/services/install shells, or install zsh, fish and direnv from your system"
    ),
    "spark": _Service(_has_spark, "run tests/services/install spark"),
    "zstd": _Service(partial(_has_program, "zstd"), "install zstd, from your system"),
}
