"""docs/editors.md is what is: its project does what its transcripts show, and its script what it says."""

import re
import shlex
import subprocess

import pytest
from support.index import Index
from support.pages import DOCS, fences, path_of
from support.project import Project

PAGE = DOCS / "editors.md"


def blocks(kind: str) -> list[str]:
    return [body for found, body in fences(PAGE) if found == kind]


@pytest.fixture
def example(project: Project, index: Index) -> Project:
    """The page's project, with what runs notebooks from an index of ours."""
    index.add("ipykernel", "1.0", modules={"ipykernel_launcher.py": ""})
    (manifest,) = blocks("yaml")
    project.write(path_of(manifest), f"{manifest}pip: {{index_url: '{index.url}'}}\n")
    return project


def _unspaced(text: str) -> str:
    return re.sub(" +", " ", text)


def test_the_transcripts_are_what_is_printed(example: Project) -> None:
    """One after the other; the script then does what the page says of it."""
    for body in blocks("console"):
        lines = [line for line in body.splitlines() if line.startswith("$ ")]
        printed = ""
        for line in lines:
            told = example.run(*shlex.split(line.removeprefix("$ envbuild "))).out
            printed += f"{line}\n{told.replace(str(example.path.resolve()), '/home/me/project')}"
        assert _unspaced(printed) == _unspaced(body)
    script = next(text for text in blocks("sh") if "activate" in text)
    run = subprocess.run(
        ["/bin/bash", "-euc", script],
        cwd=example.path,
        env=dict(example.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (run.stdout, run.stderr) == ("2\n", "")


def test_every_option_and_shell_is_named() -> None:
    """And every field of a kernel in JSON."""
    from envbuild.cli.export import SHELLS
    from envbuild.cli.kernel import command
    from envbuild.project.entering.scripting import SHELLS as KNOWN

    page = PAGE.read_text(encoding="utf-8")
    assert SHELLS == KNOWN
    own = {"--list", "--remove", "--name", "--display-name", "--language", "--prefix", "--dir"}
    assert own <= {name for option in command.params for name in option.opts}
    assert {name for name in own if f"`{name}" not in page} == set()
    assert {name for name in SHELLS if f"`{name}`" not in page} == set()
