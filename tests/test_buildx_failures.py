"""Images that cannot be built: which step, its last words, and a hint for each known kind, from real engines."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authority import authority
from support.building import Workshop
from support.engine import Engine
from support.front import Front, answers
from support.loopback import Loopback
from support.registry import Registry
from support.services import require

from envbuild.builders.kinds import KINDS, known
from envbuild.builders.unbuilt import UnbuiltError
from envbuild.process import Interrupted
from envbuild.settings.secrets import Secret

_BASE = "FROM busybox:latest\n"
_CANARY = "canary-71b2"
_CONNECTION = "after connection broken by 'NewConnectionError('Failed to establish a new connection: [Errno 111]')'"
_AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01" + bytes(43)


@pytest.fixture
def workshop(engine: Engine, tmp_path: Path) -> Workshop:
    engine.base("busybox")
    return Workshop(tmp_path, engine.docker)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    require("registry")
    with Registry(tmp_path / "registry") as registry, Front(registry.server) as front:
        yield front


def test_a_step_that_fails_is_told_with_its_end(workshop: Workshop) -> None:
    """Its text, its line, its code, its last ten lines; in the log it stands at the end."""
    script = "exec >&2; for i in $(seq 30); do echo line $i; done; echo it is over; exit 42"
    dockerfile = f"{_BASE}RUN true\n# a comment\nRUN --network=none \\\n    {script}\nRUN echo never\n"
    with pytest.raises(UnbuiltError) as caught:
        workshop.build(dockerfile)
    why = caught.value.unbuilt
    assert (why.code, why.line, why.kind) == (42, 4, "")
    assert why.step == f"RUN --network=none     {script}".replace("     ", " ")
    assert why.lines == (*(f"line {number}" for number in range(22, 31)), "it is over")
    assert caught.value.message == f"'{why.step}' (line 4 of the Dockerfile) ended with 42: it is over"
    assert caught.value.hint == "look at the last lines of its log"
    *said, error = [re.sub(r"^#\d+ (\d+\.\d+ )?", "", line) for line in workshop.lines[-11:]]
    assert tuple(said) == why.lines
    assert error.startswith("ERROR: process ")


def test_a_script_of_many_lines(workshop: Workshop) -> None:
    """Its code is found behind all of it; a secret, also as URLs have it, and a password are told nowhere."""
    workshop.host["TOKEN"] = f"{_CANARY}/of a+secret"
    script = (
        f"set -e\n\necho https://me:{_CANARY}@host/x $(cat /run/secrets/token) {_CANARY}%2Fof%20a%2bsecret\n\nexit 6\n"
    )
    dockerfile = f"{_BASE}RUN --mount=type=secret,id=token <<END\n{script}END\n"
    why = workshop.fail(dockerfile, secrets={"token": Secret(env="TOKEN")})
    assert (why.code, why.line, why.said) == (6, 2, "https://***@host/x *** ***")
    assert why.step.startswith("RUN --mount=type=secret,id=token <<END")
    assert _CANARY not in f"{why}{workshop.log.read_text()}{workshop.said}"


def test_what_another_step_s_failure_ended_is_not_blamed(workshop: Workshop) -> None:
    """Two run side by side; the log ends with the one that failed."""
    why = workshop.fail(
        f"{_BASE}".replace("\n", " AS slow\n")
        + "RUN echo slow; sleep 20\nFROM busybox:latest AS fast\nRUN sleep 1; echo fast; sleep 1; exit 5\n"
        + "FROM scratch\nCOPY --from=slow /bin /a\nCOPY --from=fast /bin /b\n"
    )
    assert (why.code, why.lines, why.line) == (5, ("fast",), 4)
    assert any(re.fullmatch(r"#\d+ CANCELED", line) for line in workshop.lines)
    assert " ERROR: " in workshop.lines[-1]
    assert workshop.lines[-2].endswith(" fast")


@pytest.mark.parametrize(
    ("kind", "dockerfile", "line", "said"),
    [
        ("space", f"{_BASE}RUN --mount=type=tmpfs,target=/t,size=64k dd if=/dev/zero of=/t/x", 2, "No space left"),
        ("memory", f"{_BASE}RUN echo eating; sh -c 'kill -9 $$'; exit $?", 2, "ended with 137: "),
        ("emulation", f"{_BASE}COPY --chmod=755 foreign /bin/sh\nRUN true", 3, "exec format error"),
        ("secret", f"{_BASE}RUN --mount=type=secret,id=token,required=true true", 2, "secret token: not found"),
        ("syntax", f"{_BASE}\nRUNN true", 3, "unknown instruction: RUNN"),
        ("syntax", "# nothing", 1, "file with no instructions"),
        ("network", f"{_BASE}RUN wget http://nothing.invalid/", 2, "bad address 'nothing.invalid'"),
        ("network", "FROM nothing.invalid/x:1", 1, "no such host"),
        ("network", "FROM 127.0.0.1:1/x:1", 1, "connection refused"),
        (
            "network",
            f"{_BASE}RUN echo 'WARNING: again after: Connection refused'; echo 'ERROR: gave up on alpha'; exit 1",
            2,
            "ended with 1: ERROR: gave up on alpha",
        ),
        ("file", f"{_BASE}COPY nothing /", 2, '"/nothing": not found'),
        ("file", f"{_BASE}COPY --from=busybox:latest /no/such /", 2, "no such file or directory"),
        ("command", f"{_BASE}RUN nothing-such --flag", 2, "nothing-such: not found"),
        ("package", "FROM debian:bookworm-slim\nRUN apt-get install -y no-such", 2, "Unable to locate package no-such"),
    ],
)  # fmt: skip
def test_kinds_of_failure(engine: Engine, workshop: Workshop, kind: str, dockerfile: str, line: int, said: str) -> None:
    """Each is told by its line and its words, with its own hint."""
    engine.base("debian")
    (workshop.context / "foreign").write_bytes(_AARCH64)
    why = workshop.fail(f"{dockerfile}\n")
    assert (why.kind, why.line) == (kind, line)
    assert said in why.message
    assert why.hint == next(one.hint for one in KINDS if one.name == kind)
    assert re.match(r"(#\d+ )?ERROR: ", workshop.lines[-1])


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("image", 404, "not found"),
        ("login", 401, "401 Unauthorized"),
        ("login", 403, "403 Forbidden"),
        ("rate", 429, "429 Too Many Requests"),
    ],
)
def test_a_base_that_the_registry_does_not_give(
    workshop: Workshop, tmp_path: Path, kind: str, status: int, said: str
) -> None:
    """With the line that names it."""
    require("registry")
    _, tls = authority(tmp_path / "authority")
    with Registry(tmp_path / "registry") as registry, Front(registry.server, tls=tls) as front:
        front.inject(answers(status), path="/v2/base/", times=100)
        why = workshop.fail(f"# comment\nFROM {front.address}/base:1\nRUN true\n")
    assert (why.kind, why.line, why.code, why.step) == (kind, 2, None, f"FROM {front.address}/base:1")
    assert said in why.message


@pytest.mark.parametrize(
    ("kind", "status", "path"),
    [("login", 403, "/blobs/uploads/"), ("rate", 429, "/blobs/"), ("registry", 500, "/manifests/")],
)
def test_a_push_that_is_refused(workshop: Workshop, front: Front, kind: str, status: int, path: str) -> None:
    """It is no step of the Dockerfile, and nothing is said to be built."""
    front.inject(answers(status), path=path, times=1000)
    tag = f"{front.address}/pushed:{status}"
    why = workshop.fail(f"{_BASE}RUN echo {time.time()} >/it\n", output="push", tags=(tag,))
    assert (why.kind, why.line, why.step.startswith("pushing ")) == (kind, 0, True)


def test_a_registry_that_fails_for_a_moment(workshop: Workshop, front: Front) -> None:
    """It is asked again, which is told, and what was built is not built twice."""
    front.inject(answers(500), "PUT", "/manifests/", times=1)
    built = workshop.build(f"{_BASE}RUN echo {time.time()} >/it\n", output="push", tags=(f"{front.address}/it:1",))
    assert built.digest
    assert [said for said in workshop.said if said.startswith("again in 0.5 s: ")]
    assert sum(" DONE " in line for line in workshop.lines if "RUN echo" in line) <= 1


def test_a_pause_before_another_try_ends_with_the_program(workshop: Workshop, front: Front) -> None:
    """Ctrl-C waits for nothing."""
    front.inject(answers(500), path="/manifests/", times=1000)

    def say(said: str) -> None:
        if said.startswith("again in "):
            workshop.programs.stop()

    with pytest.raises(Interrupted):
        workshop.build(f"{_BASE}RUN true\n", say, output="push", tags=(f"{front.address}/it:1",))


def test_certificates_that_nobody_vouches_for(engine: Engine, tmp_path: Path) -> None:
    """The hint names what makes the network's own known."""
    base = engine.base("python")
    _, tls = authority(tmp_path / "authority")
    with Loopback(tls=tls) as server:
        script = f"python3 -c 'import urllib.request as r; r.urlopen(\"{server.url}\")'"
        why = Workshop(tmp_path, engine.docker).fail(f"FROM {base}\nRUN {script}\n", network="host")
    assert (why.kind, why.code, why.line) == ("certificate", 1, 2)
    assert "certificate verify failed" in why.said


def test_a_registry_without_tls(workshop: Workshop) -> None:
    """Docker asks in TLS first, and is not understood."""
    with Loopback() as server:
        why = workshop.fail(f"FROM {server.address}/x:1\n")
    assert (why.kind, why.line, why.step) == ("plain http", 1, f"FROM {server.address}/x:1")


@pytest.mark.parametrize(
    ("kind", "error", "lines", "telling"),
    [
        (
            "package",
            "exit code: 1",
            [
                "ERROR: Could not find a version that satisfies the requirement nosuch==1 (from versions: none)",
                "ERROR: No matching distribution found for nosuch==1",
                "[notice] A new release of pip is available",
            ],
            "ERROR: No matching distribution found for nosuch==1",
        ),
        (
            "hash",
            "exit code: 1",
            [
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the",
                "    six==1.16.0 from https://host/six-1.16.0-py2.py3-none-any.whl (from -r r.txt (line 1)):",
                "        Expected sha256 0000000000000000000000000000000000000000000000000000000000000001",
                "             Got        8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254",
            ],
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the",
        ),
        (
            "network",
            "exit code: 1",
            [f"WARNING: Retrying {_CONNECTION}: /simple/six/", "ERROR: No matching distribution found for six"],
            None,
        ),
        (
            "package",
            "exit code: 1",
            [
                "error    libmamba Could not solve for environment specs",
                "    The following package could not be found",
                "    └─ nosuch =* * does not exist (perhaps a typo or a missing channel).",
                "critical libmamba Could not solve for environment specs",
            ],
            "critical libmamba Could not solve for environment specs",
        ),
        ("package", "exit code: 100", ["E: Package 'old' has no installation candidate"], None),
        ("network", "exit code: 100", ["W: Temporary failure resolving 'h'", "E: Unable to locate package x"], None),
        ("login", "x: pull access denied, repository does not exist or may require authorization", [], None),
        ("login", "exit code: 1", ["requests.HTTPError: 401 Client Error: Unauthorized for url: https://h/x"], None),
        ("engine", "failed to receive status: rpc error: code = Unavailable desc = error reading from it", [], None),
        ("engine", "EOF", [], None),
        ("space", "failed to copy: write /x: no space left on device", ["E: Unable to locate package x"], None),
        ("certificate", "tls: failed to verify: x509: certificate signed by unknown authority", [], None),
        ("", "exit code: 3", ["something else", "of no kind"], ""),
    ],
)  # fmt: skip
def test_kinds_as_they_were_recorded(kind: str, error: str, lines: list[str], telling: str | None) -> None:
    """What tests cannot make happen here: the words of pip, micromamba, apt and BuildKit."""
    found, line = known([error], lines)
    assert (found.name if found else "") == kind
    assert telling is None or line == telling.strip()
