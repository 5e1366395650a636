"""The README says what is: its manifests do what its transcripts show, and its tables name every key."""

import re
from pathlib import Path

import pytest
from support.index import Index
from support.project import Project

from envbuild.cli.app import COMMANDS
from envbuild.manifest import Keys
from envbuild.settings import SettingsKeys

_ROOT = Path(__file__).parent.parent
README = (_ROOT / "README.md").read_text(encoding="utf-8")
_FENCES = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_FOR_MANIFESTS = {"name", "prefix", "category"}


def fences(kind: str) -> list[str]:
    return [text for found, text in _FENCES.findall(README) if found == kind]


def transcript(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a transcript with what it prints."""
    runs: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            runs.append((line.removeprefix("$ envbuild "), []))
        else:
            runs[-1][1].append(line)
    return runs


def _timeless(lines: list[str]) -> list[str]:
    return [re.sub(r"[0-9.]+ s$", "N s", line) for line in lines]


@pytest.fixture
def example(project: Project, index: Index) -> Project:
    """The README's project, its packages from an index of ours."""
    for name, version in (("numpy", "1.26.4"), ("numpy", "2.0.2"), ("tabulate", "0.9.0")):
        index.add(name, version)
    index.add("scikit-learn", "1.4.2", requires=["numpy"], modules={"sklearn.py": ""})
    for text in fences("yaml")[:3]:
        path = re.match(r"# (\S+)\n", text)
        assert path
        project.write(path[1], text)
    base = project.read("manifests/base.yaml")
    project.write("manifests/base.yaml", f"{base}pip: {{index_url: '{index.url}'}}\n")
    return project


def test_two_commands_come_first_and_are_a_line_each() -> None:
    """One does the main job, one passes the tests; CI takes both from here."""
    first, second = fences("sh")[:2]
    assert README.index(first) < README.index(second) < README.index(fences("yaml")[0])
    assert [text.count("\n") for text in (first, second)] == [1, 1]
    ci = (_ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "readme_command 1" in ci
    assert "readme_command 2" in ci


def test_the_transcripts_are_what_is_printed(example: Project) -> None:
    """Plans to the letter; progress, which tells of times, by what it is about."""
    first, second = (transcript(text) for text in fences("console")[:2])
    for command, printed in first[:2]:
        shown = [line for line in printed if not re.match(r"churn/\w+: ", line)]
        assert _timeless(example.run(*command.split()).out.splitlines()) == _timeless(shown)
    base = example.read("manifests/base.yaml")
    example.write("manifests/base.yaml", base.replace("1.26.*", "2.0.*"))
    for command, printed in second:
        assert example.run(*command.split()).out.splitlines() == printed


def test_every_key_and_command_is_named() -> None:
    """Those of a manifest in the table, those of the settings in their paragraph, the commands in theirs."""
    table = README.partition("## The keys of a manifest")[2].partition("\n## ")[0]
    settings = README.partition("## Settings")[2].partition("\n## ")[0]
    manifest = set(Keys.__struct_fields__) - _NOT_FOR_MANIFESTS
    assert {key for key in manifest if f"| `{key}` |" not in table} == set()
    assert {key for key in SettingsKeys.__struct_fields__ if f"`{key}`" not in settings} == set()
    assert {name for name in COMMANDS if f"`envbuild {name}" not in README} == set()
