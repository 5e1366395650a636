"""`envbuild explain ENV [FIELD]`: what FIELD may be, the JSON of DECISIONS 40, and that no value is left out."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.anything import manifests
from support.manifests import Body, Graph, environment, ordered_graphs
from support.project import Project

from envbuild.document import Mapping, Scalar, Value, parse, written
from envbuild.resolve import explain, resolved_text
from envbuild.settings import Settings

MANIFEST = """
    tags: {team: x, area: y}
    dependencies: [numpy =1, {pip: [Typing_Extensions, alpha]}]
    variables: {A: a, numpy: b}
    python: {version: "3.12"}
    image: {apt: {packages: [git], upgrade: true}, workdir: /w, copy: [{from: a, to: /x}]}
    """


@pytest.fixture
def explained(project: Project) -> Project:
    project.write("manifests/k.yaml", MANIFEST)
    return project


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("tags", ["tags.team", "tags.area"]),
        ("tags.team", ["tags.team"]),
        ("image", ["image.apt.packages", "image.apt.upgrade", "image.workdir", "image.copy[/x]"]),
        ("image.apt", ["image.apt.packages", "image.apt.upgrade"]),
        ("image.copy", ["image.copy[/x]"]),
        ("image.copy[/x]", ["image.copy[/x]"]),
        ("variables.A", ["variables.A"]),
        ("alpha", ["dependencies.pip/alpha"]),
        ("pip/alpha", ["dependencies.pip/alpha"]),
        ("dependencies.pip/alpha", ["dependencies.pip/alpha"]),
        ("builder", ["builder"]),
        ("platforms", ["platforms"]),
    ],
)
def test_a_field_is_a_key_a_key_within_a_key_or_a_package(explained: Project, field: str, found: list[str]) -> None:
    """All rows of it, and no other."""
    assert [row["field"] for row in explained.json("explain", "k", field)["values"]] == found


@pytest.mark.parametrize("field", ["typing_extensions", "Typing.Extensions", "typing-extensions"])
def test_a_package_is_found_in_any_spelling(explained: Project, field: str) -> None:
    """As pip compares names."""
    assert [row["field"] for row in explained.json("explain", "k", field)["values"]] == [
        "dependencies.pip/typing-extensions"
    ]


@pytest.mark.parametrize("field", ["NumPy", "numpy"])
def test_a_conda_package_is_found_whatever_its_case(explained: Project, field: str) -> None:
    """Conda's names fold case."""
    found = [row["field"] for row in explained.json("explain", "k", field)["values"]]
    assert "dependencies.numpy" in found


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("tag", "did you mean 'tags'?"),
        ("tags.teem", "did you mean 'tags.team'?"),
        ("variable", "did you mean 'variables'?"),
        ("alpa", "did you mean 'alpha'?"),
    ],
)
def test_a_field_that_there_is_not(explained: Project, field: str, hint: str) -> None:
    """Exit code 64, and the nearest that there is."""
    run = explained.run("explain", "k", field, check=64)
    assert (run.out, run.err) == ("", f"error: 'k' says nothing of '{field}'\n  hint: {hint}\n")
    assert explained.json("explain", "k", field, check=64)["errors"] == [
        {"path": None, "line": None, "column": None, "message": f"'k' says nothing of '{field}'", "hint": hint}
    ]


def test_an_environment_that_there_is_not(explained: Project) -> None:
    """As for every command."""
    run = explained.run("explain", "kk", check=64)
    assert run.err == "error: no environment is named 'kk'\n  hint: did you mean 'k'?\n"


def test_the_json_has_the_form_that_is_promised(project: Project) -> None:
    """`values` of field, value, where and overrides; what is removed has no value."""
    project.write("manifests/r.yaml", "abstract: true\ntags: {a: r, b: r}\n")
    project.write("manifests/k.yaml", "extends: r\ntags: {a: k, b: ~}\n")
    assert project.json("explain", "k", "tags") == {
        "format_version": 1,
        "values": [
            {
                "field": "tags.a",
                "value": "k",
                "where": "manifests/k.yaml:2:11",
                "overrides": [{"value": "r", "where": "manifests/r.yaml:2:11"}],
            },
            {
                "field": "tags.b",
                "value": None,
                "where": "manifests/k.yaml:2:17",
                "overrides": [{"value": "r", "where": "manifests/r.yaml:2:17"}],
            },
        ],
    }


def test_every_row_has_the_four_keys(explained: Project) -> None:
    """Whatever it explains; defaults say that they are."""
    values = explained.json("explain", "k")["values"]
    assert {tuple(row) for row in values} == {("field", "value", "where", "overrides")}
    where = {row["field"]: row["where"] for row in values}
    assert (where["builder"], where["python.version"]) == ("default", "manifests/k.yaml:4:19")


def test_the_text_is_one_value_a_line(project: Project) -> None:
    """Values of several lines do not break it."""
    project.write("manifests/k.yaml", 'setup:\n- |\n  one\n  two\n- "x\\ty"\n')
    assert project.run("explain", "k", "setup").out == (
        'setup: "one\\ntwo\\n"  manifests/k.yaml:2:3\nsetup: "x\\ty"        manifests/k.yaml:5:3\n'
    )


def test_secrets_in_urls_are_not_shown(project: Project) -> None:
    """An expression may have brought one in."""
    project.write(
        "manifests/k.yaml",
        'params: {who: "me:secret"}\nvariables: {U: "https://{{ params.who }}@example.com/x"}\n',
    )
    for out in (project.run("explain", "k", "variables").out, project.run("--json", "explain", "k", "variables").out):
        assert "https://***@example.com/x" in out
        assert "secret" not in out


def leaves(node: Value, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    """Every scalar with the keys that lead to it."""
    if isinstance(node, Scalar):
        yield keys, node
    elif isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield from leaves(entry.value, (*keys, key))
    else:
        for item in node.items:
            yield from leaves(item, keys)


def bare(text: str) -> str:
    """Paths are taken from the file that holds them: `a` and `./a` are one, and need quotes or not."""
    return re.sub(r'(?<![.\w])\./|"', "", "defaults" if text in {"pkgs/main", "pkgs/r"} else text)


@given(ordered_graphs(4), st.data())
def test_every_value_is_explained(graph: Graph, data: st.DataObject) -> None:
    """What `show --resolved` says stands in a row, with the line of a file or as a default."""
    files: dict[str, str | Body] = {
        name: {**({"extends": list(parents)} if parents else {}), **data.draw(manifests())}
        for name, parents in graph.items()
    }
    found = environment({**files, "manifests/apt.txt": "curl\n"})
    rows = explain(found, Settings())
    assert all(row.where == "default" or re.fullmatch(r"manifests/\w+\.yaml:\d+:\d+", row.where) for row in rows)
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(row.field.partition("[")[0], []).append(bare(row.value or ""))
    for keys, leaf in leaves(parse("k.yaml", resolved_text(found).encode()).root):
        if keys[0] not in {"dependencies", "constraints", "variables"}:
            known = [one for at in range(1, len(keys) + 1) for one in said.get(".".join(keys[:at]), [])]
            assert any(bare(written(leaf)) in one for one in known), (keys, leaf.text, said)
    for package in found.packages:
        lines = {row.where for row in rows if row.field in {f"dependencies.{package.key}", "python.version"}}
        assert {str(item.where) for item in package.items} <= lines
    for one in found.variables:
        for field, texts in (("", [one.value]), (".prepend", one.prepend), (".append", one.append)):
            got = [row.value for row in rows if row.field == f"variables.{one.name}{field}" and row.value is not None]
            assert len(got) == len([text for text in texts if text is not None])
