"""Images of builder `oci` beside `docker buildx build --push` of what people write: pip with cache mounts, on one base.

Both sides have all packages before: what is measured is what they make of them, and how it comes to the registry. Each
round has a version of one package that the image has never had.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, product
from pathlib import Path
from threading import Thread

from support.engine import Engine
from support.front import Front
from support.registry import Registry
from support.wheels import wheel_bytes

from .channels import Side
from .imagerows import beside
from .process import Place, Run

# With what these need, thirty packages and ten.
_REAL = (
    *("numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "requests", "sympy", "jinja2", "networkx", "pyyaml"),
    "click",
)
_FEW = ("numpy", "pyyaml", "jinja2", "requests")
_MOVED = "packaging"
_VERSIONS = ("24.2", "24.1", "24.0", "23.2", "23.1", "23.0", "22.0", "21.3", "20.9", "20.8", "20.7", "20.4", "20.3")
_FLEET, _OWN = 10, 5


@contextmanager
def changed(work: Place, *, full: bool) -> Iterator[tuple[Side, Side]]:
    """One package has another version; the image was built and pushed before."""
    with _site(work, "oci-changed", full=full) as site:
        versions = cycle(_VERSIONS)

        def ours() -> Run:
            site.write(next(versions))
            return site.project.envbuild("apply")

        def theirs() -> Run:
            return site.build(next(versions), "theirs")

        site.write(next(versions))
        site.project.envbuild("apply")
        site.build(next(versions), "theirs")
        yield ours, theirs


@contextmanager
def first(work: Place, *, full: bool) -> Iterator[tuple[Side, Side]]:
    """No layer of it is anywhere, on either side."""
    with _site(work, "oci-first", full=full) as site:
        rounds = iter(range(1_000))

        def ours() -> Run:
            site.begin_anew(next(rounds))
            return site.project.envbuild("apply")

        def theirs() -> Run:
            return site.build(_VERSIONS[0], f"theirs{next(rounds)}", "--no-cache")

        site.write(_VERSIONS[0])
        site.project.envbuild("apply")
        theirs()
        yield ours, theirs


def peak(work: Place, *, full: bool) -> int:
    """The most memory that a first build takes, in bytes."""
    with _site(work, "oci-peak", full=full) as site:
        site.write(_VERSIONS[0])
        return site.project.peak("apply")


def shared(work: Place, *, full: bool) -> tuple[float, float]:
    """Bytes that ten environments push which share most of their packages, and those of one."""
    with _site(work, "oci-shared", full=full) as site, Front(site.server) as front:
        site.publish(front.address)
        site.write_fleet(1)
        site.project.envbuild("apply", "-j", "1")
        one = _sent(front)
        site.begin_anew(0)
        site.publish(front.address, "fleet")
        front.log.clear()
        site.write_fleet(_FLEET)
        site.project.envbuild("apply", "-j", "2")
        return _sent(front), one


def _sent(front: Front) -> int:
    return sum(int(one.headers.get("content-length", 0)) for one in front.log if one.method == "PATCH")


class _Site:
    def __init__(self, project: Place, server: str, wheels: Path, urls: tuple[str, str]) -> None:
        self.project = project
        self.server = server
        self._names = _names(wheels)
        (self._pip,) = (wheels / "fetched").glob("pip-*.whl")
        self._ours, self._theirs = urls
        self.publish(server)

    def publish(self, server: str, below: str = "team") -> None:
        settings = f"registry: {server}/{below}\nbuilder: oci\nplatforms: [linux-64]\n"
        (self.project.folder / "envbuild.yaml").write_text(settings)

    def write(self, version: str) -> None:
        self._write("web", (*self._names, f"{_MOVED}=={version}"))
        self.project.envbuild("lock")

    def write_fleet(self, count: int) -> None:
        """Each has five of six packages in common with all others, and the rest in a version that nobody else has."""
        shutil.rmtree(self.project.folder / "manifests", ignore_errors=True)
        shared = self._names[: len(self._names) * 5 // 6]
        for number in range(count):
            own = (f"own{one}=={number}.0" for one in range(max(1, len(self._names) // 6)))
            self._write(f"web{number}", (*shared, *own))
        self.project.envbuild("lock")

    def _write(self, name: str, packages: Sequence[str]) -> None:
        path = self.project.folder / f"manifests/{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        items = "".join(f"    - {one}\n" for one in packages)
        path.write_text(
            f"python: {{version: '3.11'}}\npip: {{index_url: '{self._ours}'}}\ndependencies:\n- pip:\n{items}"
            f"image: {{base: '{self.server}/base:1'}}\n"
        )

    def begin_anew(self, number: int) -> None:
        """No record, no layer, and a place in the registry where nothing is."""
        shutil.rmtree(self.project.folder / ".envbuild", ignore_errors=True)
        for name in ("layers", "registries"):
            for path in self.project.folder.rglob(f"envbuild/{name}"):
                shutil.rmtree(path)
        self.publish(self.server, f"team{number}")

    def build(self, version: str, name: str, *options: str) -> Run:
        folder = self.project.folder / ".bench/context"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "requirements.txt").write_text("\n".join((*self._names, f"{_MOVED}=={version}")) + "\n")
        shutil.copyfile(self._pip, folder / self._pip.name)
        host = self._theirs.partition("//")[2].partition(":")[0]
        pip = f"python3 /tmp/{self._pip.name}/pip install --break-system-packages --no-deps -r /tmp/requirements.txt"
        (folder / "Dockerfile").write_text(
            f"FROM {self.server}/base:1\nCOPY {self._pip.name} requirements.txt /tmp/\n"
            f"RUN --mount=type=cache,target=/root/.cache/pip {pip} --index-url {self._theirs} --trusted-host {host}\n"
        )
        command = ("docker", "buildx", "build", "--push", *options, "--tag", f"{self.server}/{name}:1", str(folder))
        return self.project.run(*command)


@contextmanager
def _site(work: Place, name: str, *, full: bool) -> Iterator[_Site]:
    wheels, folder = _wheels(work, _REAL if full else _FEW), work.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Engine(work.folder / "engine") as engine, Registry(work.folder / f"{name}-registry") as registry:
        engine.docker("tag", engine.base("python"), f"{registry.server}/base:1")
        engine.docker("push", f"{registry.server}/base:1")
        with _served(wheels, engine.gateway) as theirs, _served(wheels, "127.0.0.1") as ours:
            yield _Site(beside(folder, engine), registry.server, wheels, (ours, theirs))


def _wheels(work: Place, names: Sequence[str]) -> Path:
    """An index of real wheels, fetched once."""
    folder = work.folder / f"wheels-{len(names)}"
    fetched = folder / "fetched"
    if not fetched.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder / "new")]
        subprocess.run([*pip, *names, "pip"], check=True)
        for version in _VERSIONS:
            subprocess.run([*pip, "--no-deps", f"{_MOVED}=={version}"], check=True)
        (folder / "new").rename(fetched)
        for one, number in product(range(_OWN), range(_FLEET)):
            file, data = wheel_bytes(f"own{one}", f"{number}.0", modules={f"own{one}/data.py": _text(one, number)})
            (fetched / file).write_bytes(data)
    for wheel in fetched.glob("*.whl"):
        page = folder / "simple" / _name(wheel)
        page.mkdir(parents=True, exist_ok=True)
        (page / wheel.name).unlink(missing_ok=True)
        (page / wheel.name).hardlink_to(wheel)
        links = "".join(f'<a href="{one.name}">{one.name}</a><br>\n' for one in sorted(page.glob("*.whl")))
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")
    return folder


def _names(wheels: Path) -> list[str]:
    """All that every image has."""
    found = {_name(one) for one in (wheels / "fetched").glob("*.whl")}
    return sorted(one for one in found if one not in {_MOVED, "pip"} and not one.startswith("own"))


def _name(wheel: Path) -> str:
    return wheel.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")


def _text(one: int, number: int) -> str:
    """As much as a package of the middle size holds, and no other wheel the same."""
    lines = (sha256(f"{one} {number} {line}".encode()).hexdigest() for line in range(10_000))
    return "".join(f"# {line}\n" for line in lines)


@contextmanager
def _served(folder: Path, address: str) -> Iterator[str]:
    with ThreadingHTTPServer((address, 0), partial(_Handler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{address}:{server.server_address[1]}/simple/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the parent's
        """Say nothing: the terminal is for the table."""
