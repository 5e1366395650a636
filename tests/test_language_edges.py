"""Odd corners of the language: sizes, names, secrets and losses that a first reading does not think of."""

import time

import pytest
from support.manifests import environment, problems, resolved
from support.project import Project

from envbuild.errors import EnvbuildError
from envbuild.resolve import explain
from envbuild.settings import Settings


@pytest.mark.parametrize(
    "text",
    [
        f"params: {{a: {'1' * 5000}}}\n",
        f"dependencies: ['{'a' * 200_000}']\n",
        f"dependencies: ['numpy[{'a' * 200_000}']\n",
        f"dependencies: ['python 1,{' ' * 50_000}!']\n",
        f"dependencies: [{{pip: ['a; {'(' * 20_000}']}}]\n",
        f"channels: ['{'a:' * 50_000}']\n",
        f"serve: {{port: {'1' * 5000}}}\n",
        f"serve: {{workers: {'1' * 5000}, cpu: '{'1' * 5000}', memory: '{'1' * 5000}Gi'}}\n",
        f"serve: {{models: {{m: 'm@{'1' * 5000}'}}}}\n",
    ],
)
def test_long_texts_are_read_or_refused_at_once(text: str) -> None:
    """Never an error without a line, and never a wait."""
    begin = time.process_time()
    places = told(text)
    assert time.process_time() - begin < 2
    assert set(places) <= {"manifests/k.yaml:1"}


def told(text: str) -> list[str]:
    """The lines of what is wrong with a manifest, if anything is."""
    try:
        environment({"k": text})
    except EnvbuildError as error:
        return [problem.where.line_only if problem.where else "" for problem in error.problems]
    return []


def test_a_ladder_of_parents_is_ordered_at_once() -> None:
    """200 levels, each with a further parent."""
    files: dict[str, str] = {"m0": "abstract: true\n", "x0": "abstract: true\n"}
    for level in range(1, 200):
        files[f"x{level}"] = "abstract: true\n"
        files[f"m{level}"] = f"extends: [m{level - 1}, x{level}]\n"
    begin = time.process_time()
    assert len(environment(files, "m199").lineage) == 399
    assert time.process_time() - begin < 5


def test_cells_of_a_parent_that_only_a_path_reaches_have_names() -> None:
    """A name may come from a file that has none."""
    files = {"shared/base.yaml": "abstract: true\nmatrix: {a: [x, y]}\n", "k": "extends: ../shared/base.yaml\n"}
    assert set(resolved(files, "k-x")) == {"k-x"}


def test_no_cell_is_named_like_envbuilds_own() -> None:
    """What a file may not be named, a matrix may not name either."""
    (found,) = problems({"k": "matrix: {a: [x], name: 'curated/{{ matrix.a }}'}\n"})
    assert found.startswith("manifests/k.yaml:1:24: the name 'curated/x' is reserved")


@pytest.mark.parametrize(
    "text", ["channels: ['https://u:hunter2@example.com/c']", "registry: 'u:hunter2@example.com/x'"]
)
def test_settings_hold_no_credentials(project: Project, text: str) -> None:
    """They are refused, and not repeated."""
    project.write("envbuild.yaml", f"{text}\n")
    project.write("manifests/k.yaml", "setup: [make]\n")
    run = project.run("check", "-v", check=1)
    assert "credentials may not stand in a file" in run.err
    assert "hunter2" not in run.out + run.err


def test_what_is_published_later_is_shown_as_it_is_written(project: Project) -> None:
    """An expression stays one, and a text that is meant literally stays that."""
    tags = "['{{ git.branch }}', !raw '{{ x }}']"
    project.write("manifests/k.yaml", f"publish: {{registries: [r.example.com/x], tags: {tags}}}\n")
    shown = project.run("show", "k", "--resolved").out
    assert '    - "{{ git.branch }}"\n    - !raw "{{ x }}"\n' in shown


def test_a_repeat_in_a_list_overrides_nothing() -> None:
    """The first stays in its place; what a child says again is no change."""
    files = {"b": "image: {trim: [a, b]}\n", "k": "extends: b\nimage: {trim: [b, c]}\n"}
    rows = [row for row in explain(environment(files), Settings()) if row.field == "image.trim"]
    assert [(row.value, row.overrides) for row in rows] == [("a", ()), ("b", ()), ("c", ())]


def test_a_param_that_is_named_apt_is_shown_as_it_is() -> None:
    """Only `image.apt` has a short form."""
    rows = explain(environment({"k": "params: {apt: [git]}\n"}), Settings())
    assert [row.value for row in rows if row.field == "params.apt"] == ["[git]"]


def test_all_that_cannot_be_honoured_is_told_in_one_go(project: Project) -> None:
    """What the builder lacks and what the solver lacks."""
    project.write("manifests/k.yaml", "spark: {java: apt}\noverrides: [numpy =1]\nr: {from: system}\n")
    assert [error["line"] for error in project.json("plan", check=1)["errors"]] == [1, 2, 3]


def test_files_that_editors_leave_are_no_manifests(project: Project) -> None:
    """A lock of Emacs is a link to nowhere."""
    project.write("manifests/k.yaml", "setup: [make]\n")
    (project.path / "manifests" / ".#k.yaml").symlink_to("someone@host.1234")
    assert project.run("check").out == "No problems in 1 manifest, 0 notes.\n"


def test_a_template_that_is_no_text_hides_nothing(project: Project) -> None:
    """Both files are told of."""
    project.write("manifests/k.yaml", "bogus: 1\n")
    project.write("templates/d.j2", "").write_bytes(b"\xff\n")
    paths = [error["path"] for error in project.json("check", check=1)["errors"]]
    assert paths == ["manifests/k.yaml", "templates/d.j2"]


@pytest.mark.parametrize("item", ["--allow-unauthenticated", "a; rm -rf /", "-o Dpkg::x", "$(id)"])
def test_debian_packages_are_names(item: str) -> None:
    """No option and no shell text."""
    (found,) = problems({"k": f"image: {{apt: ['{item}']}}\n"})
    assert found.startswith("manifests/k.yaml:1:15: ")
