"""The scoring server as a few files beside each other, as an image has it: it needs nothing, and nothing gets at it."""

import importlib.util
import shutil
import sys
import venv
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.serving import Server, service, serving, started

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


def put_httptools(files: Path, kind: str) -> None:
    if kind == "httptools":
        found = importlib.util.find_spec("httptools")
        assert found
        assert found.origin
        shutil.copytree(Path(found.origin).parent, files / "httptools")


def alone(folder: Path, files: Path) -> AbstractContextManager[Server]:
    command = [sys.executable, "-I", "-S", str(files / "envbuild" / "serving"), str(folder), "--port", "0"]
    return started([*command, "--python", sys.executable], folder.parent, "serving at http://")


@pytest.mark.parametrize("kind", ["httptools", "h11"])
def test_either_way_to_read_http(tmp_path: Path, files: Path, kind: str) -> None:
    """Compiled where it can be had, else in Python: with the same bounds and answers."""
    put_httptools(files, kind)
    folder = service(tmp_path / "s", _ECHO, body_bytes=100, timeouts={"head": 0.3, "body": 0.3})
    with alone(folder, files) as server:
        server.wait_until_ready()
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert ("httptools" in maps) == (kind == "httptools")
        assert server.ask("x").json == "x"
        assert server.ask("x" * 101).status == 413
        assert server.raw(b"no http\r\n\r\n", end=b"}").startswith(b"HTTP/1.1 400 ")
        assert server.raw(b"GET / HTTP/1.1\r\nX: ", end=b"}").startswith(b"HTTP/1.1 408 ")
        slow = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        assert server.raw(slow, end=b"}").startswith(b"HTTP/1.1 408 ")
        long = [b"X: " + b"x" * 8000 + b"\r\n"] * 12
        assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n", *long).startswith(b"HTTP/1.1 4")
        twice = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        told = server.raw(twice)
        assert told.index(b"200 OK") < told.index(b"404 Not Found")
        assert server.stop() == 0
        assert "Traceback" not in server.log


_WISHES = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
)


@pytest.mark.parametrize("kind", ["httptools", "h11"])
def test_what_few_clients_send(tmp_path: Path, files: Path, kind: str) -> None:
    """A wish for another protocol, as Java's client has it, costs no body; what trailers say is in no header."""
    put_httptools(files, kind)
    script = "def init(): ...\ndef run(data, request_headers): return [data, request_headers.get('X-User')]"
    with alone(service(tmp_path / "s", script), files) as server:
        server.wait_until_ready()
        assert server.ask("x" * 100_000).json == ["x" * 100_000, None]
        last = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast"
        for wish in _WISHES:
            head = b"POST /score HTTP/1.1\r\nHost: x\r\n" + wish + b"Content-Length: 3\r\n\r\n"
            for pieces in (
                (head + b"abc" + head + b"def" + last,),
                (head[:40], head[40:], b"a", b"bc", head, b"def", last),
            ):
                told = server.raw(*pieces)
                assert [told.count(one) for one in (b'["abc", null]', b'["def", null]', b'["last", null]')] == [1, 1, 1]
        head = (
            b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-User: me\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert b'["abc", "me"]' in server.raw(head + b"3\r\nabc\r\n0\r\nX-User: root\r\n\r\n")
        assert server.raw(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 4")
        assert server.stop() == 0
        assert "Traceback" not in server.log


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_a_script_that_starts_processes(tmp_path: Path, environment: Path, way: str) -> None:
    """In any of Python's ways: those that begin anew know nothing of the worker, which is no main program to repeat."""
    script = f"""
        import concurrent.futures, math, multiprocessing

        def init(): ...

        def run(data):
            context = multiprocessing.get_context("{way}")
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                return [*pool.map(math.isqrt, [1, 4, 9])]
    """
    with serving(service(tmp_path / "s", script), python=str(environment / "bin" / "python")) as server:
        before = server.wait_until_ready().workers
        assert server.ask("x").json == [1, 2, 3]
        assert server.workers == before
