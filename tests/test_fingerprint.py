"""The fingerprint (DECISIONS 25, P10): scheme 1 held by vectors, and hypothesis for complete and minimal.

Manifests are written as text and read as a command reads them; a solver that always answers the same takes uv's place.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.manifests import PLATFORM, Body, environment, manifest_text, shuffled

from envbuild.fingerprint import SCHEME, Fingerprint, Inputs, fingerprint
from envbuild.lock import Pin, Pins, make_lock, member_items, requests
from envbuild.resolve import Environment

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("fingerprint-1.json").read_text(encoding="utf-8"))
FORMAT = "1"
WHEEL = "manifests/wheels/own-1.0-py3-none-any.whl"


def solve(found: Environment, builds: Mapping[str, str]) -> dict[str, Pins]:
    """Pins that depend on what is asked for and nothing else: `alpha==2` is alpha 2, whatever has no version is 1."""
    return {
        asked.platform: Pins(
            asked.platform,
            tuple(
                Pin("pip", root.partition("==")[0], version, f"https://files.example/{root}", digest(root, builds))
                for root in asked.roots
                if root not in asked.members
                for version in [root.partition("==")[2] or "1"]
            ),
        )
        for asked in requests(found, {item.path: "metadata" for item in member_items(found)})
    }


def digest(root: str, builds: Mapping[str, str]) -> str:
    return hashlib.sha256((root + builds.get(root, "")).encode()).hexdigest()


def fingerprint_of(
    found: Environment,
    *,
    python: str = "3.12",
    files: Mapping[str, str] | None = None,
    builds: Mapping[str, str] | None = None,
    kind: str = FORMAT,
) -> Fingerprint:
    """As `plan` does it: lock what is asked for, then fingerprint."""
    asked = requests(found, {item.path: "metadata" for item in member_items(found)})
    solved = solve(found, builds or {})
    head = make_lock(python, asked, solved).head if asked else None
    digests = {item.path: (files or {}).get(item.path, "f" * 64) for item in member_items(found)}
    return fingerprint(found, Inputs(kind, head, (PLATFORM,), digests))


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=[vector["name"] for vector in VECTORS["vectors"]])
def test_scheme_1_is_held_fixed(vector: dict[str, Any]) -> None:
    """A hash is a contract: these inputs have these hashes in every later version."""
    found = environment(vector["manifests"])
    got = fingerprint_of(found, python=vector["python"], files=vector["files"], kind=vector["format"])
    assert VECTORS["scheme"] == SCHEME
    assert {part.name: part.digest for part in got.parts} == vector["parts"]
    assert got.text == vector["fingerprint"]


def test_the_hash_is_over_the_sorted_parts() -> None:
    """Anyone can compute it: SHA-256 over the lines `name digest`, prefixed by the scheme."""
    for vector in VECTORS["vectors"]:
        lines = "".join(f"{name} {value}\n" for name, value in sorted(vector["parts"].items()))
        assert vector["fingerprint"] == f"1:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_a_part_with_content_is_the_hash_of_that_content() -> None:
    """What `why` shows is what was hashed."""
    for vector in VECTORS["vectors"]:
        for part in fingerprint_of(environment(vector["manifests"])).parts:
            assert not part.content or part.digest == hashlib.sha256(part.content.encode()).hexdigest()


PIP = ["alpha==1", "beta", "gamma==3", "delta"]
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"], exclude_characters="{"), min_size=1, max_size=8
).filter(str.strip)
variable = st.one_of(
    words,
    st.fixed_dictionaries({}, optional={"prepend": st.lists(words), "append": st.lists(words, min_size=1)}).filter(
        lambda additions: any(additions.values())
    ),
)


@st.composite
def stated(draw: st.DrawFn) -> dict[str, Any]:
    """Everything that a manifest of this version may say, so that every mutation has something to change."""
    return {
        "description": draw(words),
        "tags": draw(st.dictionaries(st.sampled_from("xyz"), words, min_size=1)),
        "channels": ["conda-forge"],
        "dependencies": [
            "python=3.12",
            {"pip": [*draw(st.permutations(PIP)), "./wheels/own-1.0-py3-none-any.whl"]},
        ],
        "variables": draw(st.dictionaries(st.sampled_from(["A", "B", "C"]), variable, min_size=1, max_size=3)),
        "python": {"from": "uv", "interpreter": "python3.12"},
        "setup": draw(st.lists(words, min_size=1, max_size=3)),
    }


Mutation = Callable[[st.DataObject, dict[str, Any]], dict[str, Any]]


def with_pip(body: Body, items: list[str]) -> dict[str, Any]:
    return {**body, "dependencies": [body["dependencies"][0], {"pip": items}]}


def pip_of(body: Body) -> list[str]:
    return list(body["dependencies"][1]["pip"])


HARMLESS: dict[str, Mutation] = {
    "order of packages": lambda data, body: with_pip(body, data.draw(st.permutations(pip_of(body)))),
    "order of the lists": lambda _data, body: {**body, "dependencies": body["dependencies"][::-1]},
    "a package said twice": lambda _data, body: with_pip(body, [*pip_of(body), "beta"]),
    "spelling of a package": lambda _data, body: with_pip(
        body, [item.upper() for item in pip_of(body)[:-1]] + pip_of(body)[-1:]
    ),
    "order of keys": lambda data, body: dict(shuffled(data, body)),
    "order of variables": lambda data, body: {**body, "variables": dict(shuffled(data, body["variables"]))},
    "description": lambda data, body: {**body, "description": data.draw(words)},
    "no description": lambda _data, body: {key: value for key, value in body.items() if key != "description"},
    "tags": lambda data, body: {**body, "tags": {"t": data.draw(words)}},
    "conda name": lambda data, body: {**body, "name": data.draw(words)},
    "another platform as well": lambda _data, body: {**body, "platforms": ["osx-arm64", PLATFORM]},
    "this platform said": lambda _data, body: {**body, "platforms": [PLATFORM]},
    "builder said": lambda _data, body: {**body, "builder": "local"},
    "channels": lambda _data, body: {**body, "channels": ["other", "conda-forge"]},
    "index": lambda _data, body: {**body, "pip": {"index_url": "https://other.example/simple"}},
    "python said in the other key": lambda _data, body: {
        **body,
        "dependencies": body["dependencies"][1:],
        "python": {**body["python"], "version": "3.12"},
    },
}


def append(body: Body, key: str, value: str) -> dict[str, Any]:
    return {**body, key: [*body[key], value]}


def other_value(value: Any) -> Any:
    """A variable with one character more, wherever it holds text."""
    if isinstance(value, str):
        return f"{value}x"
    return {**value, "append": [*value.get("append", []), "x"]}


def one_variable(data: st.DataObject, body: Body, change: Callable[[str, Any], dict[str, Any]]) -> dict[str, Any]:
    name = data.draw(st.sampled_from(sorted(body["variables"])))
    rest = {key: value for key, value in body["variables"].items() if key != name}
    return {**body, "variables": {**rest, **change(name, body["variables"][name])}}


HARMFUL: dict[str, Mutation] = {
    "dependencies: another version": lambda _data, body: with_pip(
        body, [item.replace("==1", "==9") for item in pip_of(body)]
    ),
    "dependencies: a package more": lambda _data, body: with_pip(body, [*pip_of(body), "omega"]),
    "dependencies: a package less": lambda _data, body: with_pip(
        body, [item for item in pip_of(body) if item != "beta"]
    ),
    "file: another path": lambda _data, body: with_pip(body, [*pip_of(body)[:-1], "./wheels/own-1.1-py3-none-any.whl"]),
    "variables: another value": lambda data, body: one_variable(data, body, lambda name, old: {name: other_value(old)}),
    "variables: another name": lambda data, body: one_variable(data, body, lambda _name, old: {"D": old}),
    "variables: one less": lambda data, body: one_variable(data, body, lambda _name, _old: {}),
    "variables: one more": lambda data, body: {**body, "variables": {**body["variables"], "E": data.draw(words)}},
    "setup: a command more": lambda data, body: append(body, "setup", data.draw(words)),
    "setup: a repeat": lambda _data, body: append(body, "setup", body["setup"][-1]),
    "setup: a command less": lambda _data, body: {**body, "setup": body["setup"][1:]},
    "python: interpreter": lambda _data, body: {**body, "python": {"from": "uv", "interpreter": "python3.13"}},
    "python: managed": lambda _data, body: {**body, "python": {**body["python"], "managed": False}},
}


def test_minimal_what_changes_nothing_keeps_the_fingerprint() -> None:
    """Order, comments, descriptions, tags, names, and where packages come from: no rebuild."""
    tried: Counter[str] = Counter()

    @given(stated(), st.data())
    def check(body: dict[str, Any], data: st.DataObject) -> None:
        before = fingerprint_of(environment({"k": body}))
        for kind, mutate in HARMLESS.items():
            text = manifest_text(mutate(data, body), comment=data.draw(st.sampled_from(["", "a note"])))
            name = data.draw(st.sampled_from(["k", "renamed/elsewhere"]))
            moved = text.replace("./wheels", "../wheels") if "/" in name else text
            assert fingerprint_of(environment({name: moved}, name)).text == before.text, kind
            tried[kind] += 1

    check()
    print(f"fingerprint: {sum(tried.values())} harmless mutations of {len(tried)} kinds, 0 wrongly changed")  # noqa: T201
    assert tried


def test_complete_what_changes_content_changes_the_fingerprint() -> None:
    """Each part: its own mutation changes the hash, and the part that changed is the one that is named."""
    tried: Counter[str] = Counter()

    @given(stated(), st.data())
    def check(body: dict[str, Any], data: st.DataObject) -> None:
        before = fingerprint_of(environment({"k": body}))
        for kind, mutate in HARMFUL.items():
            after = fingerprint_of(environment({"k": mutate(data, body)}))
            assert after.text != before.text, kind
            assert {part.stem for part in set(before.parts) ^ set(after.parts)} == {kind.partition(":")[0]}
            tried[kind] += 1

    check()
    print(f"fingerprint: {sum(tried.values())} harmful mutations of {len(tried)} kinds, 0 wrongly unchanged")  # noqa: T201
    assert tried


@given(stated())
def test_complete_what_is_not_in_the_manifest_counts_too(body: dict[str, Any]) -> None:
    """The locked Python, a pin's bytes, a local wheel's bytes, the builder's format and kind."""
    found = environment({"k": body})
    seen = [
        fingerprint_of(found).text,
        fingerprint_of(found, python="3.13").text,
        fingerprint_of(found, builds={"beta": "built again"}).text,
        fingerprint_of(found, files={WHEEL: "0" * 64}).text,
        fingerprint_of(found, kind="2").text,
        fingerprint_of(environment({"k": {**body, "builder": "docker"}})).text,
    ]
    assert len(set(seen)) == len(seen)


commands = st.lists(st.one_of(words, st.sampled_from(["a", "b", "ab", "a\nb"])), max_size=3)


@given(commands, commands)
@example(["a\nb"], ["a", "b"])
@example(["ab"], ["a", "b"])
def test_different_commands_never_share_a_hash(one: list[str], other: list[str]) -> None:
    """No joining of texts: `[ab]` and `[a, b]` are two contents."""
    hashes = [fingerprint_of(environment({"k": {"description": "k", "setup": setup}})).text for setup in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


def test_inherited_and_own_content_is_one_content() -> None:
    """Where a value was said is no input: a manifest and the family that says the same have one hash."""
    whole = {"dependencies": [{"pip": ["alpha", "beta"]}], "variables": {"A": "a", "B": "b"}, "setup": ["one", "two"]}
    family: dict[str, Body] = {
        "r": {"dependencies": [{"pip": ["alpha==9", "beta"]}], "variables": {"A": "a", "B": "old"}, "setup": ["one"]},
        "k": {
            "extends": "r",
            "dependencies": [{"pip": ["alpha"]}],
            "variables": {"B": "b"},
            "setup": ["two"],
        },
    }
    assert fingerprint_of(environment(family)).text == fingerprint_of(environment({"k": whole})).text


def test_a_requirements_file_counts_through_the_pins() -> None:
    """The same packages from a `-r` file or from the list itself, with comments and in any order."""
    listed = fingerprint_of(environment({"k": {"dependencies": [{"pip": ["alpha==1", "beta"]}]}}))
    files: dict[str, str | Body] = {
        "k": {"dependencies": [{"pip": ["-r req.txt"]}]},
        "manifests/req.txt": "# why\nBeta\nalpha==1  # pinned\n",
    }
    assert fingerprint_of(environment(files)).text == listed.text
