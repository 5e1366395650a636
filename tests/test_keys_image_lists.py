"""The lists of DESIGN 4's table `image`: apt with its `without`, steps, copies."""

from typing import Any

import pytest
from support.keys import child, plain, refused
from support.manifests import Body, Tagged, Written, environment, problems

SHA = "0123456789abcdef" * 4
DEB = {"url": "https://example.com/x.deb", "sha256": SHA}


def apt(*parents: Any) -> Any:
    """What a line of descent says of apt, the last manifest being the nearest."""
    files: dict[str, Body] = {}
    for at, stated in enumerate(parents):
        name = "k" if at == len(parents) - 1 else f"m{at}"
        files[name] = {"image": {"apt": stated}, **({"extends": f"m{at - 1}"} if at else {})}
    return plain(environment(files).node("image", "apt"))


def packages(files: dict[str, str]) -> list[str]:
    """The Debian packages of k, in order."""
    found = plain(environment(files).node("image", "apt", "packages"))
    return list(found or [])


def test_row_apt_list_and_mapping_are_one_thing() -> None:
    """A list is short for `packages`; either form appends to either."""
    assert apt(["nano", "vim"], ["vim", "git"]) == {"packages": ["nano", "vim", "git"]}
    assert apt({"packages": ["nano"], "upgrade": True}, ["git"]) == {"packages": ["nano", "git"], "upgrade": True}
    assert apt(["nano"], {"packages": ["git"], "snapshot": "20250101"}) == {
        "packages": ["nano", "git"], "snapshot": "20250101",
    }  # fmt: skip


def test_row_apt_keys_merge_each_by_its_own_rule() -> None:
    """Packages and sources append new; upgrade, recommends and snapshot replace."""
    one = {"url": "https://one.example.com", "suite": "stable", "components": ["main"], "key": "k", "sha256": SHA}
    two = {"url": "https://two.example.com", "suite": "stable"}
    parent = {"packages": ["nano", DEB], "sources": [one], "upgrade": True, "recommends": True, "snapshot": "20250101"}
    own = {"packages": [DEB, "git"], "sources": [one, two], "upgrade": False, "snapshot": "20250202"}
    assert apt(parent, own) == {
        "packages": ["nano", DEB, "git"], "sources": [one, two], "upgrade": False, "recommends": True,
        "snapshot": "20250202",
    }  # fmt: skip


def test_row_apt_override_reset_and_null() -> None:
    """On the whole, and on the keys within."""
    parent = {"packages": ["nano"], "upgrade": True}
    assert apt(parent, Tagged("!override", ["git"])) == {"packages": ["git"]}
    assert apt(parent, Tagged("!override", {"upgrade": False})) == {"upgrade": False}
    assert apt(parent, Written("!reset ")) is None
    assert apt(parent, None) == parent
    assert apt(parent, {"packages": Tagged("!override", ["git"])}) == {"packages": ["git"], "upgrade": True}
    assert apt(parent, {"packages": Written("!reset ")}) == {"upgrade": True}
    assert apt(parent, Written("!reset "), ["git"]) == {"packages": ["git"]}


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("nano", "1:14: 'apt' must be a list or a mapping, not text | write a list or a mapping"),
        ("[[nano]]", "1:15: an item of 'apt' must be text or a mapping, not a list | write text or a mapping"),
        ("[{url: 'https://example.com/x.deb'}]", "1:15: the key 'sha256' is missing | add it"),
        ("{package: [nano]}", "1:15: unknown key 'package' | did you mean 'packages'?"),
        ("{upgrade: yes}", "1:24: 'yes' is not a boolean | write true"),
        ("{sources: [{url: 'https://example.com'}]}", "1:25: the key 'suite' is missing | add it"),
        (
            "[-r ../../apt.txt]",
            "1:15: the path '../../apt.txt' leaves the project | keep what a project needs inside it",
        ),
    ],
)
def test_row_apt_of_a_wrong_type_is_refused(stated: str, message: str) -> None:
    """At its value, with how to write it."""
    assert refused(f"image: {{apt: {stated}}}") == message


def test_row_apt_files_are_found_from_where_they_are_named() -> None:
    """`-r apt.txt` of a parent is the parent's, and one file that two manifests name counts once."""
    files = {
        "manifests/base/apt.txt": "nano\n",
        "manifests/base/p.yaml": "image: {apt: [-r apt.txt]}\n",
        "manifests/team/k.yaml": "extends: base/p\nimage: {apt: [-r ../base/apt.txt, git]}\n",
    }
    found = environment(files, "team/k").keys.image.apt
    assert found is not None
    assert getattr(found, "packages", None) == ("-r manifests/base/apt.txt", "git")


def test_row_apt_file_that_is_not_there_is_refused() -> None:
    """As a pip list's `-r` is, before anything is built."""
    assert refused("image: {apt: [-r none.txt]}").startswith("1:15: there is no file 'manifests/none.txt' | ")


def test_row_apt_without_drops_along_descent() -> None:
    """What ancestors say, in any spelling of its version; nothing else."""
    files = {"r": "image: {apt: [nano=5.4, nano-tiny, vim]}\n", "a": "extends: r\nimage: {apt: [git]}\n"}
    assert packages({**files, "k": "extends: a\nwithout: [apt/nano, apt/git]\n"}) == ["nano-tiny", "vim"]
    assert packages({**files, "k": "extends: a\nwithout: [nano, pip/nano]\n"}) == [
        "nano=5.4",
        "nano-tiny",
        "vim",
        "git",
    ]


def test_row_apt_without_beside_ones_own_item_loses() -> None:
    """The manifest that drops what it inherits may say it anew."""
    files = {"r": "image: {apt: [nano=5.4, vim]}\n"}
    assert packages({**files, "k": "extends: r\nwithout: [apt/nano]\nimage: {apt: [nano=7]}\n"}) == ["vim", "nano=7"]
    again = packages({**files, "k": "extends: r\nwithout: [apt/vim]\nimage: {apt: [vim]}\n"})
    assert again == ["nano=5.4", "vim"]


def test_row_apt_a_grandchild_takes_back_what_was_dropped() -> None:
    """Nearest wins, here too."""
    files = {"r": "image: {apt: [nano]}\n", "a": "extends: r\nwithout: [apt/nano]\n"}
    assert packages({**files, "k": "extends: a\nimage: {apt: [nano]}\n"}) == ["nano"]


@pytest.mark.parametrize("order", ["[a, b]", "[b, a]"])
@pytest.mark.parametrize("parent", ["", "extends: r\n"])
def test_row_apt_without_leaves_what_an_unrelated_parent_says(order: str, parent: str) -> None:
    """What b says of its own stays, whoever comes first, and whether or not b is of r, too."""
    files = {
        "r": "image: {apt: [nano, vim]}\n",
        "a": "extends: r\nwithout: [apt/nano]\n",
        "b": f"{parent}image: {{apt: [nano]}}\n",
        "k": f"extends: {order}\n",
    }
    assert sorted(packages(files)) == ["nano", "vim"]


@pytest.mark.parametrize("order", ["[a, b]", "[b, a]"])
def test_row_apt_without_drops_a_common_ancestors_item(order: str) -> None:
    """The other parent says nothing of its own: what both inherit is hidden, as for packages."""
    files = {
        "r": "image: {apt: [nano, vim]}\n",
        "a": "extends: r\nwithout: [apt/nano]\n",
        "b": "extends: r\n",
        "k": f"extends: {order}\n",
    }
    assert packages(files) == ["vim"]


def test_row_apt_without_in_a_fragment_leaves_what_another_axis_brings() -> None:
    """Neither fragment descends from the other: what the manifest itself says goes, what the other one says stays."""
    text = """
        image: {apt: [nano]}
        matrix:
          a: {x: {image: {apt: [vim]}}}
          b: {y: {without: [apt/nano, apt/vim]}}
        """
    found = environment({"k": text}, "k-x-y")
    assert plain(found.node("image", "apt", "packages")) == ["vim"]


def test_row_build_appends_all_and_never_loses_a_repeat() -> None:
    """Farthest first; text and mapping forms side by side."""
    step = {"command": "make", "user": "me", "before": "apt"}
    script = {"script": "./go.sh", "args": ["-v"], "before": "packages"}
    files: dict[str, Body] = {
        "r": {"image": {"build": ["make", step]}},
        "a": {"extends": "r", "image": {"build": ["make"]}},
        "b": {"extends": "r", "image": {"build": [step, script]}},
        "k": {"extends": ["a", "b"], "image": {"build": ["make", "make"]}},
    }
    found = plain(environment(files).node("image", "build"))
    assert found == ["make", step, "make", step, script, "make", "make"]


def test_row_build_of_the_same_id_replaces_in_place() -> None:
    """Whole, where the parent's stood; an id of its own is a step more."""
    parent = "image: {build: [one, {command: two, id: x, user: me}, three]}\n"
    own = "image: {build: [four, {command: zwei, id: x}, {command: y, id: y}]}\n"
    found = plain(child(parent, own).node("image", "build"))
    assert found == ["one", {"command": "zwei", "id": "x"}, "three", "four", {"command": "y", "id": "y"}]
    unrelated = {"a": parent, "b": own, "k": "extends: [a, b]\n"}
    assert plain(environment(unrelated).node("image", "build")) == found


def test_row_build_override_and_reset() -> None:
    """The whole list is a key's value."""
    parent = "image: {build: [one]}\n"
    assert child(parent, "image: {build: !override [two]}\n").keys.image.build == ("two",)
    assert child(parent, "image: {build: !reset }\n").keys.image.build == ()
    assert child(parent, "image: {build: ~}\n").keys.image.build == ("one",)


@pytest.mark.parametrize(
    "step",
    [
        "[x]", "{}", "{command: x, script: ./y}", "{command: x, args: [y]}", "{script: /bin/x}", "{script: ../../x}",
        "{command: x, before: copy}", "{comand: x}", "{user: me}", "''",
    ],
)  # fmt: skip
def test_row_build_of_a_wrong_shape_is_refused(step: str) -> None:
    """A step is a text, a command or a script, at a known place."""
    found = problems({"k": f"image:\n  build:\n    - {step}\n"})
    assert len(found) == 1
    assert found[0].startswith("manifests/k.yaml:3:")
    assert "\n  hint: " in found[0]


def test_row_build_one_id_twice_in_one_file_means_the_same_with_and_without_a_parent() -> None:
    """What a manifest says of its own does not change because a parent has the id as well."""
    own = "image: {build: [{id: x, command: a}, {id: x, command: b}]}\n"
    alone = environment({"k": own})
    under = child("image: {build: [{id: x, command: p}]}\n", own)
    assert plain(under.node("image", "build")) == plain(alone.node("image", "build"))


def test_row_copy_by_to() -> None:
    """The nearest copy to a place stands where the first one stood; paths are taken from where they were written."""
    files = {
        "base/p": "image: {copy: [{from: a, to: /a, mode: '0644'}, {from: [b, c], to: /b/, owner: me}]}\n",
        "team/k": "extends: base/p\nimage: {copy: [{from: d, to: /d}, {from: e, to: /a}]}\n",
    }
    copies = environment(files, "team/k").keys.image.copy
    assert [(one.source, one.to, one.mode, one.owner) for one in copies] == [
        ("manifests/team/e", "/a", None, None),
        (("manifests/base/b", "manifests/base/c"), "/b/", None, "me"),
        ("manifests/team/d", "/d", None, None),
    ]


def test_row_copy_from_elsewhere() -> None:
    """From an environment, an image, or a download by its hash."""
    sources = [
        {"environment": "p", "path": "/x"},
        {"image": "debian:12", "path": "/x"},
        {"url": "https://example.com/x.tgz", "sha256": SHA, "extract": True},
    ]
    for source in sources:
        found = environment({"p": "description: p\n", "k": {"image": {"copy": [{"from": source, "to": "/x"}]}}})
        assert plain(found.node("image", "copy")) == [{"from": source, "to": "/x"}]


@pytest.mark.parametrize(
    "copy",
    [
        "x",
        "{from: a}",
        "{to: /a}",
        "{from: /a, to: /a}",
        "{from: ../../a, to: /a}",
        "{from: a, to: /a, mode: rw}",
        "{from: {environment: k}, to: /a}",
        "{from: {url: 'https://example.com'}, to: /a}",
        "{from: {url: 'https://example.com', sha256: abc}, to: /a}",
        "{from: {image: x, path: /y, extract: true}, to: /a}",
    ],
)
def test_row_copy_of_a_wrong_shape_is_refused(copy: str) -> None:
    """Where from and where to are always said, and a download has its hash."""
    found = problems({"k": f"image:\n  copy:\n    - {copy}\n"})
    assert all(one.startswith("manifests/k.yaml:3:") and "\n  hint: " in one for one in found)


def test_row_copy_two_to_one_folder_both_stay_whatever_a_parent_says() -> None:
    """One manifest may fill a folder in two items; with a parent's copy to it no own item is lost."""
    own = "image: {copy: [{from: a, to: /x/}, {from: b, to: /x/}]}\n"
    alone = environment({"k": own}).keys.image.copy
    assert [one.source for one in alone] == ["manifests/a", "manifests/b"]
    assert child("image: {copy: [{from: p, to: /x/}]}\n", own).keys.image.copy == alone


def test_row_copy_a_child_replaces_all_that_a_parent_copies_to_one_place() -> None:
    """All items of one manifest for one place are one definition, as with packages."""
    parent = "image: {copy: [{from: a, to: /x/}, {from: b, to: /x/}]}\n"
    copies = child(parent, "image: {copy: [{from: c, to: /x/}]}\n").keys.image.copy
    assert [one.source for one in copies] == ["manifests/c"]
