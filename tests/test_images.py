"""Images as they are rendered: what is refused with its line, blocks and templates, contexts that are written."""

import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dockerreader import commands
from support.images import lock_all, lock_of
from support.manifests import environment
from support.project import Project

from envbuild.errors import EnvbuildError, Place, RenderError
from envbuild.lock import Pin, Pins
from envbuild.project.shipped import templates as shipped
from envbuild.render import Given, Parent, Template, Templates, render_image
from envbuild.render.own import own
from envbuild.settings import Settings
from envbuild.settings.secrets import Secret

pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

HEAD = "builder: docker\nplatforms: [linux-64]\ndependencies: [python=3.12, pip: [alpha==1]]\n"
NAME = "Dockerfile.j2"


def made(
    manifest: str, own_templates: dict[str, str] | None = None, settings: Settings | None = None, **texts: str
) -> str:
    """The Dockerfile of one manifest."""
    found = environment({"k": manifest})
    own = {name: Template(f"templates/{name}", text) for name, text in (own_templates or {}).items()}
    given_ = Given(lock_of(found), settings or Settings(), texts)
    return render_image(found, Templates(own, shipped()), given_)["Dockerfile"]


def refused(manifest: str, settings: Settings | None = None) -> list[str]:
    """Everything that an image cannot have, each as `LINE: WHAT`."""
    with pytest.raises(EnvbuildError) as caught:
        made(manifest, settings=settings)
    assert all(problem.hint for problem in caught.value.problems)
    return [str(problem).partition("\n")[0].partition(":")[2] for problem in caught.value.problems]


_LATER = {
    "base: {image: debian, tag: '12'}": "'image.base.tag'",
    "base: {image: debian, prefix: /opt/conda}": "'image.base.prefix'",
    "base: a, owner: app": "'image.owner'",
    "base: a, trim: ['**/tests']": "'image.trim'",
    "base: a, healthcheck: true": "'image.healthcheck'",
    "base: a, user: {name: app, uid: '1000'}": "a user to be made",
    "base: a, apt: {packages: [git], upgrade: true}": "'image.apt.upgrade'",
    "base: a, apt: {packages: [git], snapshot: '2026'}": "'image.apt.snapshot'",
    f"base: a, apt: [{{url: 'https://x/y.deb', sha256: {'0' * 64}}}]": "a Debian package by its URL",
    "base: a, copy: [{from: {image: b, path: /x}, to: /y}]": "a copy from elsewhere",
}


@pytest.mark.parametrize("said", _LATER)
def test_what_comes_later_is_refused_at_its_line(said: str) -> None:
    """In plain words, with what to do until then."""
    (told,) = refused(f"{HEAD}image: {{{said}}}\n")
    line, _, what = told.partition(": ")
    assert line.partition(":")[0] == "4"
    assert what == f"{_LATER[said]} comes later: this version cannot put it into an image yet"


_WRONG = {
    "gpu: auto": "'k' says nothing that its image starts from",
    "base: a, prefix: '/opt/my env'": "an environment cannot lie at '/opt/my env'",
    "base: a, prefix: /opt/../etc": "an environment cannot lie at '/opt/../etc'",
    "base: a, user: 'a b'": "'a b' is no name of a user",
    "base: a, user: -x": "'-x' is no name of a user",
    "base: a, user: '99999999999'": "'99999999999' is a number that no user has",
    "base: a, user: '1000:2147483648'": "'1000:2147483648' is a number that no user has",
    "base: a, build: [{command: x, user: app}]": "a step has a user, and nothing says whose the image is in the end",
    "base: a, copy: [{from: a, to: srv}]": "'srv' is no place in an image",
    "base: a, copy: [{from: 'a*', to: /srv}]": "'manifests/a*' would be read as a pattern",
    "base: a, copy: [{from: a, to: /srv, owner: 'a b'}]": "'a b' is no name of a user",
    "base: a, copy: [{from: a, to: /srv, owner: '4294967295'}]": "'4294967295' is a number that no user has",
    "base: a, labels: {'a b': x}": "'a b' is no name of a label",
    'base: a, labels: {a: "x\\ny"}': "'image.labels.a' holds a line break, which a Dockerfile has no way to write",
    'base: a, workdir: "/x\\ny"': "'image.workdir' holds a line break, which a Dockerfile has no way to write",
    "base: a, stop_signal: 'a b'": "'a b' is no signal",
    "base: a, stop_signal: SIGFOO": "'SIGFOO' is no signal",
    "base: a, stop_signal: '0'": "'0' is no signal",
    "base: a, stop_signal: SIGRTMIN+16": "'SIGRTMIN+16' is no signal",
    "base: a, secrets: [pypi]": "there is no secret 'pypi' in the settings",
    "base: a, secrets: [ca_bundle]": "'ca_bundle' cannot name a secret here",
}


@pytest.mark.parametrize("said", _WRONG)
def test_what_no_dockerfile_can_say_is_refused_at_its_line(said: str) -> None:
    """Before a template is looked at."""
    (told,) = refused(f"{HEAD}image: {{{said}}}\n")
    assert told.partition(": ")[2] == _WRONG[said]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """In the order of lines."""
    told = refused(f"{HEAD}variables: {{A: \"a\\nb\"}}\nimage:\n  base: a\n  owner: x\n  trim: [y]\n  user: 'a b'\n")
    assert [one.partition(":")[0] for one in told] == ["4", "7", "8", "9"]


def test_images_are_for_linux() -> None:
    """Other platforms of an environment are left alone, if there is one that an image can have."""
    body = "builder: docker\nplatforms: [%s]\nsetup: [make]\nimage: {base: a}\n"
    (told,) = refused(body % "osx-arm64, win-64")
    assert told == "2:12: an image is for Linux"
    assert made(body % "linux-64, osx-arm64")


def test_what_installs_inside_must_be_named() -> None:
    """Only for `install: inside`: else the packages come from outside, and the stage says so if it is run."""
    conda = HEAD.replace("[python=3.12, pip: [alpha==1]]", "[python=3.12, numpy]")
    inside = Settings(install="inside")
    with pytest.raises(RenderError, match="needs an image that brings micromamba"):
        made(f"{conda}image: {{base: a}}\n", settings=inside)
    with pytest.raises(RenderError, match="needs an image that brings uv"):
        made(f"{HEAD}python: {{from: uv}}\nimage: {{base: a}}\n", settings=inside)
    assert "exit 1" in made(f"{conda}image: {{base: a}}\n")
    assert made(f"{HEAD}image: {{base: a}}\n", settings=inside)


def test_a_base_that_installs_nothing_is_made_complete() -> None:
    """Though it is extended: there is no environment yet to which the rest could be added."""
    files = {
        "p": "builder: docker\nplatforms: [linux-64]\nimage: {base: a}\n",
        "k": "extends: p\ndependencies: [python=3.12, pip: [alpha==1]]\nimage: {base: {environment: p}}\n",
    }
    found, parent = environment(files), Parent(environment(files, "p"), "1:0")
    text = render_image(found, Templates({}, shipped()), Given(lock_of(found), parent=parent))["Dockerfile"]
    assert "python3 -m venv /opt/env" in text
    assert "ENV PATH=/opt/env/bin" in text


def test_a_tool_comes_from_an_image() -> None:
    """What the settings name is one, or it is told."""
    with pytest.raises(RenderError, match="'a b' is no image"):
        made(f"{HEAD}image: {{base: a}}\n", settings=Settings(uv_image="a b"))


def test_a_lock_leads_nowhere() -> None:
    """P24: whoever can write a lock can write any path into it; none of them leaves the context."""
    stated = environment({"k": f"{HEAD}image: {{base: a}}\n"})
    lock = lock_of(stated)
    assert lock is not None
    for url in ("../../etc/passwd", "a/../../b.whl", "/etc/passwd", "a b.whl", "a.whl\n--index-url x"):
        pins = {"linux-64": Pins("linux-64", (Pin("pip", "alpha", "1", url, "0" * 64),))}
        with pytest.raises(EnvbuildError, match="pip cannot be told the path"):
            render_image(stated, Templates({}, shipped()), Given(msgspec.structs.replace(lock, pins=pins)))


@pytest.mark.parametrize("block", ["base", "apt", "before_packages", "packages", "after_packages", "config"])
def test_each_part_is_a_block(block: str) -> None:
    """One is filled, and all else stays."""
    manifest = f"{HEAD}setup: [make]\nimage:\n  base: a\n  apt: [git]\n  user: app\n"
    manifest += "  build: [{command: b, before: packages}]\n"
    usual = made(manifest).splitlines()
    head = f'{{% extends "builtin/{NAME}" %}}{{% block {block} -%}}'
    mine = made(manifest, {NAME: f"{head}# mine\n{{% endblock %}}"}).splitlines()
    assert "# mine" in mine
    assert [line for line in mine if line not in usual] == ["# mine"]
    assert len(mine) <= len(usual)
    filled = made(manifest, {NAME: f"{head}{{{{ super() }}}}# mine\n{{% endblock %}}"}).splitlines()
    assert [line for line in filled if line not in usual] == ["# mine"]
    assert [line for line in usual if line not in filled] == []


def test_another_template_by_its_name() -> None:
    """`image.template`, which has to be there."""
    manifest = f"{HEAD}image: {{base: a, template: mine.j2}}\n"
    assert made(manifest, {"mine.j2": "FROM {{ environment.base | argument }}\n"}).startswith("FROM docker.io/")
    with pytest.raises(RenderError, match=r"there is no template 'mine.j2'"):
        made(manifest)


@pytest.mark.parametrize("use", ["x", "x | yaml", "x | upper", "x | join | string", "x | instructions"])
def test_only_what_quotes_for_a_dockerfile_is_printed(use: str) -> None:
    """What quotes for YAML quotes for nobody here."""
    manifest = f"{HEAD}params: {{x: 'a b'}}\nimage: {{base: a}}\n"
    with pytest.raises(RenderError) as caught:
        made(manifest, {NAME: f"FROM a\nRUN {{{{ params.{use} }}}}\n"})
    assert str(caught.value).startswith(f"templates/{NAME}:2:1: ")


def test_a_list_of_debian_packages_holds_their_names(project: Project) -> None:
    """What is no name is refused at its line, and becomes no option."""
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a, apt: ['-r ../apt.txt']}}\n")
    project.write("apt.txt", "git # with its history\n--allow-unauthenticated\n")
    locked(project)
    error = told(project, "render")
    assert (error["path"], error["line"]) == ("apt.txt", 2)
    assert error["message"] == "'--allow-unauthenticated' is no Debian package"


def test_secrets_are_mounted_and_required() -> None:
    """In each step of the manifest's own; the bundle, if there is one, also where packages are fetched."""
    manifest = f"{HEAD}setup: [make]\nimage: {{base: a, apt: [git], secrets: [pypi]}}\n"
    plain = made(manifest, settings=Settings(secrets={"pypi": Secret(env="X")}))
    assert plain.count("--mount=type=secret,id=pypi,required=true") == 1
    assert "ca_bundle" not in plain
    trusting = made(manifest, settings=Settings(secrets={"pypi": Secret(env="X")}, ca_bundle="/etc/corp.pem"))
    assert trusting.count("--mount=type=secret,id=ca_bundle,required=true") == 3
    assert trusting.count("PIP_CERT=/run/secrets/ca_bundle") == 3
    assert "/etc/corp.pem" not in trusting


_LINES = ["FROM a", "FROM a AS x", "from b as y", "# FROM c", "", "RUN a \\", "  b", "FROM \\", "RUN <<EOF", "EOF",
          "COPY <<-E /x", "\tE", "\tEOF", "RUN ['<<X']", "FROM d AS z \\", "USER e"]  # fmt: skip


@given(st.lists(st.sampled_from(_LINES), max_size=8))
def test_stages_are_found_as_buildkit_finds_them(lines: list[str]) -> None:
    """What it takes for the last FROM gets the name that ours go on from; all else stays as it is."""
    text = "\n".join(lines) + "\n"
    try:
        found = own(text, Place("k"))
    except RenderError:
        return
    before, after = commands(text), commands(f"# x\n{found.text}FROM {found.stage} AS base\n")
    assert after[-1] == ("FROM", (found.stage, "AS", "base"))
    changed = [(one, other) for one, other in zip(before, after, strict=False) if one != other]
    last = [values for name, values in before if name == "FROM"][-1]
    assert len(after) == len(before) + 1
    assert changed in ([], [(("FROM", last), ("FROM", (*last, "AS", found.stage)))])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("RUN a\n", "the Dockerfile has no FROM"),
        ("FROM a AS env\n", "the Dockerfile has a stage 'env', and envbuild goes on with one of that name"),
        ("FROM a\nRUN b \\\n", "the Dockerfile ends within an instruction"),
        ("FROM a\nRUN <<E\nb\n", "the Dockerfile ends within '<<E'"),
        ("# escape=`\nFROM a\n", "the Dockerfile has an escape character of its own"),
        ("FROM a b c\n", "line 1 of the Dockerfile is no FROM: FROM a b c"),
    ],
)
def test_a_dockerfile_that_nothing_can_go_on_from(text: str, what: str) -> None:
    """Each with what to do about it."""
    with pytest.raises(RenderError) as caught:
        own(text, Place("k"))
    assert caught.value.message == what
    assert caught.value.hint


def locked(project: Project) -> None:
    """Locks for all of a project, without a solver."""
    lock_all(project.path)


def test_render_writes_a_context(project: Project) -> None:
    """With the files that are copied, which may be run if they may here; again it is the same, and nothing stays."""
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a, copy: [{{from: ../app, to: /app}}]}}\n")
    project.write("app/run.sh", "#!/bin/sh\n").chmod(0o755)
    project.write("app/data.bin", "1")
    locked(project)
    project.run("render", "-o", "out")
    written = {path for path in project.tree() if path.startswith("out/")}
    assert written == {
        f"out/k/{name}"
        for name in (
            ".dockerignore",
            "Dockerfile",
            "envbuild/contents.txt",
            "envbuild/files/app/data.bin",
            "envbuild/files/app/run.sh",
            "envbuild/locks/amd64/requirements.txt",
            "environment.yml",
        )
    }
    assert os.access(project.path / "out/k/envbuild/files/app/run.sh", os.X_OK)
    before = project.tree()
    project.run("render", "-o", "out")
    assert project.tree() == before
    project.remove("app/data.bin")
    project.run("render", "-o", "out")
    assert not (project.path / "out/k/envbuild/files/app/data.bin").exists()
    shown = project.json("render", "k")["environments"][0]["artifacts"]
    assert shown["Dockerfile"] == project.read("out/k/Dockerfile")


PAGE = Path(__file__).parent.parent / "docs" / "images.md"


def fence(kind: str, begins: str = "") -> str:
    found = re.search(rf"^```{kind}\n({begins}.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_page_shows_what_is_rendered(project: Project) -> None:
    """Its manifest, its Dockerfile; with ENVBUILD_TEST_GOLDEN=write the page takes what is rendered now."""
    project.write("manifests/web.yaml", fence("yaml", "# manifests/web.yaml"))
    locked(project)
    text = project.json("render", "web")["environments"][0]["artifacts"]["Dockerfile"]
    text = re.sub("sha256:[0-9a-f]{64}", "sha256:…", text)
    if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
        page = PAGE.read_text(encoding="utf-8").replace(
            f"```dockerfile\n{fence('dockerfile')}", f"```dockerfile\n{text}"
        )
        PAGE.write_text(page, encoding="utf-8")
    assert fence("dockerfile") == text


def test_the_template_of_the_page_works() -> None:
    """One block, and all else as it was."""
    manifest = f"{HEAD}params: {{health: 'http://127.0.0.1'}}\nimage: {{base: a}}\n"
    assert made(manifest, {NAME: fence("jinja")}).endswith('HEALTHCHECK CMD ["curl", "--fail", "http://127.0.0.1"]\n')


def told(project: Project, *args: str, code: int = 1) -> dict[str, Any]:
    (error,) = project.json(*args, check=code)["errors"]
    return dict(error)


def test_a_context_of_ones_own_loses_what_it_lost(project: Project) -> None:
    """Its files stand beside the Dockerfile, and so does what is nobody's: that stays, and is sent to no builder."""
    body = HEAD + "image: {dockerfile: ../docker/Dockerfile, context: ../docker}\n"
    project.write("manifests/k.yaml", body)
    project.write("docker/Dockerfile", "FROM a\nCOPY . /all\n")
    for name in ("one.txt", "two.txt", "logs/x.log"):
        project.write(f"docker/{name}", name)
    project.write("docker/.dockerignore", "logs\n")
    locked(project)
    project.write("out/k/mine.txt", "mine")
    project.run("render", "-o", "out")
    assert not (project.path / "out/k/logs").exists()
    project.remove("docker/two.txt")
    project.run("render", "-o", "out")
    assert {path.name for path in (project.path / "out/k").glob("*.txt")} == {"mine.txt", "one.txt"}
    assert "!mine.txt" not in project.read("out/k/.dockerignore")
    assert "!one.txt" in project.read("out/k/.dockerignore")


def test_without_a_current_lock_no_context_is_written(project: Project) -> None:
    """Exit 3, as for any artifact."""
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a}}\n")
    assert told(project, "render", "-o", "out", code=3)["hint"] == "run 'envbuild lock k'"
    assert not (project.path / "out").exists()


def test_nothing_is_copied_from_outside_of_the_project(project: Project) -> None:
    """P24: a link that leads out is no way out, as a file or within a folder."""
    outside = project.path.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("CANARY")
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a, copy: [{{from: ../link, to: /x}}]}}\n")
    (project.path / "link").symlink_to(outside / "secret.txt")
    locked(project)
    assert "leads out of the project" in told(project, "render", "-o", "out")["message"]
    assert not (project.path / "out").exists()
    project.remove("link")
    (project.path / "link").mkdir()
    (project.path / "link/inner.txt").symlink_to(outside / "secret.txt")
    assert "leads out of the project" in told(project, "render", "-o", "out")["message"]
    assert not (project.path / "out").exists()
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a, copy: [{{from: ../lost.txt, to: /x}}]}}\n")
    assert told(project, "render", "-o", "out")["message"] == "there is no file 'lost.txt'"


def test_a_folder_that_somebody_else_made_is_left_alone(project: Project) -> None:
    """Only what was rendered is taken away."""
    project.write("manifests/k.yaml", f"{HEAD}image: {{base: a}}\n")
    locked(project)
    project.write("out/k/envbuild/mine.py", "mine\n")
    assert told(project, "render", "-o", "out")["message"] == "'envbuild' stands there, and was not rendered"
    assert project.read("out/k/envbuild/mine.py") == "mine\n"
