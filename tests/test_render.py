"""`envbuild render` and its templates: built in, the project's own, and what is wrong with one."""

import json
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML
from support.manifests import environment
from support.project import Project

from envbuild.errors import EnvbuildError, RenderError
from envbuild.project.shipped import templates as shipped
from envbuild.render import ENVIRONMENT_YML, Template, Templates, complaints, render
from envbuild.resolve import Environment

NAME = f"{ENVIRONMENT_YML}.j2"
TEXT = "channels: [a]\ndependencies: [numpy, {pip: [alpha]}]\nvariables: {A: x}\n"
BUILT_IN = """\
# k: as envbuild resolved it; conda reads this file.
channels:
  - "a"
dependencies:
  - "python 3.11.*"
  - "numpy"
  - "pip"
  - pip:
      - "alpha"
variables:
  "A": "x"
"""


def made(own: dict[str, str] | None = None, found: Environment | None = None) -> str:
    """The environment.yml that templates make, the project's own beside the built-in ones."""
    texts = {name: Template(f"templates/{name}", text) for name, text in (own or {}).items()}
    return render(found or environment({"k": TEXT}), Templates(texts, shipped()), "3.11")[ENVIRONMENT_YML]


def refused(own: dict[str, str]) -> tuple[str, str]:
    """Where and what, of the one thing that is wrong."""
    with pytest.raises(RenderError) as caught:
        made(own)
    first, hint, _ = str(caught.value).partition("\n  hint: ")
    where, _, what = first.partition(": ")
    assert hint
    return where, what


def test_the_built_in_template() -> None:
    """What conda reads, whole."""
    assert made() == BUILT_IN


def test_a_template_of_the_project_replaces_the_built_in_one() -> None:
    """By its name; the built-in one is not looked at."""
    assert made({NAME: "name: {{ environment.name | yaml }}\n"}) == 'name: "k"\n'
    assert made({"other.yml.j2": "nonsense"}) == BUILT_IN


def test_a_template_extends_the_built_in_one_and_fills_a_block() -> None:
    """One block changes, the rest stays; `super` is the block as it was."""
    head = f'{{% extends "builtin/{NAME}" %}}'
    variables = 'variables:\n  "A": "x"\n'
    assert made({NAME: f"{head}{{% block variables %}}{{% endblock %}}"}) == BUILT_IN.removesuffix(variables)
    filled = made({NAME: f"{head}{{% block variables %}}{{{{ super() }}}}  MINE: 1\n{{% endblock %}}"})
    assert filled == f"{BUILT_IN}  MINE: 1\n"


@pytest.mark.parametrize("block", ["header", "channels", "dependencies", "variables"])
def test_each_part_is_a_block(block: str) -> None:
    """Whatever a project wants otherwise, it names and fills."""
    own = f'{{% extends "builtin/{NAME}" %}}{{% block {block} %}}# mine\n{{% endblock %}}'
    assert "# mine\n" in made({NAME: own})
    assert len(made({NAME: own}).splitlines()) < len(BUILT_IN.splitlines()) + 1


def test_templates_include_and_import_each_other() -> None:
    """By name: those of the project, and the built-in ones; macros are called."""
    own = {
        NAME: '{% from "m.j2" import one %}{% import "m.j2" as m %}'
        '{% include "head.j2" %}{{ one("a") }}{{ m.one("b") }}',
        "m.j2": "{% macro one(value) %}{{ value | yaml }}\n{% endmacro %}",
        "head.j2": "# {{ environment.name | comment }}\n",
    }
    assert made(own) == '# k\n"a"\n"b"\n'
    assert made({NAME: f'{{% include "builtin/{NAME}" %}}'}) == BUILT_IN


_WRONG = {
    "a\n\nb: {{ nope | yaml }}": ("3:1", "'nope' is undefined"),
    "a\nb: {{ environment.nope | yaml }}": ("2:1", "there is no 'nope'"),
    "a\nb: {{ environment. }}": ("2:1", "expected name or number"),
    "a\n{% if %}": ("2:1", "Expected an expression, got 'end of statement block'"),
    "a\n{% for x in y %}": ("2:1", "Unexpected end of template"),
    "a\n{% foo %}": ("2:1", "Encountered unknown tag 'foo'"),
    "a\n{{ environment.name | uper }}": ("2:1", "No filter named 'uper'"),
    "a\n{{ environment.name }}": ("2:1", "a value is printed that no filter has quoted"),
    "a\n{{ environment.channels | yaml }}": ("2:1", "a list cannot stand within a text"),
    "a\n{{ environment.name.upper() | yaml }}": ("2:1", "only macros and 'super' can be called"),
    "a\n{% for x in range(3) %}{% endfor %}": ("2:1", ""),
    "a\n{% if 1 / 0 %}{% endif %}": ("2:1", "the template fails: division by zero"),
    "a\n{{ 1e400 | yaml }}": ("2:1", ""),
    "a\n{{ '%s' % environment.name | yaml }}": ("2:1", "'%' does not format text here"),
    "a\n{{ environment.__class__ | yaml }}": ("2:1", "there is no '__class__'"),
    "a\n{{ environment.name | attr('upper') | yaml }}": ("2:1", "No filter named 'attr'"),
    '\n{% extends "builtin/none.yml.j2" %}': ("2:1", "there is no template 'builtin/none.yml.j2'"),
    'a\n{% include "none.j2" %}': ("2:1", "there is no template 'none.j2'"),
    f'{{% extends "builtin/{NAME}" %}}\n{{% block vars %}}x{{% endblock %}}': ("2:1", ""),
}


@pytest.mark.parametrize("text", _WRONG)
def test_what_is_wrong_is_told_with_file_and_line(text: str) -> None:
    """Undefined names, syntax, missing templates and blocks that there are not, values that are not quoted."""
    where, what = refused({NAME: text})
    line, expected = _WRONG[text]
    assert where == f"templates/{NAME}:{line}"
    assert what.startswith(expected)
    assert len(what.split()) > 1


def test_what_is_wrong_is_told_in_the_file_where_it_stands() -> None:
    """In an included template, in a parent, in an imported one."""
    wrong = "one\n\n{{ nope | yaml }}"
    for use in ('{% include "part.j2" %}', '{% extends "part.j2" %}', '{% import "part.j2" as p %}'):
        assert refused({NAME: f"a\n{use}", "part.j2": wrong}) == ("templates/part.j2:3:1", "'nope' is undefined")
        where, _ = refused({NAME: f"a\n{use}", "part.j2": "one\n{{ x | }}"})
        assert where == "templates/part.j2:2:1"


def test_complaints_are_what_can_be_said_without_an_environment() -> None:
    """Each template that is no template, in the order of names; what is well stays silent."""
    own = {
        "b.j2": "\n{{ x | }}",
        "a.j2": "{% foo %}",
        "c.j2": "{{ x }}",
        "d.j2": "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    }
    texts = {name: Template(f"templates/{name}", text) for name, text in own.items()}
    found = [str(one).partition(": ")[0] for one in complaints(Templates(texts, shipped()))]
    assert found == ["templates/a.j2:1:1", "templates/b.j2:2:1", "templates/d.j2:1:1"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../../../etc/passwd", "builtin/../render.py", "file:///etc/passwd"]
)
@pytest.mark.parametrize("use", ['{%% include "%s" %%}', '{%% extends "%s" %%}', '{%% import "%s" as p %%}'])
def test_no_file_but_a_template_is_read(path: str, use: str) -> None:
    """Whatever its path says, and however it is asked for."""
    where, what = refused({NAME: use % path})
    assert where == f"templates/{NAME}:1:1"
    assert "root:" not in what


_HOSTILE = (
    "two\nlines: here",
    "a \"quote\" and 'another'",
    "{{ environment.name }} {% x %} {# y #}",
    "- item",
    "-- option",
    "key: value",
    "# no comment",
    "&anchor *alias !tag | > % @ `",
    "",
    " ",
    "~",
    "null",
    "true",
    "3.10",
    "0x1F",
    "1e3",
    "2020-01-01",
    "tab\there",
    "back\\slash \\n \\u0041",
    "grün 环境 🐍 \u00a0 \u200b \u202e",
    "a: b\n- c\nchannels:\n  - evil",
    "...",
    "---",
    "$HOME ${x} `id` $(id)",
    "trailing \\",
    "<<",
)


_NAMES = ("null", "true", "3.10", "0x1F", "1e3", "2020-01-01")  # which might name a channel as well


@pytest.mark.parametrize("value", [value for value in _HOSTILE if value.strip() and value not in _NAMES])
def test_such_a_value_is_no_channel(value: str) -> None:
    """It never comes as far as a template."""
    with pytest.raises(EnvbuildError, match="is no channel"):
        environment({"k": f"channels: [!raw {json.dumps(value, ensure_ascii=False)}]\nsetup: [make]\n"})


@pytest.mark.parametrize("value", _HOSTILE)
def test_no_value_becomes_another_key(value: str) -> None:
    """As a variable and as a channel: the same text comes out of the YAML, and the same keys."""
    channel = value.strip() or "x"
    variables = f"{{A: !raw {json.dumps(value, ensure_ascii=False)}, Z: last}}"
    stated = environment({"k": f"variables: {variables}\nsetup: [make]\n"})
    found = YAML(typ="safe").load(made(found=msgspec.structs.replace(stated, channels=(channel,))))
    assert found == {
        "channels": [channel],
        "dependencies": ["python 3.11.*"],
        "variables": {"A": value, "Z": "last"},
    }


@pytest.mark.parametrize("escape", ["\\u2028", "\\x85", "\\x7f", "\\x00", "\\ufeff", "\\ud800"])
def test_characters_that_yaml_cannot_hold_never_stand_in_an_artifact(escape: str) -> None:
    """An expression can write them by escapes: they are refused, or escaped so that the same text comes out."""
    text = f"variables: {{A: 'a{{{{ \"{escape}\" }}}}b'}}\nsetup: [make]\n"
    try:
        artifact = made(found=environment({"k": text}))
    except EnvbuildError:
        return
    assert YAML(typ="safe").load(artifact.encode())["variables"] == {"A": f"a{json.loads(_json(escape))}b"}


def _json(escape: str) -> str:
    return f'"{escape.replace(chr(92) + "x", chr(92) + "u00")}"'


def told(project: Project, *args: str, code: int = 1) -> list[dict[str, Any]]:
    """The errors of a command that writes nothing."""
    before = project.tree()
    errors: list[dict[str, Any]] = project.json(*args, check=code)["errors"]
    assert project.tree() == before
    return errors


# Nothing answers there: whatever asks a network fails.
OFFLINE = {"UV_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}


def test_render_shows_and_writes(project: Project) -> None:
    """To standard output, as JSON, into a folder for each environment; the same bytes, and without a network."""
    project.write("manifests/team/a.yaml", "variables: {A: x}\nchannels: [c]\n")
    project.write("manifests/b.yaml", "variables: {B: y}\nchannels: [c]\n")
    shown = project.run("render", "team/a", env=OFFLINE).out
    files = project.json("render")["environments"]
    assert not (project.path / "out").exists()
    assert project.run("render", "-o", "out", env=OFFLINE).out == "2 files written to out\n"
    written = {path for path in project.tree() if path.startswith("out/")}
    assert written == {"out/team/a/environment.yml", "out/b/environment.yml"}
    text = project.read("out/team/a/environment.yml")
    head = "# team/a: as envbuild resolved it; conda reads this file.\n"
    assert text == f'{head}channels:\n  - "c"\ndependencies:\n  - "python"\nvariables:\n  "A": "x"\n'
    assert text in shown
    assert json.dumps(text) in json.dumps(files)
    assert project.run("render", "-o", "out", env=OFFLINE).out == "2 files written to out\n"
    assert project.read("out/team/a/environment.yml") == text


def test_own_templates_of_a_project(project: Project) -> None:
    """In templates/, or in the folders that the settings name, the first before the later ones."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("templates/environment.yml.j2", "one: {{ environment.name | yaml }}\n")
    project.write("more/environment.yml.j2", "two: {{ environment.name | yaml }}\n")
    assert 'one: "a"\n' in project.run("render").out
    project.write("envbuild.yaml", "templates: [more, templates]\n")
    assert 'two: "a"\n' in project.run("render").out


def test_a_template_that_is_wrong_writes_nothing(project: Project) -> None:
    """Its file and line, exit 1, and no folder."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("manifests/b.yaml", "setup: [make]\n")
    project.write("templates/environment.yml.j2", "a\n{% if environment.name == 'b' %}{{ nope | yaml }}{% endif %}\n")
    (error,) = told(project, "render", "-o", "out")
    assert (error["path"], error["line"], error["message"]) == (
        "templates/environment.yml.j2",
        2,
        "'nope' is undefined",
    )


def test_without_a_current_lock_nothing_is_rendered(project: Project) -> None:
    """Exit 3 with the file that is not locked, also where another environment is current."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("manifests/b.yaml", "dependencies:\n- pip:\n  - alpha\n")
    (error,) = told(project, "render", "-o", "out", code=3)
    assert error["path"] == "manifests/b.yaml"
    assert "'b'" in error["message"]
    assert error["hint"] == "run 'envbuild lock b'"


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    """A file stands where the folder should: told, and the file is left alone."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("out", "mine\n")
    (error,) = told(project, "render", "-o", "out")
    assert "out" in (error["path"] or error["message"])
    assert project.read("out") == "mine\n"
