"""Where an image is to be and what it is called: what is lost or was moved comes back, and nobody's name is taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.adopted import Adopted, content_tag
from support.front import Ask, Front, answers, hangs_up
from support.loopback import Reply, Request
from support.registry import Registry
from support.services import require

from envbuild.record import Version


@pytest.fixture
def web(tmp_path: Path, uv_cache: Path) -> Iterator[Adopted]:
    """An image that the registry has, and a record of it: version 1."""
    require("registry")
    with Registry(tmp_path / "registry") as registry, Front(registry.server) as front:
        web = Adopted(tmp_path / "one", uv_cache, registry, front)
        web.image("web")
        web.project.run("lock")
        web.push(web.steps())
        web.apply()
        yield web


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "second") as second:
        yield second


def head(registry: Registry, name: str) -> str | None:
    from envbuild.registry.client import Registry as Client
    from envbuild.registry.line import Line

    with Client(registry.server, Line({})) as client:
        repository, _, tag = name.partition(":")
        return client.head(repository, tag)


def test_another_registry(web: Adopted, second: Registry) -> None:
    """What was pushed to one is wanted in the other: it is copied there, under all of its names."""
    digest = head(web.registry, "team/web:v1")
    web.settings(server=second.server)
    assert web.step() == ("restore", 1, f"it is not in {second.server}/team/web")
    web.apply()
    assert head(second, "team/web:v1") == digest
    assert web.steps() == web.steps("--refresh") == []


def test_one_more_registry(web: Adopted, second: Registry) -> None:
    """The first keeps it; the second gets it."""
    web.settings(f"publish:\n  registries: ['{web.front.address}/team', '{second.server}/team']\n")
    web.project.write("envbuild.yaml", web.project.read("envbuild.yaml").partition("\n")[2])
    assert web.step() == ("restore", 1, f"it is not named {second.server}/team/web:v1 yet")
    web.apply()
    assert head(second, "team/web:v1") == head(web.registry, "team/web:v1")
    assert web.steps() == []


def test_another_repository(web: Adopted) -> None:
    """Content is the same, and so is the number."""
    web.image("web", "publish: {repository: moved/here}\n")
    assert web.step()[:2] == ("restore", 1)
    web.apply()
    assert head(web.registry, "team/moved/here:web-v1") == head(web.registry, "team/web:v1")
    assert web.steps() == []


def test_a_tag_that_is_new(web: Adopted) -> None:
    """It is given without a build; what a commit or a day has a part in waits for the next version."""
    web.image("web", "publish: {tags: [latest, 'of-{{ version }}', 'day-{{ date }}']}\n")
    assert web.step() == ("restore", 1, f"it is not named {web.front.address}/team/web:latest yet")
    web.apply()
    assert head(web.registry, "team/web:of-1") == head(web.registry, "team/web:v1")
    assert web.steps() == []


def test_a_tag_for_this_once(web: Adopted) -> None:
    """Of what needs no build, too; asked for again it is there."""
    web.apply("--also-tag", "prod")
    assert head(web.registry, "team/web:prod") == head(web.registry, "team/web:v1")
    assert web.apply("--also-tag", "prod").startswith("No changes.")


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("--x", "'--x' is no tag"),
        ("v9", "'v9' looks like a version's own tag"),
        ("fp-1-x", "'fp-1-x' looks like a version's own tag"),
        ("{{ git.branch }}", "branch"),
        ("{{ nothing }}", "nothing"),
    ],
)
def test_a_tag_that_cannot_be_given_is_told_before_anything_is_built(web: Adopted, tag: str, told: str) -> None:
    """With its line, by the plan."""
    web.image("web", f"publish:\n  tags:\n    - '{tag}'\n", number=1)
    run = web.project.run("plan", check=1)
    assert told in run.err
    assert "manifests/web.yaml:5" in run.err


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ("'a b': x", "'a b' is no annotation"),
        ('a.b: "x\\ny"', "the annotation 'a.b' holds a line break"),
        ("dev.envbuild.fingerprint: x", "'dev.envbuild.fingerprint' is told by envbuild itself"),
    ],
)
def test_an_annotation_that_cannot_be_made(web: Adopted, annotation: str, told: str) -> None:
    """Is told by the plan, at its line."""
    web.image("web", f"publish:\n  annotations:\n    {annotation}\n", number=1)
    run = web.project.run("plan", check=1)
    assert told in run.err
    assert "manifests/web.yaml:5:" in run.err


@pytest.mark.parametrize(
    ("of_web", "of_other", "name"),
    [
        ("{repository: all, tags: [latest]}", "{repository: all, tags: [latest]}", "all:latest"),
        ("{}", "{prefix: apart}", ""),
        ("{prefix: other}", "{}", "other/web"),
    ],
)
def test_a_name_is_one_environment_s(web: Adopted, of_web: str, of_other: str, name: str) -> None:
    """Two that would be called the same are told, whichever of them is going to be built."""
    web.image("web", f"publish: {of_web}\n", number=1)
    web.image("other/web", f"publish: {of_other}\n", number=2)
    run = web.project.run("plan", check=1 if name else 0)
    told = f"'web' and 'other/web' are both to be {web.front.address}/team/{name}"
    assert (told in run.err) is bool(name), run


def test_a_number_that_was_moved_is_not_taken_back(web: Adopted) -> None:
    """The same content takes the next one."""
    digest = head(web.registry, "team/web:v1")
    theirs = web.registry.push("team/web", "v1", says="theirs")
    assert web.step("--refresh") == ("adopt", 2, f"{web.front.address}/team/web:v1 is another image")
    web.apply("--refresh")
    assert (head(web.registry, "team/web:v1"), head(web.registry, "team/web:v2")) == (theirs, digest)
    assert web.steps("--refresh") == web.other().steps()[1:] == []


def test_a_tag_that_ends_like_a_number_is_none(web: Adopted) -> None:
    """It moves as all tags do, and is put back."""
    web.image("web", "publish: {tags: [rev1]}\n")
    web.apply()
    web.registry.push("team/web", "rev1", says="theirs")
    assert web.step("--refresh")[:2] == ("restore", 1)
    web.apply("--refresh")
    assert head(web.registry, "team/web:rev1") == head(web.registry, "team/web:v1")


def test_what_an_empty_checkout_needs_is_looked_at(web: Adopted) -> None:
    """The name of the content, and the parts beside it."""
    (step,) = web.other().steps()
    digest = head(web.registry, "team/web:v1")
    for name, what in ((content_tag(step), "is another image"), (f"{content_tag(step)}-parts", "is gone")):
        if what == "is gone":
            parts = head(web.registry, f"team/web:{name}")
            assert parts
            web.registry.delete("team/web", parts)
        else:
            web.registry.push("team/web", name, says="theirs")
        assert web.step("--refresh") == ("restore", 1, f"{web.front.address}/team/web:{name} {what}")
        web.apply("--refresh")
        assert web.steps("--refresh") == []
    assert head(web.registry, f"team/web:{content_tag(step)}") == digest


def test_a_refresh_outlasts_locking(web: Adopted) -> None:
    """What is to be looked at is looked at, also where something else has to be locked first."""
    web.registry.push("team/web", "v1", says="theirs")
    web.image("new")
    web.apply("--refresh", check=None)  # there is no engine that could build the new one
    assert head(web.registry, "team/web:v2")


def test_two_that_claim_one_number(web: Adopted) -> None:
    """The later one is told, and the next time it has the next number; nobody else is harmed."""
    web.image("web", number=1)
    web.push(web.steps())
    theirs: list[str] = []

    def claims(request: Request, ask: Ask) -> Reply:
        theirs.append(web.registry.push("team/web", "v2", says="theirs"))
        return ask(request.body)

    web.front.inject(claims, "HEAD", "/manifests/v2$")
    assert "is not moved to" in web.apply(check=1)
    other = web.other()
    assert other.step()[:2] == ("adopt", 3)
    web.apply()
    assert web.project.json("show", "web@3")["environment"]["version"] == 3
    assert head(web.registry, "team/web:v2") == theirs[0]
    other.apply()
    assert other.project.json("show", "web@3")["environment"]["version"] == 3


def test_an_older_version_leaves_the_newest_s_tags(web: Adopted) -> None:
    """Published again, it has its number alone."""
    tags = "publish: {tags: [latest]}\n"
    for number in (0, 1):
        web.image("web", tags, number=number)
        web.push(step for step in web.steps() if step["version"] == 2)
        web.apply()
    newest = head(web.registry, "team/web:v2")
    assert head(web.registry, "team/web:latest") == newest
    web.project.run("publish", "web@1")
    assert head(web.registry, "team/web:latest") == newest


def test_what_is_known_elsewhere_need_not_answer(web: Adopted, second: Registry) -> None:
    """A registry of old that is gone fails nothing that is to be in the new one."""
    web.settings(server=second.server)
    second.push("team/web", content_tag(web.other().steps("--refresh")[0]) if web.other().steps() else "x", says="web")
    web.front.inject(hangs_up, times=999)
    web.apply()
    assert head(second, "team/web:v1")


def test_a_registry_that_refuses_says_how_to_get_in(web: Adopted) -> None:
    """It did answer: to wait is no help."""
    web.image("web", number=1)
    web.front.inject(answers(401), times=99)
    run = web.project.run("plan", check=1)
    assert "hint: run 'docker login" in run.err
    assert "once it answers" not in run.err


def test_an_image_is_of_its_machine() -> None:
    """Whatever platforms it has; a prefix is of its own platform alone."""
    image = _version("docker", "linux-64,linux-aarch64")
    prefix = _version("local", "linux-64")
    assert image.is_of("m", "osx-arm64")
    assert not image.is_of("other", "linux-64")
    assert (prefix.is_of("m", "linux-64"), prefix.is_of("m", "osx-arm64")) == (True, False)


def _version(builder: str, platform: str) -> Version:
    return Version(
        environment="a",
        version=1,
        fingerprint="1:0",
        builder=builder,
        platform=platform,
        machine="m",
        reference="sha256:0",
        started="",
        manifest_path="",
    )


def test_an_atomic_apply_moves_no_tag_unless_every_number_is_had(web: Adopted) -> None:
    """Names are given when nothing can be refused any more; the next apply takes up where it was left."""
    for name in ("a", "b"):
        web.image(name, "publish: {tags: [latest]}\n", number=1)
    web.push(web.steps())
    web.front.inject(answers(403), "PUT", "/team/b/manifests/v1$", times=99)
    assert "b  " in web.apply("--atomic", check=1)
    assert head(web.registry, "team/a:latest") is None
    assert web.project.json("history", "a", check=64)["errors"]
    web.front.forget()
    assert [(step["action"], step["version"]) for step in web.steps()] == [("adopt", 1), ("adopt", 1)]
    web.apply("--atomic")
    assert head(web.registry, "team/a:latest") == head(web.registry, "team/a:v1")
