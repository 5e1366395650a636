"""`envbuild doctor`: every thing that can be broken, broken for real, and told with how to mend it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from support.index import Index
from support.line import closed_port, read_only, run_without_rights
from support.project import Project, Run
from support.services import require

_INSIDE = {
    "python", "uv", "store", "disk", "git", "engine", "variables", "completion", "index", "project", "records",
    "registries", "secrets",
}  # fmt: skip


# Short: to look at each of a machine's many interpreters takes uv seconds.
_PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin"


@pytest.fixture
def sound(project: Project, index: Index) -> Project:
    """A project that is in order, on a machine with an index of ours."""
    project.write("manifests/base.yaml", "variables: {ONE: '1'}\n")
    project.environ = {**project.environ, "UV_DEFAULT_INDEX": index.url, "PATH": _PATH}
    return project


def checks(project: Project, *args: str, code: int = 0) -> dict[str, tuple[str, str, str]]:
    """Each check's state, what was found, and its hint."""
    found = project.json("doctor", *args, check=code)
    assert found["format_version"] == 1
    return {one["name"]: (one["state"], one["found"], one["hint"]) for one in found["checks"]}


def only_failure(project: Project, *args: str) -> tuple[str, str, str]:
    """The one check that failed: its name, what was found, and the hint, which is never missing."""
    failed = [(name, *rest) for name, (state, *rest) in checks(project, *args, code=1).items() if state == "failed"]
    assert len(failed) == 1, failed
    ((name, found, hint),) = failed
    assert hint
    return name, found, hint


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def with_program(project: Project, name: str, script: str) -> None:
    """A program of this name stands first on PATH."""
    bin_folder = project.path.parent / "bin"
    program(bin_folder, name, script)
    project.environ = {**project.environ, "PATH": f"{bin_folder}{os.pathsep}{_PATH}"}


class _Registry(BaseHTTPRequestHandler):
    status: ClassVar[int] = HTTPStatus.UNAUTHORIZED

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/v2/" else HTTPStatus.NOT_FOUND)
        if self.status == HTTPStatus.FOUND:
            self.send_header("Location", "/v2/else")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - named by http.server
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    """A server on loopback that answers as a registry does to somebody who is not logged in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_everything_works(sound: Project) -> None:
    """The first line is the answer; every check has its line; nothing is written, and the exit code is 0."""
    before = sound.tree()
    run = sound.run("doctor")
    assert run.out.splitlines()[0] == "Everything works."
    found = checks(sound)
    assert found.keys() == _INSIDE
    assert {name for name, (state, *_) in found.items() if state == "failed"} == set()
    assert found["python"][1].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["project"][1] == "no envbuild.yaml, so all defaults; manifests: 1, environments: 1"
    assert sound.tree() == before
    assert not Path(sound.environ["ENVBUILD_STORE"]).exists()


def test_outside_a_project(project: Project) -> None:
    """The machine is checked all the same; that there is no project is said, and is no failure."""
    found = checks(project, "--offline")
    assert found.keys() == _INSIDE - {"records", "registries", "secrets"}
    assert found["project"][0] == "note"
    assert "-C DIR" in found["project"][2]
    assert found["index"] == ("note", "not asked", "")
    assert only_failure(project, "--offline", "-C", "nowhere")[0] == "project"


def test_a_store_without_permission(sound: Project) -> None:
    """It is tried, not guessed: as one who must heed permissions."""
    store = Path(sound.environ["ENVBUILD_STORE"])
    store.mkdir(parents=True)
    with read_only(store):
        run = run_without_rights(sound, "doctor", "--offline")
    assert run.code == 1
    assert run.out.splitlines()[0] == "1 of 13 checks needs attention."
    assert f"failed  store       {store} cannot be written: Permission denied" in run.out
    assert "set ENVBUILD_STORE" in run.out


def test_a_store_that_is_no_folder(sound: Project) -> None:
    """A file in its place is named."""
    Path(sound.environ["ENVBUILD_STORE"]).write_text("")
    assert only_failure(sound, "--offline")[0] == "store"


def test_the_store_is_counted(sound: Project) -> None:
    """Complete prefixes and what a killed build left are told apart; images that are kept there are neither."""
    sound.run("apply")
    assert ": 1 prefix, " in checks(sound, "--offline")["store"][1]
    (Path(sound.environ["ENVBUILD_STORE"]) / "0123").mkdir()
    (Path(sound.environ["ENVBUILD_STORE"]) / "images").mkdir()
    assert ": 1 prefix, 1 not complete, " in checks(sound, "--offline")["store"][1]


def test_a_full_disk(sound: Project, tmp_path: Path) -> None:
    """A real one: small and full."""
    require("mount")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
    try:
        sound.environ = {**sound.environ, "ENVBUILD_STORE": str(small / "store")}
        name, found, hint = only_failure(sound, "--offline")
        assert (name, "1 MiB free for store" in found) == ("disk", True)
        assert "make room" in hint
    finally:
        subprocess.run(["/bin/umount", small], check=True)


def test_secrets_without_a_value(sound: Project) -> None:
    """Which, and where each should come from; nobody sees the values of others."""
    assert checks(sound, "--offline")["secrets"] == ("ok", "none named", "")
    sound.write("envbuild.yaml", "secrets: {one: {env: ONE_TOKEN}, two: {file: own}}\n")
    sound.environ = {**sound.environ, "ONE_TOKEN": "CANARY"}
    state, found, _ = checks(sound, "--offline")["secrets"]
    assert (state, found) == ("note", "no value here: 'two' of the file own")
    sound.write("own", "CANARY\n")
    assert checks(sound, "--offline")["secrets"][:2] == ("ok", "2 with a value")
    assert "CANARY" not in sound.run("doctor", "--offline").out


def test_damaged_records(sound: Project) -> None:
    """The whole file is looked at; damage is told, and never mended by starting anew."""
    sound.run("apply")
    assert checks(sound, "--offline")["records"][1] == "1 version"
    path = sound.path / ".envbuild" / "state.db"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    name, found, hint = only_failure(sound, "--offline")
    assert (name, "cannot be read" in found) == ("records", True)
    assert "backup" in hint
    path.write_bytes(b"")
    assert only_failure(sound, "--offline")[0] == "records"


def test_broken_settings_and_manifests(sound: Project) -> None:
    """The first place is named, and how many more there are."""
    sound.write("manifests/a.yaml", "varibles: {}\nsetup: 7\n")
    name, found, hint = only_failure(sound, "--offline")
    assert (name, hint) == ("project", "run 'envbuild check'")
    assert found.startswith("manifests/a.yaml:1:1: unknown key 'varibles', and ")
    sound.write("envbuild.yaml", "bulder: local\n")
    failed = {name for name, (state, *_) in checks(sound, "--offline", code=1).items() if state == "failed"}
    assert "project" in failed


def test_an_engine_is_only_noted(sound: Project) -> None:
    """Missing, without a daemon, too old, without buildx, and whole: never a failure, and who needs it is told."""
    cases = {
        "echo 'Cannot connect to the Docker daemon' >&2; exit 1": ("note", "Cannot connect to the Docker daemon"),
        'if [ "$1" = buildx ]; then echo nope >&2; exit 1; fi; echo 27.1': ("note", "docker 27.1 without buildx"),
        "echo 20.10.24": ("note", "this is Docker Engine 20.10.24, which is too old: 23.0 or later is needed"),
        'if [ "$1" = buildx ]; then echo buildx v0.13 abc; else echo 27.1; fi': ("ok", "docker 27.1, buildx v0.13"),
    }
    for script, (state, said) in cases.items():
        with_program(sound, "docker", script)
        found = checks(sound, "--offline")["engine"]
        assert (found[0], said in found[1]) == (state, True), found
        assert found[2].startswith("only the builder 'docker'") == (state == "note")
    git = shutil.which("git")
    empty = sound.path.parent / "empty"
    program(empty, "git", f'exec {git} "$@"')
    sound.environ = {**sound.environ, "PATH": str(empty)}
    assert checks(sound, "--offline")["engine"][1] == "no program 'docker'"


def test_a_program_that_hangs_costs_no_more_than_its_time(sound: Project) -> None:
    """It is ended, told as unanswered, and the others' answers are there."""
    with_program(sound, "git", "exec sleep 300")
    found = checks(sound, "--offline")
    assert found["git"][:2] == ("note", "no answer within 20 seconds")
    assert found["uv"][0] == found["records"][0] == "ok"


def test_an_index_that_does_not_answer(sound: Project) -> None:
    """Asked through uv; the credentials of its URL are not shown."""
    url = f"http://someone:hunter2@127.0.0.1:{closed_port()}/simple"
    sound.environ = {**sound.environ, "UV_DEFAULT_INDEX": url}
    name, found, hint = only_failure(sound)
    assert name == "index"
    assert "--offline" in hint
    run = sound.run("doctor", check=1)
    assert "hunter2" not in run.out + run.err
    assert "does not answer" in found


def test_an_index_that_refuses(sound: Project) -> None:
    """Wrong credentials are told from a dead network."""
    with Index(auth=("someone", "right")) as private:
        sound.environ = {**sound.environ, "UV_DEFAULT_INDEX": private.url}
        name, found, hint = only_failure(sound)
    assert (name, "refuses" in found) == ("index", True)
    assert "credentials" in hint or "those of uv" in hint


def test_registries(sound: Project, registry: str) -> None:
    """One that asks for a login answers; one that is not there, or is something else, does not."""
    sound.write("envbuild.yaml", f"registry: {registry}/team\n")
    assert checks(sound)["registries"] == ("ok", f"{registry} answers", "")
    _Registry.status = HTTPStatus.FOUND
    try:
        name, found, _ = only_failure(sound)
    finally:
        _Registry.status = HTTPStatus.UNAUTHORIZED
    assert (name, "302" in found) == ("registries", True)
    sound.write("envbuild.yaml", f"publish: {{registries: ['{registry}/a', '127.0.0.1:{closed_port()}/b']}}\n")
    name, found, _ = only_failure(sound)
    assert (name, "Connection refused" in found) == ("registries", True)
    assert checks(sound, "--offline")["registries"] == ("note", "not asked", "")


def test_variables(sound: Project) -> None:
    """Shown without credentials; certificates that are not there are a failure."""
    sound.environ = {**sound.environ, "HTTPS_PROXY": "http://me:secret@127.0.0.1:9", "ENVBUILD_JOBS": "2"}
    found = checks(sound, "--offline")["variables"]
    assert "secret" not in str(found)
    assert "ENVBUILD_JOBS=2" in found[1]
    sound.environ = {**sound.environ, "SSL_CERT_FILE": "/nowhere/ca.pem"}
    assert only_failure(sound, "--offline")[:2] == (
        "variables",
        "SSL_CERT_FILE names what cannot be read: /nowhere/ca.pem",
    )


def test_mirrors(sound: Project) -> None:
    """What this host has from elsewhere, by whose word, without credentials; told only where there is any."""
    assert "mirrors" not in checks(sound, "--offline")
    file = Path(sound.environ["HOME"]) / ".pixi/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[mirrors]\n"https://b.example" = ["https://n.example/b"]\n')
    sound.environ = {**sound.environ, "ENVBUILD_MIRRORS": "https://a.example=https://me:secret@m.example/a"}
    ours, theirs = checks(sound, "--offline")["mirrors"][1].split("; ")
    assert ours == "https://a.example from https://m.example/a (ENVBUILD_MIRRORS)"
    assert theirs == f"https://b.example from https://n.example/b ({file})"
    sound.environ = {**sound.environ, "ENVBUILD_MIRRORS": "https://a.example"}
    assert only_failure(sound, "--offline")[0] == "mirrors"


def test_completion(sound: Project) -> None:
    """Looked for where each shell starts."""
    for shell, file in {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}.items():
        sound.environ = {**sound.environ, "SHELL": f"/bin/{shell}"}
        assert checks(sound, "--offline")["completion"][1] == f"not set up for {shell}"
        path = Path(sound.environ["HOME"]) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'eval "$(envbuild completion {shell})"\n')
        assert checks(sound, "--offline")["completion"] == ("ok", f"{shell}, by ~/{file}", "")


def test_a_narrow_terminal(sound: Project) -> None:
    """Every line fits, and every word is there; while it takes long it says so; a pipe gets one line for one."""
    with_program(sound, "docker", "sleep 4; echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with sound.terminal("doctor", "--offline", columns=40) as terminal:
        terminal.wait_for("looking at this machine")
        assert terminal.finish() == 0
        assert max(map(len, terminal.lines)) <= 40
        assert terminal.lines[0] == "Everything works."
        words = " ".join(terminal.text.split())
        assert "docker does not answer: Cannot connect to the Docker daemon hint: only the builder 'docker'," in words
    run: Run = sound.run("doctor", "--offline")
    assert "\x1b" not in run.out
