"""Wheels of what is locked without one, built here: by uv, with what the local builder builds with.

A wheel that was built for this machine alone is of no use to another one, and only its build can tell.
"""

from pathlib import Path

import msgspec

from envbuild.builders.conda import INSIDE
from envbuild.builders.target import Target, Tools
from envbuild.builders.unpacking import Wheel
from envbuild.builders.wheels import builds_of, failed
from envbuild.errors import BuildError, Place
from envbuild.machine import own_python, platform
from envbuild.manifest import normalise
from envbuild.process import Ran
from envbuild.solvers.installing import is_alone, link_options
from envbuild.solvers.uv import NO_VARIABLES, Stated

_NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}


class Source(msgspec.Struct, frozen=True):
    """What a wheel is built of, a folder or an archive; `origin` if it is of no index."""

    name: str
    path: Path
    version: str = ""
    origin: bytes = b""


class Building(msgspec.Struct, frozen=True):
    """For one prefix, in a folder of ours; `python` is its interpreter where that runs on this machine.

    `otherwise` is what to do where a build cannot be done here.
    """

    target: Target
    tools: Tools
    folder: Path
    python: Path | None
    otherwise: str = INSIDE

    def wheel(self, source: Source) -> Wheel:
        self.target.rendered()
        shown = f"{source.name} {source.version}".rstrip()
        self.target.say(f"building {shown}")
        out = self.folder / "built" / normalise(source.name)
        ran = self._run(source, out)
        if ran.code:
            raise failed(ran.errors, self.target, self.tools, f"{shown} could not be built")
        found = sorted(out.glob("*.whl"))
        if len(found) != 1:
            what = f"the build of {source.name} ended well, and gave {len(found)} wheels"
            raise BuildError(what, self._where, "look at its output in the log")
        self._refuse_unfit(source, found[0].name)
        return Wheel(source.name, found[0], found[0].name, source.origin)

    def is_alone(self, source: Source) -> bool:
        return is_alone(self.target.environment, source.name)

    def _run(self, source: Source, out: Path) -> Ran:
        uv, log, hold = self.tools.uv, self.target.log, self.target.hold
        command, variables = self._command(source, out), _NO_BYTECODE if self.is_alone(source) else NO_VARIABLES

        def ask(stated: Stated) -> Ran:
            return uv.run(command, stated=stated, asking=uv.urls(stated), variables=variables, log=log, hold=hold)

        return builds_of(self.target, self.tools).run(ask)

    def _command(self, source: Source, out: Path) -> list[str | Path]:
        """As the local builder: what folders and repositories have under `tool.uv.sources` does not count."""
        links = link_options(self.target.environment, self.tools.root, self.tools.uv.origins)
        alone = ["--no-build-isolation"] if self.is_alone(source) else []
        python = self._interpreter(source)
        return ["build", "--wheel", "--no-sources", *alone, *links, "--python", python, "--out-dir", out, source.path]

    def _interpreter(self, source: Source) -> str | Path:
        minor = ".".join(self.target.python.split(".")[:2])
        if not self.is_alone(source):
            return own_python(f"=={minor}.*") or f"cpython=={minor}.*"
        if self.python:
            return self.python
        what = f"{source.name} is built with what its environment has, and that does not run on this machine"
        raise BuildError(what, self._where, self.otherwise)

    def _refuse_unfit(self, source: Source, filename: str) -> None:
        from packaging.utils import parse_wheel_filename
        from packaging.version import Version

        _, version, _, tags = parse_wheel_filename(filename)
        if source.version and version != Version(source.version):
            what = f"the build of {source.name} {source.version} gave version {version}"
            raise BuildError(what, self._where, "ask who keeps it why, or use another version of it")
        wanted = self.target.pins.platform if self.target.pins else platform()
        if wanted != platform() and all(tag.platform != "any" for tag in tags):
            what = f"{source.name} was built for this machine, as {filename}, and it is wanted for {wanted}"
            raise BuildError(what, self._where, self.otherwise)

    @property
    def _where(self) -> Place:
        return Place(self.target.environment.path)
