"""One test for each row of the first table of DESIGN 4: its type, how it is inherited, whether it is content."""

import pytest
from support.keys import asks, body, counts, fingerprint_of, heirs, items, plain, refused
from support.manifests import PLATFORM, Body, Tagged, Written, asked, environment, resolved

from envbuild.resolve import Environment


def test_row_name() -> None:
    """Anything at all; the path is the identity, and nobody inherits it."""
    for name in ("train", "base", "/a/b", None, ["x"]):
        assert environment({"k": {"name": name, "description": "k"}}).name == "k"
    assert heirs("name", "p", "o", body("name")) == ("o", "o", None, None)
    assert not counts("name", "other")


def test_row_extends() -> None:
    """A name, a path, or a list of these; a grandchild has its parents through its parent alone."""
    assert refused("extends: {a: b}") == "1:10: 'extends' must be text or a list, not a mapping | write text or a list"
    files: dict[str, str | Body] = {"r": {"setup": ["r"]}, "team/a": {"extends": "r", "setup": ["a"]}}
    for parents in ("team/a", "./team/a.yaml", ["team/a"], ["r", "./team/a.yaml"]):
        found = environment({**files, "k": {"extends": parents}})
        assert [one.name for one in found.lineage] == ["r", "team/a", "k"]
        assert found.setup == ("r", "a")
    copied: Body = {"setup": ["r", "a"]}
    inherited = environment({**files, "k": {"extends": "team/a"}})
    assert fingerprint_of(inherited) == fingerprint_of(environment({"k": copied}))


def test_row_abstract() -> None:
    """True or false; of the manifest that says it, not of its children."""
    assert refused("abstract: maybe") == ("1:11: 'abstract' must be true or false, not 'maybe' | write true or false")
    found = resolved({"p": "abstract: true\nsetup: [make]\n", "k": "extends: p\n"})
    assert list(found) == ["k"]
    assert not counts("abstract", value=False)


def test_row_description() -> None:
    """Text of one manifest, for people."""
    assert refused("description: [x]") == "1:14: 'description' must be text, not a list | write text"
    assert heirs("description", "p", "o", lambda found: found.description)[:2] == ("o", "o")
    assert environment({"p": "description: p\n", "k": "extends: p\n"}).description == ""
    assert not counts("description", "other")


def test_row_tags() -> None:
    """Texts by name: key by key, null removes."""
    assert refused("tags: {a: [x]}") == "1:11: 'a' must be text, not a list | write text"
    assert refused("tags: {a: 3.10}") == '1:11: the number 3.10 is not kept as written | quote it: "3.10"'
    parent, own = {"a": "1", "b": "2", "c": "3"}, {"b": "two", "c": None}
    expected: tuple[object, ...] = ({"a": "1", "b": "two"}, {"b": "two"}, {}, parent)
    assert heirs("tags", parent, own, lambda found: found.tags) == expected
    assert not counts("tags", {"team": "x"})


def test_row_channels() -> None:
    """Own first, then inherited ones not yet named; no content by themselves."""
    assert refused("channels: a") == "1:11: 'channels' must be a list, not text | write channels: [a]"
    found = heirs("channels", ["p", "q", "r"], ["o", "q"], lambda found: found.channels)
    assert found == (("o", "q", "p", "r"), ("o", "q"), ("conda-forge",), ("p", "q", "r"))
    assert not counts("channels", ["other"])


def test_row_platforms() -> None:
    """Known platforms; the nearest list is the list; of a local build only this machine's counts."""
    assert refused("platforms: [linux64]") == (
        "1:13: an item of 'platforms' cannot be 'linux64' | did you mean 'linux-64'?"
    )
    found = heirs("platforms", ["osx-64", "linux-64"], ["win-64"], lambda found: found.platforms)
    assert found == (("win-64",), ("win-64",), (PLATFORM,), ("linux-64", "osx-64"))
    assert not counts("platforms", ["linux-64", "osx-arm64"])
    assert asks("platforms", ["linux-64", "osx-arm64"])


def test_row_dependencies() -> None:
    """Conda specs and a pip list: package by package; their order is nothing."""
    assert refused("dependencies: a") == "1:15: 'dependencies' must be a list, not text | write dependencies: [a]"
    parent, own = ["numpy=1.26", "scipy", {"pip": ["alpha==1"]}], ["numpy=2", {"pip": ["beta"]}]
    merged = {"numpy": ["2.*"], "pip/alpha": ["1"], "pip/beta": ["*"], "scipy": ["*"]}
    before = {"numpy": ["1.26.*"], "pip/alpha": ["1"], "scipy": ["*"]}
    assert heirs("dependencies", parent, own, asked) == (merged, {"numpy": ["2.*"], "pip/beta": ["*"]}, {}, before)
    assert asks("dependencies", [{"pip": ["alpha==1"]}])
    assert not asks("dependencies", [{"pip": ["beta", "alpha"]}], beside={"dependencies": [{"pip": ["alpha", "beta"]}]})


def test_row_without() -> None:
    """Drops what is inherited, for this manifest and what extends it; it is not inherited itself."""
    assert refused("without: [deb/nano]") == (
        "1:11: 'deb/nano' names no package | write 'name', 'pip/name' or 'apt/name'"
    )
    files: dict[str, str | Body] = {
        "r": {"dependencies": ["numpy", {"pip": ["numpy", "torch"]}], "image": {"apt": ["nano", "vim"]}},
        "a": {"extends": "r", "without": ["numpy", "pip/torch", "apt/nano"]},
    }
    for own in ({"extends": "a"}, {"extends": "a", "without": []}, {"extends": "a", "without": Tagged("!reset")}):
        found = environment({**files, "k": own})
        assert (asked(found), plain(found.node("image", "apt", "packages"))) == ({"pip/numpy": ["*"]}, ["vim"])
    again = environment({**files, "k": {"extends": "a", "dependencies": ["numpy=2"]}})
    assert asked(again) == {"numpy": ["2.*"], "pip/numpy": ["*"]}


@pytest.mark.parametrize("key", ["constraints", "overrides"])
def test_row_constraints_and_overrides(key: str) -> None:
    """The grammar and the merging of `dependencies`, apart from them."""
    assert refused(f"{key}: a").endswith(f": '{key}' must be a list, not text | write {key}: [a]")
    assert refused(f"{key}: [pip: ['scipy=1.4.1']]").endswith("pip compares with two signs: scipy==1.4.1")
    parent, own = [{"pip": ["alpha<2", "beta<3"]}], [{"pip": ["alpha<9"]}]
    expected: tuple[object, ...] = (["alpha<9", "beta<3"], ["alpha<9"], [], ["alpha<2", "beta<3"])
    assert heirs(key, parent, own, items(key)) == expected
    assert environment({"k": {key: parent}}).packages == ()


def test_row_constraints_and_overrides_are_asked_for() -> None:
    """Through the lock."""
    assert asks("constraints", [{"pip": ["alpha<2"]}])
    assert not counts("constraints", [{"pip": ["alpha<2"]}])
    assert asks("overrides", [{"pip": ["alpha<2"]}])
    assert not counts("overrides", [{"pip": ["alpha<2"]}])


def test_row_system_requirements() -> None:
    """Virtual packages: key by key, null removes."""
    assert refused("system_requirements: {cude: '12'}") == "1:23: unknown key 'cude' | did you mean 'cuda'?"
    assert refused("system_requirements: {cuda: [12]}") == "1:29: 'cuda' must be text, not a list | write text"
    parent, own = {"cuda": "12.9", "libc": "2.28"}, {"cuda": None, "libc": "2.31", "linux": "5.4"}
    rest = {"libc": "2.31", "linux": "5.4"}
    found = heirs("system_requirements", parent, own, body("system_requirements"))
    assert found == (rest, rest, None, parent)
    assert not counts("system_requirements", {"cuda": "12.9"})
    assert asks("system_requirements", {"cuda": "12.9"})
    assert asks("system_requirements", {"libc": "2.17"})
    assert "'2.x' is no version of libc" in refused("system_requirements: {libc: '2.x'}")


def test_row_variables() -> None:
    """Texts as written, and additions for paths: key by key, null removes; all of it content."""
    assert refused("variables: {A: [x]}") == "1:16: 'A' must be text or a mapping, not a list | write text or a mapping"
    assert refused("variables: {A: {front: [x]}}").startswith("1:17: unknown key 'front' | ")

    def read(found: Environment) -> dict[str, tuple[object, ...]]:
        return {one.name: (one.prepend, one.value, one.append) for one in found.variables}

    parent = {"A": "a", "B": "b", "P": {"prepend": ["p"]}, "V": Written("3.10")}
    own = {"A": None, "B": "two", "P": {"prepend": ["o"], "append": ["end"]}}
    merged = {"B": ((), "two", ()), "P": (("o", "p"), None, ("end",)), "V": ((), "3.10", ())}
    alone = {"B": ((), "two", ()), "P": (("o",), None, ("end",))}
    before = {"A": ((), "a", ()), "B": ((), "b", ()), "P": (("p",), None, ()), "V": ((), "3.10", ())}
    assert heirs("variables", parent, own, read) == (merged, alone, {}, before)
    assert counts("variables", {"A": "a"})
    assert counts("variables", {"P": {"prepend": ["p"]}})


def test_row_params() -> None:
    """Any plain data: key by key, null removes; content only through what is rendered with it."""
    assert refused("params: [a]") == "1:9: 'params' must be a mapping, not a list | write a mapping"
    assert refused("params: {v: {w: [3.10]}}").startswith("1:18: the number 3.10 is not kept as written | ")
    parent, own = {"a": "1", "b": {"x": 1, "y": True}, "c": "c"}, {"b": {"x": 2}, "c": None}
    found = heirs("params", parent, own, body("params"))
    assert found == ({"a": "1", "b": {"x": 2}}, {"b": {"x": 2}}, None, parent)
    assert not counts("params", {"v": "2"}, beside={"params": {"v": "1"}})
    assert counts("params", {"v": "2"}, beside={"params": {"v": "1"}, "setup": ["make {{ params.v }}"]})
