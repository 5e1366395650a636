"""docs/manifest.md: each section is a project that works, and prints what it says; every key has its example.

So does docs/python.md, whose blocks are one program.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.index import Index
from support.project import Project

import envbuild
from envbuild.manifest import RULES

PAGE = Path(__file__).parent.parent / "docs" / "manifest.md"
PYTHON = PAGE.with_name("python.md")
_HEADING = re.compile(r"^(#{2,3} .*)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# (\S.*)\n")
_CONDA_ONLY = {"prefix", "category"}


def sections() -> dict[str, str]:
    """The text below each heading, up to the next one."""
    parts = _HEADING.split(PAGE.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def with_examples() -> list[str]:
    return [heading for heading, text in sections().items() if _FENCE.search(text)]


def projects(text: str) -> list[list[tuple[str, str]]]:
    """The fences of a section; a file that is written a second time starts the section's next project."""
    found: list[list[tuple[str, str]]] = [[]]
    written: set[str] = set()
    for kind, body in _FENCE.findall(text):
        path = match[1] if kind != "console" and (match := _PATH.match(body)) else ""
        if kind == "yaml" and any(name.startswith("$") for name in written):
            found.append([])
            written = set()
        written.add(path or "$")
        found[-1].append((path, body))
    return found


def run(project: Project, body: str) -> str:
    """What a transcript's commands print, below each of them."""
    lines = []
    for line in body.splitlines():
        if line.startswith("$ "):
            printed = project.run(*line.removeprefix("$ envbuild ").split()).out.splitlines()
            lines += [line, *(one.rstrip() for one in printed)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("heading", with_examples())
def test_every_example_works(heading: str, project: Project) -> None:
    """Its manifests are read and resolved without a problem, and its commands print what the page says."""
    for number, fences in enumerate(projects(sections()[heading])):
        folder = project.path / str(number)
        folder.mkdir()
        example = Project(folder, project.environ)
        for path, body in fences:
            if path:
                example.write(path, body)
        assert example.run("check").out.startswith("No problems in")
        for path, body in fences:
            if not path:
                printed = run(example, body)
                _rewrite(body, printed)
                assert printed == body or os.environ.get("ENVBUILD_TEST_GOLDEN") == "write"


def _rewrite(body: str, printed: str) -> None:
    """With ENVBUILD_TEST_GOLDEN=write the page takes what is printed, to be read before it is committed."""
    if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write" and printed != body:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(text.replace(f"```console\n{body}```", f"```console\n{printed}```", 1), encoding="utf-8")


def test_every_key_has_a_heading() -> None:
    """Those of a manifest, of `image` and of `publish`; what conda alone reads is named in the text."""
    page = PAGE.read_text(encoding="utf-8")
    shown = " ".join(sections())
    keys = {key for key in RULES if key not in {*_CONDA_ONLY, "image", "matrix"}}
    keys |= {f"image.{key}" for key in RULES["image"].within}
    assert sorted(key for key in keys if f"`{key}`" not in shown) == []
    assert [key for key in (*_CONDA_ONLY, "matrix") if f"`{key}`" not in page] == []


def test_the_python_page_prints_what_it_says(project: Project, index: Index) -> None:
    """Its package comes from an index of ours."""
    index.add("tabulate", "0.9.0")
    project.write("envbuild.yaml", "")
    project.write("requirements.txt", f"--index-url {index.url}\ntabulate==0.9.0\n")
    found = _FENCE.findall(PYTHON.read_text(encoding="utf-8"))
    program, printed = ("".join(body for kind, body in found if kind == one) for one in ("python", "text"))
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.path, env=dict(project.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.stdout, run.returncode) == (printed, 0), run.stderr


def test_the_python_page_names_every_call() -> None:
    """All that is public of both classes, and nothing that is not there."""
    page = PYTHON.read_text(encoding="utf-8")
    for owner in (envbuild.Environment, envbuild.Project):
        public = {name for name in dir(owner) if not name.startswith("_")}
        assert {name for name in public if f"{name}(" not in page and f"{name}`" not in page} == set()
    called = set(re.findall(r"`project\.(\w+)", page)) | set(re.findall(r"\| `[Ee]nvironment\.(\w+)\(name, ", page))
    assert {
        name for name in called if not any(hasattr(one, name) for one in (envbuild.Project, envbuild.Environment))
    } == set()
