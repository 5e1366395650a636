"""A manifest's pip list, put to the real uv as `lock` does it, with pins of conda at will."""

from collections.abc import Iterable
from pathlib import Path

from envbuild.lock import Pin, Pins, Request, requests
from envbuild.process import Programs
from envbuild.resolve import Environment
from envbuild.solvers.members import Members
from envbuild.solvers.provided import given
from envbuild.solvers.pypi import Question
from envbuild.solvers.uv import Uv

from .index import Index
from .manifests import environment
from .project import clean_environment


class Asked:
    """One project whose only index is the one given; each answer is what uv says then."""

    def __init__(self, index: Index, folder: Path, cache: Path) -> None:
        self.host = {**clean_environment(folder, cache), "UV_DEFAULT_INDEX": index.url}
        self.root = folder / "project"
        self.root.mkdir(exist_ok=True)
        self._folder = folder / "uv"
        self._folder.mkdir(exist_ok=True)
        self.uv = Uv(Programs(), self.host, self._folder)

    def question(
        self, text: str, *conda: Pin, platform: str = "linux-64", python: str = "3.11"
    ) -> tuple[Question, Environment]:
        found = environment({"k": f"{text}platforms: [{platform}]\n"})
        (asked,) = requests(found, {})
        own = next((pin.version for pin in conda if pin.name == "python"), python)
        builds = platform == "linux-64"
        return Question(self.uv, Members(asked), own, self.root, builds, given=given(conda, asked)), found

    def pins(self, text: str, *conda: Pin, platform: str = "linux-64", preferred: Pins | None = None) -> Pins:
        question, found = self.question(text, *conda, platform=platform)
        return question.answer(preferred, found)


def request_of(text: str, platform: str = "linux-64") -> Request:
    (found,) = requests(environment({"k": f"{text}platforms: [{platform}]\n"}), {})
    return found


def conda_pin(name: str, version: str, *distributions: str) -> Pin:
    """A package of conda's; it brings a distribution of its own name unless told otherwise, none by ''."""
    url = f"https://channel.example/linux-64/{name}-{version}-h0_0.conda"
    return Pin(
        "conda",
        name,
        version,
        url,
        "a" * 64,
        "h0_0",
        md5="b" * 32,
        distributions=tuple(filter(None, distributions or (name,))),
    )


def versions(pins: Pins) -> dict[str, str]:
    return {pin.name: pin.version for pin in pins.pins}


def pip(*items: str, conda: Iterable[str] = ("python =3.11", "numpy"), more: str = "") -> str:
    """A manifest whose first pip item stands at line 2 after its conda packages."""
    lines = ["dependencies:", *(f"  - {one}" for one in conda), "  - pip:", *(f"      - '{item}'" for item in items)]
    return "\n".join([*lines, more, ""])
