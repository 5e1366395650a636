"""A project in a folder, and the command run in it as a user runs it: a process of its own in a clean environment."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .terminal import Terminal

_CHECKOUT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 120
_LOOPBACK = "127.0.0.1,localhost"
_OF_THE_MACHINE = {
    "PATH", "PYENV_ROOT", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
}  # fmt: skip


def clean_environment(folder: Path, uv_cache: Path) -> dict[str, str]:
    """Take from the machine how to reach programs and networks, and keep all that is written below FOLDER."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    no_proxy = f"{no_proxy},{_LOOPBACK}" if no_proxy else _LOOPBACK
    return {
        **{name: value for name, value in os.environ.items() if name in _OF_THE_MACHINE},
        "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),  # its plugins live there
        "ENVBUILD_STORE": str(folder / "store"),
        "HOME": str(home),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "UV_CACHE_DIR": str(uv_cache),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
    } | _import_path()


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- standard output\n{self.out}\n--- standard error\n{self.err}"


class Project:
    """A folder, made at once, and the environment of the commands that run in it."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        path.mkdir(parents=True, exist_ok=True)

    def write(self, relative: str, text: str) -> Path:
        """Write TEXT without its common indentation and without a line break at its very beginning."""
        path = self.path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).removeprefix("\n"), encoding="utf-8", newline="")
        return path

    def read(self, relative: str) -> str:
        return (self.path / relative).read_bytes().decode()

    def remove(self, relative: str) -> None:
        path = self.path / relative
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def run(
        self,
        *args: str,
        check: int | None = 0,
        stdin: str | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Run envbuild; CHECK is the exit code to insist on, ENV adds variables or, with None, takes them away."""
        environ = {name: value for name, value in {**self.environ, **(env or {})}.items() if value is not None}
        command = [sys.executable, "-m", "envbuild", *args]
        run = _finish(command, self.path, environ, stdin)
        told = f"{subprocess.list2cmdline(command[2:])}: {run}"
        assert "Traceback" not in run.out + run.err, told
        assert check in (None, run.code), f"expected exit code {check}\n{told}"
        return run

    def terminal(self, *args: str, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None) -> Terminal:
        """Run envbuild in a terminal of this size."""
        command = [sys.executable, "-m", "envbuild", *args]
        return Terminal(command, self.path, {**self.environ, **(env or {})}, columns=columns, rows=rows)

    def json(self, *args: str, check: int | None = 0) -> Any:
        """Run envbuild with `--json` and parse what it wrote on standard output."""
        return json.loads(self.run("--json", *args, check=check).out)

    def tree(self) -> dict[str, str]:
        """Map each file below the project to the SHA-256 of its content, each symbolic link to that of its target."""
        return {
            path.relative_to(self.path).as_posix(): hashlib.sha256(_content(path)).hexdigest()
            for path in sorted(self.path.rglob("*"))
            if path.is_symlink() or path.is_file()
        }


def _finish(command: list[str], cwd: Path, environ: dict[str, str], stdin: str | None) -> Run:
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # no terminal to ask on, and one group to end if time runs out
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=_TIMEOUT_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            error.add_note(str(Run(process.returncode, out, err)))
            raise
    return Run(process.returncode, out, err)


def _content(path: Path) -> bytes:
    return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()


def _import_path() -> dict[str, str]:
    try:
        importlib.metadata.version("envbuild")
    except importlib.metadata.PackageNotFoundError:
        return {"PYTHONPATH": str(_CHECKOUT)}
    return {}
