"""Builds by BuildKit (`builders.buildx`) on real engines: what is made, told and kept, and what is asked of whom."""

import json
import os
import re
import stat
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.building import Workshop
from support.engine import Client, Engine
from support.registry import LOGIN, Registry
from support.relay import Posing
from support.services import require

from envbuild.builders.buildx import Buildx
from envbuild.builders.engine import Ask, capabilities
from envbuild.builders.order import Order
from envbuild.errors import BuildError
from envbuild.process import Interrupted, Programs, Ran
from envbuild.settings.secrets import Secret

_CANARY = "canary-93ce"
_SECONDS = 30


@pytest.fixture
def workshop(engine: Engine, tmp_path: Path) -> Workshop:
    engine.base("busybox")
    return Workshop(tmp_path, engine.docker, TOKEN=_CANARY)


@pytest.fixture
def wide(containerd_engine: Engine, tmp_path: Path) -> Workshop:
    """One whose engine keeps indexes."""
    containerd_engine.base("busybox")
    return Workshop(tmp_path, containerd_engine.docker, TOKEN=_CANARY)


def client_of(workshop: Workshop) -> Client:
    return Client(workshop.host)


def test_an_image_is_built_and_loaded(workshop: Workshop) -> None:
    """With arguments and a named context; the digests are those of the engine."""
    other = workshop.context.parent / "a, folder"
    other.mkdir()
    (other / "file").write_text("from elsewhere\n")
    dockerfile = 'FROM busybox:latest\nARG WORD\nRUN echo "$WORD" >/word\nCOPY --from=env file /file\n'
    args = {"WORD": '--it is = "quoted"\nand of two lines'}
    built = workshop.build(
        dockerfile, output="load", tags=("loaded:1", "loaded:2"), build_args=args, contexts={"env": str(other)}
    )
    docker = client_of(workshop)
    assert docker("run", "--rm", "loaded:1", "cat", "/word", "/file") == f"{args['WORD']}\nfrom elsewhere\n"
    (found,) = json.loads(docker("image", "inspect", "loaded:2"))
    assert found["Id"] == built.config
    assert built.metadata["containerimage.digest"] == built.digest
    docker("image", "rm", "loaded:1", "loaded:2")


def test_an_image_is_pushed(workshop: Workshop, registry: Registry) -> None:
    """And pushing is told."""
    built = workshop.build(
        "FROM busybox:latest\nRUN echo pushed >/it\n", output="push", tags=(f"{registry.server}/some/image:v1",)
    )
    assert built.digest.startswith("sha256:")
    assert any(said.startswith("pushing ") for said in workshop.said)
    client_of(workshop)("image", "rm", f"{registry.server}/some/image:v1")


def test_a_containerd_store_keeps_everything(wide: Workshop, registry: Registry) -> None:
    """Annotations, an attestation, and two platforms in one index."""
    tag = f"{registry.server}/wide:v1"
    more: dict[str, Any] = {
        "annotations": {"some.key": 'a, value="1"'},
        "provenance": True,
        "output": "push",
        "tags": (tag,),
    }
    built = wide.build(
        "FROM scratch\nCOPY Dockerfile /\n", platforms=("linux/amd64", "linux/arm64"), source_date_epoch=1, **more
    )
    docker = client_of(wide)
    index = json.loads(docker("buildx", "imagetools", "inspect", "--raw", f"{registry.server}/wide@{built.digest}"))
    assert index["annotations"] == more["annotations"]
    images = [one for one in index["manifests"] if one["platform"]["architecture"] != "unknown"]
    assert [one["platform"]["architecture"] for one in images] == ["amd64", "arm64"]
    assert len(index["manifests"]) == 4
    manifest = docker("buildx", "imagetools", "inspect", "--raw", f"{registry.server}/wide@{images[0]['digest']}")
    assert json.loads(manifest)["annotations"] == more["annotations"]


def test_an_oci_file_is_the_same_at_any_time(wide: Workshop) -> None:
    """With a time of the source, also of the files in its layers; its name may hold a comma."""
    digests = set()
    for number in (1, 2):
        file = wide.context.parent / f"it, {number}.tar"
        dockerfile = "FROM scratch\nCOPY greeting /\n"
        (wide.context / "greeting").write_text("hello")
        os.utime(wide.context / "greeting", (number, number))
        digests.add(wide.build(dockerfile, output="oci", file=file, source_date_epoch=1_700_000_000).digest)
        with tarfile.open(file) as archive:
            assert "index.json" in archive.getnames()
    assert len(digests) == 1


def test_what_a_builder_can_do(engine: Engine, containerd_engine: Engine) -> None:
    """Its driver, its platforms, and how its engine keeps images."""
    plain = Buildx(Programs(), engine.docker.environ).capabilities()
    assert (plain.builder, plain.driver, plain.keeps_indexes) == ("default", "docker", False)
    assert "linux/amd64" in plain.platforms
    assert not plain.rewrites_times("oci")
    full = Buildx(Programs(), containerd_engine.docker.environ).capabilities()
    assert (full.keeps_indexes, full.rewrites_times("oci"), full.rewrites_times("push")) == (True, True, False)


def test_an_engine_that_is_too_old(engine: Engine, tmp_path: Path) -> None:
    """Is told before anything is built; a builder of one's own is known by its BuildKit."""
    version = engine.docker("version", "--format={{.Server.Version}}").strip()
    old = "20.10.24-debian-of-long-ago"[: len(version)]
    with Posing(engine.docker.environ["DOCKER_HOST"].removeprefix("unix://"), version, old) as posing:
        client = Client({**engine.docker.environ, "DOCKER_HOST": f"tcp://{posing.address}"})
        with pytest.raises(BuildError) as caught:
            Workshop(tmp_path, client).build("FROM busybox:latest\n")
    assert caught.value.message == f"this is Docker Engine {old}, which is too old: 23.0 or later is needed"
    with pytest.raises(BuildError, match=re.escape("the builder 'own' has BuildKit v0.9.3, which is too old: 0.10 or")):
        capabilities(_inspected("v0.9.3"), "own")
    for enough in ("v0.10.0", "v0.0.0+unknown", ""):
        assert capabilities(_inspected(enough), "own").buildkit == enough


def _inspected(version: str) -> Ask:
    told = f"Name: own\nDriver: docker-container\n\nNodes:\nBuildKit version: {version}\n"
    return lambda _: Ran(0, told, "")


def test_a_builder_and_a_context_are_chosen_by_name(engine: Engine, containerd_engine: Engine, tmp_path: Path) -> None:
    """Whatever DOCKER_HOST says; the store is that of the engine that is meant."""
    client = containerd_engine.client(tmp_path / "client")
    client("context", "create", "other", f"--docker=host={engine.docker.environ['DOCKER_HOST']}")
    buildx = Buildx(Programs(), client.environ)
    assert buildx.capabilities().has_containerd_store
    by_context, by_builder = buildx.capabilities(docker_context="other"), buildx.capabilities("other")
    assert (by_context.builder, by_context.has_containerd_store) == ("other", False)
    assert (by_builder.builder, by_builder.has_containerd_store) == ("other", False)
    engine.base("busybox")
    places: tuple[dict[str, Any], ...] = ({"docker_context": "other"}, {"builder": "other"})
    for place in places:
        workshop = Workshop(tmp_path, client)
        workshop.build("FROM busybox:latest\nRUN echo by name >/it\n", tags=("named:1",), output="load", **place)
        engine.docker("image", "rm", "named:1")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"platforms": ("linux/amd64", "linux/arm64")}, "one image of 2 platforms"),
        ({"provenance": True}, "attestations (provenance, SBOM)"),
        ({"annotations": {"a": "b"}}, "annotations"),
        ({"output": "oci", "file": Path("/nowhere/it.tar")}, "an OCI file"),
    ],
)
def test_what_an_engine_s_own_store_cannot_keep_is_refused(workshop: Workshop, more: dict[str, Any], what: str) -> None:
    """It would be dropped without a word, or refused in words of buildx's own."""
    with pytest.raises(BuildError) as caught:
        workshop.build("FROM busybox:latest\n", **more)
    assert caught.value.message == f"the builder 'default' (driver 'docker') cannot make {what}"
    assert caught.value.hint.startswith("turn on the containerd image store of the engine")


def test_a_secret_is_shown_to_its_step_alone(workshop: Workshop, tmp_path: Path) -> None:
    """In no command, history, layer or metadata, and not in what is said; the log has stars where it is written."""
    file = tmp_path / "of, a file"
    file.write_text(f"{_CANARY}-filed\n")
    dockerfile = (
        "FROM busybox:latest\n"
        "RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=filed,required=true "
        "cat /run/secrets/token /run/secrets/filed; sha256sum </run/secrets/token >/sum; sleep 2\n"
    )
    commands: set[str] = set()
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=[commands, over])
    watch.start()
    secrets = {"token": Secret(env="TOKEN"), "filed": Secret(file=str(file))}
    built = workshop.build(dockerfile, secrets=secrets, tags=("secret:1",), output="load")
    over.set()
    watch.join()
    assert any("--secret=id=token,env=TOKEN" in command for command in commands)
    docker = client_of(workshop)
    docker("image", "save", "--output", str(tmp_path / "saved.tar"), "secret:1")
    docker("image", "rm", "secret:1")
    kept = [*commands, *workshop.said, workshop.log.read_text(), str(built), *_everything(tmp_path / "saved.tar")]
    assert not [text for text in kept if _CANARY in text]
    assert any(line.endswith(" ******") for line in workshop.lines)


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (f"machine some.host\n\tlogin me  password {_CANARY}\n", ["***", "***"]),
        (f'{{\r\n  "key": "{_CANARY}",\r\n  "a": 1\r\n}}', ["{", "***", "***", "}"]),
        (
            f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_CANARY}+/=\nQQ==\n-----END OPENSSH PRIVATE KEY-----\n",
            ["-----BEGIN OPENSSH PRIVATE KEY-----", "***", "QQ==", "-----END OPENSSH PRIVATE KEY-----"],
        ),
    ],
)
def test_a_secret_of_several_lines_is_shown_nowhere(
    workshop: Workshop, tmp_path: Path, secret: str, shown: list[str]
) -> None:
    """Each of its lines has stars in the log and in the error; those that stand in many a text stay."""
    file = tmp_path / "secret"
    file.write_bytes(secret.encode())
    dockerfile = "FROM busybox:latest\nRUN --mount=type=secret,id=filed,required=true cat /run/secrets/filed; exit 5\n"
    why = workshop.fail(dockerfile, secrets={"filed": Secret(file=str(file))})
    assert [line.strip() for line in why.lines] == shown
    assert _CANARY not in f"{why}{workshop.log.read_text()}{workshop.said}"


def test_certificates_are_no_secret(workshop: Workshop, tmp_path: Path) -> None:
    """They are among a build's secrets so that they are in no layer."""
    file = tmp_path / "bundle.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nMIIcertificate\n-----END CERTIFICATE-----\n")
    dockerfile = "FROM busybox:latest\nRUN --mount=type=secret,id=ca_bundle cat /run/secrets/ca_bundle\n"
    workshop.build(dockerfile, secrets={"ca_bundle": Secret(file=str(file))})
    assert any(line.endswith("MIIcertificate") for line in workshop.lines)


def _watch(commands: set[str], over: threading.Event) -> None:
    while not over.wait(0.02):
        commands |= {command for pid in Path("/proc").glob("[0-9]*") if (command := _command(pid))}


def _command(process: Path) -> str:
    try:
        return process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _everything(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as opened:
        for member in opened:
            if file := opened.extractfile(member):
                yield file.read().decode(errors="replace")


def test_proxies_stand_in_no_command(workshop: Workshop) -> None:
    """They reach the step, and no one else: they may hold a password."""
    commands: set[str] = set()
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=[commands, over])
    watch.start()
    proxy = f"http://user:{_CANARY}@127.0.0.1:1"
    dockerfile = "FROM busybox:latest\nRUN echo -n $FTP_PROXY | wc -c; sleep 1\n"
    built = workshop.build(dockerfile, build_args={"FTP_PROXY": proxy})
    over.set()
    watch.join()
    assert any(line.endswith(f" {len(proxy)}") for line in workshop.lines)
    assert not [text for text in (*commands, *workshop.lines, str(built)) if _CANARY in text]


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (Secret(env="NOT_SET"), "the secret 'token' has no value: the variable NOT_SET is not set"),
        (Secret(file="/no/where"), "the secret 'token' has no value: /no/where cannot be read: No such file"),
    ],
)
def test_a_secret_without_a_value_is_told_before_anything_is_built(
    workshop: Workshop, secret: Secret, told: str
) -> None:
    """Whichever way it is given."""
    with pytest.raises(BuildError, match=re.escape(told)):
        workshop.build("FROM busybox:latest\n", secrets={"token": secret})
    assert not workshop.log.exists()


def test_the_log_is_whole_and_one_step_after_the_other(workshop: Workshop) -> None:
    """Two steps that run side by side are not mixed, each line is there, and each step says how long it took."""
    script = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo {0} $i; [ $((i % 100)) = 0 ] && sleep 0.2; done; echo {0}"
    stages = "".join(f"FROM busybox:latest AS {one}\nRUN {script.format(one)} >&2; touch /{one}\n" for one in "ab")
    workshop.log.write_text("the first line\n")
    workshop.build(f"{stages}FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n")
    assert workshop.lines[0] == "the first line"
    numbers = [re.match(r"#(\d+) ", line)[1] for line in workshop.lines[1:]]  # type: ignore[index]
    changes = [one for one, before in zip(numbers, ["", *numbers], strict=False) if one != before]
    assert len(changes) == len(set(changes)), workshop.log.read_text()
    for stage in "ab":
        ends = [line.rpartition(f" {stage} ")[2] for line in workshop.lines if re.search(rf"\d {stage} \d+$", line)]
        assert ends == [str(number) for number in range(1, 301)]
        assert any(re.fullmatch(rf"#\d+ \[{stage} 2/2\] RUN .*", line) for line in workshop.lines)
    assert sum(bool(re.fullmatch(r"#\d+ DONE \d+\.\ds", line)) for line in workshop.lines) >= 4


def test_a_build_is_told_step_by_step(workshop: Workshop) -> None:
    """Which of how many, while it runs; what is said of it comes before it has ended."""
    when: dict[str, float] = {}
    own = f"told-base:{os.getpid()}"  # what nobody else builds from at the same time
    workshop.build(f"FROM busybox:latest\nLABEL own={own}\n", output="load", tags=(own,))
    workshop.build(
        f'FROM {own}\nRUN echo first; sleep 1; echo "$(date)" >/1\nRUN echo  second;   sleep 1; date >/2\n',
        say=lambda text: when.update({text: time.monotonic()} if text not in when else {}),
        output="load",
        tags=("told:1",),
    )
    ended = time.monotonic()
    client_of(workshop)("image", "rm", "told:1", own)
    first, second = (next(text for text in when if word in text) for word in ("first", "second"))
    assert re.fullmatch(r"step 2 of 3: RUN echo first; sleep 1; .*", first)
    assert re.fullmatch(r"step 3 of 3: RUN echo second; sleep 1; date >/2", second)
    assert when[second] - when[first] > 0.8
    assert ended - when[second] > 0.8
    assert any(text.startswith("exporting") for text in when)


def test_what_is_sent_is_told_with_its_size(workshop: Workshop) -> None:
    """A large folder takes its time."""
    (workshop.context / "large").write_bytes(os.urandom(80_000_000))
    workshop.build("FROM scratch\nCOPY large /\n")
    assert any(re.fullmatch(r"sending files, \d+\.\d MB", said) for said in workshop.said)
    assert any(re.fullmatch(r"#\d+ transferring context: 80\.0 MB \d+\.\ds done", line) for line in workshop.lines)


def test_nothing_in_a_log_is_active(workshop: Workshop) -> None:
    """No colour, no move, no title; a step cannot write a line of another one, or one that seems to be ours."""
    hostile = r"printf 'one\033[2J\r#1 DONE 0.0s\nx\033]0;title\007y\n\302\205#2 ERROR: forged\n\f#3 forged\n\377\n'"
    workshop.build(f"FROM busybox:latest\nRUN {hostile}\n")
    text = workshop.log.read_text()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    number = next(line.split()[0] for line in workshop.lines if "/2] RUN" in line)
    last = [line for line in text.splitlines() if line.startswith(f"{number} ")]
    assert [re.sub(r"^#\d+ \d+\.\d{3} ", "", line) for line in last[1:-1]] == [
        "#1 DONE 0.0s",
        "xy",
        "\\u0085#2 ERROR: forged",
        "\\u000c#3 forged",
        "\ufffd",
    ]
    assert all(re.match(r"#\d+ ", line) for line in text.splitlines())


def test_an_interrupt_leaves_nothing(workshop: Workshop) -> None:
    """No docker, no buildx, no step; the log says what was done until then."""
    before = threading.enumerate()
    tag = f"interrupted-{os.getpid()}"
    stopper = threading.Thread(target=_stop_when, args=[workshop, " begun"])
    stopper.start()
    with pytest.raises(Interrupted):
        workshop.build("FROM busybox:latest\nRUN echo begun; sleep 61\n", tags=(f"{tag}:1",))
    stopper.join()
    assert any(line.endswith(" begun") for line in workshop.lines)
    until = time.monotonic() + _SECONDS
    while (left := _running(tag) + _running("sleep 61")) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []
    assert threading.enumerate() == before


def _stop_when(workshop: Workshop, word: str) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and not (workshop.log.exists() and word in workshop.log.read_text()):
        time.sleep(0.02)
    workshop.programs.stop()


def _running(word: str) -> list[str]:
    return [command for pid in Path("/proc").glob("[0-9]*") if word in (command := _command(pid))]


def test_two_builds_at_once(engine: Engine, tmp_path: Path) -> None:
    """Each with its own log, words and end."""
    engine.base("busybox")
    shops = {name: Workshop(tmp_path / name, engine.docker) for name in ("one", "two")}
    codes: dict[str, int | None] = {}

    def build(name: str) -> None:
        codes[name] = (
            shops[name].fail(f"FROM busybox:latest\nRUN echo of {name}; sleep 1; exit {len(codes) + 3}\n").code
        )

    threads = [threading.Thread(target=build, args=[name]) for name in shops]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert codes == {"one": 3, "two": 3}
    for name, other in (("one", "two"), ("two", "one")):
        assert f"of {name}" in shops[name].log.read_text()
        assert f"of {other}" not in shops[name].log.read_text()


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({"DOCKER_HOST": "unix:///no/engine.sock"}, "no Docker engine answers at unix:///no/engine.sock"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "no Docker engine answers at tcp://127.0.0.1:1"),
        ({"DOCKER_HOST": "nonsense://it"}, "DOCKER_HOST or the Docker context is no address: "),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "gone"}, "Docker knows no builder or context named 'gone'"),
        ({"BUILDX_BUILDER": "gone"}, "Docker knows no builder or context named 'gone'"),
        ({"PATH": "/no/programs"}, "there is no command 'docker' here, which builds the images"),
        ({"DOCKER_CONFIG": "/no/plugins"}, "Docker has no buildx here, which builds the images"),
    ],
)
def test_no_engine(workshop: Workshop, host: dict[str, str], told: str) -> None:
    """What is missing, and how to get it."""
    workshop.host.update(host)
    with pytest.raises(BuildError) as caught:
        workshop.build("FROM busybox:latest\n")
    assert caught.value.message.startswith(told)
    assert caught.value.hint


@pytest.mark.parametrize("place", [{"builder": "-v"}, {"docker_context": "--help"}])
def test_no_name_becomes_an_option(workshop: Workshop, place: dict[str, Any]) -> None:
    """It is a name that nothing has."""
    with pytest.raises(BuildError, match=f"Docker knows no builder or context named '{next(iter(place.values()))}'"):
        workshop.build("FROM busybox:latest\n", **place)


def test_what_the_host_says_changes_no_build(wide: Workshop) -> None:
    """Variables by which buildx would add times, attestations and labels, or write in another way."""
    digests = set()
    hostile = {
        "SOURCE_DATE_EPOCH": "5",
        "BUILDX_GIT_LABELS": "full",
        "BUILDKIT_PROGRESS": "quiet",
        "BUILDX_EXPERIMENTAL": "1",
        "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
        "LANG": "de_DE.UTF-8",
        "TZ": "Asia/Tokyo",
    }
    for host in ({}, hostile):
        wide.host.update(host)
        digests.add(
            wide.build(
                "FROM scratch\nCOPY Dockerfile /\n", output="load", tags=("hosted:1",), source_date_epoch=7
            ).digest
        )
    client_of(wide)("image", "rm", "hosted:1")
    assert len(digests) == 1


def test_an_older_buildx_tells_less_and_builds_the_same(workshop: Workshop, tmp_path: Path) -> None:
    """Its text is the log; the steps are told, and so is the one that fails."""
    workshop.host["PATH"] = f"{_saying(tmp_path / 'bin', 'v0.12.1', workshop)}:{workshop.host['PATH']}"
    script = "echo at work; printf 'a\\033[31mb\\n'"
    workshop.build(f"FROM busybox:latest\nRUN {script}\n", build_args={"A": "b"})
    assert any(re.fullmatch(r"#\d+ \d+\.\d+ at work", line) for line in workshop.lines)
    assert f"RUN {script}" in workshop.said[-1]
    why = workshop.fail("FROM busybox:latest\nRUN echo so; echo why; exit 9\n")
    assert (why.code, why.line, why.step, why.lines) == (9, 2, "RUN echo so; echo why; exit 9", ("so", "why"))
    assert not re.search("[\x00-\x09\x0b-\x1f]", workshop.log.read_text())


def test_a_buildx_that_is_too_old_is_told(workshop: Workshop, tmp_path: Path) -> None:
    """With what is needed."""
    workshop.host["PATH"] = f"{_saying(tmp_path / 'bin', 'v0.9.1', workshop)}:{workshop.host['PATH']}"
    with pytest.raises(BuildError, match=r"buildx 0\.9\.1 is too old: 0\.10 or later is needed"):
        workshop.build("FROM busybox:latest\n")


def _saying(folder: Path, version: str, workshop: Workshop) -> Path:
    """A docker that says its buildx is of another version, and is the real one in all else."""
    folder.mkdir()
    real = subprocess.check_output(["/bin/sh", "-c", "command -v docker"], env=workshop.host, text=True).strip()
    docker = folder / "docker"
    says = f'[ "$*" = "buildx version" ] && echo github.com/docker/buildx {version} abc && exit\n'
    docker.write_text(f'#!/bin/sh\n{says}case "$*" in *rawjson*) exit 64;; esac\nexec {real} "$@"\n')
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    return folder


def test_private_registries_are_pushed_to_with_docker_s_own_logins(engine: Engine, tmp_path: Path) -> None:
    """And without one, it is told that nobody was let in."""
    require("registry")
    with Registry(tmp_path / "registry", private=True) as registry:
        tag = f"{registry.server}/private/image:v1"
        more: dict[str, Any] = {"output": "push", "tags": (tag,)}
        dockerfile = f"FROM {engine.base('busybox')}\nRUN echo private >/it\n"
        Workshop(tmp_path, engine.client(tmp_path / "client", {registry.server: LOGIN})).build(dockerfile, **more)
        why = Workshop(tmp_path, engine.docker).fail(dockerfile, **more)
        engine.docker("image", "rm", tag)
    assert (why.kind, why.line, why.code) == ("login", 0, None)
    assert "no basic auth credentials" in why.message


def test_an_order_is_a_plain_value(tmp_path: Path) -> None:
    """It can be compared, and nothing changes it."""
    order = Order(context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    assert order == Order(context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    with pytest.raises(AttributeError):
        order.output = "push"  # type: ignore[misc]
