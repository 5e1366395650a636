"""Trials in an image: each in a container of its own, as the image's user, in its folder, and without a network."""

import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders.companions import Companions, companions, variables
from envbuild.builders.daemon import Daemon, Wanted
from envbuild.builders.pulling import pulled
from envbuild.builders.trying import IMPORT, Subject, Tried, placed, tried
from envbuild.errors import BuildError
from envbuild.process import Interrupted, Programs
from envbuild.render import ARCHITECTURES

if TYPE_CHECKING:
    from envbuild.builders.recipe import Workshop
    from envbuild.builders.target import Tools

_BESIDE = "/run/envbuild/beside"
_SHELL = ("/bin/sh", "-ec")
_WHICH = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
_UNWRITTEN = {"PYTHONDONTWRITEBYTECODE": "1"}
_LOOK_SECONDS = 0.1


class ImageBench(msgspec.Struct, frozen=True):
    """One image of an engine. What runs in it is ended with all other programs."""

    image: str
    subject: Subject
    daemon: Daemon
    programs: Programs
    variables: Mapping[str, str] = {}
    files: Path | None = None

    def imports(self, module: str, hear: Callable[[bytes], None]) -> int:
        return self.run((self.python, "-B", "-c", IMPORT, module), hear)

    def command(self, text: str, hear: Callable[[bytes], None]) -> int:
        environment = self.subject.environment
        return self.run((*(environment.keys.image.shell or _SHELL), placed(text, environment.prefix)), hear)

    def has(self, path: str) -> bool:
        prefix = self.subject.environment.prefix
        with self.daemon.container(self._wanted((self.python,))) as container:
            return self.daemon.has(container, str(Path(prefix, placed(path, prefix))))

    @property
    def python(self) -> str:
        """The environment's own, else the image's."""
        environment, lock = self.subject.environment, self.subject.lock
        if environment.python.managed and lock and lock.has_packages:
            return f"{environment.prefix}/bin/python"
        return environment.python.interpreter or "python3"

    def run(self, words: tuple[str, ...], hear: Callable[[bytes], None]) -> int:
        with self.daemon.container(self._wanted(words)) as container, self._ended_in_time(container):
            code = self.daemon.run(container, hear)
        if self.programs.stopped:
            raise Interrupted
        return code

    def _wanted(self, words: tuple[str, ...]) -> Wanted:
        variables = {**_UNWRITTEN, **self.variables}
        return Wanted(image=self.image, words=words, variables=variables, files=self.files, held=self.subject.log)

    @contextmanager
    def _ended_in_time(self, container: str) -> Iterator[None]:
        """While we wait for what it says, somebody may want to stop."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                if self.programs.stopped:
                    self.daemon.end(container)
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def try_image(subject: Subject, reference: str, platforms: tuple[str, ...], means: "Workshop") -> tuple[Tried, ...]:
    """`platforms` are the image's; of several the engine's own is tried. What only a registry has is fetched first."""
    daemon, tools, platform = means.daemon, means.tools, _own(platforms, means.daemon)
    wanted = f"linux/{ARCHITECTURES[platform]}"
    image = pulled(reference, means.registries, daemon, means.keeper, subject.say, wanted)
    daemon.sweep()
    bench = ImageBench(image, subject, daemon, tools.programs)
    beside = companions(subject.environment, subject.lock, platform, subject.log)
    if beside is None:
        return tuple(tried(subject, bench))
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        return tuple(tried(subject, _with(beside, bench, Path(folder), tools)))


def _own(platforms: tuple[str, ...], daemon: Daemon) -> str:
    """The one that the engine runs by itself, else the first."""
    return next((one for one in platforms if f"linux/{ARCHITECTURES[one]}" == daemon.platform), platforms[0])


def _with(beside: Companions, bench: ImageBench, folder: Path, tools: "Tools") -> ImageBench:
    """They are copied into each container: an engine may be elsewhere, and see no folder of this machine."""
    told: list[str] = []
    if bench.run((bench.python, "-c", _WHICH), lambda line: told.append(line.decode(errors="replace"))) or not told[1:]:
        where = bench.subject.environment.where_key("test", "with")
        raise BuildError("'test.with' needs a Python in the image", where, "add python to 'dependencies'")
    version, interpreter = told[-2:]
    beside.install(folder / "beside", tools, version, interpreter, is_here=False)
    archive = folder / "beside.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / "beside", _BESIDE.lstrip("/"), filter=_for_everybody)
    facts = bench.daemon.image(bench.image)
    stated = dict(line.partition("=")[::2] for line in (facts.config.get("Env") or () if facts else ()))
    return msgspec.structs.replace(bench, variables=variables(_BESIDE, stated), files=archive)


def _for_everybody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode |= 0o555 if member.isdir() or member.mode & 0o100 else 0o444
    return member
