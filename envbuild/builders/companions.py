"""Packages that only the tests need: in a folder of their own, behind everything that the environment has itself.

They are asked for as the environment's own are, with its indexes and credentials, and of what it has already none is
asked for again: what is tried is the environment, and not a newer package that a test has brought along.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from envbuild.builders.extras import extra_items
from envbuild.builders.target import Tools
from envbuild.builders.wheels import entry
from envbuild.errors import BuildError, EnvbuildError
from envbuild.lock import Bound, Lock, Pin, Pins, pip_request
from envbuild.manifest import Item, root_of
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.building import Builds
from envbuild.solvers.installing import install_options, is_built
from envbuild.solvers.members import Members
from envbuild.solvers.provided import Given, given
from envbuild.solvers.pypi import Question
from envbuild.solvers.targets import target
from envbuild.solvers.uv import Stated

_FIRST, _PACKAGES = "first", "packages"
# Run by every Python that is told of the folder, once it knows its own packages; then what it would have run itself.
_BEHIND = """\
import os, site, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [one for one in sys.path if os.path.abspath(one or ".") != here]
site.addsitedir(os.path.join(os.path.dirname(here), "packages"))
own = sys.modules.pop(__name__)
try:
    import sitecustomize
except ImportError:
    sys.modules[__name__] = own
"""
_TRAMPOLINE = re.compile(rb"\A#!/bin/sh\n'''exec' [^\n]*\n' '''\n")
_SHEBANG = re.compile(rb"\A#![^\n]*python[^\n]*\n")


class Companions(msgspec.Struct, frozen=True):
    """What `test.with` names, for one platform; `pins` is what the environment has there."""

    environment: Environment
    platform: str
    items: tuple[Item, ...]
    pins: Pins
    log: Path

    def install(self, folder: Path, tools: Tools, python: str, interpreter: str, *, is_here: bool) -> None:
        """For that Python, which lies `here`, on this machine, or in an image."""
        first = folder / _FIRST
        first.mkdir(parents=True)
        (first / "sitecustomize.py").write_text(_BEHIND, encoding="utf-8")
        try:
            pins = self._solved(tools, python, may_build=is_here)
            self._install(folder / _PACKAGES, pins, tools, python, interpreter if is_here else "")
        except EnvbuildError as error:
            what = f"the packages that the tests need cannot be had: {error.problems[0].message}"
            raise BuildError(what, self.environment.where_key("test", "with"), error.problems[0].hint) from None
        if not is_here:
            _meant_for(interpreter, folder / _PACKAGES / "bin")

    def _solved(self, tools: Tools, python: str, *, may_build: bool) -> tuple[Pin, ...]:
        request = pip_request(self.environment, self.platform, tuple(sorted({root_of(item) for item in self.items})))
        own = (Given(pin.name, pin.version, pin.name) for pin in self.pins.pip)
        members = (Given(one.name, one.version or "0", one.name) for one in self.pins.members)
        known = {one.name: one for one in (*given(self.pins.conda, request), *own, *members)}
        question = Question(
            tools.uv, Members(request), python, tools.root, may_build, given=tuple(sorted(known.values()))
        )
        return question.answer(None, self.environment).pip

    def _install(self, packages: Path, pins: tuple[Pin, ...], tools: Tools, python: str, interpreter: str) -> None:
        built = [pin.name for pin in pins if is_built(pin)]
        aim: list[str | Path] = ["--python", interpreter] if interpreter else self._elsewhere(python)
        options = ["--preview-features", "pylock", "--no-deps", "--no-sources", "--link-mode", "copy"]
        building = install_options(self.environment, tools.root, built, tools.uv.origins)
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            lock = Path(folder, "pylock.toml")
            command = ["pip", "install", *options, "--target", packages, *aim, *building, "-r", lock]
            while True:
                places = {pin.url: tools.uv.origins.asked(pin.url) for pin in pins}
                entries = (entry(pin, tools) for pin in pins)
                head = 'lock-version = "1.0"\ncreated-by = "envbuild"\n'
                lock.write_text("\n".join([head, *entries]), encoding="utf-8")
                ran = self._ran(command, pins, tools, python)
                if not ran.code or not tools.uv.origins.mirrors.turned(places, ran.heard):
                    break
        if ran.code:
            raise BuildError("uv could not install them", hint="look at its output in the log")

    def _elsewhere(self, python: str) -> list[str | Path]:
        aim = target(pip_request(self.environment, self.platform, ()), self.environment)
        return ["--python-version", python, "--python-platform", aim.name]

    def _ran(self, command: list[str | Path], pins: tuple[Pin, ...], tools: Tools, python: str) -> Ran:
        pip = self.environment.keys.pip
        indexes = {name: Bound(one.url, one.packages) for name, one in pip.indexes.items() if one}
        builds = Builds(tools.uv, self.environment, indexes, self.environment.index_url, pip.extra_index_urls, python)

        def ask(stated: Stated) -> Ran:
            return tools.uv.run(command, stated=stated, asking=[pin.url for pin in pins], log=self.log)

        return builds.run(ask)


def companions(environment: Environment, lock: Lock | None, platform: str, log: Path) -> Companions | None:
    """Nothing where the tests need no more than they try."""
    items = extra_items(environment)
    if not items:
        return None
    pins = lock.pins.get(platform) if lock else None
    return Companions(environment, platform, items, pins or Pins(platform, ()), log)


def variables(folder: str, env: Mapping[str, str]) -> dict[str, str]:
    """What tells a process of them, where their folder lies for it."""
    path = [f"{folder}/{_FIRST}", *filter(None, [env.get("PYTHONPATH")])]
    programs = [*filter(None, [env.get("PATH")]), f"{folder}/{_PACKAGES}/bin"]
    return {"PYTHONPATH": ":".join(path), "PATH": ":".join(programs)}


def _meant_for(interpreter: str, folder: Path) -> None:
    """Programs begin with the Python that runs them, which is another one where they are going."""
    for program in folder.iterdir() if folder.is_dir() else ():
        data = program.read_bytes()
        for pattern in (_TRAMPOLINE, _SHEBANG):
            if pattern.match(data):
                program.write_bytes(pattern.sub(f"#!{interpreter}\n".encode(), data, count=1))
                break
