"""What a build asks for itself: bound names are closed to it, but for a file of their own index (P19).

uv binds a name to an index only where the name is asked for directly, and what a build requires never is. So to builds
each bound name is a file that is nowhere; where one asks for it, its own index is asked which file that is.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import raise_all
from envbuild.lock import Bound, Request
from envbuild.machine import own_python
from envbuild.manifest import normalise
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.answers import file_of
from envbuild.solvers.indexes import denied, owners, plain_name, project, sent_on
from envbuild.solvers.origins import public_url
from envbuild.solvers.targets import ranks_here
from envbuild.solvers.uv import Stated, Uv

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_LEARN = ("pip", "compile", "--quiet", "--no-deps", "--no-python-downloads")
_NOWHERE = "file:///dev/null/"  # nothing lies below what is no folder
_CLOSED = re.compile(rf"{_NOWHERE}(?P<name>\w+)-0-py3-none-any\.whl")
_RESOLVING = re.compile(r"No solution found when resolving: (?P<listed>`[^\n]*`)")
_BUILDING = re.compile(r"Failed to (?:download and )?build [^\n]*")
_LISTED = re.compile(r"`(?P<wish>[^`]+)`")


class Builds(msgspec.Struct, frozen=True):
    """Runs of uv that may build something, with a Python that is known or whichever uv takes."""

    uv: Uv
    environment: Environment
    indexes: Mapping[str, Bound]
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    python: str = ""
    said: tuple[str, ...] = ()

    def run(self, ask: Callable[[Stated], Ran]) -> Ran:
        """What uv says once what its builds ask for has come from its own index; or what kept it from coming."""
        return self._run(ask, {}, set())

    def _run(self, ask: Callable[[Stated], Ran], files: dict[str, str], tried: set[str]) -> Ran:
        while True:
            ran = ask(self.stated(files))
            wish = next((one for one in _wishes(ran.heard, files) if one not in tried), "") if ran.code else ""
            if not wish:
                return ran
            tried.add(wish)
            if failed := self._find(wish, files, tried):
                return ran if _requirement(wish).specifier else _while(failed, ran)

    def stated(self, files: Mapping[str, str]) -> Stated:
        """`files` are known of the bound names; all others are closed."""
        lines = tuple(f"{name} @ {files.get(name) or _closed(name)}" for name in owners(self.indexes))
        bound = {plain_name(index): one.url for index, one in self.indexes.items()}
        return Stated(self.index_url, self.extra_index_urls, bound, lines, self.said)

    def _find(self, wish: str, files: dict[str, str], tried: set[str]) -> Ran | None:
        """Ask a name's own index; what it needs in turn is asked for by the build, and so found as well."""
        name = normalise(_requirement(wish).name)
        index = owners(self.indexes)[name]
        where = self.environment.where_key("pip", "indexes", index)
        raise_all(sent_on(self.uv.pages, name, index, self.indexes[index].url, where))
        if words := self.uv.pages.ailment(plain_name(index), self.indexes[index].url, name):
            return Ran(1, "", words)
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            roots, found = Path(folder, "pyproject.toml"), Path(folder, "pylock.toml")
            roots.write_text(project(self.indexes, [wish], {name: index}, self.uv.origins), encoding="utf-8")
            command: list[str | Path] = [*_LEARN, *self._interpreter(), roots, "-o", found]
            ran = self._run(lambda stated: self.uv.run(command, stated=stated), files, tried)
            if not ran.code:
                url, digest = _file(found, self.python)
                raise_all(denied(self.uv.pages, name, index, self.indexes[index].url, url, where))
                files[name] = f"{public_url(url)}#sha256={digest}" if digest else public_url(url)
        return ran if ran.code else None

    def _interpreter(self) -> list[str]:
        version = ["--python-version", self.python] if self.python else []
        own = own_python(f"=={'.'.join(self.python.split('.')[:2])}.*" if self.python else "")
        return [*version, *(["--python", own] if own else [])]


def builds_for(uv: Uv, environment: Environment, request: Request, python: str, said: tuple[str, ...] = ()) -> Builds:
    return Builds(uv, environment, request.indexes, request.index_url, request.extra_index_urls, python, said)


def _while(failed: Ran, ran: Ran) -> Ran:
    """What kept a file from coming, and then what it was wanted for."""
    wanted = "".join(f"{found[0]}\n" for found in _BUILDING.finditer(ran.errors))
    return msgspec.structs.replace(failed, errors=f"{failed.errors}{wanted}")


def _closed(name: str) -> str:
    return f"{_NOWHERE}{name.replace('-', '_')}-0-py3-none-any.whl"


def _wishes(told: str, files: Mapping[str, str]) -> Iterator[str]:
    """The bound names that a build asks for; and in which versions, where the one that it was given does not do."""
    for found in _CLOSED.finditer(told):
        yield normalise(found["name"])
    for resolving in _RESOLVING.finditer(told):
        for listed in _LISTED.finditer(resolving["listed"]):
            wish = _requirement(listed["wish"])
            if wish.specifier and normalise(wish.name) in files:
                yield f"{normalise(wish.name)}{wish.specifier}"


def _requirement(text: str) -> "Requirement":
    from packaging.requirements import Requirement

    return Requirement(text)


def _file(path: Path, python: str) -> tuple[str, str]:
    """The one file that was found, with its hash."""
    import tomllib

    (package,) = tomllib.loads(path.read_text(encoding="utf-8"))["packages"]
    return file_of(package, ranks_here(python))
