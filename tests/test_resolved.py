"""`show ENV --resolved`: a manifest that needs no parents, and of which the same environment comes (DESIGN 11)."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.anything import manifests
from support.manifests import PLATFORM, Body, environment, ordered_graphs, write_all
from support.project import Project

from envbuild.errors import EnvbuildError
from envbuild.project.reading import Reader, Selection
from envbuild.resolve import Environment, resolved_text
from envbuild.settings import Settings
from envbuild.workspace import Workspace

FIELDS = ("dependencies", "constraints", "limits", "overrides")


def content(found: Environment) -> dict[str, object]:
    """All that is typed, without lines; constraints of either kind are written as one."""
    packages = {
        field: {
            platform: {one.key: sorted((item.text, item.path, item.editable) for item in one.items)
                       for one in getattr(found, field).on(platform)}
            for platform in found.platforms
        }
        for field in FIELDS
    }  # fmt: skip
    limits, constraints = packages.pop("limits"), packages.pop("constraints")
    keys = {name: getattr(found.keys, name) for name in found.keys.__struct_fields__ if name not in APART}
    held = {at: sorted([*limits[at].items(), *constraints[at].items()]) for at in found.platforms}
    variables = {one.name: _text(one.prepend, one.value, one.append) for one in found.variables}
    rest = (found.tags, found.channels, found.platforms, found.python, found.builder)
    return {**packages, "held": held, "keys": keys, "variables": variables, "rest": rest}


APART = {"extends", "abstract", "name", "channels", "platforms", "builder", "dependencies", "without", "variables",
         "constraints", "overrides", "matrix", "python"}  # fmt: skip


def _text(before: tuple[str, ...], value: str | None, after: tuple[str, ...]) -> object:
    return (before, after) if value is None else ":".join(filter(None, (*before, value, *after)))


def again(found: Environment, beside: Mapping[str, str] | None = None) -> Environment:
    """What comes of the resolved text at the same path, beside no other manifest and no settings."""
    files = {**(beside or {}), found.path: resolved_text(found)}
    with tempfile.TemporaryDirectory(prefix="again-") as folder:
        write_all(Path(folder), files)
        reader = Reader(Workspace(Path(folder)), Settings())
        (one,) = reader.environments(Selection(()), PLATFORM)
    return one


def same(files: dict[str, str | Body], name: str = "k") -> Environment:
    """Check that an environment comes back, also a second time, and with the same text."""
    found = environment(files, name)
    beside = {path: text for path, text in files.items() if path.endswith(".txt") and isinstance(text, str)}
    back = again(found, beside)
    assert content(back) == content(found)
    assert resolved_text(back) == resolved_text(found)
    return back


def test_what_is_inherited_stands_whole() -> None:
    """As a person reads it: no parents, no `without`, everything in its form and in the order of the keys."""
    files: dict[str, str | Body] = {
        "r": """
            abstract: true
            setup: [one]
            variables: {A: "3.10", P: {prepend: [/r]}}
            dependencies: [numpy =1, two =1, {pip: [alpha==1, beta]}]
            image: {apt: [git, nano], labels: {l: r}}
            """,
        "k": """
            extends: r
            name: other
            without: [two, apt/nano]
            setup: ["say '{{ params.who }}'"]
            params: {who: me}
            variables: {P: {prepend: [/k]}}
            dependencies: [{pip: [alpha==2]}]
            """,
    }
    assert resolved_text(same(files)) == (
        "channels:\n  - conda-forge\n"
        "platforms:\n  - linux-64\n"
        'dependencies:\n  - numpy 1.*\n  - pip:\n      - "alpha==2"\n      - beta\n'
        'variables:\n  A: "3.10"\n  P:\n    prepend:\n      - /k\n      - /r\n'
        "params:\n  who: me\n"
        "setup:\n  - one\n  - \"say 'me'\"\n"
        "image:\n  apt:\n    packages:\n      - git\n  labels:\n    l: r\n"
        "builder: local\n"
    )


def test_a_cell_is_one_environment() -> None:
    """Without its matrix, with what its values bring."""
    text = 'matrix: {v: {x: {tags: {a: "{{ matrix.v }}"}}}}\nsetup: ["echo {{ matrix.v }}"]\n'
    found = environment({"k": text}, "k-x")
    assert "matrix" not in resolved_text(found)
    assert content(again(found)) == content(found)


def test_paths_of_parents_are_taken_from_the_file_that_holds_them_now() -> None:
    """Wheels, folders, requirement files, Dockerfiles, copies, packages of apt."""
    files: dict[str, str | Body] = {
        "manifests/base/r.yaml": """
            dependencies:
            - pip: [./one-1.0-py3-none-any.whl, "two @ ./lib", -e ./edit, -r more/r.txt, -c c.txt]
            image:
              dockerfile: Dockerfile
              context: ../ctx
              apt: [-r apt.txt]
              copy: [{from: [a, ../b], to: /x}]
              build: [{script: run.sh}]
            """,
        "manifests/base/more/r.txt": "alpha\n",
        "manifests/base/c.txt": "alpha<2\n",
        "manifests/base/apt.txt": "curl\n",
        "manifests/team/deep/k.yaml": "extends: ../../base/r.yaml\n",
    }
    found = same(files, "team/deep/k")
    assert found.keys.image.dockerfile == "manifests/base/Dockerfile"
    assert [item.path for item in found.package("pip/one")] == ["manifests/base/one-1.0-py3-none-any.whl"]


def test_braces_that_are_meant_literally_stay_so() -> None:
    """And the place of the environment stays an expression, also beside literal braces."""
    files: dict[str, str | Body] = {
        "k": """
            setup:
            - !raw "docker ps --format '{{ .ID }}'"
            - "ls {{ environment.prefix }}/bin"
            - "{{ environment.prefix ~ ' ' ~ params.odd }}"
            params: {odd: !raw "{{ x }}"}
            variables: {A: !raw "{{", B: "{{ environment.prefix }}"}
            """
    }
    assert same(files).setup[0] == "docker ps --format '{{ .ID }}'"


def test_braces_are_no_channel() -> None:
    """Channels are merged by another way than commands; no braces make one."""
    with pytest.raises(EnvbuildError, match=r"is no channel"):
        environment({"k": "channels: [!raw '{{ x }}']\n"})


def test_what_the_settings_say_stands_in_it() -> None:
    """Read without these settings, it still says the same."""
    settings = Settings(channels=("own",), platforms=("osx-64", "linux-64"), builder="docker")
    found = environment({"k": "setup: [make]\n"}, settings=settings)
    assert (again(found).channels, again(found).platforms) == (("own",), ("linux-64", "osx-64"))
    assert content(again(found)) == content(found)


def test_it_is_shown(project: Project) -> None:
    """As text, and as JSON the same text."""
    project.write("manifests/k.yaml", "setup: [make]\nplatforms: [linux-64]\n")
    text = "channels:\n  - conda-forge\nplatforms:\n  - linux-64\nsetup:\n  - make\nbuilder: local\n"
    assert project.run("show", "k", "--resolved").out == text
    shown = project.json("show", "k", "--resolved")["environment"]
    assert shown == {"name": "k", "manifest": text}
    project.write("manifests/k.yaml", text)
    assert project.run("show", "k", "--resolved").out == text


@given(ordered_graphs(4), st.data())
def test_any_environment_comes_back(graph: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    """Packages on each platform, variables and every typed key, over generated manifests in generated lineages."""
    files: dict[str, str | Body] = {
        f"manifests/{'abc'[at % 3]}/{name}.yaml": {
            **({"extends": [f"{'abc'[list(graph).index(one) % 3]}/{one}" for one in parents]} if parents else {}),
            **data.draw(manifests()),
        }
        for at, (name, parents) in enumerate(graph.items())
    }
    files |= {f"manifests/{folder}/apt.txt": f"curl\nless-{folder}\n" for folder in "abc"}
    (path,) = (one for one in files if one.endswith("/k.yaml"))
    same(files, path.removeprefix("manifests/").removesuffix(".yaml"))
