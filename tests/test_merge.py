"""How each key is inherited (DESIGN 4), with the tags `!override` and `!reset`; packages have a file of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import Body, Graph, Tagged, bodies, environment, linearised, ordered_graphs, problems, shuffled

from envbuild.resolve import Environment
from envbuild.settings import Settings

OVERRIDE = "!override"
RESET = Tagged("!reset")


def child(parent: str, own: str, settings: Settings | None = None) -> Environment:
    """The child k of one parent, both as text."""
    return environment({"parent": parent, "k": f"extends: parent\n{own}"}, settings=settings)


def variables(found: Environment) -> dict[str, object]:
    """Each variable: its text, or what goes before it, the text, what goes after it."""
    return {
        one.name: (list(one.prepend), one.value, list(one.append)) if one.prepend or one.append else one.value
        for one in found.variables
    }


def test_name_abstract_and_description_are_not_inherited() -> None:
    """What is said of one manifest is not said of its children."""
    found = child("name: other\nabstract: true\ndescription: of the parent\n", "tags: {team: x}\n")
    assert (found.name, found.description) == ("k", "")
    assert child("description: of the parent\n", "description: own\n").description == "own"


def test_an_abstract_manifest_is_not_built_and_its_child_is() -> None:
    """`abstract` is for the manifest that says it."""
    files = {"base": "abstract: true\nsetup: [echo]\n", "k": "extends: base\n"}
    assert environment(files).setup == ("echo",)
    (problem,) = problems(files, "base")
    assert "'base' is abstract" in problem


def test_tags_overlay() -> None:
    """Key by key, the nearest wins; null and !reset remove."""
    parent = "tags: {team: growth, tier: gold, area: ml}\n"
    assert child(parent, "tags: {tier: ~, area: vision}\n").tags == {"team": "growth", "area": "vision"}
    assert child(parent, "tags: {tier: !reset , area: !reset }\n").tags == {"team": "growth"}


def test_variables_overlay() -> None:
    """Key by key, the nearest wins; null and !reset remove; a text stays as it is written."""
    parent = "variables: {A: one, B: two, C: three, D: 3.10}\n"
    own = "variables: {A: uno, B: ~, C: !reset , E: 012}\n"
    assert variables(child(parent, own)) == {"A": "uno", "D": "3.10", "E": "012"}


def test_variables_take_a_float_and_tags_refuse_it() -> None:
    """`3.10` stays `3.10` in a variable; in a tag it has to be quoted."""
    assert variables(environment({"k": "variables: {V: 3.10}\n"})) == {"V": "3.10"}
    (problem,) = problems({"k": "tags: {V: 3.10}\n"})
    assert problem.startswith("manifests/k.yaml:1:11: ")
    assert 'quote it: "3.10"' in problem
    assert environment({"k": 'tags: {V: "3.10"}\n'}).tags == {"V": "3.10"}


def test_prepend_and_append_add_to_what_is_inherited_the_childs_outermost() -> None:
    """Three generations around a text, and around nothing."""
    files = {
        "r": "variables: {P: mid, Q: {prepend: [q]}}\n",
        "a": "extends: r\nvariables: {P: {prepend: [a1, a2], append: [a3]}, Q: {append: [qa]}}\n",
        "k": "extends: a\nvariables: {P: {prepend: [k1], append: [k2]}, Q: {prepend: [qk]}}\n",
    }
    found = variables(environment(files))
    assert found == {"P": (["k1", "a1", "a2"], "mid", ["a3", "k2"]), "Q": (["qk", "q"], None, ["qa"])}


def test_a_text_replaces_additions_and_additions_start_anew_after_it() -> None:
    """A text between two generations of additions ends the first."""
    files = {
        "r": "variables: {P: {prepend: [r]}}\n",
        "a": "extends: r\nvariables: {P: text}\n",
        "k": "extends: a\nvariables: {P: {append: [k]}}\n",
    }
    assert variables(environment(files, "a")) == {"P": "text"}
    assert variables(environment(files)) == {"P": ([], "text", ["k"])}


def test_override_and_reset_inside_a_variable() -> None:
    """They stand on a variable, and on its `prepend` or `append`."""
    parent = "variables: {P: {prepend: [p], append: [q]}}\n"
    assert variables(child(parent, "variables: {P: !override {append: [k]}}\n")) == {"P": ([], None, ["k"])}
    assert variables(child(parent, "variables: {P: !override text}\n")) == {"P": "text"}
    assert variables(child(parent, "variables: !override {Q: k}\n")) == {"Q": "k"}


def test_override_on_prepend_replaces_the_inherited_ones() -> None:
    """`prepend: !override [k]` is a value of a key: what was prepended before goes, the rest stays."""
    parent = "variables: {P: {prepend: [p], append: [q]}}\n"
    found = child(parent, "variables: {P: {prepend: !override [k]}}\n")
    assert variables(found) == {"P": (["k"], None, ["q"])}


def test_reset_on_prepend_clears_the_inherited_ones() -> None:
    """`prepend: !reset` leaves what was appended."""
    parent = "variables: {P: {prepend: [p], append: [q]}}\n"
    assert variables(child(parent, "variables: {P: {prepend: !reset }}\n")) == {"P": ([], None, ["q"])}


def test_channels_own_first_then_inherited_ones_not_yet_named() -> None:
    """A child's channel has priority, and one that is named again moves to where the child puts it."""
    parent = "channels: [p, q, r]\n"
    assert child(parent, "channels: [k, q]\n").channels == ("k", "q", "p", "r")
    assert child(parent, "channels: !override [k]\n").channels == ("k",)
    files = {"r": "channels: [r]\n", "a": "extends: r\nchannels: [a]\n", "b": "extends: r\nchannels: [b]\n"}
    assert environment({**files, "k": "extends: [a, b]\nchannels: [k]\n"}).channels == ("k", "b", "a", "r")


def test_platforms_replace() -> None:
    """The nearest list is the list."""
    parent = "platforms: [linux-64, osx-arm64]\n"
    assert child(parent, "platforms: [linux-aarch64]\n").platforms == ("linux-aarch64",)
    assert child(parent, "description: k\n").platforms == ("linux-64", "osx-arm64")


def test_setup_appends_all_and_never_loses_a_repeat() -> None:
    """Farthest first; a command said twice is run twice."""
    files = {
        "r": "setup: [echo, r]\n",
        "a": "extends: r\nsetup: [echo, a]\n",
        "b": "extends: r\nsetup: [echo]\n",
        "k": "extends: [a, b]\nsetup: [echo, echo]\n",
    }
    assert environment(files).setup == ("echo", "r", "echo", "a", "echo", "echo", "echo")


def test_python_overlays() -> None:
    """Field by field; null and !reset remove."""
    parent = "python: {version: '3.11', from: uv, interpreter: python3.11}\n"
    found = child(parent, "python: {version: '3.12', interpreter: ~}\n")
    assert (found.python.source, found.python.interpreter) == ("uv", "")
    assert [item.specifier for item in found.package("python")] == ["==3.12.*"]
    assert child(parent, "python: !override {managed: false}\n").python.interpreter == ""


def test_pip_overlays() -> None:
    """The index is inherited, replaced, removed."""
    parent = "pip: {index_url: 'https://one.example/simple'}\n"
    assert child(parent, "setup: [echo]\n").index_url == "https://one.example/simple"
    assert child(parent, "pip: {index_url: 'https://two.example/simple'}\n").index_url == "https://two.example/simple"
    for nothing in ("pip: {index_url: ~}", "pip: {index_url: !reset }", "pip: !reset", "pip: !override {}"):
        assert child(parent, f"{nothing}\n").index_url == ""


def test_builder_replaces() -> None:
    """The nearest builder is the builder, else the settings'."""
    assert child("builder: docker\n", "builder: local\n").builder == "local"
    assert child("builder: docker\n", "setup: [echo]\n").builder == "docker"
    assert child("builder: docker\n", "builder: !reset\n").builder == "local"
    assert child("setup: [echo]\n", "setup: [echo]\n", Settings(builder="oci")).builder == "oci"


FULL: Body = {
    "tags": {"team": "x"},
    "channels": ["c"],
    "platforms": ["osx-arm64"],
    "dependencies": ["python=3.11", {"pip": ["alpha"]}],
    "variables": {"A": "a"},
    "python": {"interpreter": "python3"},
    "pip": {"index_url": "https://one.example/simple"},
    "setup": ["echo"],
    "builder": "docker",
}
EMPTY = {
    "tags": {},
    "channels": ("conda-forge",),
    "platforms": ("linux-64",),
    "dependencies": (),
    "variables": (),
    "python": "",
    "pip": "",
    "setup": (),
    "builder": "local",
}


def merged(found: Environment) -> dict[str, object]:
    return {
        "tags": found.tags,
        "channels": found.channels,
        "platforms": found.platforms,
        "dependencies": tuple(item.text for package in found.packages for item in package.items),
        "variables": tuple(found.variables),
        "python": found.python.interpreter,
        "pip": found.index_url,
        "setup": found.setup,
        "builder": found.builder,
    }


@pytest.mark.parametrize("key", sorted(FULL))
def test_reset_clears_each_key(key: str) -> None:
    """What is inherited for the key is gone, what is inherited for the others stays."""
    full = merged(environment({"k": FULL}))
    assert all(full[one] != EMPTY[one] for one in EMPTY)
    reset = merged(environment({"parent": FULL, "k": {"extends": "parent", key: RESET}}))
    if key == "python":  # `python:` and the package python are one thing
        assert reset.pop("dependencies") == ("alpha",)
        full.pop("dependencies")
    assert reset == {**full, key: EMPTY[key]}


@pytest.mark.parametrize("key", sorted(FULL))
def test_null_at_the_top_says_nothing(key: str) -> None:
    """A key without a value leaves what is inherited."""
    found = environment({"parent": FULL, "k": {"extends": "parent", "description": "k", key: None}})
    assert merged(found) == merged(environment({"k": FULL}))


@pytest.mark.parametrize("key", ["tags", "channels", "variables", "pip", "setup", "dependencies"])
def test_override_with_nothing_never_inherits_in_silence(key: str) -> None:
    """`key: !override` without a value empties, as `!override []` does."""
    found = environment({"parent": FULL, "k": {"extends": "parent", key: Tagged(OVERRIDE)}})
    assert merged(found)[key] == EMPTY[key]


def test_a_tag_on_a_list_item_is_refused() -> None:
    """`!override` and `!reset` stand on the value of a key."""
    for text in ("setup: [!override echo]\n", "dependencies: [!override {pip: [alpha]}]\n", "channels: [!reset ]\n"):
        (problem, *_) = problems({"k": text})
        assert "never on a list item" in problem


def test_where_a_value_was_stated() -> None:
    """After merging, each value still knows its own file and line."""
    found = child("tags: {a: x}\nvariables:\n  A: one\n  B: two\n", "variables:\n  B: {prepend: [k]}\n")
    assert str(found.where("variables", "A")) == "manifests/parent.yaml:3:6"
    assert found.where("variables", "B").line_only == "manifests/k.yaml:3"


statements = st.fixed_dictionaries(
    {},
    optional={
        "setup": st.lists(st.sampled_from("abc"), max_size=3),
        "channels": st.lists(st.sampled_from("abcd"), max_size=3, unique=True),
        "tags": st.dictionaries(st.sampled_from("xyz"), st.none() | st.sampled_from("uvw"), max_size=3),
    },
)


def naive(lineage: list[str], own: dict[str, Body]) -> tuple[list[str], list[str], dict[str, str]]:
    """Three rules said in the shortest way."""
    setup: list[str] = []
    channels: list[str] = []
    tags: dict[str, str | None] = {}
    for name in lineage:
        setup += own[name].get("setup", [])
        channels = list(dict.fromkeys([*own[name].get("channels", []), *channels]))
        tags |= own[name].get("tags", {})
    return setup, channels or ["conda-forge"], {key: value for key, value in tags.items() if value is not None}


@given(ordered_graphs(6), st.data())
def test_keys_merge_along_any_lineage_as_the_rules_say(graph: Graph, data: st.DataObject) -> None:
    """Against an oracle that folds the lineage; the order of keys in the files is drawn and never matters."""
    own: dict[str, Body] = {name: data.draw(statements) for name in graph}
    found = environment({name: shuffled(data, body) for name, body in bodies(graph, own).items()})
    assert (list(found.setup), list(found.channels), found.tags) == naive(linearised(graph, "k"), own)
