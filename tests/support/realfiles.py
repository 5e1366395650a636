"""The real environment files of tests/real: what each is for, and a project in which they lie."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "real"


@dataclass(frozen=True, kw_only=True)
class Sample:
    slug: str
    project: str  # whose file the shapes are from
    interest: str
    expected: str  # "locks", "loads" or "refused"
    message: str = ""  # a part of what is said where it is less than locked
    platform: str = "linux-64"
    cuda: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return _FOLDER / f"{self.slug}.yml"

    @property
    def text(self) -> str:
        """Its text, each line with the end it has."""
        return self.path.read_bytes().decode()

    def lay(self, root: Path, text: str = "") -> None:
        """Write it, or another TEXT for it, as the manifest named as the file is, with what stands beside it."""
        folder = root / "manifests" / self.slug
        folder.mkdir(parents=True)
        (folder / "environment.yml").write_bytes((text or self.text).encode())
        for name, content in self.files.items():
            (folder / name).write_text(content, encoding="utf-8")


def samples(*expected: str) -> Sequence[Sample]:
    """All of them, or those of which this is expected."""
    index = tomllib.loads((_FOLDER / "index.toml").read_text(encoding="utf-8"))
    found = (Sample(slug=slug, **facts) for slug, facts in index.items())
    return tuple(one for one in found if not expected or one.expected in expected)


def slugs() -> set[str]:
    """The files that are there, listed or not."""
    return {path.stem for path in _FOLDER.glob("*.yml")}
