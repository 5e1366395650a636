"""`diff` (DESIGN 11, DECISIONS 40): two versions, two environments, a version and now, by package, field and part."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.index import Index
from support.line import write_base, write_child
from support.project import Project

from envbuild.difference import Difference, FieldChange, Package, PackageChange, PartChange, Side, Value, difference
from envbuild.fingerprint import Part


@pytest.fixture
def moved(project: Project, index: Index) -> Project:
    """Two versions: alpha moved, beta came, delta went, a variable changed; then a command came."""
    write_base(project, index, "alpha ==1.*", "delta")
    write_child(project, "a", more="variables:\n  ONE: x\n")
    project.run("apply")
    write_base(project, index, "alpha ==2.*", "beta")
    write_child(project, "a", more="variables:\n  ONE: w\n")
    project.run("apply")
    write_child(project, "a", more="variables:\n  ONE: w\nsetup: [echo hello]\n")
    return project


def _changes(found: dict[str, Any]) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (one["name"], one["change"], (one["before"] or {}).get("version"), (one["after"] or {}).get("version"))
        for one in found["packages"]
    ]


def test_two_versions_by_package_field_and_part(moved: Project) -> None:
    """The answer first, and a table of each kind; every cell at its place."""
    assert moved.run("diff", "a@1", "a@2").out.splitlines() == [
        "1 package moved, 1 added, 1 removed, 4 fields changed.",
        "",
        "packages  version 1  version 2",
        "  alpha   1.1        2.0        major",
        "  beta    -          1.0        added",
        "  delta   1.0        -          removed",
        "",
        "fields                    version 1   version 2",
        "  dependencies.pip/alpha  alpha==1.*  alpha==2.*",
        "  dependencies.pip/beta   -           beta",
        "  dependencies.pip/delta  delta       -",
        "  variables.ONE           x           w",
        "",
        "parts",
        "  dependencies/linux-64  changed  the pinned packages",
        "  variables              changed  environment variables",
    ]


def test_the_latest_version_and_now(moved: Project) -> None:
    """A name alone: what has changed since it was built, with its line."""
    whole = moved.json("diff", "a")
    assert list(whole) == ["format_version", "before", "after", "parts", "packages", "fields", "platforms", "unknown"]
    assert (whole["before"]["version"], whole["after"]["version"]) == (2, None)
    told = {"field": "setup", "before": None, "after": "echo hello", "where": "manifests/a.yaml:4"}
    assert whole["fields"] == [told]
    assert [(one["part"], one["change"]) for one in whole["parts"]] == [("setup", "added")]
    assert whole["packages"] == whole["unknown"] == []
    assert _changes(moved.json("diff", "a@1")) == _changes(moved.json("diff", "a@1", "a@latest")) != []


def test_the_other_way_round(moved: Project) -> None:
    """What came went, and a version that went down says so."""
    found = moved.json("diff", "a@2", "a@1")
    assert _changes(found) == [
        ("alpha", "moved", "2.0", "1.1"), ("beta", "removed", "1.0", None), ("delta", "added", None, "1.0"),
    ]  # fmt: skip
    assert (found["packages"][0]["jump"], found["packages"][0]["back"]) == ("major", True)
    assert "  alpha   2.0        1.1        major, back" in moved.run("diff", "a@2", "a@1").out


def test_two_environments(moved: Project) -> None:
    """As their manifests are now, whether they were built or not."""
    write_child(moved, "b", "tool", more="description: another\n")
    moved.run("lock")
    out = moved.run("diff", "a", "b").out
    assert out.startswith("1 package added, 4 fields changed.\n\npackages  a  b\n  tool    -  1.0  added\n")
    assert "manifests/b.yaml:5\n" in out


def test_an_order_that_counts_is_one_change(moved: Project) -> None:
    """Two commands that changed places are neither come nor gone; of two that are alike one may go."""
    lists = [["true", "sync"], ["sync", "true"], ["true", "true", "sync"]]
    found: list[list[dict[str, Any]]] = []
    for one in lists:
        write_child(moved, "a", more=f"variables:\n  ONE: w\nsetup: [{', '.join(one)}]\n")
        moved.run("apply")
        found.append(moved.json("diff", f"a@{len(found) + 2}", f"a@{len(found) + 3}")["fields"])
    changes = [[(one["field"], one["before"], one["after"]) for one in fields] for fields in found]
    assert changes[1:] == [[("setup", "[true, sync]", "[sync, true]")], [("setup", None, "true")]]


def test_nothing_differs(moved: Project) -> None:
    """Comments and order are no difference; a description is one, and leaves the content the same."""
    moved.run("apply")
    text = moved.read("manifests/a.yaml")
    moved.write("manifests/a.yaml", f"# a comment\n{text}")
    short = moved.json("show", "a")["environment"]["fingerprint"][:14]
    assert moved.run("diff", "a").out == f"No difference: both are {short}…\n"
    assert moved.run("diff", "a@1", "a@1").out.startswith("No difference: both are 1:")
    moved.write("manifests/a.yaml", f"{text}description: hello\n")
    assert moved.run("diff", "a").out.startswith(f"1 field changed. The content is the same: {short}…\n")


def test_versions_need_no_manifest(moved: Project) -> None:
    """The records hold everything; what now is cannot be said, and it is said what can be compared."""
    before = moved.run("diff", "a@1", "a@2").out
    moved.remove("manifests")
    moved.write("manifests/other.yaml", "variables: {ONE: '1'}\n")
    assert moved.run("diff", "a@1", "a@2").out == before
    told = "error: 'a' has no manifest now\n  hint: compare versions: envbuild diff a@1 a@2\n"
    assert moved.run("diff", "a", check=64).err == told


def test_without_a_current_lock_the_rest_is_compared(moved: Project, index: Index) -> None:
    """What is not known is said, with the line that made it so and how to get it; it writes nothing."""
    write_base(moved, index, "alpha ==1.*")
    before = moved.tree()
    run = moved.run("diff", "a")
    assert run.out.startswith("3 fields changed; packages not known.\n")
    assert run.out.endswith(
        "\nNot compared: packages; the lock of 'a' is not current: alpha 2.* -> 1.*  manifests/base.yaml:6\n"
        "  hint: run 'envbuild lock a'\n"
    )
    assert moved.tree() == before
    moved.remove("locks/a.conda-lock.yml")
    assert moved.json("diff", "a")["unknown"][0]["hint"] == "run 'envbuild lock a'"
    moved.write("locks/a.conda-lock.yml", "version: 1\n")
    assert "edited by hand" in moved.json("diff", "a")["unknown"][0]["why"]


def test_another_builder_is_compared_as_far_as_it_is_known(moved: Project) -> None:
    """Packages and fields are; the parts of a builder that is not there are not, and it is said why."""
    text = moved.read("manifests/a.yaml")
    moved.write("manifests/a.yaml", f"{text}builder: oci\n")
    found = moved.json("diff", "a")
    assert ("builder", "local", "oci") in [(one["field"], one["before"], one["after"]) for one in found["fields"]]
    (unknown,) = found["unknown"]
    assert unknown["what"] == "parts"
    assert "oci" in unknown["why"]
    assert found["packages"] == []


def test_verbose_shows_what_parts_hold(moved: Project) -> None:
    """Only the lines that differ, with their side."""
    out = moved.run("diff", "a@1", "a@2", "-v").out.splitlines()
    assert '      -   "ONE": "x"' in out
    assert '      +   "ONE": "w"' in out
    assert any(line.startswith("      - pip alpha 1.1 - ") for line in out)
    assert "\x1b[32m" in moved.run("diff", "a@1", "a@2", "-v", "--color", "always").out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["b"], "'b' was never built\n  hint: run 'envbuild apply'"),
        (["a@7"], "'a' has no version '7'\n  hint: recorded are: 2, 1"),
        (["a@1", "c"], "no environment is named 'c'"),
        (["a@", "a"], "'a@' names no version"),
    ],
)
def test_what_cannot_be_compared(moved: Project, args: list[str], told: str) -> None:
    """64, with what there is."""
    moved.write("manifests/b.yaml", "variables: {ONE: '1'}\n")
    assert moved.run("diff", *args, check=64).err.startswith(f"error: {told}")


@pytest.mark.parametrize("columns", [80, 40])
def test_a_difference_fits_its_terminal(moved: Project, columns: int) -> None:
    """Fields one below the other where side by side is too wide, and whole."""
    value = " ".join(f"word{number}" for number in range(30))
    write_child(moved, "a", more=f"variables:\n  ONE: {value}\n")
    with moved.terminal("diff", "a@1", columns=columns, env={"NO_COLOR": "1"}) as terminal:
        assert terminal.finish() == 0
    assert max(map(len, terminal.lines)) <= columns
    assert value in " ".join(line.strip() for line in terminal.lines)


def _package(version: str, build: str = "", manager: str = "pip", name: str = "p", sha256: str = "0") -> Package:
    return Package(manager, name, version, build, sha256)


def _side(packages: Mapping[str, tuple[Package, ...]]) -> Side:
    return Side(
        environment="a", version=None, fingerprint=None, builder="local", parts=(), packages=dict(packages), fields={}
    )


@pytest.mark.parametrize(
    ("before", "after", "word", "jump", "back"),
    [
        (_package("1.26.4"), _package("2.0.0"), "moved", "major", False),
        (_package("1.26.4"), _package("1.27.0"), "moved", "minor", False),
        (_package("1.26.4"), _package("1.26.5"), "moved", "patch", False),
        (_package("1!1.0"), _package("2.0"), "moved", "major", True),
        (_package("2024a", manager="conda"), _package("2023b", manager="conda"), "moved", "major", True),
        (_package("2.0.0"), _package("2.0.0rc1"), "moved", "", True),
        (_package("2.0.0rc1"), _package("2.0.0"), "moved", "", False),
        (_package("1.0+cu118"), _package("1.0+cu124"), "moved", "", False),
        (_package("1.0+cu124"), _package("1.0+cu118"), "moved", "", True),
        (_package("1.0"), _package("1.0.post1"), "moved", "", False),
        (_package("1.0"), _package("1.0.0"), "moved", "", False),
        (_package("2024a", manager="conda"), _package("2024b", manager="conda"), "moved", "", False),
        (_package("9f", manager="conda"), _package("9e", manager="conda"), "moved", "", True),
        (_package("1.1.1", manager="conda"), _package("1.1.1w", manager="conda"), "moved", "", False),
        (_package("1.0", "h_0"), _package("1.0", "h_1"), "other file", "", False),
        (_package("1.0"), _package("1.0", sha256="1"), "other file", "", False),
        (_package("1.0", manager="conda"), _package("1.0"), "other manager", "", False),
    ],
)
def test_how_a_package_changed(before: Package, after: Package, word: str, jump: str, back: bool) -> None:  # noqa: FBT001
    """The word for it, how far it went, and whether it went down."""
    (change,) = difference(_side({"linux-64": (before,)}), _side({"linux-64": (after,)})).packages
    assert (change.word, change.jump, change.is_back) == (word, jump, back)


def test_platforms_are_named_where_they_differ() -> None:
    """One row for what holds on all; a platform of one side alone is said; no lock is nothing anywhere."""
    old, new = _package("1.0"), _package("2.0")
    both = {"linux-64": (old,), "osx-arm64": (old,)}
    assert [one.platforms for one in difference(_side(both), _side(dict.fromkeys(both, (new,)))).packages] == [()]
    some = difference(_side(both), _side({**both, "linux-64": (new,)}))
    assert [one.platforms for one in some.packages] == [("linux-64",)]
    less = difference(_side(both), _side({"linux-64": (old,)}))
    assert (less.packages, less.unmatched) == ((), ("osx-arm64",))
    assert [one.word for one in difference(_side({}), _side(both)).packages] == ["added"]


_TEXTS = st.sampled_from(["x", "y", "z"])
_MANAGERS = st.sampled_from(["pip", "conda"])
_VERSIONS = st.sampled_from(["1.0", "1.1", "2.0", "odd"])
_PACKAGES = st.lists(st.builds(_package, _VERSIONS, _TEXTS, _MANAGERS, _TEXTS), max_size=4).map(tuple)
_PARTS = st.dictionaries(st.sampled_from(["python", "setup", "dependencies/linux-64"]), _TEXTS).map(
    lambda parts: tuple(Part(name, digest) for name, digest in parts.items())
)
_SIDES = st.builds(
    Side,
    environment=_TEXTS,
    version=st.none() | st.integers(1, 3),
    fingerprint=st.none() | _TEXTS,
    builder=_TEXTS,
    parts=st.none() | _PARTS,
    hidden=st.frozensets(st.sampled_from(["python", "dependencies"])),
    packages=st.none() | st.dictionaries(st.sampled_from(["linux-64", "osx-arm64"]), _PACKAGES),
    fields=st.none() | st.dictionaries(_TEXTS, st.lists(st.builds(Value, _TEXTS), min_size=1, max_size=3).map(tuple)),
)


def _mirrored(found: Difference) -> list[str]:
    return sorted(
        repr(msgspec.structs.replace(change, before=change.after, after=change.before)) for change in _every(found)
    )


def _every(found: Difference) -> list[PackageChange | PartChange | FieldChange]:
    return [*found.packages, *found.parts, *found.fields]


@given(_SIDES)
def test_nothing_differs_from_itself(side: Side) -> None:
    """Whatever is known of it."""
    found = difference(side, side)
    assert (*_every(found), *found.unmatched) == ()


@given(_SIDES, _SIDES)
def test_a_difference_is_the_mirror_of_its_mirror(one: Side, other: Side) -> None:
    """What came when it is read one way went when it is read the other."""
    there, back = difference(one, other), difference(other, one)
    assert _mirrored(there) == sorted(map(repr, _every(back)))
    assert there.unmatched == back.unmatched


@given(_SIDES, _SIDES)
def test_no_difference_is_hidden(one: Side, other: Side) -> None:
    """Where both sides know their packages and nothing is said of them, they are the same."""
    found = difference(one, other)
    if one.packages is not None and other.packages is not None and not found.packages:
        for platform in one.packages.keys() & other.packages.keys():
            assert _by_name(one.packages[platform]) == _by_name(other.packages[platform])


def _by_name(packages: tuple[Package, ...]) -> dict[tuple[str, str], Package]:
    return {(package.manager, package.name): package for package in packages}
