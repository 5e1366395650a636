"""What would break an image without a word: links of its base, too many layers, users that nobody knows."""

import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.assembling import World
from support.index import Index
from support.layered import layer
from support.registry import Registry

from envbuild.builders.oci.facts import Facts
from envbuild.builders.oci.wheeltrees import Listed


@pytest.fixture
def world(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    made = World(tmp_path, uv_cache, index, registry.server)
    made.project.write("files/bin/tool", "#!\n")
    made.project.write("app.py", "1\n")
    return made


# What `image` says, and how that is told; the base has `/bin -> usr/bin`, `/etc/passwd` and `/srv`.
_REFUSED = {
    "  copy: [{from: ../files, to: /}]\n": ("'/bin' would be a folder, and is a link", "copy to '/usr/bin/'"),
    "  copy: [{from: ../app.py, to: /etc}]\n": ("'/etc' would be a file, and is a folder", "write the place with"),
    "  copy: [{from: ../files, to: /etc/passwd}]\n": ("'/etc/passwd' would be a folder, and is a file", "copy to"),
    "  copy: [{from: ../app.py, to: /etc/passwd}]\n  user: {name: app}\n": (
        "'/etc/passwd' is copied, and would not name the user that is to be made", "name the user in that file",
    ),
    "  copy: [{from: ../app.py, to: /opt/env/lib}]\n": (
        "'/opt/env/lib' would be a file, and is a folder", "write the place with",
    ),
    "  copy: [{from: ../app.py, to: /opt/env}]\n": ("'/opt/env' would be a file, and is a folder", "write the place"),
    "  copy: [{from: ../files, to: /opt/env/lib64/python3.11}]\n": (
        "'/opt/env/lib64' would be a folder, and is a link", "copy to another place",
    ),
    "  copy: [{from: ../files, to: /opt/env/pyvenv.cfg}]\n": ("'/opt/env/pyvenv.cfg' would be a folder", "copy to"),
    "  prefix: /bin/env\n": ("the base has a link '/bin', where folders of the environment", "choose another place"),
    "  user: ghost\n": ("the base has no user 'ghost'", "write numbers"),
    "  user: {name: app, uid: '4294967295'}\n": ("'4294967295' is no number of a user", "write digits"),
}  # fmt: skip


def test_what_the_base_has_is_not_lost(world: World) -> None:
    """Each is refused at its line, and nothing is pushed."""
    base = world.base()
    for number, image in enumerate(_REFUSED):
        world.write(f"m{number}", base, "alpha", image=image)
    world.project.run("lock")
    for number, (said, hint) in enumerate(_REFUSED.values()):
        (error,) = world.apply(f"m{number}", check=1)["errors"]
        assert said in error["message"]
        assert error["hint"].startswith(hint)
        assert error["path"] == f"manifests/m{number}.yaml"
        assert error["line"] >= 3
        assert world.served(f"m{number}").tags() == set()


def test_a_folder_goes_through_a_link_that_is_named(world: World) -> None:
    """As Docker has it: what is copied to the link lies behind it."""
    world.write("web", world.base(), image="  copy: [{from: ../files/bin, to: /bin}]\n")
    world.apply()
    copied = world.served().layers("v1")[-1]
    files = world.served().files(copied["digest"])
    assert files["usr/bin/tool"][0].type == tarfile.REGTYPE
    assert "bin" not in files


def test_no_more_layers_than_engines_take(world: World) -> None:
    """Packages share what the base leaves; a base that leaves none is refused."""
    many = [layer(f"srv/{number}") for number in range(125)]
    world.write(
        "web",
        world.base(*many, name="many"),
        "alpha",
        "beta",
        "gamma",
        image="  copy: [{from: ../app.py, to: /srv/}]\n",
    )
    world.apply("web")
    assert len(world.served().layers("v1")) == 127
    full = [*many, layer("srv/last"), layer("srv/very-last")]
    world.write("full", world.base(*full, name="full"), "alpha")
    (error,) = world.apply("full", check=1)["errors"]
    assert error["message"] == "the base has 127 layers, and engines take 127 in all"


@pytest.mark.parametrize("budget", ["0", "-1", "121", "1000"])
def test_a_budget_has_bounds(world: World, budget: str) -> None:
    world.settings(f"layers: {{budget: {budget}}}\n")
    (error,) = world.project.json("plan", check=1)["errors"]
    assert error["message"] == f"{budget} is no number of layers that packages can have"
    assert (error["line"], error["hint"]) == (4, "write one from 1 to 120")


def test_verify_knows_how_each_platform_was_divided(world: World) -> None:
    """A package that one of them lacks leaves its place in the others to another one; what others have may change."""
    world.settings("layers: {budget: 3}\n", "[linux-64, linux-aarch64]")
    base = world.base(arm=True)
    world.write("web", base, "alpha", "beta", "gamma; platform_machine == 'x86_64'", "tool")
    world.write("job", base, "gamma", "tool", "alpha")
    world.apply()
    world.write("job", base, "beta")
    world.project.run("verify", "web")


def test_verify_takes_an_image_as_it_was_published(world: World) -> None:
    """The share of one machine, and one that had other annotations then."""
    world.settings(platforms="[linux-64, linux-aarch64]")
    base = world.base(arm=True)
    world.write("web", base, "alpha", more="publish: {annotations: {org.example.team: growth}}\n")
    world.apply("--platform", "linux-64")
    assert "the same" in world.project.run("verify", "web").out
    world.apply()
    world.write("web", base, "alpha", more="publish: {annotations: {org.example.team: other}}\n")
    assert world.project.run("verify", "web").out.count("the same") == 3


def test_what_several_learn_at_once_is_kept(tmp_path: Path) -> None:
    """Environments that are made beside each other look into the same packages."""
    facts = Facts(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(facts.keep, "name", Listed((("purelib", "a.py"),))) for _ in range(200)]:
            one.result()
    assert facts.find("name", Listed) == Listed((("purelib", "a.py"),))
