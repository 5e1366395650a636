"""Jinja in values of manifests (DESIGN 4, DECISIONS 1 and 7): where it is active, and what it comes to."""

import pytest
from support.manifests import Body, asked, environment, problems, resolved

from envbuild.document import PREFIX, parse
from envbuild.errors import SettingsError
from envbuild.resolve import Environment
from envbuild.settings import Settings, settings


def project_settings(text: str) -> Settings:
    return settings(parse("envbuild.yaml", text.encode()))


def setup(text: str, params: str = "{}", more: str = "") -> tuple[str, ...]:
    """The commands of a manifest that has one, in YAML quotes of one kind, beside params."""
    return environment({"k": f"params: {params}\nsetup: ['{text}']\n{more}"}).setup


def variables(found: Environment) -> dict[str, str | None]:
    return {one.name: one.value for one in found.variables}


@pytest.mark.parametrize(
    "text",
    [
        "{% if x %}",
        "{%- raw %}",
        "{# no comment #}",
        "${x#y}",
        "${x%%.*}",
        "$((1 + 2))",
        'awk "{print}"',
        "} }",
        "}}",
        "{ { x } }",
        "# for x in y",
        "%s %(x)s {0} {x}",
    ],
)
def test_only_double_braces_are_active(text: str) -> None:
    """Shell text is full of other signs; they stay, with an expression beside them and without."""
    assert setup(text) == (text,)
    assert setup(f"{text} {{{{ params.x }}}} {text}", "{x: 1}") == (f"{text} 1 {text}",)


def test_a_dollar_before_braces_stays() -> None:
    """`${{ }}` is a dollar and an expression; what other tools name in it is unknown here."""
    assert setup("${{ params.x }}", "{x: HOME}") == ("$HOME",)
    (problem,) = problems({"k": "setup:\n- make\n- echo ${{ github.sha }}\n"})
    assert problem.startswith("manifests/k.yaml:3:3: 'github' is undefined\n  hint: ")
    assert "!raw" in problem


def test_raw_switches_jinja_off() -> None:
    """For one text, in a list, as a value, in params; what uses such a param gets its braces as they are."""
    found = environment(
        {
            "k": """
        params: {x: !raw "{{ y }}"}
        description: !raw "{{ no expression"
        setup: [!raw "{{ x }} }}", "a {{ params.x }}", "{{ params.x }}"]
        variables: {A: !raw "{{", B: "{{ params.x }}"}
        """
        }
    )
    assert found.description == "{{ no expression"
    assert found.setup == ("{{ x }} }}", "a {{ y }}", "{{ y }}")
    assert variables(found) == {"A": "{{", "B": "{{ y }}"}


def test_a_rendered_text_with_braces_is_not_rendered_again() -> None:
    """Nor is it skipped: what it says is judged as any other text is."""
    texts = {"{{ '{{ params.none }}' }}": "{{ params.none }}", "{{ '{{' }} x }}": "{{ x }}"}
    for text, expected in texts.items():
        assert environment({"k": f'setup: ["{text}"]\n'}).setup == (expected,)
        assert environment({"k": f'params: {{a: "{text}"}}\nsetup: ["{{{{ params.a }}}}"]\n'}).setup == (expected,)
        for key in ("platforms", "dependencies", "without"):
            (problem,) = problems({"k": f'setup: [make]\n{key}: ["{"/" if key == "without" else ""}{text}"]\n'})
            assert problem.startswith(f"manifests/k.yaml:2:{len(key) + 4}: ")


_TYPES = {
    "image: {apt: {packages: [a], upgrade: '{{ params.yes }}'}}": ("image.apt.upgrade", True),
    "serve: {port: '{{ params.number }}'}": ("serve.port", 8080),
    "image: {gpu: '{{ params.no }}'}": ("image.gpu", "false"),
    "platforms: '{{ params.platforms }}'": ("platforms", ("linux-64", "osx-arm64")),
    "platforms: ['{{ params.platforms[1] }}', linux-64]": ("platforms", ("osx-arm64", "linux-64")),
    "image: {labels: '{{ params.labels }}'}": ("image.labels", {"a": "1", "b": "3.10"}),
    "image: {entrypoint: '{{ params.words }}'}": ("image.entrypoint", ("a", "b c")),
    "tags: {python: '{{ params.python }}'}": ("tags", {"python": "3.10"}),
    "tags: {python: '{{ params.python[:1] }}'}": ("tags", {"python": "3"}),
    "description: '{{ params.number }}'": ("description", "8080"),
    "description: 'x {{ params.yes }}'": ("description", "x true"),
    "image: {workdir: '{{ none }}'}": ("image.workdir", None),
}
_PARAMS = """
params:
  {yes: true, no: false, number: 8080, python: "3.10", words: [a, b c],
   platforms: [linux-64, osx-arm64], labels: {a: "1", b: "3.10"}}
"""


@pytest.mark.parametrize("text", _TYPES)
def test_one_expression_keeps_its_type(text: str) -> None:
    """A boolean, a number, a list, a mapping; a text that looks like a number stays text."""
    path, expected = _TYPES[text]
    found: object = environment({"k": f"{_PARAMS.lstrip()}{text}\n"}).keys
    for key in path.split("."):
        found = getattr(found, key)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("empty", ["{{ '' }}", " {{ '' }} ", "{{ none }}", "{{ 'x' if params.no }}", "{{ params.e }}"])
def test_a_list_item_that_renders_empty_is_dropped(empty: str) -> None:
    """In lists of any key, also in the pip list; an item that is written empty is an error as ever."""
    found = environment(
        {
            "k": f"""
        params: {{no: false, e: ""}}
        setup: ["{empty}", make, "{empty}"]
        channels: [a, "{empty}"]
        dependencies: ["{empty}", numpy, {{pip: ["{empty}", alpha]}}]
        variables: {{P: {{prepend: ["{empty}", /a]}}}}
        image: {{apt: ["{empty}", nano], expose: ["{empty}"]}}
        """
        }
    )
    assert found.setup == ("make",)
    assert found.channels == ("a",)
    assert sorted(asked(found)) == ["numpy", "pip/alpha"]
    assert [one.prepend for one in found.variables] == [("/a",)]
    assert found.keys.image.expose == ()


def test_an_item_of_a_list_of_params_that_renders_empty_is_dropped() -> None:
    """Params are values, too."""
    found = environment({"k": "params: {l: [\"{{ '' }}\", a]}\nsetup: [\"{{ params.l | join(',') }}\"]\n"})
    assert found.setup == ("a",)


def test_an_empty_text_that_is_no_item_stays() -> None:
    """A variable may be empty; nothing at all removes it, as null does."""
    files = {"p": "variables: {A: x, B: x}\n", "k": "extends: p\nvariables: {A: \"{{ '' }}\", B: '{{ none }}'}\n"}
    assert variables(environment(files)) == {"A": ""}


def test_environment_names() -> None:
    """The child's name and folder, also where a parent of another folder uses them; the cell's name in a cell."""
    files: dict[str, str | Body] = {
        "base/p": "variables: {A: '{{ environment.name }} in {{ environment.folder }}'}\n",
        "team/k": "extends: base/p\nmatrix: {cuda: ['12', cpu]}\n",
    }
    found = resolved(files)
    assert {name: variables(one)["A"] for name, one in found.items()} == {
        "base/p": "base/p in manifests/base",
        "team/k-12": "team/k-12 in manifests/team",
        "team/k-cpu": "team/k-cpu in manifests/team",
    }


def test_the_prefix_is_a_token_until_the_builder_knows_it() -> None:
    """In variables, setup and params, alone and within a text, whole and quoted for a shell."""
    found = environment(
        {
            "k": """
        params: {lib: "{{ environment.prefix }}/lib"}
        setup: ["ls {{ params.lib }}", "cd {{ environment.prefix | quote }}"]
        variables: {A: "{{ environment.prefix }}", P: {prepend: ["{{ params.lib }}"]}}
        """
        }
    )
    assert found.setup == (f"ls {PREFIX}/lib", f"cd '{PREFIX}'")
    assert [(one.value, one.prepend) for one in found.variables] == [(PREFIX, ()), (None, (f"{PREFIX}/lib",))]


@pytest.mark.parametrize(
    "cut",
    [
        "environment.prefix | upper",
        "environment.prefix | length",
        "environment.prefix[1:7]",
        "environment.prefix[1]",
        "environment.prefix | replace('e', 'x')",
        "environment.prefix | first",
        "environment.prefix | reverse",
        "environment.prefix == '/opt/env'",
        "'opt' in environment.prefix",
        "environment.prefix > 'a'",
        "'long' if environment.prefix | length > 5 else 'short'",
    ],
)
def test_nothing_is_made_of_the_prefix_before_it_is_known(cut: str) -> None:
    """Its letters, its length and what it equals are the builder's to say: every use but the whole is refused."""
    for text in (f"x{{{{ {cut} }}}}", f"{{{{ {cut} }}}}"):
        for key in (f'setup: ["{text}"]', f'variables: {{A: "{text}"}}', f'params: {{a: "{text}"}}'):
            (problem,) = problems({"k": f"description: k\n{key}\n"})
            assert problem.startswith("manifests/k.yaml:2:")
            assert "'environment.prefix' is not known before the builder knows it" in problem


def test_the_prefix_within_a_list_is_whole_too() -> None:
    """A list that one expression makes is looked into."""
    text = 'variables: {P: {prepend: "{{ [environment.prefix | upper] }}"}}\n'
    (problem,) = problems({"k": text})
    assert problem.startswith("manifests/k.yaml:1:26: 'environment.prefix' is not known")


_FORBIDDEN = {
    '{{ "\\x00" }}': "U+0000",
    'a{{ "\\x1b" }}': "U+001B",
    '{{ "\\x85" }}': "U+0085",
    '{{ "\\u2028" }}': "U+2028",
    '{{ "\\ud800" }}': "U+D800",
    '{{ "\\ufdd0prefix\\ufdd1" }}': "U+FDD0",
    '{{ ["\\ufeff"] | first }}': "U+FEFF",
}


@pytest.mark.parametrize("text", _FORBIDDEN)
def test_characters_that_no_file_may_hold_cannot_be_rendered(text: str) -> None:
    """Escapes in an expression are no way around what a document refuses, nor to the token of the prefix."""
    for key in ("setup: ['{}']", "variables: {{A: '{}'}}", "params: {{a: '{}'}}"):
        found = problems({"k": f"description: k\n{key.format(text)}\n"})
        assert all(one.startswith("manifests/k.yaml:2:") for one in found)
        assert _FORBIDDEN[text] in found[0]


def test_settings_params_are_the_root() -> None:
    """They hold for every manifest, may use a child's params, and are what the nearest param overrides."""
    own = project_settings(
        'params: {cuda: "12.4", image: "cuda:{{ params.cuda }}", of: "{{ environment.name }}", drop: x}\n'
    )
    files = {
        "p": "params: {cuda: '11.8', drop: ~}\nsetup: ['{{ params.image }} {{ params.of }}']\n",
        "k": "extends: p\nsetup: ['{{ params.drop | default(\"gone\") }}']\n",
        "other": "setup: ['{{ params.image }}']\n",
    }
    found = resolved(files, settings=own)
    assert found["k"].setup == ("cuda:11.8 k", "gone")
    assert found["other"].setup == ("cuda:12.4",)


def test_settings_params_are_wrong_at_their_own_line() -> None:
    """An expression of the settings that fails is told in envbuild.yaml."""
    own = project_settings('builder: local\nparams:\n  a: "{{ params.none }}"\n')
    with pytest.raises(Exception, match=r"^envbuild.yaml:3:6: 'params.none' is undefined\n"):
        environment({"k": "setup: [make]\n"}, settings=own)


def test_settings_hold_no_braces_elsewhere() -> None:
    """Only params are rendered, and tags when they are published."""
    with pytest.raises(SettingsError, match=r"^envbuild.yaml:1:12: settings hold no '{{ }}'"):
        project_settings('channels: ["{{ params.x }}"]\n')
    own = project_settings('publish: {tags: ["{{ git.commit }}"]}\n')
    assert environment({"k": "setup: [make]\n"}, settings=own).keys.publish.tags == ("{{ git.commit }}",)
