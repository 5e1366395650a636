"""Golden folders: tests/golden/NAME holds a small project, and below `expected` each environment.yml, byte for byte.

`ENVBUILD_TEST_GOLDEN=write` writes them anew: look at the difference before it is committed.
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest
from rattler import MatchSpec
from ruamel.yaml import YAML

from envbuild.manifest import Item
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.render import ENVIRONMENT_YML, render
from envbuild.resolve import Environment

_FOLDER = Path(__file__).parent / "golden"
_CASES = sorted(path.name for path in _FOLDER.iterdir() if (path / "expected").is_dir())
_WRITES = os.environ.get("ENVBUILD_TEST_GOLDEN") == "write"
_PYTHON = "3.11"  # what a lock says; it counts where a manifest names none
_IMPLIED = f"python {_PYTHON}.*"
_PLATFORM = "linux-64"


@cache
def environments(case: str) -> tuple[Environment, ...]:
    return Project.load(_FOLDER / case, {}).reader.environments(Selection(), _PLATFORM)


@cache
def artifacts(case: str) -> dict[str, str]:
    """Each artifact of a case, by its path below `expected`."""
    found = Project.load(_FOLDER / case, {}).templates
    return {
        f"{one.name}/{file}": text for one in environments(case) for file, text in render(one, found, _PYTHON).items()
    }


@pytest.mark.parametrize("case", _CASES)
def test_the_artifacts_of_a_case_are_as_expected(case: str) -> None:
    """Every environment of the project, and no other: the very bytes."""
    folder = _FOLDER / case / "expected"
    made = {path: text.encode() for path, text in artifacts(case).items()}
    if _WRITES:
        for path, content in made.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    expected = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert sorted(made) == sorted(expected)
    for path, content in expected.items():
        assert made[path].decode().splitlines() == content.decode().splitlines()
        assert made[path] == content


def own_template(case: str) -> bool:
    return (_FOLDER / case / "templates").exists()


_BUILT_IN = [case for case in _CASES if not own_template(case)]


@pytest.mark.parametrize("case", _BUILT_IN)
def test_each_golden_file_is_yaml_with_the_same_requests(case: str) -> None:
    """Read by a YAML reader that knows nothing of us: the same channels, packages and variables."""
    for one in environments(case):
        document = YAML(typ="safe").load((_FOLDER / case / "expected" / one.name / ENVIRONMENT_YML).read_bytes())
        assert set(document) <= {"channels", "dependencies", "variables"}
        assert document["channels"] == list(one.channels)
        items = [item for package in one.packages for item in package.items]
        conda = [spec_of(item) for item in items if item.manager == "conda" and not item.selector]
        listed = document["dependencies"]
        implied = {"pip", _IMPLIED} - set(conda)
        assert [text for text in listed if isinstance(text, str) and text not in implied] == conda
        mappings = [entry for entry in listed if isinstance(entry, dict)]
        selected = [{f"sel({item.selector})": spec_of(item)} for item in items if item.selector]
        assert [entry for entry in mappings if "pip" not in entry] == selected
        listed_by_pip = [text for entry in mappings for text in entry.get("pip", [])]
        requests = [text for text in listed_by_pip if not text.startswith("--")]
        shown = [item.shown for item in items if item.manager == "pip"]
        assert [asked_of(text) for text in requests] == [asked_of(text) for text in shown]
        stated = {variable.name: variable.value for variable in one.variables}
        assert all(stated[name] == value for name, value in document.get("variables", {}).items())


def spec_of(item: Item) -> str:
    """Versions of Python and pip are written as conda has them."""
    if item.name not in {"python", "pip"} or item.version:
        return item.text
    return f"{item.name} {item.wish}".removesuffix(" *")


def asked_of(text: str) -> str:
    """A requirement, however its path is written."""
    return re.sub(r"^(?:-e )?(?:\S+ @ )?\./|^-e ", "", text).partition("[")[0]


@pytest.mark.parametrize("case", _BUILT_IN)
def test_conda_reads_each_spec(case: str) -> None:
    """By a parser of conda's specs, and for the package that is meant."""
    for one in environments(case):
        for item in (item for package in one.packages for item in package.items if item.manager == "conda"):
            name = MatchSpec(item.text, strict=False).name
            assert getattr(name, "normalized", name) == item.name


@pytest.mark.parametrize("case", _BUILT_IN)
def test_every_text_is_quoted(case: str) -> None:
    """Only keys of our own stand without quotes, so that nothing depends on how a reader takes a plain text."""
    text = r'"(?:[^"\\]|\\.)*"'
    item = rf"(?:  |      )- (?:sel\([a-z]+\): )?{text}"
    line = re.compile(rf"# .*|(?:channels|dependencies|variables):|  - pip:|{item}|  {text}: {text}")
    for artifact in artifacts(case).values():
        assert [one for one in artifact.split("\n")[:-1] if not line.fullmatch(one)] == []


def test_a_path_is_never_taken_for_a_name() -> None:
    """A folder at the project's root is written as a path: by its bare name, an index would be asked for it."""
    (text,) = artifacts("local-packages").values()
    pip = YAML(typ="safe").load(text)["dependencies"][-1]["pip"]
    assert [one for one in pip if "/" not in one] == []
    assert [one for one in pip if " @ ." in one] == []  # pip reads no path behind an @


def test_there_are_enough_cases() -> None:
    """At least a dozen, each with something expected."""
    assert len(_CASES) >= 12
    assert all(list((_FOLDER / case / "expected").rglob(ENVIRONMENT_YML)) for case in _CASES)
