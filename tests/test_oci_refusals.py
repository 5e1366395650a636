"""What no image that is only assembled can have: told by a plan at its line, or when the base is looked into."""

import re
from pathlib import Path

import pytest
from support.assembling import FILES, PYTHON, World
from support.index import Index
from support.layered import layer, member
from support.registry import Registry

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")
_BASE = "builder: oci\nimage:\n  base: localhost:1/a\n"
_INSTEAD = "'builder: docker'"
# What stands from line 4 on, where and how it is refused, and what is said to do.
_REFUSED = {
    "  build: [make]\n": ("4:3: builder 'oci' cannot do 'image.build'", _INSTEAD),
    "setup: [make]\n": ("4:1: builder 'oci' cannot do 'setup'", _INSTEAD),
    "  apt: [git]\n": ("4:3: builder 'oci' cannot do 'image.apt'", _INSTEAD),
    "builder: oci\nimage: {context: a}\n": ("2:9: builder 'oci' cannot do 'image.context: a'", _INSTEAD),
    "  template: own.j2\n": ("4:3: builder 'oci' cannot do 'image.template: own.j2'", _INSTEAD),
    "  secrets: [token]\n": ("4:3: builder 'oci' cannot do 'image.secrets'", _INSTEAD),
    "dependencies:\n  - pip: ['-e ../lib']\n": (
        "5:11: builder 'oci' cannot do '-e': what it makes goes elsewhere", "remove '-e'",
    ),
    "  user: 'a b'\n": ("4:9: 'a b' is no name of a user", "'1000:1000'"),
    "  user: {name: app, uid: x}\n": ("4:9: 'x' is no number of a user", "write digits: 'uid: 1000'"),
    "  copy: [{from: a, to: srv}]\n": ("4:10: 'srv' is no place in an image", "write it absolute: '/srv/app'"),
    "  prefix: /opt/../etc\n": ("4:11: an environment cannot lie at '/opt/../etc'", "use letters, digits and '._+-'"),
    "builder: oci\nimage: {dockerfile: own}\n": ("2:9: builder 'oci' cannot do 'image.dockerfile: own'", _INSTEAD),
}  # fmt: skip


@pytest.fixture
def world(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    return World(tmp_path, uv_cache, index, registry.server)


def test_what_would_have_to_be_run_is_refused(world: World) -> None:
    """By a plan, all of it in one go, with the line and what to do; and nothing is locked."""
    world.project.write("lib/pyproject.toml", '[project]\nname = "lib"\nversion = "1"\n')
    world.project.write("manifests/a", "a\n")
    world.project.write("manifests/own", "FROM scratch\n")
    for number, text in enumerate(_REFUSED):
        world.project.write(f"manifests/m{number:02}.yaml", text if text.startswith("builder") else f"{_BASE}{text}")
    errors = world.project.json("plan", check=1)["errors"]
    told = {one["path"]: (f"{one['line']}:{one['column']}: {one['message']}", one["hint"]) for one in errors}
    for number, (said, hint) in enumerate(_REFUSED.values()):
        found, shown = told.pop(f"manifests/m{number:02}.yaml")
        assert found == said
        assert hint in shown
    assert told == {}
    assert not (world.project.path / "locks").exists()


def failed(world: World, *args: str) -> list[tuple[str, str]]:
    """What an apply says, and nothing was recorded or named then."""
    errors = world.apply(*args, check=1)["errors"]
    for name in [path.stem for path in (world.project.path / "manifests").glob("*.yaml")]:
        assert "was never built" in world.project.run("history", name, check=64).err
        assert world.served(name).tags() == set()
    return sorted(
        (_DIGEST.sub("", f"{one['path']}:{one['line']}:{one['column']}: {one['message']}"), one["hint"])
        for one in errors
    )


def test_a_base_that_does_not_fit(world: World) -> None:
    """Another platform, another Python or none, no interpreter, steps that wait to be run: each at its line."""
    world.settings(platforms="[linux-64, linux-aarch64]")
    one = world.base()
    world.write("a", one, "alpha")
    bare = world.base(name="bare", starts={}, arm=True)
    world.write("b", bare, "alpha")
    older = layer("usr/", "usr/bin/", member("usr/bin/python3.9", mode=0o755))
    world.write("c", world.base(FILES, older, name="older", starts={}, arm=True), "alpha")
    world.project.write(
        "manifests/d.yaml", f"python: {{managed: false, interpreter: python3}}\nimage:\n  base: {bare}\n"
    )
    waits = world.base(name="waits", starts={**PYTHON, "OnBuild": ["RUN make"]}, arm=True)
    world.write("e", waits, "alpha")
    hint = "choose another base or version, or bring a Python along: 'from: conda' or 'from: uv' under 'python'"
    assert failed(world) == [
        (
            f"manifests/a.yaml:3:9: {one} is not for linux/arm64, but for linux/amd64",
            "choose a base that has it, or leave that platform out of 'platforms'",
        ),
        ("manifests/b.yaml:1:19: the base has no Python, and 3.11 is locked", hint),
        ("manifests/c.yaml:1:19: the base has Python 3.9, and 3.11 is locked", hint),
        (
            "manifests/d.yaml:1:39: the base has no 'python3'",
            "choose another base, or name the interpreter that it has",
        ),
        (
            f"manifests/e.yaml:3:9: {waits} has ONBUILD steps, which have to be run",
            "choose another base image, or 'builder: docker'",
        ),
    ]


def test_copies_that_cannot_be(world: World) -> None:
    """A file where a folder is, an owner that the base does not know, a user that is somebody else there."""
    base = world.base()
    world.project.write("app/one.py", "1\n")
    world.project.write("app/etc", "1\n")
    world.project.write("hidden/.wh.passwd", "")
    cases = {
        "a": "copy: [{from: ../app, to: /srv/a}, {from: ../app/etc, to: /srv/a}]",
        "b": "copy: [{from: ../app, to: /srv/a, owner: nobody}]",
        "c": "user: {name: web, uid: 77}",
        "d": "user: {name: app, uid: 33}",
        "e": "copy: [{from: ../hidden, to: /etc}]",
    }
    for name, text in cases.items():
        world.write(name, base, image=f"  {text}\n")
    taken = "a name by which files of other layers are taken away"
    assert [one for one, _ in failed(world)] == [
        "manifests/a.yaml:4:9: '/srv/a' would be a file, and is a folder",
        "manifests/b.yaml:4:9: the base has no user 'nobody'",
        "manifests/c.yaml:4:9: the base has a user 'web' already: 33:34, at /srv",
        "manifests/d.yaml:4:9: the base has the user 33 already: 'web'",
        f"manifests/e.yaml:4:9: what is copied has '/etc/.wh.passwd', {taken}",
    ]


def test_a_package_that_takes_files_away(world: World, index: Index) -> None:
    """By a name that engines read as a removal: nothing of it is put into an image."""
    index.add("evil", "1.0", modules={"evil/.wh.__init__.py": ""})
    world.write("web", world.base(), "alpha", "evil")
    place = "opt/env/lib/python3.11/site-packages/evil/.wh.__init__.py"
    ((said, hint),) = failed(world)
    assert said.endswith(f"evil 1.0 has '/{place}', a name by which files of other layers are taken away")
    assert hint == "use another version of it"


def test_a_name_that_no_file_system_takes(world: World, index: Index) -> None:
    """What is copied, and what a package has, each name and all of a path: no engine could unpack it."""
    index.add("wide", "1.0", modules={f"wide/{'x' * 256}": ""})
    index.add("deep", "1.0", modules={f"deep/{'/'.join(['d' * 200] * 21)}": ""})
    world.project.write("app.py", "1\n")
    base = world.base()
    world.write("a", base, "wide")
    world.write("b", base, "deep")
    world.write("c", base, image=f"  copy: [{{from: ../app.py, to: /srv/{'é' * 128}}}]\n")
    told = [one.partition("/")[2].partition(": ") for one, _ in failed(world)]
    assert [where for where, _, _ in told] == ["a.yaml:4:23", "b.yaml:4:23", "c.yaml:4:9"]
    assert all(one.endswith("…', a name that is too long for any file system") for _, _, one in told)
