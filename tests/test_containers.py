"""Images that were built, tried and run: by a real engine, from a real registry."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.index import Index
from support.line import actions, reference, versions
from support.project import Project, clean_environment
from support.registry import Registry
from support.runs import latest, running, runs, wait_for
from support.services import require

# What Docker itself says on a machine that forwards no packets.
_APART = "WARNING: IPv4 forwarding is disabled. Networking will not work.\n"


def shop(folder: Path, engine: Engine, registry: Registry, uv_cache: Path) -> Project:
    """A project whose images go to a registry, which has the base `python` already."""
    for name in ("python", "busybox"):
        engine.docker("tag", engine.base(name), f"{registry.server}/{name}:1")
        engine.docker("push", f"{registry.server}/{name}:1")
        engine.docker("rmi", f"{registry.server}/{name}:1")
    path = f"{engine.docker.environ['PATH']}:{Path(sys.executable).parent}"
    environ = {**clean_environment(folder, uv_cache), **engine.docker.environ, "PATH": path, "HOME": str(folder)}
    project = Project(folder / "project", environ)
    project.write("envbuild.yaml", f"registry: {registry.server}/team\nplatforms: [linux-64]\nbuilder: docker\n")
    return project


def write(project: Project, base: str, test: str, more: str = "", name: str = "web") -> None:
    server = project.read("envbuild.yaml").split()[1].partition("/")[0]
    managed = "python: {managed: false}\n" if base == "python" else ""
    image = f"image:\n  base: {server}/{base}:1\n  command: [cat, /x]\n{more}"
    tried = f"test:\n{test}" if test else ""
    project.write(f"manifests/{name}.yaml", f"{managed}{image}{tried}")


def test_images_are_tried(engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> None:
    """As the image's user, without a network, with packages that are not in the image; no container is left."""
    project = shop(tmp_path, engine, registry, uv_cache)
    commands = '    - test "$(id -un)" = app && test -z "$(tail -n +4 /proc/net/dev)"\n    - tool\n'
    own = '  build: ["useradd app; echo hi > /x"]\n  user: app\n'
    test = f"  imports: [json, beta]\n  commands:\n{commands}  files: [/x]\n  with: [pip: [beta, tool]]\n"
    write(project, "python", test, f"{own}pip: {{index_url: '{index.url}'}}\n")
    project.run("apply")
    assert left(project, engine) == ""
    assert "tool 1.0" in project.run("logs", "web").out
    absent = "import importlib.util as u; assert not u.find_spec('beta')"
    project.run("run", "web", "--image", "--", "python3", "-c", absent)
    found = project.json("test", "web")["tests"]
    assert [(one["kind"], one["result"]) for one in found] == [
        ("import", "passed"), ("import", "passed"), ("command", "passed"), ("command", "passed"), ("file", "passed"),
    ]  # fmt: skip


def test_an_image_that_fails_is_not_named(engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path) -> None:
    """Nothing is tagged or recorded; mended it is named without a build, and elsewhere adopted without a test."""
    project = shop(tmp_path, engine, registry, uv_cache)
    write(project, "busybox", "  imports: [os]\n  commands: [exit 4, nosuch]\n  files: [/none, /bin/sh]\n")
    run = project.run("apply", check=1)
    for said in (
        "test.imports[0]: 'os' cannot be imported: ",
        "test.commands[0]: 'exit 4' ended with 4",
        "test.commands[1]: 'nosuch' ended with 127: /bin/sh: nosuch: not found",
        "test.files[0]: there is no file '/none'",
    ):
        assert said in run.err
    assert "test.files[1]: there" not in run.err
    assert "was never built" in project.run("history", "web", check=64).err
    assert [tag for tag in tags(registry, "team/web") if not tag.startswith("fp-") or tag.endswith("parts")] == []
    assert actions(project) == {"web": "adopt"}
    project.run("apply", check=1)  # it is tried again
    write(project, "busybox", "  commands: [exit 0]\n")
    project.run("apply")
    assert versions(project, "web") == [1]
    assert "v1" in tags(registry, "team/web")
    project.remove(".envbuild")
    write(project, "busybox", "  commands: [exit 5]\n")  # what passed is not fetched to be tried again
    project.run("apply")
    assert "test" not in project.run("logs", "web").out
    project.run("test", "web", check=1)


def left(project: Project, engine: Engine) -> str:
    """Containers of its image."""
    return engine.docker("ps", "-aq", "--filter", f"ancestor={reference(project, 'web')}")


def tags(registry: Registry, repository: str) -> list[str]:
    with urllib.request.urlopen(f"http://{registry.server}/v2/{repository}/tags/list") as reply:
        return list(json.load(reply)["tags"])


@pytest.fixture(scope="module")
def built(engine: Engine, tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Iterator[Project]:
    """An image of busybox as `web`, built; and `here`, which is no image."""
    require("registry")
    folder = tmp_path_factory.mktemp("containers")
    with Registry(folder / "registry") as registry:
        project = shop(folder, engine, registry, uv_cache)
        own = f"variables: {{OWN: web, ITS: '{os.urandom(4).hex()}'}}"  # else another worker's containers would be ours
        write(project, "busybox", "", f'  entrypoint: [cat]\n  build: ["echo own > /x"]\n{own}\n')
        project.write("manifests/here.yaml", "builder: local\n")
        run = project.run("apply", "web")
        assert "Next: 'envbuild run web --image -- COMMAND' runs something in it." in run.out
        project.run("run", "web", "--image", "--", "true")  # fetched
        yield project


def test_a_command_in_a_container(built: Project, engine: Engine) -> None:
    """In place of the entrypoint, with the image's variables; its code and streams are ours, and it is gone then."""
    script = "read word; echo $OWN $word; cat /x; echo bad >&2; ls /work 2>/dev/null; exit 7"
    run = built.run("run", "web", "--image", "--", "sh", "-c", script, stdin="hello\n", check=7)
    assert (run.out, run.err.removeprefix(_APART)) == ("web hello\nown\n", "bad\n")
    assert left(built, engine) == ""


def test_what_a_container_is_given(built: Project) -> None:
    """Folders, variables, a user and a folder to be in: each as it is stated, and none as an option."""
    built.write("data, more/x", "data\n")
    options = [
        "--mount",
        "data, more:/data:ro",
        "-e",
        "A=--privileged b",
        "-e",
        "MINE",
        "--user",
        "7",
        "--workdir",
        "/data",
    ]
    script = "pwd; id -u; echo $A $MINE; cat x; touch y 2>/dev/null || echo not written"
    run = built.run("run", "web@1", "--image", *options, "--", "sh", "-c", script, env={"MINE": "mine"})
    assert run.out.splitlines() == ["/data", "7", "--privileged b mine", "data", "not written"]
    run = built.run("run", "web", "--image", "--mount", "nowhere:/x", "--", "true", check=64)
    assert "'nowhere' cannot be mounted: it is not there" in run.err
    nobody = built.run("run", "web", "--image", "--mount", "~no-such-user/x:/x", "--", "true", check=64)
    assert "'~no-such-user/x' cannot be mounted: it is not there" in nobody.err
    run = built.run("run", "web", "--image", "--workdir", "rel", "--", "true", check=64)
    assert "'rel' is no folder of an image" in run.err
    assert "is no mount" in built.run("run", "web", "--image", "--mount", "a", "--", "true", check=64).err
    assert "is no variable" in built.run("run", "web", "--image", "-e", "=x", "--", "true", check=64).err


def test_a_run_in_a_container_is_remembered_and_done_again(built: Project) -> None:
    """With its source, which it sees where it is; `run:` gives it variables, folders and shared memory."""
    built.write("src/x", "one\n")
    built.write("given/y", "given\n")
    show = ("--source", "src", "--", "sh", "-c", "pwd; cat x; mkdir -p outputs; cp x outputs/kept")
    assert built.run("run", "web", "--image", "--experiment", "boxed", *show).out == "/envbuild/source\none\n"
    found = latest(built)
    assert (found["image"], found["status"], found["command"][0]) == (True, "done", "sh")
    assert [one["path"] for one in found["outputs"]] == ["outputs/kept"]
    built.write("src/x", "two\n")
    assert built.run("runs", "rerun", str(found["id"])).out == "/envbuild/source\none\n"
    text = built.read("manifests/web.yaml")
    run = "run: {command: 'echo $HOW; cat /given/y; df -k /dev/shm | tail -n 1', env: {HOW: so}, "
    built.write("manifests/web.yaml", f"{text}{run}mounts: ['../given:/given:ro'], shm_size: 3m}}\n")
    told = built.run("run", "web", "--image", "--no-snapshot").out.split()
    built.write("manifests/web.yaml", text)
    assert told[:2] == ["so", "given"]
    assert told[3] == "3072"
    assert latest(built)["inside"]["shm_size"] == "3m"


@pytest.mark.parametrize("number", [9, 15])
def test_signals_of_a_container(built: Project, number: int) -> None:
    """128 and the signal's number, as for any command."""
    built.run("run", "web", "--image", "--", "sh", "-c", f"kill -{number} $$", check=128 + number)


def test_a_container_ends_with_the_command(built: Project, engine: Engine) -> None:
    """Who ends envbuild ends what runs in it."""
    command = [sys.executable, "-m", "envbuild", "run", "web", "--image", "--", "sh", "-c", "echo ready; sleep 60"]
    with subprocess.Popen(command, cwd=built.path, env=dict(built.environ), stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
        began = time.monotonic()
        run.terminate()
        assert run.wait(30) == 143
    assert time.monotonic() - began < 20
    assert left(built, engine) == ""


def test_a_container_that_is_deaf_is_made_to_end(built: Project, engine: Engine) -> None:
    """When its time is up, though who started it is no more than its messenger; also without a memory of the run."""
    for options in ([], ["--no-history"]):
        deaf = ["--", "sh", "-c", 'trap "" TERM; while :; do sleep 1; done']
        built.run("run", "web", "--image", "--timeout", "1", *options, *deaf, check=124)
        assert left(built, engine) == ""


def test_a_container_without_its_messenger_ends(built: Project, engine: Engine) -> None:
    """Kill -9 of Docker's command alone leaves nothing at work."""
    with running(built, "web", "--image", "--", "sh", "-c", "echo ready; while :; do sleep 1; done") as run:
        held = built.path / ".envbuild/runs" / str(latest(built)["id"]) / "held"
        os.kill(int(held.read_text().split()[0]), signal.SIGKILL)
        run.communicate(timeout=60)
    assert (run.returncode, latest(built)["signal"]) == (137, "SIGKILL")
    wait_for(lambda: left(built, engine) == "")


@pytest.mark.parametrize("attended", [True, False])
def test_a_container_is_stopped(built: Project, engine: Engine, *, attended: bool) -> None:
    """Though it is deaf, and also where kill -9 of whoever attended it left it alone."""
    deaf = ["--", "sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 1; done']
    with running(built, "web", "--image", *deaf) as run:
        if not attended:
            run.kill()
            run.wait()
            assert latest(built)["status"] == "running"
        told = built.run("runs", "stop", "latest", "--timeout", "0.2").out
        wait_for(lambda: left(built, engine) == "")
        run.communicate(timeout=30)
    assert told == f"Run {latest(built)['id']} is ended: {'killed (SIGTERM)' if attended else 'lost'}.\n"


def test_a_shell_in_a_container(built: Project) -> None:
    """The shell that the image has; what is written to it is run, and its code is ours."""
    assert built.run("shell", "web", "--image", stdin="echo $OWN; exit 3\n", check=3).out == "web\n"
    assert built.run("shell", "web", "--image", "--shell", "ash", stdin="echo $0\n").out == "ash\n"


def test_a_terminal_in_a_container(built: Project) -> None:
    """It is the command's own: its size, keys and all."""
    with built.terminal(
        "run", "web", "--image", "--", "sh", "-c", "test -t 0 && stty size; read x; echo got $x"
    ) as one:
        one.wait_for("24 80")
        one.press("this\r")
        one.wait_for("got this")


def test_what_goes_on_by_itself_has_no_terminal(built: Project) -> None:
    """Also where it was begun from one: Docker would refuse it."""
    before = len(runs(built))
    with built.terminal("run", "web", "--image", "--detach", "--", "sh", "-c", "test -t 0 || echo none") as one:
        wait_for(lambda: len(runs(built)) > before and latest(built)["status"] != "running")
        one.wait_for(str(before + 1))
    log = built.run("runs", "logs", "latest").out.removeprefix(_APART)
    assert (latest(built)["status"], log) == ("done", "none\n")


def test_gpus_are_refused_where_there_are_none(built: Project) -> None:
    """Asked for they must be there; else an image for GPUs runs without."""
    run = built.run("run", "web", "--image", "--gpus", "all", "--", "true", check=1)
    assert "the engine has no runtime 'nvidia'" in run.err
    built.run("run", "web", "--image", "--gpus", "none", "--", "true")


def test_what_is_no_image(built: Project) -> None:
    """A prefix is refused before it is built, options of containers without --image, and an image without it."""
    assert "'here' is a prefix of this machine" in built.run("run", "here", "--image", "--", "true", check=64).err
    assert "with '--image'" in built.run("run", "web", "--user", "7", "--", "true", check=64).err
    assert "use '--image' to run something in a container" in built.run("run", "web", "--", "true", check=64).err


def test_what_is_due_is_built_and_what_is_gone_is_fetched(built: Project, engine: Engine) -> None:
    """A change is built first; an image that the engine has lost comes from the registry again."""
    text = built.read("manifests/web.yaml")
    built.write("manifests/web.yaml", text.replace("OWN: web", "OWN: changed"))
    try:
        assert built.run("run", "web", "--image", "--", "sh", "-c", "echo $OWN").out.endswith("changed\n")
        for image in set(engine.docker("images", "-aq", "--no-trunc").split()):
            engine.docker.run("rmi", "--force", image)
        run = built.run("run", "web", "--image", "--", "sh", "-c", "echo $OWN")
        assert run.out == "changed\n"
        assert "web: pulling from " in run.err
    finally:
        built.write("manifests/web.yaml", text)


def test_a_test_that_is_interrupted(engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path) -> None:
    """Its container goes at once, and nothing is recorded."""
    project = shop(tmp_path, engine, registry, uv_cache)
    write(project, "busybox", "  commands: [echo begun; sleep 100]\n")
    command = [sys.executable, "-m", "envbuild", "apply", "web"]
    before = set(engine.docker("ps", "-aq").split())
    with subprocess.Popen(
        command, cwd=project.path, env=dict(project.environ), stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr
        assert any("test 1 of 1" in line for line in run.stderr)
        time.sleep(2)
        began = time.monotonic()
        run.terminate()
        run.communicate(timeout=30)
        assert run.returncode == 130
    assert time.monotonic() - began < 20
    assert set(engine.docker("ps", "-aq", "--filter", "label=dev.envbuild=test").split()) <= before
    assert "was never built" in project.run("history", "web", check=64).err


def test_an_engine_of_containerd(containerd_engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path) -> None:
    """Where images are built into a file they come to the engine from the registry."""
    project = shop(tmp_path, containerd_engine, registry, uv_cache)
    write(project, "busybox", "  commands: [test $OWN = web]\n  files: [/bin/sh]\n", "variables: {OWN: web}\n")
    assert "web:   pulling from" in project.run("apply").err
    assert project.run("run", "web", "--image", "--", "sh", "-c", "echo $OWN").out == "web\n"
    project.run("test", "web")
