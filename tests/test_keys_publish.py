"""`publish` of DESIGN 4 and DECISIONS 11, with the settings as its outermost root."""

import pytest
from support.keys import body, child, heirs, plain, project_settings, refused
from support.manifests import environment

from envbuild.errors import EnvbuildError
from envbuild.registry.repositories import repositories

PUBLISH = body("publish")


def test_row_publish_registries_repository_and_prefix_replace() -> None:
    """The nearest is what holds, whole."""
    parent = {"registries": ["one.example.com/x", "two.example.com"], "repository": "r", "prefix": "p"}
    own = {"registries": ["three.example.com"], "prefix": "q"}
    assert heirs("publish", parent, own, PUBLISH) == (
        {"registries": ["three.example.com"], "repository": "r", "prefix": "q"},
        own,
        None,
        parent,
    )


def test_row_publish_tags_append() -> None:
    """Inherited ones first, each once; what they use is known when it is published, not before."""
    later = "{{ lock.python }}-{{ git.commit }}-{{ date }}-{{ version }}"
    found = child(f"publish: {{tags: [stable, '{later}']}}\n", "publish: {tags: [latest, stable]}\n")
    assert found.keys.publish.tags == ("stable", later, "latest")


def test_row_publish_annotations_overlay() -> None:
    """Key by key, null removes."""
    parent, own = {"annotations": {"a": "1", "b": "2"}}, {"annotations": {"a": None, "c": "3"}}
    merged = {"annotations": {"b": "2", "c": "3"}}
    assert heirs("publish", parent, own, PUBLISH) == (merged, {"annotations": {"c": "3"}}, None, parent)


def test_row_publish_override_and_reset_stand_within_as_well() -> None:
    """On each key's own value."""
    parent = "publish: {registries: [r.example.com], tags: [a], annotations: {a: x}}\n"
    own = "publish: {registries: !reset , tags: !override [b], annotations: !override {b: y}}\n"
    assert plain(child(parent, own).node("publish")) == {"tags": ["b"], "annotations": {"b": "y"}}


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("[x]", "1:10: 'publish' must be a mapping, not a list | write a mapping"),
        ("{registries: x}", "1:23: 'registries' must be a list, not text | write registries: [x]"),
        ("{registry: x}", "1:11: unknown key 'registry' | did you mean 'registries'?"),
        ("{repository: [x]}", "1:23: 'repository' must be text, not a list | write text"),
        ("{prefix: {a: b}}", "1:19: 'prefix' must be text, not a mapping | write text"),
        ("{tags: {a: b}}", "1:17: 'tags' must be a list, not a mapping | write a list"),
        ("{annotations: [x]}", "1:24: 'annotations' must be a mapping, not a list | write a mapping"),
    ],
)
def test_row_publish_of_a_wrong_type_is_refused(stated: str, message: str) -> None:
    """At its value, with how to write it."""
    assert refused(f"publish: {stated}") == message


def test_row_publish_a_tag_that_uses_what_is_never_known_is_refused() -> None:
    """Before anything is built."""
    assert refused("publish: {tags: ['{{ nope }}']}").startswith("1:18: 'nope' is undefined | known are: ")


def test_the_settings_publish_is_the_outermost_root() -> None:
    """As if a first ancestor of every manifest had said it."""
    text = "publish: {registries: [s.example.com], prefix: s, tags: [s], annotations: {a: s, b: s}}\n"
    project = project_settings(text)
    nothing = environment({"k": "description: k\n"}, settings=project)
    assert plain(nothing.node("publish")) == {
        "registries": ["s.example.com"], "prefix": "s", "tags": ["s"], "annotations": {"a": "s", "b": "s"},
    }  # fmt: skip
    assert str(nothing.where("publish", "prefix")) == "envbuild.yaml:1:48"
    own = "publish: {registries: [k.example.com], tags: [k], annotations: {a: ~}}\n"
    found = child("publish: {tags: [p], prefix: p}\n", own, project)
    assert plain(found.node("publish")) == {
        "registries": ["k.example.com"], "prefix": "p", "tags": ["s", "p", "k"], "annotations": {"b": "s"},
    }  # fmt: skip


def test_the_settings_publish_can_be_cleared() -> None:
    """`!reset` and `!override` of any manifest end what the settings say."""
    project = project_settings("publish: {registries: [s.example.com], tags: [s]}\n")
    assert environment({"k": "publish: !reset\n"}, settings=project).node("publish") is None
    found = child("publish: !override {tags: [p]}\n", "publish: {tags: [k]}\n", project)
    assert plain(found.node("publish")) == {"tags": ["p", "k"]}


def test_the_settings_registry_is_short_for_registries() -> None:
    """Alone, beside other keys of `publish`, and never beside `registries`."""
    project = project_settings("registry: s.example.com/x\npublish: {prefix: s}\n")
    found = environment({"k": "publish: {tags: [k]}\n"}, settings=project)
    assert plain(found.node("publish")) == {"prefix": "s", "registries": ["s.example.com/x"], "tags": ["k"]}
    assert str(found.where("publish", "registries")) == "envbuild.yaml:1:11"
    own = environment({"k": "publish: {registries: [k.example.com]}\n"}, settings=project)
    assert own.keys.publish.registries == ("k.example.com",)
    with pytest.raises(EnvbuildError, match=r"^envbuild.yaml:1:11: registries are stated at line 2, too\n  hint: "):
        project_settings("registry: a.example.com\npublish: {registries: [b.example.com]}\n")


def test_the_settings_tags_may_use_what_is_known_when_publishing() -> None:
    """`publish.tags` are strings with Jinja over git, date, lock, version, wherever they stand."""
    project = project_settings("publish: {tags: ['{{ git.commit }}']}\n")
    assert environment({"k": "description: k\n"}, settings=project).keys.publish.tags == ("{{ git.commit }}",)


@pytest.mark.parametrize("registry", ["acme/envs", "acme"])
def test_a_registry_is_a_host(registry: str) -> None:
    """What an engine would take for a name in Docker's own registry is refused at its line; localhost is a host."""
    project = project_settings(f"registry: {registry}\n")
    with pytest.raises(EnvbuildError) as caught:
        repositories(environment({"k": "builder: docker\n"}, settings=project))
    told = f"envbuild.yaml:1:11: 'acme' is no host: engines take '{registry}' for a name in docker.io"
    assert str(caught.value).splitlines()[0] == told
    assert caught.value.hint.startswith(f"write 'docker.io/{registry}'")
    for host in ("localhost", "localhost/acme", "acme:5000", "docker.io/acme", "[::1]:5000"):
        known = project_settings(f"registry: '{host}'\n")
        assert repositories(environment({"k": "builder: docker\n"}, settings=known))[0].server == host.partition("/")[0]
