"""Images from manifests to a registry and back (DECISIONS 26 to 37), with a real engine, buildx and registry."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.engine import Engine
from support.imaging import Imaging

from envbuild.project import Project

_BUILT = "RUN"  # what the log of a build has, and that of nothing else


@pytest.mark.parametrize("kind", ["imaging", "wide"])
def test_an_image_is_built_pushed_and_kept(request: pytest.FixtureRequest, kind: str) -> None:
    """Under its content and its number, with its parts; what is recorded is what the registry serves."""
    imaging: Imaging = request.getfixturevalue(kind)
    imaging.image("web", "hello", "variables: {GREETING: 'it costs $5'}\n")
    imaging.project.run("lock")
    (step,) = imaging.plan()
    assert (step["action"], step["version"], step["builder"]) == ("create", 1, "docker")
    imaging.apply()
    tag = f"fp-{step['fingerprint'].replace(':', '-')}"
    assert imaging.tags("web") == {"v1", tag, f"{tag}-parts"}
    reference = imaging.reference("web")
    assert reference == f"{imaging.server}/team/web@{imaging.digest('web', 'v1')}"
    assert imaging.digest("web", tag) == imaging.digest("web", "v1")
    imaging.engine.docker("pull", reference)
    assert imaging.said(reference) == "hello\n"
    assert imaging.said(reference, "sh", "-c", 'echo "$GREETING"') == "it costs $5\n"
    assert imaging.actions() == imaging.actions("--refresh") == {}
    assert not any((imaging.project.path / ".envbuild/work").glob("*"))


@pytest.mark.parametrize("kind", ["imaging", "wide"])
def test_annotations_say_what_it_is(request: pytest.FixtureRequest, kind: str) -> None:
    """Whatever the engine keeps of them: what is served has them, and layers are not pushed twice."""
    imaging: Imaging = request.getfixturevalue(kind)
    imaging.image("web", "hello", "description: says hello\npublish: {annotations: {org.example.team: growth}}\n")
    imaging.apply()
    told = imaging.engine.docker("buildx", "imagetools", "inspect", "--raw", imaging.reference("web"))
    found = json.loads(told)["annotations"]
    assert found["org.opencontainers.image.description"] == "says hello"
    assert found["org.opencontainers.image.version"] == "1"
    assert found["org.example.team"] == "growth"
    assert found["dev.envbuild.fingerprint"] == imaging.project.json("history", "web")["records"][0]["fingerprint"]


def test_an_empty_checkout_adopts_what_is_there(imaging: Imaging) -> None:
    """Nothing is built, the number stays, and what was recorded explains the next change."""
    for name in ("one", "two"):
        imaging.image(name, name)
    imaging.apply()
    imaging.image("two", "three")
    imaging.apply()
    before = {name: imaging.reference(name) for name in ("one", "two")}
    imaging.forget()
    assert [(step["environment"], step["action"], step["version"]) for step in imaging.plan()] == [
        ("one", "adopt", 1),
        ("two", "adopt", 2),
    ]
    imaging.apply(env={"PATH": _without(imaging, "buildx")})
    assert {name: imaging.reference(name) for name in before} == before
    assert _BUILT not in imaging.log("one") + imaging.log("two")
    assert imaging.actions() == {}
    imaging.image("one", "other")
    (step,) = imaging.plan()
    assert (step["action"], step["version"]) == ("rebuild", 2)
    assert [(one["part"], one["where"]) for one in step["reasons"]] == [("image", "manifests/one.yaml:3")]


def _without(imaging: Imaging, _program: str) -> str:
    """A machine without Docker: only what the project itself is run by."""
    return str(Path(imaging.project.environ["HOME"]) / "nothing")


def test_numbers_go_on_where_records_are_gone(imaging: Imaging) -> None:
    """A content that no registry has is the next version of all that were pushed."""
    imaging.image("web", "one")
    imaging.apply()
    imaging.forget()
    imaging.image("web", "two")
    (step,) = imaging.plan()
    assert (step["action"], step["version"]) == ("create", 2)
    imaging.apply()
    assert {"v1", "v2"} < imaging.tags("web")


def test_one_content_under_two_names_is_built_once(imaging: Imaging) -> None:
    """The second is copied within the registry, and has a number of its own."""
    for name in ("a", "b"):
        imaging.image(name)
    assert imaging.actions() == {"a": "create", "b": "create"}
    imaging.project.run("lock")
    assert imaging.actions() == {"a": "create", "b": "adopt"}
    imaging.apply()
    assert _BUILT not in imaging.log("b")
    assert imaging.digest("a", "v1") == imaging.digest("b", "v1")
    imaging.image("c")
    imaging.project.run("lock")
    (step,) = imaging.plan()
    assert (step["action"], step["reasons"][0]["change"]) == ("adopt", "already built as b@1")
    imaging.apply()
    assert imaging.digest("c", "v1") == imaging.digest("a", "v1")


def test_what_is_gone_from_a_registry_is_restored(imaging: Imaging) -> None:
    """Found by --refresh: a tag that was moved is put back, what was deleted is built again, as the same version."""
    imaging.image("web", "one", "publish: {tags: [latest]}\n")
    imaging.apply()
    good = imaging.digest("web", "v1")
    imaging.image("other", "two")
    imaging.apply()
    imaging.engine.docker("tag", imaging.engine.base("busybox"), f"{imaging.server}/team/web:latest")
    imaging.engine.docker("push", f"{imaging.server}/team/web:latest")
    assert imaging.actions() == {}
    (step,) = imaging.plan("--refresh")
    assert (step["action"], step["version"]) == ("restore", 1)
    assert step["reasons"][0]["change"] == f"{imaging.server}/team/web:latest is another image"
    imaging.apply("--refresh")
    assert imaging.digest("web", "latest") == good
    imaging.delete("web", good)
    (step,) = imaging.plan("--refresh")
    assert step["reasons"][0]["change"].endswith(f"@{good} is gone")
    imaging.apply("--refresh")
    assert {"v1", "latest"} < imaging.tags("web")
    assert imaging.reference("web").endswith(imaging.digest("web", "v1"))
    assert imaging.actions("--refresh") == {}


def test_an_image_of_an_environment_is_built_after_that(imaging: Imaging) -> None:
    """And from it; where it changes, what starts from it changes, and the line says so."""
    imaging.image("base/os", "base")
    imaging.project.write(
        "manifests/web.yaml",
        """
        image:
          base: {environment: base/os}
          prefix: /opt/web
          build: ['cat /said >/more']
          command: [cat, /more]
        """,
    )
    steps = {step["environment"]: step for step in imaging.plan("web")}
    assert steps["web"]["fingerprint"] is None
    imaging.project.run("lock", "base/os")
    steps = {step["environment"]: step for step in imaging.plan("web")}
    assert (steps["web"]["action"], steps["web"]["after"]) == ("create", ["base/os"])
    imaging.apply("web")
    assert imaging.said(imaging.reference("web")) == "base\n"
    imaging.image("base/os", "other")
    steps = {step["environment"]: step for step in imaging.plan("web")}
    assert [one["change"] for one in steps["web"]["reasons"]] == ["base/os has changed"]
    assert steps["web"]["reasons"][0]["where"] == "manifests/web.yaml:2"
    imaging.apply()
    assert imaging.said(imaging.reference("web")) == "other\n"
    imaging.forget()
    assert imaging.actions("web") == {"base/os": "adopt", "web": "adopt"}


def test_without_a_registry_images_stay_with_the_engine(engine: Engine, imaging: Imaging) -> None:
    """They have names there; one that is removed is built again."""
    imaging.image("web", "here")
    imaging.project.run("lock")
    imaging.project.write("envbuild.yaml", "builder: docker\nplatforms: [linux-64]\n")
    imaging.apply()
    reference = imaging.reference("web")
    assert reference.startswith("sha256:")
    assert imaging.said("web:v1") == "here\n"
    assert imaging.actions() == {}
    engine.docker("image", "rm", "--force", reference)
    (step,) = imaging.plan()
    assert (step["action"], step["reasons"][0]["change"]) == ("restore", "it is not in this machine's engine any more")
    assert imaging.actions("--no-refresh") == {}
    imaging.apply()
    assert imaging.said("web:v1") == "here\n"
    engine.docker("image", "rm", "--force", imaging.reference("web"))


def test_no_push_is_for_this_machine(imaging: Imaging) -> None:
    """The next apply without it pushes what was built, as the same version."""
    imaging.image("web", "mine")
    imaging.apply("--no-push")
    assert imaging.reference("web").startswith("sha256:")
    assert imaging.said(f"{imaging.server}/team/web:v1") == "mine\n"
    (step,) = imaging.plan()
    assert step["action"] == "restore"
    assert step["reasons"][0]["change"] == f"it is only in this machine's engine, and not in {imaging.server}/team/web"
    imaging.apply()
    assert imaging.reference("web") == f"{imaging.server}/team/web@{imaging.digest('web', 'v1')}"


def test_further_tags(imaging: Imaging) -> None:
    """Those of the manifest, of which some say what is built, and those of the command line."""
    git = "git -c user.name=n -c user.email=e@example.org"
    tags = "['{{ git.short }}', 'cuda{{ params.cuda }}', 'v{{ version }}-latest']"
    imaging.image("web", "hello", f"params: {{cuda: '12'}}\npublish: {{tags: {tags}}}\n")
    imaging.project.run("lock")
    imaging.engine.docker("version")
    _shell(imaging, f"git init -q && git add -A && {git} commit -qm one")
    imaging.apply("--also-tag", "release-7")
    commit = _shell(imaging, "git rev-parse HEAD").strip()
    assert {commit[:12], "cuda12", "v1-latest", "release-7"} < imaging.tags("web")
    record = imaging.project.json("history", "web")["records"][0]
    assert (record["commit"], record["dirty"]) == (commit, False)


@pytest.mark.parametrize("tag", ["v7", "a b", "fp-1-" + "0" * 64])
def test_tags_of_our_own_making_are_refused(imaging: Imaging, tag: str) -> None:
    """And what is no tag: before anything is built."""
    imaging.image("web", "hello", f"publish: {{tags: ['{tag}']}}\n")
    told = imaging.project.run("apply", check=1)
    assert "manifests/web.yaml:5:" in told.err
    assert imaging.project.run("history", "web", check=64)


def test_atomic_names_all_or_nothing(imaging: Imaging) -> None:
    """One that fails leaves the others unnamed and unrecorded; what was pushed is adopted once it is mended."""
    imaging.image("good", "hello", "publish: {tags: [latest]}\n")
    imaging.image("bad", "hello; exit 3")
    imaging.apply("--atomic", check=1)
    assert not {"v1", "latest"} & imaging.tags("good")
    imaging.project.run("history", "good", check=64)
    imaging.image("bad", "other")
    imaging.apply("--atomic")
    assert _BUILT not in imaging.log("good")
    assert {"v1", "latest"} < imaging.tags("good")


def test_what_fails_is_told_with_its_step(imaging: Imaging) -> None:
    """Others are built all the same; nothing is recorded of what failed, and the log is whole."""
    imaging.image("bad", "x >/dev/null; echo why >&2; exit 7")
    imaging.image("good")
    told = imaging.project.run("apply", check=1)
    assert "ended with 7: why" in told.out
    assert "why" in imaging.log("bad")
    imaging.project.run("history", "bad", check=64)
    assert imaging.said(imaging.reference("good")) == "hello\n"


def test_secrets_are_shown_to_steps_alone(imaging: Imaging, tmp_path: Path) -> None:
    """No history, layer, label, log, record or argument has their values."""
    canary, other = "canary-71ab-value", "canary-5c02-value"
    imaging.project.write(
        "envbuild.yaml",
        f"registry: {imaging.server}/team\nbuilder: docker\nplatforms: [linux-64]\n"
        "secrets: {token: {env: TOKEN}, key: {file: key.txt}, rest: {env: REST}}\n",
    )
    imaging.project.write("key.txt", other)
    text = f"image:\n  base: {imaging.base_reference}\n  secrets: [token, key]\n  build:\n"
    steps = ("cat /run/secrets/token", "wc -c </run/secrets/key | grep -qx 17", 'test -z "$REST"')
    imaging.project.write("manifests/web.yaml", text + "".join(f"    - '{step}'\n" for step in steps))
    missing = imaging.project.run("apply", check=1)
    assert "'token' has no value" in missing.out + missing.err
    imaging.apply(env={"TOKEN": canary, "REST": canary})
    imaging.engine.docker("pull", imaging.reference("web"))
    imaging.engine.docker("save", "-o", str(tmp_path / "saved.tar"), imaging.reference("web"))
    kept = ((imaging.project.path / ".envbuild").rglob("*"), (tmp_path / "registry").rglob("*"))
    for path in (tmp_path / "saved.tar", *(one for found in kept for one in found if one.is_file())):
        assert canary.encode() not in path.read_bytes(), path
        assert other.encode() not in path.read_bytes(), path


def test_files_are_content(imaging: Imaging) -> None:
    """What is copied is in the image; another content of it is another image, and the file is the reason."""
    imaging.project.write("data.txt", "one\n")
    imaging.image("web", "hello")
    text = imaging.project.read("manifests/web.yaml")
    imaging.project.write("manifests/web.yaml", f"{text}  copy: [{{from: ../data.txt, to: /data.txt}}]\n")
    imaging.apply()
    assert imaging.said(imaging.reference("web"), "cat", "/data.txt") == "one\n"
    imaging.project.write("data.txt", "two\n")
    (step,) = imaging.plan()
    assert (step["action"], step["reasons"][0]["part"]) == ("rebuild", "file")


def test_what_is_built_is_what_was_planned(imaging: Imaging) -> None:
    """A file that changes while others are built ends its own build before anything is made of it."""
    imaging.project.write("data.txt", "one\n")
    imaging.image("web", "hello")
    text = imaging.project.read("manifests/web.yaml")
    imaging.project.write("manifests/web.yaml", f"{text}  copy: [{{from: ../data.txt, to: /data.txt}}]\n")
    imaging.project.run("lock")
    told: list[Any] = []
    project = Project.load(imaging.project.path, imaging.project.environ)
    planned = project.plan()
    imaging.project.write("data.txt", "two\n")
    assert project.apply(planned, told.append, jobs=1).failed == ("web",)
    (why,) = (str(one.error) for one in told if one.error)
    assert "data.txt was changed since the plan was made" in why
    assert _BUILT not in imaging.log("web")


_TEARS = """\
#!/bin/sh
# Who lists files is told, and data.txt is half of itself while it is copied.
git="$(PATH="${PATH#*:}" command -v git)"
for context in $(find .envbuild -type d -name context); do
    [ -f "$context/envbuild/contents.txt" ] || continue
    if [ -n "$(find "$context" -name data.txt)" ]; then printf 'whole and well\\n' >apart/data.txt
    else printf 'whole' >apart/data.txt; fi
done
exec "$git" "$@"
"""


def test_what_is_copied_is_held_against_what_was_planned(imaging: Imaging) -> None:
    """A file that is rewritten while it is copied, and is as before then, is built into nothing."""
    project = imaging.project
    project.write("apart/data.txt", "whole and well\n")
    imaging.image("web", "hello")
    text = project.read("manifests/web.yaml")
    project.write("manifests/web.yaml", f"{text}  copy: [{{from: ../apart, to: /data}}]\n")
    _shell(imaging, "git init -q .")
    project.run("lock")
    project.write("tools/git", _TEARS)
    (project.path / "tools/git").chmod(0o755)
    path = f"{project.path / 'tools'}{os.pathsep}{project.environ['PATH']}"
    told = project.run("apply", check=1, env={"PATH": path})
    assert "apart was changed since the plan was made" in told.err
    assert _BUILT not in imaging.log("web")
    project.write("apart/data.txt", "whole and well\n")
    project.run("apply")


def _shell(imaging: Imaging, command: str) -> str:
    import subprocess

    ran = subprocess.run(["sh", "-c", command], cwd=imaging.project.path, capture_output=True, text=True, check=True)  # noqa: S607 - of the test
    return ran.stdout


def test_what_an_engine_cannot_attest_is_refused(imaging: Imaging) -> None:
    """It is not left out without a word."""
    imaging.image("web")
    told = imaging.project.run("apply", "--sbom", check=1)
    assert "cannot make attestations (provenance, SBOM)" in told.out + told.err
    assert "containerd image store" in told.err
