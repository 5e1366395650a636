"""Channels over HTTP: whose credentials go where, what a bad network comes to, and how it all ends in time."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.authority import authority
from support.condachannel import (
    Channel,
    Fault,
    ServedChannel,
    changing,
    cut,
    failing,
    instead,
    redirected,
    shortened,
    silent,
    trickling,
)
from support.condapkg import Package
from support.condaworld import manifest, second, settings, versions, world
from support.line import read_only, run_without_rights
from support.loopback import basic
from support.project import Project

USER, CANARY = "canary-user", "CANARY/p@ss word"
LOCK = "locks/k.conda-lock.yml"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return world(tmp_path / "channel")


@pytest.fixture
def served(channel: Channel) -> Iterator[ServedChannel]:
    with ServedChannel(channel.folder) as served:
        yield served


@pytest.fixture
def private(channel: Channel) -> Iterator[ServedChannel]:
    with ServedChannel(channel.folder, auth=(USER, CANARY)) as served:
        yield served


def netrc(path: Path, *entries: tuple[str, str]) -> dict[str, str | None]:
    """Write a netrc file with a password for each host, and give the variable that names it."""
    lines = [f'machine {host} login {USER} password "{password}"\n' for host, password in entries]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)
    return {"NETRC": str(path)}


def authorizations(served: ServedChannel) -> set[str | None]:
    return {one.headers.get("authorization") for one in served.log}


def traces(folder: Path, *but: Path) -> list[str]:
    """Find the canary in names and contents of all files, in every form that it could take."""
    forms = [CANARY, "CANARY%2Fp%40ss%20word", "CANARY", USER, basic(USER, CANARY).partition(" ")[2]]
    found = []
    for path in folder.rglob("*"):
        if path in but or not path.is_file():
            continue
        if any(form in str(path) or form.encode() in path.read_bytes() for form in forms):
            found.append(str(path.relative_to(folder)))
    return found


@pytest.mark.parametrize("with_port", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_credentials_come_from_a_netrc_file(
    project: Project, private: ServedChannel, tmp_path: Path, with_port: object, named: object
) -> None:
    """NETRC's or the home's; by host, or by host and port. P26: they are in no lock, cache, log or message."""
    path = tmp_path / "own.netrc" if named else Path(project.environ["HOME"]) / ".netrc"
    env = netrc(path, (private.address if with_port else "127.0.0.1", CANARY))
    settings(project, private.url)
    manifest(project, "k", "libfoo", "pure")
    run = project.run("lock", "-v", env=env if named else None)
    assert authorizations(private) == {basic(USER, CANARY)}
    assert versions(project)["libfoo"] == "2.0"
    assert CANARY not in run.out + run.err
    assert traces(tmp_path, path) == []


@pytest.mark.parametrize("password", ["", "CANARY-wrong"])
def test_wrong_credentials_are_told(project: Project, private: ServedChannel, tmp_path: Path, password: str) -> None:
    """With the place to mend them, and without repeating them."""
    path = tmp_path / "own.netrc"
    env = netrc(path, (private.address, password)) if password else {"NETRC": str(path)}
    settings(project, private.url)
    manifest(project, "k", "libfoo")
    run = project.run("lock", check=1, env=env)
    what = "does not take what the netrc file has for it" if password else "wants credentials that it was not given"
    hint = (
        "mend the netrc file" if password else "keep them in a netrc file: 'machine 127.0.0.1 login ... password ...'"
    )
    assert f"envbuild.yaml:1:12: {private.address} {what} (401 Unauthorized)\n  hint: {hint}" in run.err
    assert "CANARY" not in run.out + run.err
    assert traces(tmp_path, path) == []


def test_a_redirect_takes_no_credentials_along(
    project: Project, channel: Channel, private: ServedChannel, tmp_path: Path
) -> None:
    """P17: another origin than the one that they are for sees none, though it is the same host."""
    with ServedChannel(channel.folder) as other:
        private.fault("*repodata*", redirected(other.url))
        settings(project, private.url)
        manifest(project, "k", "libfoo")
        project.run("lock", env=netrc(tmp_path / "own.netrc", (private.address, CANARY)))
        assert basic(USER, CANARY) in authorizations(private)
        assert "/linux-64/repodata.json.zst" in other.requests
        assert authorizations(other) == {None}


def test_another_port_is_another_origin(project: Project, private: ServedChannel, tmp_path: Path) -> None:
    """P17: a netrc entry with a port is for that port alone."""
    with ServedChannel(second(tmp_path / "second").folder) as other:
        settings(project, private.url, other.url)
        manifest(project, "k", "libfoo", "extra")
        project.run("lock", env=netrc(tmp_path / "own.netrc", (private.address, CANARY)))
        assert versions(project) == {"extra": "1.0", "libfoo": "2.0"}
        assert authorizations(other) == {None}


@pytest.mark.parametrize("place", ["envbuild.yaml", "manifests/k.yaml"])
def test_credentials_do_not_stand_in_a_file(project: Project, private: ServedChannel, place: str) -> None:
    """Whoever writes them there is told, at the line; nothing is asked."""
    url = private.url_with_credentials
    settings(project, url if place == "envbuild.yaml" else "conda-forge")
    manifest(project, "k", "libfoo", more="" if place == "envbuild.yaml" else f'channels: ["{url}"]\n')
    run = project.run("lock", check=1)
    assert run.err.startswith(f"{place}:")
    assert "credentials may not stand in a file" in run.err
    assert CANARY not in run.err
    assert private.requests == []


# What a server does; the files it does that to; what is said, in which {host} and {url} stand; what is hinted.
FAULTS: dict[str, tuple[Fault, str, str, str]] = {
    "forbidden": (failing(403), "*", "{host} wants credentials that it was not given (403 Forbidden)", "keep them"),
    "too many": (failing(429), "*", "{host} answers 429 Too Many Requests", "wait a while"),
    "broken": (failing(500), "*", "{host} answers 500 Internal Server Error", "wait a while"),
    "away": (failing(503), "*", "{host} answers 503 Service Unavailable", "wait a while"),
    "not found": (failing(404), "*", "{url} is no channel: it has no folder 'noarch'", "check its name"),
    "silent": (silent(30), "*", "{host} does not answer in time", "try again, or give it more seconds in UV_"),
    "trickling": (trickling(60), "*repodata.json*", "{host} does not answer in time", "try again"),
    "cut": (cut, "*repodata.json*", "{host} sends less than it announces", "try again"),
    "half": (shortened, "linux-64/repodata.json*", "what the channel {url} lists cannot be read", "try again"),
    "a login page": (
        instead(b"<html>log in</html>"), "linux-64/*", "what the channel {url} lists cannot be read", "try again",
    ),
    "nothing": (instead(b""), "linux-64/repodata.json*", "what the channel {url} lists cannot be read", "try again"),
    "another form": (
        instead(b'{"packages": {"libfoo-9-0.tar.bz2": {"name": "libfoo", "version": 9}}}'), "linux-64/repodata.json",
        "what the channel {url} lists cannot be read", "try again",
    ),
    "a list": (instead(b"[]"), "linux-64/repodata.json", "what the channel {url} lists cannot be read", "try again"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_channel_is_told_and_changes_nothing(
    project: Project, channel: Channel, served: ServedChannel, name: str
) -> None:
    """In bounded time, with the line that names it and what to do; the lock stays, and the next try succeeds."""
    fault, pattern, what, hint = FAULTS[name]
    settings(project, served.url)
    manifest(project, "k", "libfoo =1")
    project.run("lock")
    before = project.read(LOCK)
    manifest(project, "k", "libfoo =2")
    channel.add(Package(name="new"))
    if not pattern.endswith("*"):
        served.fault(f"{pattern}.*", failing(404))
    served.fault(pattern, fault)
    began = time.monotonic()
    run = project.run("lock", check=1, env={"UV_HTTP_TIMEOUT": "1"})
    assert time.monotonic() - began < 25
    told = what.format(host=served.address, url=served.url)
    assert f"envbuild.yaml:1:12: {told}" in run.err
    assert f"hint: {hint}" in run.err
    assert project.read(LOCK) == before
    served.mend()
    project.run("lock")
    assert versions(project) == {"libfoo": "2.0"}


def test_a_channel_that_is_off_is_told(project: Project, channel: Channel) -> None:
    """Nothing listens where it was."""
    with ServedChannel(channel.folder) as served:
        settings(project, served.url)
    manifest(project, "k", "libfoo")
    run = project.run("lock", check=1)
    assert f"envbuild.yaml:1:12: nothing answers at {served.address}" in run.err
    assert re.search(
        rf"\n    asked 2 times for {re.escape(served.url)}/\S+\n  hint: check the channel's URL, and", run.err
    )
    assert "Caused by" not in run.err
    assert not (project.path / "locks").exists()


def test_one_failure_is_tried_again(project: Project, served: ServedChannel) -> None:
    """A server that is away for a moment is no failure."""
    served.fault("*repodata.json*", failing(503), times=1)
    settings(project, served.url)
    manifest(project, "k", "libfoo")
    project.run("lock")
    assert versions(project) == {"libfoo": "2.0"}


def test_a_channel_that_changes_while_it_is_read(project: Project, tmp_path: Path, served: ServedChannel) -> None:
    """One state of it counts for a whole run: both environments see the same."""
    old, new = (tmp_path / "channel/linux-64/repodata.json").read_bytes(), None
    newer = world(tmp_path / "newer")
    newer.add(Package(name="libfoo", version="7.0"))
    new = (tmp_path / "newer/linux-64/repodata.json").read_bytes()
    served.fault("linux-64/repodata.json.*", failing(404))
    served.fault("linux-64/repodata.json", changing(old, new))
    settings(project, served.url)
    for number in range(6):
        manifest(project, f"k{number}", "libfoo", f"app >=0.{number}")
    project.run("lock", "--jobs", "3")
    assert {versions(project, f"k{number}")["libfoo"] for number in range(6)} == {"2.0"}
    assert served.requests.count("/linux-64/repodata.json") == 1


def test_what_was_read_is_not_read_again(project: Project, served: ServedChannel) -> None:
    """Between runs a channel that did not change is asked whether it did, and its list is not sent again."""
    settings(project, served.url)
    manifest(project, "k", "libfoo =1")
    project.run("lock")
    served.log.clear()
    manifest(project, "k", "libfoo =2")
    project.run("lock")
    again = [one for one in served.log if one.method == "GET" and "repodata.json" in one.path]
    assert again
    assert all("if-none-match" in one.headers for one in again)


def test_a_damaged_cache_is_not_believed(project: Project, served: ServedChannel, tmp_path: Path) -> None:
    """P14: every file of what was kept of a channel, emptied, cut or altered."""
    settings(project, served.url)
    manifest(project, "k", "libfoo =1")
    project.run("lock")
    kept = [path for path in (tmp_path / "home/.cache/envbuild/repodata").rglob("*") if path.is_file()]
    assert kept
    for number, damage in enumerate((b"", b"{}", b"\0" * 100)):
        for path in kept:
            if path.is_file():
                path.write_bytes(damage)
        manifest(project, "k", "libfoo =2" if number % 2 else "libfoo =1")
        project.run("lock")
        assert versions(project) == {"libfoo": "2.0" if number % 2 else "1.5"}


@pytest.mark.parametrize("known", [True, False])
def test_an_authority_of_one_s_own(project: Project, channel: Channel, tmp_path: Path, known: object) -> None:
    """`ca_bundle` names it; without it the channel is not trusted, and the hint says so."""
    bundle, context = authority(tmp_path / "authority")
    with ServedChannel(channel.folder, tls=context) as served:
        settings(project, served.url, more=f"ca_bundle: {bundle}\n" if known else "")
        manifest(project, "k", "libfoo")
        run = project.run("lock", check=0 if known else 1, env={"SSL_CERT_FILE": None, "SSL_CERT_DIR": None})
    if known:
        assert versions(project) == {"libfoo": "2.0"}
    else:
        assert f"the certificate of {served.address} is not trusted" in run.err
        assert "hint: name its authority as 'ca_bundle' in envbuild.yaml" in run.err


def _interrupted(project: Project, seconds: float) -> tuple[int, float, str]:
    """Send Ctrl-C to a lock that has been at it for so long: its exit code, how long it took to end, what it said."""
    command = [sys.executable, "-m", "envbuild", "lock"]
    with subprocess.Popen(
        command,
        cwd=project.path,
        env=dict(project.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert "locking for linux-64" in line
        time.sleep(seconds)
        assert process.poll() is None
        asked = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        return process.returncode, time.monotonic() - asked, out


def test_ctrl_c_ends_a_fetch(project: Project, served: ServedChannel) -> None:
    """At once, with 130, and nothing is written."""
    served.fault("*", silent(60))
    settings(project, served.url)
    manifest(project, "k", "libfoo")
    code, took, out = _interrupted(project, 1.0)
    assert (code, took < 5) == (130, True), out
    assert "Traceback" not in out
    assert not (project.path / "locks").exists()


def test_ctrl_c_ends_a_long_solve(project: Project, tmp_path: Path) -> None:
    """A problem that would take for ever: more pigeons than holes."""
    holes = range(13)
    pigeons = [
        Package(
            name=f"p{one}",
            version=str(hole),
            constrains=[f"p{other} !={hole}" for other in range(14) if other != one],
        )
        for one in range(14)
        for hole in holes
    ]
    settings(project, Channel(tmp_path / "channel", *pigeons).url)
    manifest(project, "k", *(f"p{one}" for one in range(14)))
    code, took, out = _interrupted(project, 3.0)
    assert (code, took < 5) == (130, True), out
    assert "Traceback" not in out
    assert not (project.path / "locks").exists()


def test_the_same_path_at_another_port(project: Project, channel: Channel, tmp_path: Path) -> None:
    """P17: where host and path do not tell two channels apart, the port does; P26: and no cache keeps a password."""
    other = Channel(tmp_path / "other", Package(name="extra"))
    with ServedChannel(channel.folder, auth=(USER, CANARY)) as private, ServedChannel(other.folder) as public:
        root = private.url.rpartition("/")[2]
        url = f"http://{public.address}"
        settings(project, private.url, f"{url}/{root}")
        manifest(project, "k", "libfoo", "extra")
        path = tmp_path / "own.netrc"
        run = project.run("lock", check=1, env=netrc(path, (private.address, CANARY)))
    assert basic(USER, CANARY) in authorizations(private)
    assert public.log
    assert authorizations(public) == {None}
    assert f"{url}/{root} is no channel" in run.err
    assert traces(tmp_path, path) == []


def test_a_package_by_its_url_is_signed_for(project: Project, private: ServedChannel, tmp_path: Path) -> None:
    """As a channel is."""
    settings(project, "file:///nowhere")
    manifest(project, "k", f"'{private.url}/linux-64/libfoo-1.0-0.conda'", more=f'channels: ["{private.url}"]\n')
    project.run("lock", env=netrc(tmp_path / "own.netrc", (private.address, CANARY)))
    assert versions(project) == {"libfoo": "1.0"}
    assert authorizations(private) == {basic(USER, CANARY)}


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_channel(project: Project, served: ServedChannel) -> None:
    """It is told as what it is, with what to do."""
    settings(project, served.url)
    manifest(project, "k", "libfoo")
    cache = project.path.parent / "cache"
    cache.mkdir()
    with read_only(cache):
        run = run_without_rights(Project(project.path, {**project.environ, "ENVBUILD_CACHE": str(cache)}), "lock")
    assert run.code == 1
    assert "what channels list cannot be kept: Permission denied: " in run.err
    assert "hint: set ENVBUILD_CACHE" in run.err


@pytest.mark.parametrize("place", ["{folder}", "ftp://127.0.0.1/channel"])
def test_a_channel_leads_nobody_to_other_kinds_of_places(project: Project, tmp_path: Path, place: str) -> None:
    """Neither to files of this machine; the line that names the channel is told, and nothing is locked."""
    base = place.format(folder=(tmp_path / "channel/linux-64").as_uri())
    lying = Channel(tmp_path / "channel", Package(name="libfoo"), says={"base_url": base})
    with ServedChannel(lying.folder) as served:
        settings(project, served.url)
        manifest(project, "k", "libfoo")
        run = project.run("lock", check=1)
    assert f"envbuild.yaml:1:12: the channel {served.url} keeps packages at {base}" in run.err
    assert "which is not https" in run.err
    assert not (project.path / "locks").exists()
