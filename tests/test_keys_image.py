"""One test for each row of the table `image` of DESIGN 4; apt, steps and copies are in test_keys_image_lists.py."""

from typing import Any

import pytest
from support.keys import body, child, heirs, plain, refused
from support.manifests import Body, Tagged, Written, environment, problems


def image_heirs(key: str, parent: Any, own: Any) -> tuple[Any, ...]:
    """What a child's image says of a key: stated plainly, with `!override`, as `!reset`, and as null."""
    stated = (own, Tagged("!override", own), Written("!reset "), None)
    bodies: list[Body] = [{"extends": "parent", "image": {key: value}} for value in stated]
    files = ({"parent": {"image": {key: parent}}, "k": one} for one in bodies)
    return tuple(plain(environment(one).node("image", key)) for one in files)


def replaces(key: str, parent: Any, own: Any) -> bool:
    """Whether a child's value stands instead of the inherited one, whole, and null says nothing."""
    return image_heirs(key, parent, own) == (own, own, None, parent)


def test_row_base() -> None:
    """A reference, {image, tag}, {image, prefix} or {environment}; the nearest replaces, whole."""
    for base in (
        "debian:12",
        {"image": "debian", "tag": "^12"},
        {"image": "debian", "prefix": "/opt/conda"},
        {"image": "debian"},
    ):
        assert replaces("base", base, "ubuntu:24.04")
        assert replaces("base", "ubuntu:24.04", base)
    needed: Body = {"image": {"prefix": "/opt/p"}}
    found = environment({"p": needed, "k": {"image": {"base": {"environment": "p"}}}})
    assert plain(found.node("image", "base")) == {"environment": "p"}


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("[x]", "1:15: 'base' must be text or a mapping, not a list | write text or a mapping"),
        ("{img: x}", "1:16: unknown key 'img' | did you mean 'image'?"),
        ("{image: [x]}", "1:23: 'image' must be text, not a list | write text"),
    ],
)
def test_row_base_of_a_wrong_type_is_refused(base: str, message: str) -> None:
    """At its value, with how to write it."""
    assert refused(f"image: {{base: {base}}}") == message


@pytest.mark.parametrize(
    "base", ["{image: x, tag: y, prefix: /z}", "{image: x, environment: y}", "{tag: y}", "{prefix: /z}", "{}"]
)
def test_row_base_with_keys_that_do_not_go_together_is_refused(base: str) -> None:
    """Each of its forms is one thing."""
    assert refused(f"image: {{base: {base}}}") == (
        "1:15: 'base' has keys that do not go together | "
        "write {image, tag} or {image, prefix} or {image} or {environment} or {cpu, gpu}"
    )


def test_row_base_whose_tag_is_no_expression_is_refused() -> None:
    """`tag` is a regular expression: one that nothing can read would fail only when locking."""
    assert refused("image: {base: {image: debian, tag: '12('}}").startswith("1:36: ")


def test_row_base_of_an_environment_that_is_not_there_is_refused() -> None:
    """With the nearest name."""
    (problem,) = problems({"base": "image: {prefix: /p}\n", "k": "image: {base: {environment: bass}}\n"})
    assert problem == "manifests/k.yaml:1:29: no environment is named 'bass'\n  hint: did you mean 'base'?"


def test_row_dockerfile_and_context() -> None:
    """Paths are taken from where they were written, a text is kept; the nearest replaces."""
    assert replaces("dockerfile", "./Dockerfile", "FROM x\nRUN y\n")
    assert replaces("context", "./one", "./two")
    files = {
        "base/p": "image: {dockerfile: docker/Dockerfile, context: ../shared}\n",
        "team/k": "extends: base/p\n",
    }
    image = environment(files, "team/k").keys.image
    assert (image.dockerfile, image.context) == ("manifests/base/docker/Dockerfile", "manifests/shared")
    assert refused("image: {dockerfile: ../../Dockerfile}").startswith("1:21: the path '../../Dockerfile' leaves")
    assert refused("image: {context: /srv}").startswith("1:18: the path '/srv' is absolute")


@pytest.mark.parametrize("text", ["FROM x:{{ v }}", "FROM x:{{ v }}\nRUN {% y %}\n", "# syntax=z\nFROM x:{{ v }}\n"])
def test_row_dockerfile_is_never_jinja(text: str) -> None:
    """A text, of one line or of many, is what Docker reads."""
    assert environment({"k": {"image": {"dockerfile": text}}}).keys.image.dockerfile == text


@pytest.mark.parametrize("own", ["dockerfile: ./D", "context: .", "dockerfile: ./D, context: ."])
def test_row_dockerfile_and_context_exclude_base_across_inheritance(own: str) -> None:
    """Either takes the place of an inherited base, and an own base that of both."""
    written = {"dockerfile: ./D": {"dockerfile": "./D"}, "context: .": {"context": "."}}
    expected = written.get(own, {"dockerfile": "./D", "context": "."})
    found = child("image: {base: x, user: me}\n", f"image: {{{own}}}\n")
    assert plain(found.node("image")) == {"user": "me", **expected}
    found = child(f"image: {{{own}, user: me}}\n", "image: {base: x}\n")
    assert plain(found.node("image")) == {"user": "me", "base": "x"}


def test_row_base_of_unrelated_parents_the_later_wins() -> None:
    """`extends: [a, b]`: what b says excludes what a says."""
    files = {"a": "image: {base: x}\n", "b": "image: {dockerfile: ./D}\n"}
    found = [environment({**files, "k": f"extends: {order}\n"}) for order in ("[a, b]", "[b, a]")]
    assert [plain(one.node("image")) for one in found] == [{"dockerfile": "./D"}, {"base": "x"}]


@pytest.mark.parametrize("nothing", ["base: ~", "base: !reset "])
def test_row_base_that_says_nothing_excludes_nothing(nothing: str) -> None:
    """Clearing a base that is not there leaves the Dockerfile."""
    found = child("image: {dockerfile: ./D}\n", f"image: {{{nothing}}}\n")
    assert plain(found.node("image")) == {"dockerfile": "./D"}


@pytest.mark.parametrize("own", ["base: x, dockerfile: ./D", "dockerfile: ./D, base: x", "base: x, context: ."])
def test_row_base_beside_a_dockerfile_in_one_manifest_is_refused(own: str) -> None:
    """Neither is nearer than the other: the order of keys in a file means nothing."""
    assert len(problems({"k": f"image: {{{own}}}\n"})) == 1


def test_row_user_and_owner() -> None:
    """A name, or a user to be made; replaced whole, never key by key."""
    made = {"name": "me", "uid": 1000, "gid": 100, "home": "/home/me", "shell": "/bin/bash"}
    assert replaces("user", made, "root")
    assert replaces("user", made, {"name": "you"})
    assert replaces("owner", "me", "you:users")
    assert refused("image: {user: {uid: 1000}}") == "1:15: the key 'name' is missing | add it"
    assert refused("image: {user: [me]}").startswith("1:15: 'user' must be text or a mapping, not a list | ")
    assert refused("image: {owner: [me]}") == "1:16: 'owner' must be text, not a list | write text"


def test_row_with() -> None:
    """Environments of the project: inherited ones, then own ones not yet named."""
    others = {name: f"image: {{prefix: /opt/{name}}}\n" for name in "abc"}
    found = environment({**others, "p": "image: {with: [a, b]}\n", "k": "extends: p\nimage: {with: [b, c]}\n"})
    assert found.keys.image.companions == ("a", "b", "c")
    assert refused("image: {with: a}") == "1:15: 'with' must be a list, not text | write with: [a]"


def test_row_with_two_at_one_prefix_is_refused() -> None:
    """Each that installs something lies at its own prefix in the same image."""
    others = dict.fromkeys("ab", "builder: oci\ndependencies: [python]\nimage: {prefix: /opt/x}\n")
    found = problems({**others, "k": "image: {with: [a, b]}\nbuilder: oci\n"})
    assert found[0].startswith("manifests/k.yaml:1:")
    assert "'/opt/x'" in found[0]


def test_row_trim() -> None:
    """Globs: inherited ones, then own ones not yet named."""
    found = image_heirs("trim", ["**/*.a", "**/tests"], ["**/*.pyc", "**/*.a"])
    assert found == (["**/*.a", "**/tests", "**/*.pyc"], ["**/*.pyc", "**/*.a"], None, ["**/*.a", "**/tests"])
    assert refused("image: {trim: x}") == "1:15: 'trim' must be a list, not text | write trim: [x]"


REPLACED: dict[str, tuple[Any, Any, str]] = {
    "entrypoint": (["a", "b"], "c", "{a: b}"),
    "command": ("a b", ["c"], "{a: b}"),
    "shell": (["/bin/bash", "-c"], ["/bin/sh"], "/bin/bash"),
    "healthcheck": ({"test": "x", "retries": 3, "interval": "5s"}, {"test": ["y", "z"]}, "{retries: 3}"),
    "workdir": ("/a", "/b", "[a]"),
    "stop_signal": ("SIGTERM", "SIGINT", "{a: b}"),
    "prefix": ("/opt/a", "/opt/b", "[a]"),
    "template": ("a.j2", "b.j2", "[a]"),
}


@pytest.mark.parametrize("key", REPLACED)
def test_row_what_is_as_in_docker_replaces(key: str) -> None:
    """Whole, also where it has keys of its own; another type is refused at its place."""
    parent, own, wrong = REPLACED[key]
    assert replaces(key, parent, own)
    assert refused(f"image: {{{key}: {wrong}}}").startswith(f"1:{len(key) + 11}: ")


def test_row_gpu() -> None:
    """`auto`, true or false, and nothing else."""
    for parent, own in (("auto", True), (True, False), (False, "auto")):
        assert replaces("gpu", parent, own)
    assert refused("image: {gpu: yes}").startswith("1:14: 'gpu' cannot be 'yes' | ")


def test_row_expose_and_secrets() -> None:
    """Ports and names: inherited ones, then own ones not yet named."""
    found = image_heirs("expose", [80, "53/udp"], ["8000-8010/tcp", 80])
    assert found == ([80, "53/udp", "8000-8010/tcp"], ["8000-8010/tcp", 80], None, [80, "53/udp"])
    assert image_heirs("secrets", ["a", "b"], ["b", "c"])[0] == ["a", "b", "c"]
    assert refused("image: {secrets: {a: b}}") == "1:18: 'secrets' must be a list, not a mapping | write a list"


@pytest.mark.parametrize("port", ["http", "80/sctp/x", "-1", "65536", "99999"])
def test_row_expose_takes_ports_only(port: str) -> None:
    """None is above 65535: a Dockerfile with such a line is not built."""
    assert refused(f"image: {{expose: [{port}]}}").startswith("1:18: ")


def test_row_labels() -> None:
    """Key by key, null removes; a text stays as it is written."""
    parent = {"a": "1", "b": "2"}
    assert image_heirs("labels", parent, {"b": None, "c": "3"}) == ({"a": "1", "c": "3"}, {"c": "3"}, None, parent)
    assert environment({"k": "image: {labels: {v: 3.10}}\n"}).keys.image.labels == {"v": "3.10"}
    assert refused("image: {labels: {v: [x]}}") == "1:21: 'v' must be text, not a list | write text"


def test_image_itself_is_reset_replaced_and_kept() -> None:
    """The tags stand on the whole key as well."""
    parent, own = {"base": "x", "expose": [80]}, {"expose": [81]}
    assert heirs("image", parent, own, body("image")) == ({"base": "x", "expose": [80, 81]}, own, None, parent)


def test_unknown_keys_of_image_are_refused_with_the_nearest() -> None:
    """As at the top."""
    assert refused("image: {entry_point: x}") == "1:9: unknown key 'entry_point' | did you mean 'entrypoint'?"
