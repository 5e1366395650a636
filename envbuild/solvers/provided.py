"""Distributions that conda brings: facts for uv, and never pins of its own (DECISIONS 18)."""

import io
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from envbuild.errors import WorkspaceError
from envbuild.lock import Pin, Request
from envbuild.manifest import asked_member, normalise
from envbuild.solvers.targets import holds
from envbuild.workspace import Workspace

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_BARE_LETTER = re.compile(r".*[0-9](?:[a-c]|rc)")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Given(msgspec.Struct, frozen=True, order=True):
    """A distribution, its version as PEP 440 has it, and the conda package that brings it."""

    name: str
    version: str
    package: str

    @property
    def filename(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


def given(pins: Iterable[Pin], request: Request) -> tuple[Given, ...]:
    """What is there before uv is asked: all that conda brings, but for what the pip list wants otherwise."""
    found = _brought(pins)
    python = next((pin.version for pin in pins if pin.manager == "conda" and pin.name == "python"), "3")
    unwanted = _unwanted(found, request, python)
    return tuple(sorted(one for one in found.values() if one.name not in unwanted))


def replaced(pins: Iterable[Pin], request: Request) -> tuple[Given, ...]:
    """What conda brings and pip brings as well: pip's wins.

    Told by what the pip list asks for; where pins of pip are among these, also by them.
    """
    pins = tuple(pins)
    found = _brought(pins)
    own = {pin.name for pin in pins if pin.manager == "pip"}
    if not own:
        python = next((pin.version for pin in pins if pin.name == "python"), "3")
        own = _unwanted(found, request, python)
    return tuple(sorted(one for one in found.values() if one.name in own))


def _brought(pins: Iterable[Pin]) -> dict[str, Given]:
    brought = [(normalise(name), pin) for pin in pins if pin.manager == "conda" for name in pin.distributions]
    sayable = ((name, pep440(pin.version), pin.name) for name, pin in brought)
    return {name: Given(name, version, package) for name, version, package in sayable if version}


def pep440(version: str) -> str:
    """A version of conda as a distribution has it; empty where it says something that PEP 440 cannot.

    `2024a` is the first of a year to conda, and to PEP 440 comes before that year: better nothing than that. What is
    not said may be installed a second time, beside conda's, if anything asks for it.
    """
    from packaging.version import InvalidVersion, Version

    if _BARE_LETTER.fullmatch(version):
        return ""
    for text in (version, version.replace("_", "-")):
        try:
            return str(Version(text))
        except InvalidVersion:
            continue
    return ""


def _unwanted(found: dict[str, Given], request: Request, python: str) -> set[str]:
    """Names that the pip list asks for in a version, with extras, or from a source that conda's is not."""
    from packaging.requirements import Requirement

    members = {member.name for root in request.roots if (member := asked_member(root))}
    asked = [Requirement(root) for root in request.roots if not asked_member(root)]
    unwanted = {
        normalise(one.name)
        for one in (*asked, *map(Requirement, request.overrides))
        if normalise(one.name) in found
        and holds(str(one.marker or ""), request.platform, python)
        and not admits(one, found[normalise(one.name)])
    }
    return (unwanted | members) & found.keys()


def admits(asked: "Requirement", one: Given) -> bool:
    """Whether conda's serves a requirement."""
    return not (asked.url or asked.extras) and asked.specifier.contains(one.version, prereleases=True)


def wheels(root: Path, folder: Path, found: Iterable[Given]) -> dict[str, Path]:
    """An empty wheel for each, by its name. They stand in the project's cache, so that uv's knows them again."""
    return {one.name: _wheel(Workspace(root), folder, one) for one in found}


def stubs(root: Path, folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """The same for names that are left out of a question: by an override, it answers every wish for them."""
    return wheels(root, folder, (Given(name, "0.dev0", "") for name in names))


def _wheel(workspace: Workspace, folder: Path, one: Given) -> Path:
    data = _bytes(one)
    try:
        path = workspace.private("cache", "given", one.filename)
        _written(path, data)
    except (OSError, WorkspaceError):  # a project that may not be written can be locked for another folder
        path = folder / one.filename
        path.write_bytes(data)
    return path


def _written(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as beside:
            beside.write(data)
        Path(beside.name).replace(path)


def url_of(path: Path) -> str:
    return f"file://{quote(str(path))}"


def _bytes(one: Given) -> bytes:
    """What is known of it, and that it needs nothing: conda sees to what it needs."""
    facts = f"{one.name.replace('-', '_')}-{one.version}.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {one.name}\nVersion: {one.version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: envbuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    import zipfile  # only where conda's packages meet PyPI's

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{facts}/{name}", _LONG_AGO), text)
    return buffer.getvalue()
