"""The fingerprint of images: the parts that prefixes have, and those of images; scheme 1 held by vectors."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.images import lock_of
from support.manifests import environment

from envbuild.fingerprint import Fingerprint, ImageInputs, Inputs, fingerprint, image_fingerprint
from envbuild.project.shipped import templates as shipped
from envbuild.render import Given, Templates, apt_packages, platforms_of, render_image

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("image-1.json").read_text(encoding="utf-8"))
_FORMAT = "docker-1"
_HEAD = "builder: docker\nplatforms: [linux-64]\n"
_PIP = "dependencies: [python=3.12, pip: [alpha==1]]\n"


def found(manifest: str, files: dict[str, str] | None = None, *, dockerfile: str = "", base: str = "") -> Fingerprint:
    """As it is made for a build, but for what a vector gives itself."""
    stated = environment({"k": manifest})
    lock = lock_of(stated)
    given = Given(lock)
    made = dockerfile or render_image(stated, Templates({}, shipped()), given)["Dockerfile"]
    return image_fingerprint(
        stated,
        Inputs(_FORMAT, lock.head if lock else None, platforms_of(stated), files or {}),
        ImageInputs(made, base, tuple(apt_packages(stated, given))),
    )


def parts(manifest: str) -> dict[str, str]:
    return {part.name: part.digest for part in found(_HEAD + manifest).parts}


def changed(one: str, other: str) -> set[str]:
    """The names of the parts in which two manifests differ."""
    first, second = parts(one), parts(other)
    return {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=[vector["name"] for vector in VECTORS["vectors"]])
def test_the_parts_of_images_are_held_fixed(vector: dict[str, Any]) -> None:
    """A hash is a contract; the text of the Dockerfile is an input here, and not what a template makes today."""
    got = found(vector["manifest"], vector["files"], dockerfile=vector["dockerfile"], base=vector["base"])
    assert {part.name: part.digest for part in got.parts} == vector["parts"]
    assert got.text == vector["fingerprint"]


def test_the_dockerfile_counts_by_its_bytes() -> None:
    """As it is executed: anyone can compute the part."""
    for vector in VECTORS["vectors"]:
        assert vector["parts"]["template/Dockerfile.j2"] == hashlib.sha256(vector["dockerfile"].encode()).hexdigest()


def test_an_image_has_all_parts_that_a_prefix_has() -> None:
    """With the same digests: only what images have is added."""
    stated = environment({"k": f"{_HEAD}{_PIP}variables: {{A: x}}\nsetup: [make]\nimage: {{base: 'debian:12'}}\n"})
    lock = lock_of(stated)
    inputs = Inputs(_FORMAT, lock.head if lock else None, ("linux-64",), {"a": "f" * 64})
    plain = {(part.name, part.digest) for part in fingerprint(stated, inputs).parts}
    whole = {(part.name, part.digest) for part in image_fingerprint(stated, inputs, ImageInputs("FROM x\n")).parts}
    assert plain < whole
    assert {name for name, _ in whole - plain} == {"base", "template/Dockerfile.j2"}


_KEYS = {
    "apt": ("apt: [git]", "apt: [git, nano]"),
    "build": ("build: [make]", "build: [make all]"),
    "command": ("command: [a]", "command: [b]"),
    "entrypoint": ("entrypoint: [a]", "entrypoint: [b]"),
    "expose": ("expose: ['80']", "expose: ['81']"),
    "labels": ("labels: {a: x}", "labels: {a: y}"),
    "shell": ("shell: [/bin/sh, -c]", "shell: [/bin/bash, -c]"),
    "user": ("user: app", "user: other"),
    "workdir": ("workdir: /a", "workdir: /b"),
    "stop_signal": ("stop_signal: SIGINT", "stop_signal: SIGTERM"),
    "prefix": ("prefix: /opt/a", "prefix: /opt/b"),
}


@pytest.mark.parametrize("key", _KEYS)
def test_a_key_of_image_is_a_part(key: str) -> None:
    """That names what changed, beside the Dockerfile that is another one now."""
    one, other = (f"{_PIP}image: {{base: 'debian:12', {said}}}\n" for said in _KEYS[key])
    assert changed(one, other) - {"template/Dockerfile.j2"} == {f"image/{key}"}


@pytest.mark.parametrize(
    "other",
    [
        f"{_PIP}image: {{base: 'debian:12', prefix: /opt/env}}\n",
        f"{_PIP}image: {{base: 'debian:12', gpu: auto}}\n",
        f"{_PIP}image: {{base: 'debian:12', labels: {{}}, apt: []}}\n",
        f"{_PIP}image: {{base: {{image: 'debian:12'}}}}\n",
        f"{_PIP}image: {{base: 'debian:12', template: Dockerfile.j2}}\n",
        f"{_PIP}description: other\ntags: {{a: b}}\npublish: {{tags: [x]}}\nimage: {{base: 'debian:12'}}\n",
    ],
)
def test_what_says_what_holds_anyway_changes_nothing(other: str) -> None:
    """P10: defaults that are stated, another form of the same, and what is for people."""
    assert changed(f"{_PIP}image: {{base: 'debian:12'}}\n", other) == set()


def test_a_step_is_what_it_does() -> None:
    """In its short form as in its long one, and whatever a child may call it by."""
    forms = ("make", "{command: make}", "{command: make, id: one}")
    one, *others = (f"{_PIP}image: {{base: 'debian:12', build: [{form}]}}\n" for form in forms)
    assert [changed(one, other) for other in others] == [set(), set()]


def test_another_base_is_another_content() -> None:
    """Of a reference its digest counts, of an environment what that is made of."""
    assert "base" in changed(f"{_PIP}image: {{base: 'debian:12'}}\n", f"{_PIP}image: {{base: 'debian:13'}}\n")
    one, other = (found(f"{_HEAD}{_PIP}image: {{base: 'a:1'}}\n", dockerfile="FROM x\n", base=text) for text in "ab")
    assert {part.name for part in one.parts if part not in other.parts} == {"base"}
