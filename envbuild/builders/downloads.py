"""Files of indexes that are locked: one cache for all projects of a user, each file in it by its hash, whole or absent.

uv has a cache of its own and gives no file out of it; what is placed for another machine is taken from here.
"""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from envbuild.builders.members import file_digest
from envbuild.builders.packages import at_once, held, key, unwritable
from envbuild.builders.target import Target, Tools
from envbuild.errors import BuildError, Place
from envbuild.lock import Pin, is_of_the_project
from envbuild.solvers.archives import Keeper, download
from envbuild.solvers.installing import located
from envbuild.solvers.uv import Stated


class Downloads:
    """What one build needs of them."""

    def __init__(self, target: Target, tools: Tools, stated: Stated) -> None:
        self._target = target
        self._tools = tools
        self._stated = stated
        self._folder = tools.rattler.cache / "files"

    def files(self, pins: Iterable[Pin]) -> dict[str, Path]:
        """By the names of their packages, each the very file that is locked; several are fetched at once."""
        wanted = list(pins)
        return dict(at_once(partial(self._file, pin) for pin in wanted))

    def _file(self, pin: Pin) -> tuple[str, Path]:
        if is_of_the_project(pin):
            return pin.name, self._own(pin)
        place, lock = self._folder / key(pin.sha256), self._folder / ".locks" / key(pin.sha256)
        with held(lock, f"{shown(pin)} is being fetched already", self._tools.programs, self._target.say):
            try:
                if not place.is_file() or file_digest(place) != pin.sha256:
                    self._fetch(pin, place)
            except OSError as error:
                raise unwritable(error.strerror, error.filename or place) from None
        return pin.name, place

    def _fetch(self, pin: Pin, place: Path) -> None:
        self._target.rendered()
        self._target.say(f"fetching {shown(pin)}")
        keeper = Keeper("index", self._tools.uv.login(self._stated, pin.url))
        work = self._folder / ".new" / key(pin.sha256)
        work.mkdir(parents=True, exist_ok=True)
        try:
            download(self._tools.rattler, pin, work / "file", self._target.say, keeper).replace(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _own(self, pin: Pin) -> Path:
        """One of the project's own folders."""
        path = Path(unquote(urlsplit(located(pin, self._tools.root, self._tools.uv.origins)).path))
        refuse_other(shown(pin), file_digest(path), pin.sha256, self._target.environment.where_asked(pin.name))
        return path


def refuse_other(name: str, came: str, locked: str, where: Place) -> None:
    if came != locked:
        what = f"{name} has sha256 {came}, and {locked} is locked"
        raise BuildError(what, where, "put back what was locked, or run 'envbuild lock --upgrade'")


def shown(pin: Pin) -> str:
    return f"{pin.name} {pin.version}".rstrip()


def filename(pin: Pin) -> str:
    return unquote(urlsplit(pin.url).path).rpartition("/")[2]
