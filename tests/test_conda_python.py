"""An environment of real conda packages runs: its python is its own, and imports what was compiled."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import uv
from support.barerattler import BareRattler, versions
from support.condachannel import Channel
from support.condapkg import PREFIX, Archive, File, Package, archive, from_wheel, script
from support.condapython import MINOR, SUBDIR, python_abi, python_package
from support.index import Index
from support.project import Project
from support.wheels import installed_wheel, wheel_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a relocatable python is made of a Linux interpreter")

_TOOL = Package(
    name="tool",
    subdir=SUBDIR,
    depends=["python"],
    files={
        "bin/tool": script(f"#!{PREFIX}/bin/python\nimport sys\nprint(sys.prefix)\n"),
        "lib/tool.bin": File(f"\0{PREFIX}/share\0end".encode(), prefix="binary"),
    },
)


def pure(name: str) -> Package:
    made = wheel_bytes(
        name, "1.0", modules={f"{name}/cli.py": "def main():\n    print('pure')\n"}, scripts={name: f"{name}.cli:main"}
    )
    return from_wheel(*made, subdir=SUBDIR, python=MINOR)


def compiled(name: str) -> Package:
    """One of our own dependencies, as conda would package it."""
    return from_wheel(*installed_wheel(name), subdir=SUBDIR, python=MINOR, depends=[f"python_abi {MINOR}.*"])


class Prefix:
    """An environment with python, msgspec, tool and pure from a channel, asked for by three names."""

    def __init__(self, folder: Path, python: Archive, environ: dict[str, str]) -> None:
        self.path, self.environ = folder / "prefix", environ
        channel = Channel(folder / "channel", python, python_abi(), compiled("msgspec"), pure("pure"), _TOOL)
        rattler = BareRattler(folder / "rattler")
        self.records = rattler.solve(channel.url, "msgspec", "tool", "pure")
        rattler.install(self.records, self.path)

    def output(self, program: str, *args: str) -> str:
        return self.run(str(self.path / "bin" / program), *args).stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        run = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        return run


@pytest.fixture
def prefix(tmp_path: Path, conda_python: Archive, project: Project) -> Prefix:
    return Prefix(tmp_path, conda_python, dict(project.environ))


def test_the_python_package_is_the_same_bytes_each_time(conda_python: Archive) -> None:
    """Of one interpreter."""
    assert archive(python_package()) == conda_python


def test_a_solved_environment_runs(prefix: Prefix) -> None:
    """With the interpreter, library and modules of the prefix, not of the machine they were taken from."""
    assert {"python", "python_abi", "msgspec", "tool", "pure"} == {
        one.partition(" ")[0] for one in versions(prefix.records)
    }
    code = """
        import ctypes, hashlib, msgspec._core, os, ssl, sqlite3, sys, sysconfig, zlib
        print(sys.prefix, sys.base_prefix, sysconfig.get_config_var("prefix"), os.__file__, msgspec.__file__)
        print(*sorted({line.split()[-1] for line in open("/proc/self/maps") if "python" in line}), sep="\\n")
    """
    first, *mapped = prefix.output("python", "-c", textwrap.dedent(code)).splitlines()
    at, lib = str(prefix.path), f"{prefix.path}/lib/python{MINOR}"
    assert first.split() == [at, at, at, f"{lib}/os.py", f"{lib}/site-packages/msgspec/__init__.py"]
    assert len(mapped) > 5
    assert [path for path in mapped if not path.startswith(f"{at}/")] == []


def test_prefixes_and_commands_lead_to_the_environment(prefix: Prefix) -> None:
    """In a text file, in a binary one, and in a command made for a noarch package."""
    assert prefix.output("tool") == f"{prefix.path}\n"
    assert f"\0{prefix.path}/share\0".encode() in (prefix.path / "lib/tool.bin").read_bytes()
    assert prefix.output("pure") == "pure\n"


def test_no_placeholder_is_left(prefix: Prefix) -> None:
    """But in what rattler itself notes of each package."""
    files = [path for path in prefix.path.rglob("*") if path.is_file() and path.parent.name != "conda-meta"]
    assert [path for path in files if PREFIX.encode() in path.read_bytes()] == []
    assert len(files) > 500


def test_uv_installs_a_compiled_wheel_beside(prefix: Prefix, index: Index) -> None:
    """It takes the prefix for the environment it is, and what conda installed for installed."""
    index.add_file(*installed_wheel("markupsafe"))
    index.add("needs-msgspec", "1.0", requires=["msgspec", "markupsafe"])
    target = ("--no-config", "--python", f"{prefix.path}/bin/python", "--index-url", index.url)
    told = prefix.run(uv.find_uv_bin(), "pip", "install", *target, "needs-msgspec").stderr
    assert "Installed 2 packages" in told
    code = "import markupsafe._speedups, msgspec._core; print(markupsafe.__file__)"
    assert prefix.output("python", "-c", code).startswith(f"{prefix.path}/lib/python{MINOR}/site-packages/markupsafe/")
