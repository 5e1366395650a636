"""Every command's help: its examples run as they stand, in a project that has what they name."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from support.index import Index
from support.project import Project, clean_environment

from envbuild.cli.app import COMMANDS, app

# What ends with another code than 0 because the example is about that: plan says that there are changes.
# And what is about images, of which this project makes none.
_CODES = {
    "envbuild plan --detailed-exitcode": 2,
    "envbuild run serving/web --image --mount .:/work -- ls /work": 64,
    "envbuild shell serving/web --image --user root": 64,
}
_COMMENT = re.compile(r"\s{2,}\S.*$")
_FORGE = "https://conda.anaconda.org/conda-forge"


@dataclass(frozen=True)
class Example:
    command: str
    line: str


def command(name: str) -> click.Command:
    found = app.get_command(click.Context(app), name)
    assert found, name
    return found


def examples() -> list[Example]:
    """The lines below `Examples:`, each without what is said of it."""
    found = []
    for name in COMMANDS:
        text = (command(name).help or "").partition("Examples:")[2]
        lines = [line.strip() for line in text.splitlines() if line.strip().startswith("envbuild ")]
        found += [Example(name, _COMMENT.sub("", line)) for line in lines]
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Iterator[Project]:
    """A project with all that the examples speak of: churn/train with three versions, tags, groups, changes to come."""
    folder = tmp_path_factory.mktemp("help")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    with Index() as index:
        for name, version in (("numpy", "1.26.4"), ("numpy", "2.0.2"), ("pandas", "2.2.0"), ("flask", "3.0.0")):
            index.add(name, version)
        asked = "dependencies:\n  - python\n  - pip:\n      - numpy ==1.26.*\n"
        project.write("envbuild.yaml", "default_environment: churn/train\ngroups: {nightly: ['churn/*']}\n")
        project.write("manifests/base.yaml", f"abstract: true\n{asked}pip: {{index_url: '{index.url}'}}\n")
        project.write("manifests/churn/report.yaml", "extends: base\ntags: {team: growth, gpu: 'true'}\n")
        project.write("manifests/serving/web.yaml", "extends: base\nvariables: {PORT: '8000'}\n")
        for version in ("1", "2", "3"):
            text = f"extends: base\ntags: {{team: growth}}\nvariables: {{OWN: '{version}'}}\nimage: {{apt: [git]}}\n"
            project.write("manifests/churn/train.yaml", text)
            project.run("apply", "-q")
        project.write("manifests/serving/web.yaml", "extends: base\nvariables: {PORT: '8080'}\n")
        project.write("train.py", "import sys\n")
        project.write("requirements.txt", "numpy\n")
        project.write("environment.yml", "name: science\ndependencies: [python]\n")
        project.write("spec.txt", f"@EXPLICIT\n{_FORGE}/noarch/tzdata-2024a-h0c530f3_0.conda\n")
        program = folder / "bin" / "envbuild"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m envbuild "$@"\n')
        program.chmod(0o755)
        yield project


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.line)
def test_every_example_runs(example: Example, prepared: Project, tmp_path: Path) -> None:
    """As it is written, in a shell, in a project of its own."""
    folder = tmp_path / "project"
    shutil.copytree(prepared.path, folder)
    path = f"{prepared.path.parent / 'bin'}{os.pathsep}{prepared.environ['PATH']}"
    run = subprocess.run(
        ["/bin/bash", "-c", example.line],
        cwd=folder,
        env={**prepared.environ, "PATH": path, "SHELL": "/bin/bash"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == _CODES.get(example.line, 0), f"{example.line}\n{run.stdout}\n{run.stderr}"
    assert "Traceback" not in run.stderr


def test_every_command_has_examples_and_says_what_it_is_for() -> None:
    """At least two for each but the simplest, none of them twice; a first sentence that stands alone."""
    found = [example.line for example in examples()]
    assert sorted(set(found)) == sorted(found)
    for name in COMMANDS:
        own = [example for example in examples() if example.command == name]
        assert own, name
        first = (command(name).help or "").split("\n")[0]
        assert re.fullmatch(r"[A-Z].*[.?!]|[A-Z][^.]*\..*", first), (name, first)


def test_every_option_is_explained() -> None:
    """No option without a help text, none that ends with two dots or begins in lower case."""
    for name in COMMANDS:
        for option in command(name).params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)
                assert option.help[0].isupper(), (name, option.help)


def test_help_fits_a_narrow_terminal(project: Project) -> None:
    """Eighty columns hold every example; the list of commands has one line each."""
    lines = project.run("--help", env={"COLUMNS": "80"}).out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    for name in COMMANDS:
        shown = project.run(name, "--help", env={"COLUMNS": "80"}).out.splitlines()
        assert [line for line in shown if len(line) > 80] == []
