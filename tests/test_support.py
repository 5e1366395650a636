"""The pieces that the other tests stand on do what they say."""

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import uv
from packaging.tags import parse_tag, sys_tags
from support.index import Index
from support.project import Project
from support.services import require
from support.wheels import installed_wheel, sdist_bytes, wheel_bytes


class Sandbox:
    """A virtual environment made and filled by uv."""

    def __init__(self, path: Path, environ: dict[str, str]) -> None:
        self.path, self.environ = path, environ
        self._check(uv.find_uv_bin(), "venv", "--no-config", "--python", sys.executable, str(path))

    def install(self, index_url: str, *requirements: str) -> subprocess.CompletedProcess[str]:
        target = ("--no-config", "--python", str(self.path), "--index-url", index_url)
        return self._run(uv.find_uv_bin(), "pip", "install", *target, *requirements)

    def output(self, program: str, *args: str) -> str:
        return self._check(str(self.path / "bin" / program), *args)

    def versions(self, *names: str) -> list[str]:
        code = "import sys; print(*(__import__(name).__version__ for name in sys.argv[1:]))"
        return self.output("python", "-c", code, *names).split()

    def _check(self, *command: str) -> str:
        run = self._run(*command)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def sandbox(tmp_path: Path, project: Project) -> Sandbox:
    return Sandbox(tmp_path / "venv", dict(project.environ))


def test_wheels_and_sdists_are_the_same_bytes_twice() -> None:
    """Nothing of the moment or the machine goes in."""
    assert wheel_bytes("Some.Name", "1.0") == wheel_bytes("Some.Name", "1.0")
    assert sdist_bytes("Some.Name", "1.0") == sdist_bytes("Some.Name", "1.0")


def test_record_lists_every_file_with_its_hash() -> None:
    """Installers that verify RECORD find it true."""
    filename, data = wheel_bytes("Some.Name", "1.0", scripts={"some": "some_name:main"}, tag="cp311-abi3-linux_x86_64")
    assert filename == "some_name-1.0-cp311-abi3-linux_x86_64.whl"
    assert_recorded(data, "some_name-1.0.dist-info/RECORD")


def test_an_installed_distribution_becomes_its_wheel_again() -> None:
    """For the same pythons and machines, with its compiled part, and without what its installer left."""
    filename, data = installed_wheel("markupsafe")
    name, version, tags = filename.removesuffix(".whl").split("-", 2)
    assert (name, version) == ("markupsafe", metadata.version("markupsafe"))
    assert parse_tag(tags) & {*sys_tags()}
    paths = assert_recorded(data, f"{name}-{version}.dist-info/RECORD")
    assert any(path.startswith("markupsafe/_speedups.") and path.endswith(".so") for path in paths)
    assert not [path for path in paths if path.endswith((".pyc", "/INSTALLER"))]


def assert_recorded(data: bytes, own_path: str) -> list[str]:
    """Hold a wheel's RECORD against what is inside, and give the paths."""
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        record = wheel.read(own_path).decode()
        recorded = {path: digest for path, digest, _ in csv.reader(record.splitlines())}
        assert list(recorded) == wheel.namelist()
        hashes = {path: hashlib.sha256(wheel.read(path)).digest() for path in recorded if path != own_path}
    written = {path: f"sha256={base64.urlsafe_b64encode(one).decode().rstrip('=')}" for path, one in hashes.items()}
    assert recorded == {**written, own_path: ""}
    return list(recorded)


def test_uv_installs_a_chain_of_packages(index: Index, sandbox: Sandbox) -> None:
    """Gamma brings beta and the newest alpha, and metadata is read without the wheels."""
    run = sandbox.install(index.url, "gamma")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha", "beta", "gamma") == ["2.0", "1.0", "1.0"]
    assert "/simple/gamma/" in index.requests
    assert "/files/gamma-1.0-py3-none-any.whl.metadata" in index.requests


def test_uv_installs_extras_and_scripts(index: Index, sandbox: Sandbox) -> None:
    """An extra brings its requirement, and a script runs."""
    run = sandbox.install(index.url, "delta[fast]", "tool")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha", "delta") == ["2.0", "1.0"]
    assert sandbox.output("tool") == "tool 1.0\n"


def test_an_extra_keeps_the_marker_of_its_requirement(index: Index, sandbox: Sandbox) -> None:
    """A requirement for another system is not installed by an extra."""
    index.add("epsilon", "1.0", extras={"fast": ["alpha==1.0", "missing; sys_platform == 'plan9'"]})
    run = sandbox.install(index.url, "epsilon[fast]")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha") == ["1.0"]


def test_versions_for_another_python_are_passed_over(index: Index, sandbox: Sandbox) -> None:
    """The bound of Python stands in the page, for wheels and sdists alike."""
    index.add("alpha", "3.0", requires_python=">=3.99")
    index.add_file(*sdist_bytes("alpha", "4.0", requires_python=">=3.99"))
    run = sandbox.install(index.url, "alpha")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha") == ["2.0"]


def test_a_replaced_file_is_what_clients_see(index: Index, sandbox: Sandbox) -> None:
    """Bytes that are no wheel are served as they are, and uv refuses them."""
    index.add_file("alpha-9.0-py3-none-any.whl", b"not a wheel")
    assert sandbox.install(index.url, "alpha==9.0").returncode != 0
    index.add("alpha", "9.0")
    run = sandbox.install(index.url, "alpha==9.0")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha") == ["9.0"]


def test_an_sdist_builds_without_a_download(index: Index, sandbox: Sandbox) -> None:
    """The backend is inside; only what the package itself requires is fetched."""
    index.add_file(*sdist_bytes("Zeta.Tool", "1.0", requires=["alpha<2"]))
    run = sandbox.install(index.url, "zeta-tool")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("zeta_tool", "alpha") == ["1.0", "1.1"]
    assert {path for path in index.requests if path.startswith("/simple/")} == {"/simple/zeta-tool/", "/simple/alpha/"}


def test_a_private_index_asks_for_credentials(sandbox: Sandbox) -> None:
    """Without credentials nothing is served, with them everything is."""
    with Index(auth=("user", "p@ss/word")) as private:
        private.add("alpha", "1.0")
        assert "401" in sandbox.install(private.url, "alpha").stderr
        run = sandbox.install(private.url_with_credentials, "alpha")
    assert run.returncode == 0, run.stderr
    assert sandbox.versions("alpha") == ["1.0"]


def test_a_project_writes_reads_and_removes(project: Project) -> None:
    """Files lose their common indentation, and the tree tells what is there."""
    path = project.write("manifests/a.yaml", "\n    one:\n      two: 3\n")
    assert path.read_text(encoding="utf-8") == project.read("manifests/a.yaml") == "one:\n  two: 3\n"
    (project.path / "link").symlink_to("manifests")
    assert project.tree() == {
        "link": hashlib.sha256(b"manifests").hexdigest(),
        "manifests/a.yaml": hashlib.sha256(b"one:\n  two: 3\n").hexdigest(),
    }
    project.remove("link")
    project.remove("manifests")
    assert project.tree() == {}


def test_a_command_runs_in_the_clean_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is written goes below the test's folder, and nothing of the caller's taste comes in."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("ENVBUILD_LOCKED", "1")
    assert not {"NO_COLOR", "CI", "ENVBUILD_LOCKED", "PYTHONDONTWRITEBYTECODE"} & project.environ.keys()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ENVBUILD_STORE"):
        assert tmp_path in Path(project.environ[name]).parents
    assert project.environ["PATH"] == os.environ["PATH"]


def test_a_command_runs_and_its_exit_code_is_checked(project: Project) -> None:
    """A command that ends as it should not shows its code and both streams."""
    assert project.run("--version").out.startswith("envbuild")
    with pytest.raises(AssertionError, match=r"(?s)expected exit code 0.+exit code 64.+output.+error.+no-such-command"):
        project.run("no-such-command")
    assert project.run("no-such-command", check=None).code == 64


def test_a_missing_service_skips_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no program on PATH there is no Docker; whether that is a failure is for the caller to say."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ENVBUILD_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="docker is missing: run tests/services/install base engine"):
        require("docker")
    monkeypatch.setenv("ENVBUILD_TEST_REQUIRE", "pypi, docker")
    with pytest.raises(pytest.fail.Exception, match="docker is missing, and ENVBUILD_TEST_REQUIRE names it"):
        require("docker")


def test_an_unknown_service_ends_the_session() -> None:
    """A misspelt name would otherwise let every test of that service skip in silence."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", __file__],
        env={**os.environ, "ENVBUILD_TEST_REQUIRE": "docker,regsitry"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ENVBUILD_TEST_REQUIRE: unknown regsitry; known are azureml, browser, buildx" in run.stderr
