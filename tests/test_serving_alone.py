"""The scoring server as a few files beside each other, as an image has it: it needs nothing, and nothing gets at it."""

import importlib.util
import shutil
import sys
import venv
from pathlib import Path

import pytest
from support.serving import service, started

_ECHO = "def init(): ...\ndef run(data): return data\n"
_TRAP = "raise SystemExit('{name} of the environment was imported')\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The server, uvicorn and what that needs; as files alone, so with h11."""
    folder = tmp_path / "server"
    for name in ("envbuild.serving", "uvicorn", "h11", "click"):
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        shutil.copytree(Path(found.origin).parent, folder / name.replace(".", "/"))
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """One in which whatever the server could import by mistake ends the process."""
    folder = tmp_path / "env"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for name in ("envbuild", "uvicorn", "click", "h11", "httptools", "worker", "words", "script", "uvloop"):
        (packages / f"{name}.py").write_text(_TRAP.format(name=name))
    return folder


def test_by_path_with_the_python_of_the_environment(tmp_path: Path, files: Path, environment: Path) -> None:
    """Front and workers are run by one Python; its packages are the script's, and not the server's."""
    folder = service(tmp_path / "s", "import sys\ndef init(): ...\ndef run(data): __import__(data); return 1")
    python = str(environment / "bin" / "python")
    command = [python, "-I", "-S", str(files / "envbuild" / "serving"), str(folder), "--port", "0", "--python", python]
    with started(command, tmp_path, "serving at http://", {"PYTHONPATH": str(environment)}) as server:
        server.wait_until_ready()
        assert server.ask("json").json == 1
        for name in ("uvicorn", "envbuild"):
            assert server.ask(name).status == 500
            server.wait_for_log(f"{name} of the environment was imported")


def test_a_script_has_modules_of_any_name(tmp_path: Path, files: Path, environment: Path) -> None:
    """Beside it: they are its own, and no one else's."""
    names = ("worker", "words", "script", "uvicorn", "envbuild", "asyncio", "json")
    paths = ", ".join(f"{name}.__file__" for name in names)
    script = f"import {', '.join(names)}\ndef init(): ...\ndef run(data): return [{paths}]"
    folder = service(tmp_path / "s", script)
    for name in names:
        (folder / "app" / f"{name}.py").write_text("" if name == "json" else "OWN = True\n")
    python = str(environment / "bin" / "python")
    command = [python, "-I", "-S", str(files / "envbuild" / "serving"), str(folder), "--port", "0", "--python", python]
    with started(command, tmp_path, "serving at http://") as server:
        found = server.wait_until_ready().ask("x").json
    own = {Path(path).name.removesuffix(".py") for path in found if Path(path).parent == folder / "app"}
    assert own == set(names) - {"json"}  # which every Python has begun with by then


@pytest.mark.parametrize("kind", ["httptools", "h11"])
def test_either_way_to_read_http(tmp_path: Path, files: Path, kind: str) -> None:
    """Compiled where it can be had, else in Python: with the same bounds and answers."""
    if kind == "httptools":
        found = importlib.util.find_spec("httptools")
        assert found
        assert found.origin
        shutil.copytree(Path(found.origin).parent, files / "httptools")
    folder = service(tmp_path / "s", _ECHO, body_bytes=100, timeouts={"head": 1, "body": 1})
    command = [sys.executable, "-I", "-S", str(files / "envbuild" / "serving"), str(folder), "--port", "0"]
    with started([*command, "--python", sys.executable], tmp_path, "serving at http://") as server:
        server.wait_until_ready()
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert ("httptools" in maps) == (kind == "httptools")
        assert server.ask("x").json == "x"
        assert server.ask("x" * 101).status == 413
        assert server.raw(b"no http\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert server.raw(b"GET / HTTP/1.1\r\nX: ").startswith(b"HTTP/1.1 408 ")
        assert server.raw(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").startswith(b"HTTP/1.1 408 ")
        long = [b"X: " + b"x" * 8000 + b"\r\n"] * 12
        assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n", *long).startswith(b"HTTP/1.1 4")
        twice = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        told = server.raw(twice)
        assert told.index(b"200 OK") < told.index(b"404 Not Found")
        assert server.stop() == 0
        assert "Traceback" not in server.log
