"""The user of a base image: what the lock pins of how a container starts, and whose the steps of an image are."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.images import lock_of
from support.imaging import Imaging
from support.manifests import environment
from support.project import Project
from support.registry import Registry

from envbuild.errors import RenderError
from envbuild.lock import Base, Pins, Request, lock_text, make_lock, read_head
from envbuild.project.shipped import templates
from envbuild.render import Given, Parent, Templates, render_image

pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

_LOCK = "locks/a.conda-lock.yml"
_HEAD = "builder: docker\nplatforms: [linux-64]\n"
_STARTS = {
    "User": "app:staff",
    "Env": ["LANG=C", "PATH=/srv/bin:/usr/bin"],
    "Entrypoint": ["/tini", "--"],
    "Cmd": None,
}


def write(project: Project, base: str, more: str = "") -> None:
    project.write("manifests/a.yaml", f"{_HEAD}image:\n  base: {base}\n{more}")


def held(project: Project) -> Base:
    base = read_head(_LOCK, project.read(_LOCK)).base
    assert base is not None
    return base


def test_how_a_base_starts_is_pinned(project: Project, registry: Registry) -> None:
    """Its user, the path of its programs and its entrypoint; of a base that says nothing that there is nothing."""
    digest = registry.push("base", "1", amd64=_STARTS)
    write(project, f"{registry.server}/base:1")
    project.run("lock")
    assert held(project) == Base(
        f"{registry.server}/base", "1", digest, "app:staff", "/srv/bin:/usr/bin", ("/tini", "--")
    )
    registry.push("base", "2")
    write(project, f"{registry.server}/base:2")
    project.run("lock")
    assert (held(project).user, held(project).path, held(project).entrypoint) == ("", "", ())


def test_the_platform_that_is_asked_for_says_it(project: Project, registry: Registry) -> None:
    """Not another one of the same index; platforms whose users differ need a word of the manifest."""
    registry.push("base", "1", arm64={"User": "arm"}, amd64={"User": "app"}, s390x={"User": "root"}, ppc64le={})
    write(project, f"{registry.server}/base:1")
    project.run("lock")
    assert held(project).user == "app"
    project.write("manifests/a.yaml", project.read("manifests/a.yaml").replace("linux-64", "linux-64, linux-aarch64"))
    told = project.run("lock", "--upgrade", check=1).err
    assert (
        f"manifests/a.yaml:4:9: {registry.server}/base:1 has the user 'app' on linux-64 and 'arm' on linux-aarch64\n"
        "  hint: say whose the image is in the end: 'user: root' under 'image'\n"
    ) in told
    project.write("manifests/a.yaml", f"{project.read('manifests/a.yaml')}  user: app\n")
    project.run("lock", "--upgrade")
    project.write("manifests/a.yaml", "builder: docker\nplatforms: [linux-s390x, linux-ppc64le]\n"
                  f"image: {{base: '{registry.server}/base:1'}}\n")  # fmt: skip
    project.run("lock", "--upgrade")
    assert held(project).user == ""


def test_a_digest_needs_no_answer(project: Project, registry: Registry) -> None:
    """A registry that is there tells how its image starts; without one the lock says nothing of that."""
    digest = registry.push("base", "1", amd64=_STARTS)
    write(project, f"{registry.server}/base@{digest}")
    project.run("lock")
    assert held(project).user == "app:staff"
    write(project, f"{registry.server}/base:9@sha256:{'a' * 64}")
    project.run("lock")
    assert held(project).user is None
    registry.close()
    write(project, f"{registry.server}/base:2@{digest}")
    project.run("lock")
    assert held(project) == Base(f"{registry.server}/base", "2", digest)


def test_a_lock_of_before_stays_current(project: Project, registry: Registry) -> None:
    """And what is rendered of it, until it is made anew for another reason: then how the same image starts is added."""
    digest = registry.push("base", "1", amd64=_STARTS)
    write(project, f"{registry.server}/base:1", "  build: [touch /x]\n")
    request = Request("linux-64", base=f"{registry.server}/base:1")
    before = Base(f"{registry.server}/base", "1", digest)
    lock = make_lock("", (request,), {"linux-64": Pins("linux-64", ())}, before)
    project.write(_LOCK, lock_text(lock, "manifests/a.yaml", "a"))
    assert '"digest":"' in project.read(_LOCK)
    assert "entrypoint" not in project.read(_LOCK)
    project.run("lock", "--check")
    assert project.run("lock").out == "Lock: 1 current.\n"
    assert "USER" not in project.run("render", "a").out
    registry.push("base", "1", amd64={"User": "later"})
    moved = project.json("lock", "--upgrade", "--dry-run", "--diff")["environments"][0]["moves"]
    assert len(moved) == 1
    project.write("envbuild.yaml", "platforms: [linux-64]\nsystem_requirements: {linux-64: {libc: '2.17'}}\n")
    told = project.json("lock", "--diff")["environments"][0]
    assert (told["moves"], held(project).digest, held(project).user) == ([], digest, "app:staff")


@pytest.mark.parametrize("starts", [{"User": 5}, {"Env": "PATH"}, {"Entrypoint": {"a": 1}}])
def test_a_configuration_that_is_none(project: Project, registry: Registry, starts: dict[str, Any]) -> None:
    """What cannot be read is told at the line, and no lock is written."""
    registry.push("base", "1", amd64=starts)
    write(project, f"{registry.server}/base:1")
    told = project.run("lock", check=1).err
    assert "manifests/a.yaml:4:9: what describes sha256:" in told
    assert not (project.path / _LOCK).exists()


@pytest.mark.parametrize("odd", ["a'b", "é", "a\u2028b", "\x85", "\x7f", "\U0001f600", "a\nb: c", '"', "\\u0041"])
def test_any_letter_of_a_registry_is_held(odd: str) -> None:
    """A lock is read as it was written, whatever a configuration says."""
    base = Base("h/x", "1", f"sha256:{'a' * 64}", odd, odd, (odd,))
    lock = make_lock("", (Request("linux-64", base="h/x:1"),), {"linux-64": Pins("linux-64", ())}, base)
    assert read_head("p", lock_text(lock, "manifests/a.yaml", "a")).base == base


def made(manifest: str, user: str | None, parent: Parent | None = None) -> list[str]:
    """The instructions that matter for whose the steps are: those and RUN, from a base that has this user."""
    found = environment({"k": f"{_HEAD}{manifest}"})
    lock = lock_of(found)
    if lock and lock.head.base:
        base = msgspec.structs.replace(lock.head.base, user=user)
        lock = msgspec.structs.replace(lock, head=msgspec.structs.replace(lock.head, base=base))
    text = render_image(found, Templates({}, templates()), Given(lock, parent=parent))["Dockerfile"]
    return [line for line in text.splitlines() if line.startswith(("USER", "RUN"))]


_STEP = 'RUN ["/bin/sh", "-ec", "a"]'
_OWN_STEP = 'RUN ["/bin/sh", "-ec", "b"]'


@pytest.mark.parametrize("root", ["", "root", "0", "0:0", "root:wheel"])
def test_a_base_that_has_root_is_left_alone(root: str) -> None:
    """Nothing is said of a user, as where nobody told; but it is known whom a step of another's goes back to."""
    assert made("image: {base: x, build: [a]}\n", root) == made("image: {base: x, build: [a]}\n", None) == [_STEP]
    found = made("image: {base: x, build: [a, {command: b, user: app}]}\n", root)
    assert found == [_STEP, "USER app", _OWN_STEP, "USER root"]


def test_steps_are_roots_and_the_image_is_its_bases() -> None:
    """Unless the manifest says whose the image is, which holds."""
    assert made("image: {base: x, build: [a]}\n", "1000:100") == ["USER root", _STEP, "USER 1000:100"]
    found = made("image: {base: x, build: [{command: b, user: c}, a]}\n", "app")
    assert found == ["USER root", "USER c", _OWN_STEP, "USER root", _STEP, "USER app"]
    assert made("image: {base: x, build: [a], user: own}\n", "app") == ["USER root", _STEP, "USER own"]
    assert made("image: {base: x, build: [a], user: root}\n", "app") == ["USER root", _STEP, "USER root"]


@pytest.mark.parametrize("user", ["a b", "-x", "a\nRUN x", "$USER", "CORP\\me"])
def test_a_user_that_is_none_is_no_instruction(user: str) -> None:
    """It is refused at the line of the base, unless the manifest names another."""
    with pytest.raises(RenderError, match="which is no name of one") as caught:
        made("image:\n  base: x\n  build: [a]\n", user)
    assert str(caught.value.where) == "manifests/k.yaml:4:9"
    assert made("image: {base: x, build: [a], user: own}\n", user) == ["USER root", _STEP, "USER own"]


def test_the_user_of_an_environment_that_is_the_base(project: Project, registry: Registry) -> None:
    """By its manifest or by its own base's, however far below."""
    registry.push("base", "1", amd64={"User": "app"})
    write(project, f"{registry.server}/base:1")
    project.write("manifests/b.yaml", f"{_HEAD}image: {{base: {{environment: a}}, build: [b]}}\n")
    project.write("manifests/c.yaml", f"{_HEAD}image: {{base: {{environment: b}}, build: [c]}}\n")
    project.write("manifests/d.yaml", f"{_HEAD}image: {{base: {{environment: c}}, user: d}}\n")
    project.write("manifests/e.yaml", f"{_HEAD}image: {{base: {{environment: d}}, build: [e]}}\n")
    project.run("lock")
    assert {name: users(project, name) for name in "abcde"} == {
        "a": ["USER root", "USER app"],
        "b": ["USER root", "USER app"],
        "c": ["USER root", "USER app"],
        "d": ["USER root", "USER d"],
        "e": ["USER root", "USER d"],
    }


def users(project: Project, name: str) -> list[str]:
    text = project.run("render", name).out
    return [line.strip() for line in text.splitlines() if line.strip().startswith("USER")]


_BASE = """
FROM {base}
RUN mkdir -p /etc /home/app /srv/bin && printf 'root:x:0:\\napp:x:1000:\\n' >/etc/group \\
    && printf 'root:x:0:0::/:/bin/sh\\napp:x:1000:1000::/home/app:/bin/sh\\n' >/etc/passwd \\
    && chown app /home/app && printf '#!/bin/sh\\necho own\\n' >/srv/bin/said && chmod +x /srv/bin/said \\
    && printf '#!/bin/sh\\nexec "$@"\\n' >/start && chmod +x /start
ENV PATH=/srv/bin:/bin:/usr/bin
ENTRYPOINT ["/start"]
USER app
"""


def test_an_image_of_a_base_with_a_user(imaging: Imaging, tmp_path: Path) -> None:
    """Steps write where only root may; the image is the base's user's, with the base's path and entrypoint."""
    base = f"{imaging.server}/base/own:1"
    (tmp_path / "own").mkdir()
    (tmp_path / "own/Dockerfile").write_text(_BASE.format(base=imaging.base))
    imaging.engine.docker("buildx", "build", "--load", "--network=none", "--tag", base, str(tmp_path / "own"))
    imaging.engine.docker("push", base)
    step = "  build: ['id -un >/etc/step', {command: 'said >/home/app/said', user: app}]\n  command: [id, -un]\n"
    imaging.project.write("manifests/web.yaml", f"image:\n  base: {base}\n{step}")
    child = "image: {base: {environment: web}, prefix: /opt/child, build: ['id -un >/etc/more']}\n"
    imaging.project.write("manifests/child.yaml", child)
    imaging.apply()
    web, more = imaging.reference("web"), imaging.reference("child")
    for one in (web, more):
        imaging.engine.docker("pull", one)
    (told,) = json.loads(imaging.engine.docker("image", "inspect", more))
    assert (told["Config"]["User"], told["Config"]["Entrypoint"]) == ("app", ["/start"])
    assert imaging.said(web) == "app\n"
    assert imaging.said(web, "sh", "-c", "cat /etc/step /home/app/said; said") == "root\nown\nown\n"
    assert imaging.said(more, "cat", "/etc/step", "/etc/more") == "root\nroot\n"
    assert imaging.actions("--refresh") == {}
