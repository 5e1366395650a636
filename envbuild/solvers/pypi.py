"""PyPI packages: uv answers a request, and its answer becomes pins."""

import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from envbuild.errors import Place, SolveError, raise_all
from envbuild.lock import Pin, Pins, Request, Wheel
from envbuild.manifest import normalise, wheel_name
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.failures import Failure, unknown_extras
from envbuild.solvers.origins import public_url
from envbuild.solvers.uv import Uv

if TYPE_CHECKING:
    from packaging.tags import Tag

_TARGETS = {
    "linux-64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "osx-64": "x86_64-apple-darwin",
    "osx-arm64": "aarch64-apple-darwin",
    "win-64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
}
_GLIBC_MINOR = 28
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_MACOS = (13, 0)
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:==(?P<version>\S+)| @ \S+)")
_MINOR = re.compile(r"==([0-9]+\.[0-9]+)(?:\.(?:\*|[0-9]+))?$")
_VIA = re.compile(r"\s+#\s+(?:via\s*)?(?P<name>\S.*)?")


def choose_python(uv: Uv, request: Request, environment: Environment) -> str:
    """The minor version to lock: the one asked for, else the newest found here, else the newest that uv can fetch."""
    from packaging.specifiers import SpecifierSet

    if stated := _MINOR.match(request.python):
        return stated[1]
    allowed = SpecifierSet(request.python)
    for downloadable in (False, True):
        for version in uv.interpreters(downloadable=downloadable):
            if allowed.contains(version):
                return ".".join(version.split(".")[:2])
    items = environment.package("python")
    found = ", ".join(uv.interpreters(downloadable=False)) or "none"
    raise SolveError(
        f"no Python is {request.python or 'found'}",
        items[0].where if items else Place(environment.path),
        f"found on this machine: {found}",
    )


class Question:
    """One request, put to uv for one platform in a folder of its own."""

    def __init__(
        self,
        uv: Uv,
        request: Request,
        python: str,
        root: Path,
        *,
        may_build: bool,
        known: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """`known` gives the packages of the project, for a name that is misspelt."""
        self._uv = uv
        self._known = known
        self._request = request
        self._python = python
        self._root = root
        self._may_build = may_build

    def answer(self, preferred: Pins | None, environment: Environment) -> Pins:
        """Solve; `preferred` pins stay where they still fit."""
        if not self._request.roots:
            return Pins(self._request.platform, ())
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            return self._solve(Path(folder), preferred, environment)

    def _solve(self, folder: Path, preferred: Pins | None, environment: Environment) -> Pins:
        roots, flat, whole = folder / "roots.in", folder / "flat.txt", folder / "pylock.toml"
        constraints, pinned = folder / "constraints.txt", folder / "pinned.txt"
        roots.write_text("".join(f"{self._line(root)}\n" for root in self._request.roots), encoding="utf-8")
        constraints.write_text("".join(f"{self._line(one)}\n" for one in self._request.constraints), encoding="utf-8")
        flat.write_text(
            "".join(f"{pin.name}=={pin.version}\n" for pin in (preferred.pins if preferred else ())), encoding="utf-8"
        )
        told = self._compile(
            ["--no-header", "--annotation-style", "split", "-c", constraints, roots, "-o", flat], environment
        )
        raise_all(unknown_extras(told, self._request, environment))
        edges, versions = read_flat(flat.read_text(encoding="utf-8"))
        pinned.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
        self._compile(["--format", "pylock.toml", "-c", constraints, "-c", pinned, roots, "-o", whole], environment)
        packages = tomllib.loads(whole.read_text(encoding="utf-8")).get("packages", [])
        return self._pins(packages, edges, environment)

    def _line(self, root: str) -> str:
        """A root as a line for uv; a wheel of the project by its place."""
        if root in self._request.wheels:
            return f"{wheel_name(root)} @ file://{quote(str(self._root / root))}"
        return root

    def _compile(self, arguments: list[str | Path], environment: Environment) -> str:
        """Solve into the file that the arguments name; what uv has to say of it."""
        if self._request.platform not in _TARGETS:
            raise SolveError(
                f"PyPI packages cannot be solved for {self._request.platform}",
                environment.where("platforms"),
                f"known are: {', '.join(_TARGETS)}",
            )
        ran = self._ask(arguments)
        if ran.code:
            raise Failure(ran.errors, self._request, environment, self._known()).told(self._newest)
        return ran.errors

    def _ask(self, arguments: list[str | Path]) -> Ran:
        build = [] if self._may_build else ["--no-build"]
        target = _TARGETS[self._request.platform]
        version = ["--python-version", self._python, "--python-platform", target, "--no-python-downloads"]
        quiet = [] if any("[" in root for root in self._request.roots) else ["--quiet"]  # extras may be unknown
        return self._uv.run(["pip", "compile", *quiet, *version, *build, *arguments], index_url=self._request.index_url)

    def _newest(self, name: str) -> str:
        """The newest version that the index has of a package, if it can be had at all."""
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            wanted, found = Path(folder) / "wanted.in", Path(folder) / "found.txt"
            wanted.write_text(f"{name}\n", encoding="utf-8")
            ran = self._ask(["--no-header", "--no-deps", wanted, "-o", found])
            versions = read_flat(found.read_text(encoding="utf-8"))[1] if not ran.code else {}
        return versions.get(normalise(name), "")

    def _pins(self, packages: list[dict[str, Any]], edges: dict[str, set[str]], environment: Environment) -> Pins:
        tags = _ranks(self._request.platform, self._python)
        wheels = {normalise(wheel_name(path)): path for path in self._request.wheels}
        pins, local = [], []
        for package in packages:
            name = normalise(package["name"])
            depends = tuple(sorted(edges.get(name, ())))
            if name in wheels:
                local.append(Wheel(wheels[name], name, str(package.get("version", "")), depends))
            else:
                pins.append(_pin(name, package, tags, depends, environment))
        return Pins(self._request.platform, tuple(sorted(pins)), tuple(sorted(local)))


def read_flat(text: str) -> tuple[dict[str, set[str]], dict[str, str]]:
    """From uv's annotated list: what each package depends on, and the version of each."""
    edges: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if match := _PINNED.match(line):
            current = normalise(match["name"])
            if match["version"]:
                versions[current] = match["version"]
        elif (via := _VIA.match(line)) and via["name"] and not via["name"].startswith("-"):
            edges.setdefault(normalise(via["name"]), set()).add(current)
    return edges, versions


def _pin(
    name: str, package: dict[str, Any], tags: "dict[Tag, int]", depends: tuple[str, ...], environment: Environment
) -> Pin:
    url, digest = _source(package, tags)
    if not url or not digest:
        where = next((item.where for item in environment.package(f"pip/{name}")), Place(environment.path))
        raise SolveError(f"the index gives no sha256 for {name}", where, "use an index that lists hashes")
    return Pin("pip", name, str(package.get("version", "0")), public_url(url), digest, "", depends)


def _source(package: dict[str, Any], tags: "dict[Tag, int]") -> tuple[str, str]:
    """The one file for this platform: the best wheel, else the source; for a repository, its commit."""
    if repository := package.get("vcs"):
        commit = repository["commit-id"]
        return f"{repository['type']}+{repository['url']}@{commit}{_subdirectory(repository)}", commit
    if archive := package.get("archive"):
        return archive.get("url", ""), archive.get("hashes", {}).get("sha256", "")
    wheels = sorted(package.get("wheels", ()), key=lambda wheel: _rank(wheel, tags))
    best = wheels[0] if wheels else package.get("sdist", {})
    return best.get("url", ""), best.get("hashes", {}).get("sha256", "")


def _subdirectory(repository: dict[str, Any]) -> str:
    folder = repository.get("subdirectory")
    return f"#subdirectory={folder}" if folder else ""


def _rank(wheel: dict[str, Any], tags: "dict[Tag, int]") -> tuple[int, str]:
    from packaging.utils import parse_wheel_filename

    filename = wheel.get("name") or wheel["url"].rpartition("/")[2].partition("#")[0]
    *_, found = parse_wheel_filename(filename)
    return min((tags.get(tag, len(tags)) for tag in found), default=len(tags)), filename


def _ranks(platform: str, python: str) -> "dict[Tag, int]":
    """How well each wheel tag fits, best first, as an installer on that platform would see it."""
    from packaging.tags import compatible_tags, cpython_tags

    major, minor = (int(number) for number in python.split("."))
    platforms = list(_platform_tags(platform))
    interpreter = f"cp{major}{minor}"
    ordered = [
        *cpython_tags((major, minor), platforms=platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    ]
    return {tag: rank for rank, tag in reversed(list(enumerate(ordered)))}


def _platform_tags(platform: str) -> Iterable[str]:
    from packaging.tags import mac_platforms

    system, _, machine = platform.partition("-")
    if system == "osx":
        yield from mac_platforms(_MACOS, "x86_64" if machine == "64" else "arm64")
    elif system == "win":
        yield "win_amd64" if machine == "64" else "win_arm64"
    else:
        arch = "x86_64" if machine == "64" else machine
        for minor in range(_GLIBC_MINOR, 4, -1):
            yield f"manylinux_2_{minor}_{arch}"
            if minor in _LEGACY:
                yield f"{_LEGACY[minor]}_{arch}"
        yield f"linux_{arch}"
