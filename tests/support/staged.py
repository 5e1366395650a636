"""Prefixes that are made here for an image: what it takes to make one in a test, to look at it, and to run it."""

import hashlib
import io
import json
import platform
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.builders.oci.condatrees import link_scripts
from envbuild.builders.oci.laying import Package as Apart
from envbuild.builders.oci.packages import Own, packages
from envbuild.builders.oci.tree import Node, opened
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.staging import Staging, stage
from envbuild.builders.target import Tools
from envbuild.lock import Member, Pin, Pins
from envbuild.project import Project as Opened

from .condachannel import Channel
from .condapkg import PREFIX, Archive, Package
from .condapython import MINOR, SUBDIR, python_package
from .index import Index
from .pinned import pinned
from .project import Project

if TYPE_CHECKING:
    from envbuild.process import Programs

OTHER = "linux-64" if SUBDIR == "linux-aarch64" else "linux-aarch64"
PLACE = "/opt/env"
MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}


class Stage:
    """An environment of a project, its pins, and the folders that it is made in; `said` is what its steps say."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.pins: list[Pin] = []
        self.members: list[Member] = []
        self.files: dict[str, str] = {}
        self.said: list[str] = []
        self.log = folder / "log"
        self.on_say: Callable[[str, Programs], None] | None = None
        self._folder = folder
        self.write()

    def write(self, *, source: str = "conda", prefix: str = "", more: str = "", settings: str = "") -> None:
        """Write the manifest, whose key for Python stands at line 3."""
        self.project.write("envbuild.yaml", f"platforms: [{SUBDIR}, {OTHER}]\n{settings}")
        own = f", prefix: {prefix}" if prefix else ""
        text = f"builder: docker\nimage: {{base: 'debian:12'{own}}}\npython: {{from: {source}}}\n{more}"
        self.project.write("manifests/a.yaml", text)

    def conda(self, *packages: Package | Archive) -> Channel:
        channel = Channel(self._folder / "channel", *packages)
        self.pins += [pinned(package, channel.url) for package in packages]
        return channel

    def pip(self, index: Index, filename: str, data: bytes, **other: str) -> Pin:
        """Pin a file of an index; OTHER fields are not what they should be."""
        name, version = filename.removesuffix(".tar.gz").split("-")[:2]
        index.add_file(filename, data)
        url = f"{index.url.removesuffix('simple/')}files/{filename}"
        fields = {"url": url, "sha256": hashlib.sha256(data).hexdigest()} | other
        pin = Pin("pip", name, version, fields["url"], fields["sha256"])
        self.pins.append(pin)
        return pin

    def __call__(self, name: str = "env", on: str = SUBDIR, environ: Mapping[str, str] | None = None) -> Path:
        """Stage for a platform; ENVIRON is added to what the host has."""
        folder = self._folder / name
        with self._work(on, environ) as (staging, tools):
            stage(folder, staging, tools)
        return folder

    @contextmanager
    def apart(
        self,
        on: str = SUBDIR,
        environ: Mapping[str, str] | None = None,
        *,
        has: Callable[[str], bool] = lambda _: False,
        interpreter: Interpreter | None = None,
        compiles: bool = False,
    ) -> Iterator[tuple[Apart, ...]]:
        """Take the environment apart, package by package, as for an image of layers."""
        with (
            self._work(on, environ) as (staging, tools),
            packages(staging, tools, has, self._folder, Own(interpreter, compiles)) as found,
        ):
            yield found

    def link_scripts(self, on: str = SUBDIR) -> None:
        """Refuse what would have to be run, as a plan does."""
        with self._work(on, {}) as (staging, tools):
            link_scripts(staging.environment, staging.pins.conda, tools.rattler, tools.programs)

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        """What packages are taken apart with."""
        with self._work(SUBDIR, {}) as (_, tools):
            tools.store.mkdir(parents=True, exist_ok=True)
            yield tools

    @contextmanager
    def _work(self, on: str, environ: Mapping[str, str] | None) -> Iterator[tuple[Staging, Tools]]:
        host = {**self.project.environ, **(environ or {})}
        opened = Opened.load(self.project.path, host)

        def say(line: str) -> None:
            self.said.append(line)
            if self.on_say:
                self.on_say(line, opened.programs)

        staging = Staging(
            environment=opened.one("a"),
            platform=on,
            pins=Pins(on, tuple(sorted(self.pins)), tuple(self.members)),
            python=MINOR,
            log=self.log,
            say=say,
            files=self.files,
        )
        store = self._folder / "env/store"
        with opened.tools() as uv:
            yield staging, Tools(store, opened.workspace, opened.programs, uv, opened.rattler, host, frozenset())


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder, with its mode; of a link where it leads."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        data = bytes(path.readlink()) if stat.S_ISLNK(mode) else b"" if stat.S_ISDIR(mode) else path.read_bytes()
        found[path.relative_to(folder).as_posix()] = (mode, data)
    return found


def united(found: Iterable[Apart]) -> dict[str, tuple[int, bytes]]:
    """Everything in trees, as `contents` has it; no file is in two of them, and none comes before its folder."""
    whole: dict[str, tuple[int, bytes]] = {}
    for package in found:
        nodes = list(package.tree())
        paths = [node.entry.path for node in nodes]
        assert paths == sorted(set(paths))
        for node in nodes:
            path = node.entry.path
            assert path == PLACE[1:] or path.rpartition("/")[0] in paths
            assert node.entry.kind == "folder" or path not in whole, path
            whole[path] = _as_it_lies(node)
    return {path.removeprefix(f"{PLACE[1:]}/"): one for path, one in whole.items() if path != PLACE[1:]}


def _as_it_lies(node: Node) -> tuple[int, bytes]:
    kind = {"file": stat.S_IFREG, "folder": stat.S_IFDIR, "link": stat.S_IFLNK}[node.entry.kind]
    with opened(node.source) as stream:
        data = stream.read()
    assert len(data) == node.entry.size
    return kind | node.entry.mode, data or node.entry.target.encode()


def traces(folder: Path, *words: str) -> list[str]:
    """Give what holds a place of this machine."""
    known = [str(folder).encode(), b"/tmp/envbuild-", b"/home/.cache", *(word.encode() for word in words)]
    return [path for path, (_, data) in contents(folder).items() if any(word in data for word in known)]


def run_in_place(folder: Path, *command: str, may_write: bool = False, environ: Mapping[str, str] | None = None) -> str:
    """Run with the folder at its place, in a namespace of mounts of its own; the machine sees nothing of it."""
    shell = f'mount -t tmpfs none /opt && mkdir {PLACE} && mount --bind -o "$1" "$0" {PLACE} && shift && exec "$@"'
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", shell, folder, "rw" if may_write else "ro", *command],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environ or {})},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def managed_python(folder: Path, *platforms: str) -> dict[str, str]:
    """Offer the running Python as uv's own for some platforms; give the variables that tell uv of it."""
    data = _tarball()
    digest = hashlib.sha256(data).hexdigest()
    (folder / "python.tar.gz").write_bytes(data)
    major, minor, patch = (int(one) for one in platform.python_version_tuple())
    known = {
        f"cpython-{major}.{minor}.{patch}-linux-{MACHINES[one]}-gnu": {
            "name": "cpython",
            "arch": {"family": MACHINES[one], "variant": None},
            "os": "linux",
            "libc": "gnu",
            "major": major,
            "minor": minor,
            "patch": patch,
            "prerelease": "",
            "url": (folder / "python.tar.gz").as_uri(),
            "sha256": digest,
            "variant": None,
            "build": "20260101",
        }
        for one in platforms
    }
    (folder / "pythons.json").write_text(json.dumps(known), encoding="utf-8")
    return {"UV_PYTHON_DOWNLOADS_JSON_URL": (folder / "pythons.json").as_uri()}


@cache
def _tarball() -> bytes:
    """As python-build-standalone has it, with a place that uv puts right."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for path, file in python_package().files.items():
            entry = tarfile.TarInfo(f"python/{path}")
            data = file.data.replace(PREFIX.encode(), b"/install")
            entry.mode, entry.size = file.mode, len(data)
            if file.link:
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, file.link, 0
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def rows(record: Path) -> Iterable[str]:
    """Give the paths that a RECORD lists."""
    return [line.split(",")[0] for line in record.read_text(encoding="utf-8").splitlines()]
