"""DECISIONS 6 to 10, saying by saying: variables, Jinja, documents, checking, what a builder does not use."""

from typing import Any

import pytest
from support.keys import counts, plain, refused
from support.manifests import environment, problems
from support.project import Project

from envbuild.manifest import manifest_schema
from envbuild.resolve import Variable

CONTEXT = "params: {n: 3, no: false, v: '3.10', empty: '', list: [a, b], map: {items: x, get: y}, items: z, text: t}\n"


@pytest.mark.parametrize("text", ["3.10", "012", "1e3", "no", "0x1F", "1:30", "2024-01-01", "true", "'~'"])
def test_decision_06_variables_take_the_text_as_written(text: str) -> None:
    """Nothing is a number, a boolean or a date."""
    (variable,) = environment({"k": f"variables:\n  A: {text}\n"}).variables
    assert variable == Variable("A", text.strip("'"))


@pytest.mark.parametrize(
    "text", ["params: {v: 3.10}", "matrix: {v: [a, 3.10]}", "matrix: {v: [3.10]}", "tags: {v: 3.10}"]
)
def test_decision_06_a_float_is_an_error_in_three_keys(text: str) -> None:
    """It asks for quotes, and says nothing else."""
    assert 'quote it: "3.10"' in refused(text)


@pytest.mark.parametrize(
    "text", ["description: 3.10", "python: {version: 3.10}", "image: {labels: {v: 3.10}}", "run: {env: {V: 3.10}}"]
)
def test_decision_06_a_float_is_text_everywhere_else(text: str) -> None:
    """As written, down to its last zero."""
    key = text.partition(":")[0]
    node: Any = plain(environment({"k": f"{text}\n"}).node(key))
    while isinstance(node, dict):
        (node,) = node.values()
    assert node == "3.10"


def test_decision_06_additions_go_around_what_is_inherited() -> None:
    """The child's outermost; a string replaces, additions and all."""
    files = {
        "r": "variables: {P: mid}\n",
        "a": "extends: r\nvariables: {P: {prepend: [a], append: [a]}}\n",
        "k": "extends: a\nvariables: {P: {prepend: [k], append: [k]}}\n",
        "s": "extends: k\nvariables: {P: text}\n",
    }
    assert environment(files).variables == (Variable("P", "mid", ("k", "a"), ("a", "k")),)
    assert environment(files, "s").variables == (Variable("P", "text"),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ params.items }}", "z"), ("{{ params.map.items }}", "x"), ("{{ params.map.get }}", "y"),
        ("{{ params.v }}", "3.10"), ("{{ params.n }}", 3), ("{{ params.n + 1 }}", 4), ("{{ params.no }}", False),
        ("{{ params.list }}", ["a", "b"]), ("a{{ params.n }}", "a3"), ("{{ params.v }} ", "3.10 "),
        ("{{ params.text | upper }}", "T"), ("{% if %} {# x #} {{ params.n }}", "{% if %} {# x #} 3"),
        ("{{ environment.name }}", "k"), ("{{ params.list | join('-') }}", "a-b"),
        ("{{ params.n == 3 and not params.no }}", True), ("{{ '{{' }}", "{{"),
    ],
)  # fmt: skip
def test_decision_07_values_of_expressions(text: str, value: Any) -> None:
    """Keys before attributes; one expression keeps its type, a text around it makes a text."""
    body = CONTEXT.rstrip("}\n") + f', out: "{text}"}}\n'
    assert plain(environment({"k": body}).node("params", "out")) == value


@pytest.mark.parametrize(
    "expression",
    [
        "params.map.__class__", "params['__class__']", "''.join(['a'])", "range(3)", "params.text | map('upper')",
        "params.text | attr('x')", "params.nope", "'a' * 10000000", "9 ** 9 ** 9", "'%1000000000d' % 1",
        "[0] * 10000000", "lipsum()", "self", "cycler", "params.n / 2", "params.text | format(1)", "(1).__add__",
    ],
)  # fmt: skip
def test_decision_07_what_is_refused_or_bounded(expression: str) -> None:
    """Filters and globals by allow-list, no attributes of Python, no size without end: all at its line."""
    found = problems({"k": f'{CONTEXT}description: "{{{{ {expression} }}}}"\n'})
    assert [one.partition(": ")[0] for one in found] == ["manifests/k.yaml:2:14"]


def test_decision_07_raw_switches_it_off() -> None:
    """For one text; nothing in it is looked at."""
    found = environment({"k": "setup: [!raw 'docker ps --format {{.ID}}', 'echo {{ params.x }}']\nparams: {x: 1}\n"})
    assert found.setup == ("docker ps --format {{.ID}}", "echo 1")


def test_decision_07_a_list_item_that_renders_empty_is_dropped() -> None:
    """So that an item may depend on a value."""
    text = f"{CONTEXT}setup: ['{{{{ params.empty }}}}', '{{{{ params.text }}}}', ' {{{{ params.empty }}}} ']\n"
    assert environment({"k": text}).setup == ("t",)


def test_decision_07_an_if_without_else_renders_empty() -> None:
    """As in Jinja: an item that is there only if something holds."""
    make, test = '{{ "make" if params.no }}', '{{ "test" if params.n }}'
    assert environment({"k": f"{CONTEXT}setup: ['{make}', '{test}']\n"}).setup == ("test",)
    assert environment({"k": f"{CONTEXT}description: '{make}'\n"}).description == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x {b: c}\ntags:\n  <<: *x\n", "merge keys"),
        ("setup: [x]\n---\nsetup: [y]\n", "one document"),
        ("%YAML 1.1\n---\nsetup: [x]\n", "directives"),
        ("description: {{ params.x }}\n", "not quoted"),
        ("description: a\ndescription: b\n", "stands twice"),
        ("description: " + "[" * 60 + "\n", "nested more than 50 deep"),
        (f"description: '{'x' * 1024 * 1024}'\n", "larger than 1024 KiB"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcd", "bcde", strict=True)
        ), "more than 100,000 values"),
    ],
    ids=["merge key", "documents", "directive", "braces", "duplicate", "depth", "size", "aliases"],
)  # fmt: skip
def test_decision_08_what_no_document_may_hold(text: str, message: str) -> None:
    """Each is refused with its line and how to write it."""
    (problem,) = problems({"k": text})
    assert message in problem
    assert problem.startswith("manifests/k.yaml:")
    assert "\n  hint: " in problem


def test_decision_08_yaml_1_2_core_types_and_no_timestamps() -> None:
    """`no` and `on` are words, a date is text, an integer is an integer."""
    found = environment({"k": "params: {a: no, b: 2024-01-01, c: 7, d: true, e: ~, f: 'true'}\n"})
    assert plain(found.node("params")) == {"a": "no", "b": "2024-01-01", "c": 7, "d": True, "f": "true"}


def test_decision_09_every_problem_is_collected_in_the_order_of_the_file() -> None:
    """Types at every depth, braces, paths and packages, in one go."""
    text = """
        image:
          base: {image: x, environment: y}
          build: [{command: x, script: ./y}]
          expose: [http]
        serve: {port: x}
        setup: ['{{ nope }}']
        dependencies: [pip: ['a=1']]
        """
    places = [one.partition(": ")[0].removeprefix("manifests/k.yaml:") for one in problems({"k": text})]
    assert places == ["2:9", "3:11", "4:12", "5:15", "6:9", "7:22"]


@pytest.mark.parametrize(
    ("stated", "value", "fits"),
    [
        ("platforms: '{{ params.x }}'", "[linux-64]", True), ("platforms: '{{ params.x }}'", "linux-64", False),
        ("platforms: ['{{ params.x }}']", "linux64", False), ("python: {managed: '{{ params.x }}'}", "true", True),
        ("python: {managed: '{{ params.x }}'}", "'yes'", False), ("serve: {port: '{{ params.x }}'}", "80", True),
        ("serve: {port: '{{ params.x }}'}", "'80a'", False), ("builder: '{{ params.x }}'", "podman", False),
        ("image: {build: ['{{ params.x }}']}", "{command: x, id: y}", True),
        ("image: {build: ['{{ params.x }}']}", "{command: x, script: ./y}", False),
        ("dependencies: ['{{ params.x }}']", "numpy=2", True), ("dependencies: ['{{ params.x }}']", "a =>1", False),
        ("image: {copy: [{from: '{{ params.x }}', to: /x}]}", "../../x", False),
        ("pip: {index_url: '{{ params.x }}'}", "'ftp://example.com'", False),
        ("without: ['{{ params.x }}']", "deb/x", False), ("variables: {A: '{{ params.x }}'}", "[x]", False),
    ],
)  # fmt: skip
def test_decision_09_any_scalar_may_be_jinja_and_is_held_strictly_after_rendering(
    stated: str, value: str, *, fits: bool
) -> None:
    """What a value turns out to be is checked as if it had been written, at the line of the expression."""
    files = {"k": f"{stated}\nparams: {{x: {value}}}\n"}
    if fits:
        assert environment(files).name == "k"
    else:
        assert [one.startswith("manifests/k.yaml:1:") for one in problems(files)] == [True]


def test_decision_09_the_json_schema_says_which_fields_go_together() -> None:
    """One shape of a step has a command, the other a script."""
    shapes = manifest_schema()["$defs"]["Build"]["oneOf"]
    assert [(one["required"], sorted(one["properties"])) for one in shapes] == [
        (["command"], ["before", "command", "id", "user"]),
        (["script"], ["args", "before", "id", "script", "user"]),
    ]


def test_decision_10_local_neither_honours_nor_refuses_image_and_publish(project: Project) -> None:
    """It builds the same with and without them; other keys that it cannot honour are refused with their lines."""
    project.write("manifests/a.yaml", "setup: [make]\nimage: {apt: [nano], build: [x]}\npublish: {tags: [x]}\n")
    project.write("manifests/b.yaml", "setup: [make]\n")
    first, second = project.json("plan")["steps"]
    assert first["fingerprint"] == second["fingerprint"]
    project.write("manifests/r.yaml", "setup: [make]\nr:\n  from: system\n")
    project.write("manifests/spark.yaml", "setup: [make]\nspark:\n  java: apt\n")
    assert project.run("plan", check=1).err == (
        "manifests/r.yaml:3:3: builder 'local' cannot do 'r.from: system'\n"
        "  hint: remove it, or use 'builder: docker' or 'builder: oci'\n"
        "manifests/spark.yaml:3:3: builder 'local' cannot do 'spark.java: apt'\n"
        "  hint: remove it, or use 'builder: docker'\n"
    )


def test_decision_10_image_and_publish_are_no_part_of_a_local_fingerprint() -> None:
    """Whatever they say."""
    assert not counts("image", {"base": "debian:12", "build": ["make"], "user": "me"})
    assert not counts("publish", {"registries": ["r.example.com"], "tags": ["x"]})
