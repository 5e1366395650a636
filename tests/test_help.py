"""Every command's help: its examples run as they stand, in a project that has what they name."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from support.engine import Engine
from support.imaging import Imaging
from support.index import Index
from support.layered import Shelf as Layers
from support.layered import layer
from support.project import Project, clean_environment
from support.registry import Registry
from support.services import require
from support.serving import free_port, started
from support.shelf import Shelf

from envbuild.cli.app import COMMANDS, app
from envbuild.cli.nested import Nested
from envbuild.interop.exports import SERVICES
from envbuild.registry import Line
from envbuild.registry.client import Registry as Client
from envbuild.registry.copying import Target, push

# What ends with another code than 0 because the example is about that: plan says that there are changes.
_CODES = {"envbuild plan --detailed-exitcode": 2}
_OF_IMAGES = {"promote", "publish", "pull"}
_OF_ASSEMBLED = {"verify"}
_CONTAINERS = "envbuild export devcontainer"
_ENDLESS = {"serve"}  # until they are stopped
_NESTED = {name: app.get_command(click.Context(app), name) for name in ("runs", "models")}
NAMES = (
    *COMMANDS,
    *(f"{name} {one}" for name, group in _NESTED.items() if isinstance(group, Nested) for one in group.subcommands),
)
_COMMENT = re.compile(r"\s{2,}\S.*$")
_FORGE = "https://conda.anaconda.org/conda-forge"
_AZURE = {
    "python": {"userManagedDependencies": True},
    "docker": {"baseImage": "registry.example/churn:1", "shmSize": "2g"},
}


@dataclass(frozen=True)
class Example:
    command: str
    line: str


def command(name: str) -> click.Command:
    found: click.Command | None = app
    for word in name.split():
        assert isinstance(found, click.Group), name
        found = found.get_command(click.Context(found), word)
    assert found, name
    return found


def examples() -> list[Example]:
    """The lines below `Examples:`, each without what is said of it."""
    found = []
    for name in NAMES:
        text = (command(name).help or "").partition("Examples:")[2]
        lines = [line.strip() for line in text.splitlines() if line.strip().startswith("envbuild ")]
        found += [Example(name, _COMMENT.sub("", line)) for line in lines]
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Iterator[Project]:
    """A project with all that the examples speak of: churn/train with three versions, tags, groups, changes to come."""
    folder = tmp_path_factory.mktemp("help")
    with Index() as index:
        environ = {
            **clean_environment(folder, uv_cache),
            "UV_DEFAULT_INDEX": index.url,
        }  # for '--with', which names none
        project = Project(folder / "project", environ)
        for name, version in (("numpy", "1.26.4"), ("numpy", "2.0.2"), ("pandas", "2.2.0"), ("flask", "3.0.0")):
            index.add(name, version)
        asked = "dependencies:\n  - python\n  - pip:\n      - numpy ==1.26.*\n"
        project.write("envbuild.yaml", "default_environment: churn/train\ngroups: {nightly: ['churn/*']}\n")
        project.write("manifests/base.yaml", f"abstract: true\n{asked}pip: {{index_url: '{index.url}'}}\n")
        project.write("manifests/churn/report.yaml", "extends: base\ntags: {team: growth, gpu: 'true'}\n")
        project.write("manifests/serving/web.yaml", "extends: base\nvariables: {PORT: '8000'}\n")
        index.add("ipykernel", "1.0", modules={"ipykernel_launcher.py": ""})
        project.write("manifests/notebooks/lab.yaml", "extends: base\ndependencies: [{pip: [ipykernel]}]\n")
        serve = f"serve: {{entry_script: ../../score.py, port: {free_port()}}}\n"
        project.write("manifests/churn/score.yaml", f"extends: base\n{serve}")
        project.write("score.py", "def init(): ...\ndef run(data): ...\n")
        for version in ("1", "2", "3"):
            text = f"extends: base\ntags: {{team: growth}}\nvariables: {{OWN: '{version}'}}\nimage: {{apt: [git]}}\n"
            project.write("manifests/churn/train.yaml", text)
            project.run("apply", "-q")
        project.write("manifests/serving/web.yaml", "extends: base\nvariables: {PORT: '8080'}\n")
        project.run("label", "churn/train@1", "canary")
        project.run("kernel", "notebooks/lab")
        project.write("train.py", "import os; os.makedirs('outputs', exist_ok=True); open('outputs/model.pkl', 'w')\n")
        project.run("run", "--", "true")
        project.run("run", "--script", "train.py")
        project.write("model.pkl", "old")
        project.run("models", "add", "old", "model.pkl")
        project.run("models", "add", "churn", "outputs/model.pkl", "--run", "latest")
        project.write("requirements.txt", "numpy\n")
        project.write("saved/churn/azureml_environment.json", json.dumps(_AZURE))
        project.write("environment.yml", "name: science\ndependencies: [python]\n")
        project.write("spec.txt", f"@EXPLICIT\n{_FORGE}/noarch/tzdata-2024a-h0c530f3_0.conda\n")
        yield project


@pytest.fixture(scope="module")
def imaged(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path, engine: Engine) -> Iterator[Project]:
    """A project whose serving/web is an image of two versions, in a registry."""
    require("registry")
    folder = tmp_path_factory.mktemp("help-images")
    with Registry(folder / "registry") as registry:
        shelf = Shelf(folder, uv_cache, engine, registry)
        base = shelf.base()
        for value in ("1", "2"):
            shelf.web(base, value, name="serving/web")
            shelf.project.run("apply", "-q")
        yield shelf.project


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Iterator[Project]:
    """A project whose serving/web is an image that was made without an engine, in a registry."""
    require("registry")
    folder = tmp_path_factory.mktemp("help-assembled")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    with Registry(folder / "registry") as registry, Client(registry.server, Line({})) as client:
        base = Layers()
        push(base, base.image(layer("usr/")), Target(client, "base"), ("1",))
        project.write("envbuild.yaml", f"registry: {registry.server}/team\nplatforms: [linux-64]\nbuilder: oci\n")
        text = f"variables: {{VALUE: '1'}}\nimage: {{base: '{registry.server}/base:1', command: [web]}}\n"
        project.write("manifests/serving/web.yaml", text)
        project.run("apply", "-q")
        yield project


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path, engine: Engine) -> Iterator[Project]:
    """A project whose churn/score is an image with Python, which serves something, and whose service image is made."""
    require("registry")
    folder = tmp_path_factory.mktemp("help-scored")
    with Registry(folder / "registry") as registry:
        imaging = Imaging(folder, engine, registry.server, uv_cache)
        imaging.project.write("score.py", "def init(): pass\ndef run(data): return data\n")
        text = "builder: oci\npython: {managed: false}\nserve: {entry_script: ../../score.py}\nimage:\n  user: '1234'\n"
        imaging.write("churn/score", "python", text)
        imaging.project.run("serve", "churn/score", "--image", "--build")
        yield imaging.project


def kind(example: Example) -> str:
    if example.command == "serve" and "--image" in example.line:
        return "scored"
    if example.line.startswith(tuple(f"envbuild export {one}" for one in SERVICES)):
        return "scored"
    if example.command in _OF_ASSEMBLED:
        return "assembled"
    of_images = example.command in _OF_IMAGES or example.line.startswith(_CONTAINERS)
    is_of_images = of_images or {"--image", "--output"} & {*example.line.split()}
    return "imaged" if is_of_images else "prepared"


def of_kind(wanted: str) -> pytest.MarkDecorator:
    found = [one for one in examples() if kind(one) == wanted]
    return pytest.mark.parametrize("example", found, ids=lambda example: example.line)


@of_kind("prepared")
def test_every_example_runs(example: Example, prepared: Project, tmp_path: Path) -> None:
    """As it is written, in a shell, in a project of its own."""
    _run(example, prepared, tmp_path)


@of_kind("imaged")
def test_every_example_of_images_runs(example: Example, imaged: Project, tmp_path: Path) -> None:
    """With a real engine and a real registry."""
    _run(example, imaged, tmp_path)


@of_kind("scored")
def test_every_example_of_services_runs(example: Example, scored: Project, tmp_path: Path) -> None:
    """The same, of the image of a service."""
    _run(example, scored, tmp_path)


@of_kind("assembled")
def test_every_example_of_assembled_images_runs(example: Example, assembled: Project, tmp_path: Path) -> None:
    """With a real registry, and no engine."""
    _run(example, assembled, tmp_path)


def _run(example: Example, prepared: Project, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(prepared.path, folder)
    path = f"{_program(tmp_path / 'bin')}{os.pathsep}{prepared.environ['PATH']}"
    if example.command in _ENDLESS and "--build" not in example.line:
        environ = {**prepared.environ, "PATH": path}
        with started(["/bin/bash", "-c", f"exec {example.line}"], folder, "http://127.0.0.1:", environ) as server:
            assert server.stop(signal.SIGINT) == 0
        return
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


def _program(folder: Path) -> Path:
    folder.mkdir()
    program = folder / "envbuild"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m envbuild "$@"\n')
    program.chmod(0o755)
    return folder


def test_every_command_has_examples_and_says_what_it_is_for() -> None:
    """At least two for each but the simplest, none of them twice; a first sentence that stands alone."""
    found = [example.line for example in examples()]
    assert sorted(set(found)) == sorted(found)
    for name in NAMES:
        own = [example for example in examples() if example.command == name]
        assert own, name
        first = (command(name).help or "").split("\n")[0]
        assert re.fullmatch(r"[A-Z].*[.?!]|[A-Z][^.]*\..*", first), (name, first)


def test_every_option_is_explained() -> None:
    """No option without a help text, none that ends with two dots or begins in lower case."""
    for name in NAMES:
        for option in command(name).params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)
                assert option.help[0].isupper(), (name, option.help)


def test_help_fits_a_narrow_terminal(project: Project) -> None:
    """Eighty columns hold every example; the list of commands has one line each."""
    lines = project.run("--help", env={"COLUMNS": "80"}).out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    for name in NAMES:
        shown = project.run(*name.split(), "--help", env={"COLUMNS": "80"}).out.splitlines()
        assert [line for line in shown if len(line) > 80] == []
