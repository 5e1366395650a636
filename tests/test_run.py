"""`envbuild run`: the command's own code, variables, arguments as they were given, and a build if one is due."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.line import actions, apply_twice, reference, versions
from support.project import Project
from support.terminal import Terminal

_SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"


@pytest.fixture
def built(project: Project) -> Project:
    """One environment that is the default, built."""
    project.write("envbuild.yaml", "default_environment: a\n")
    project.write(
        "manifests/a.yaml",
        """
        variables:
          PLAIN: "a value, with $HOME and 'quotes'"
          LIST: {prepend: [/first, /second], append: [/last]}
          OWN: "own"
        """,
    )
    apply_twice(project)
    return project


@pytest.mark.parametrize("code", [0, 1, 2, 3, 64, 130, 255])
def test_the_command_s_own_code(built: Project, code: int) -> None:
    """Whatever it is, it is ours, and nothing is added to what the command said."""
    run = built.run("run", "a", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}", check=code)
    assert (run.out, run.err) == ("out\n", "err\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE])
def test_a_signal_that_ends_the_command(built: Project, number: signal.Signals) -> None:
    """128 and the signal's number, as a shell counts."""
    built.run("run", "a", "--", "sh", "-c", f"kill -{int(number)} $$", check=128 + number)


def test_the_command_gets_only_what_was_given(built: Project) -> None:
    """No file of ours is open in it."""
    out = built.run("run", "a", "--", "sh", "-c", "ls /proc/$$/fd; exit 0").out.split()
    assert not Path("/proc/self/fd").exists() or out == ["0", "1", "2"]


def test_only_what_is_stated_is_added(built: Project) -> None:
    """Of the variables that the command gets, every one is the host's, the manifest's or named here."""
    found = dict(pair.split("=", 1) for pair in built.run("run", "a", "--", "env", "-0").out.split("\0") if pair)
    added = {name for name, value in found.items() if built.environ.get(name) != value}
    own = {"ENVBUILD_ENVIRONMENT", "ENVBUILD_ACTIVE", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PATH"}
    assert added == own | {"PLAIN", "LIST", "OWN"}
    assert set(built.environ) <= set(found)


def test_keys_reach_the_command(built: Project) -> None:
    """Ctrl-Z suspends it for the shell that started envbuild, fg goes on, and Ctrl-C lets it clean up first."""
    script = 'trap "echo cleaned; exit 7" INT; echo run""ning; read x; echo went on; while :; do sleep 0.1; done'
    line = f"{sys.executable} -m envbuild run a -- sh -c '{script}'"
    shell = ["/bin/sh", "-i"]
    with Terminal(shell, built.path, {**built.environ, "PS1": "> "}, columns=200) as terminal:
        terminal.wait_for("> ".strip())
        terminal.press(f"{line}\r")
        terminal.wait_for(lambda: "running" in terminal.lines)
        terminal.press("\x1a")
        terminal.wait_for("Stopped")
        terminal.press("fg\r")
        terminal.wait_for(lambda: "done" in terminal.screen[-1])
        terminal.press("\r")
        terminal.wait_for(lambda: "went on" in terminal.lines)
        terminal.press("\x03")
        terminal.wait_for("cleaned")
        terminal.press("echo code=$?\r")
        terminal.wait_for("code=7")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on(built: Project, number: signal.Signals) -> None:
    """Who ends envbuild ends the command: it may still clean up, and its code counts."""
    script = 'trap "echo bye; exit 7" TERM HUP; echo ready; while :; do sleep 0.05; done'
    command = [sys.executable, "-m", "envbuild", "run", "a", "--", "sh", "-c", script]
    with subprocess.Popen(command, cwd=built.path, env=dict(built.environ), stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout
            assert run.stdout.readline() == "ready\n"
            time.sleep(0.1)
            run.send_signal(number)
            out, _ = run.communicate(timeout=20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                run.kill()
    assert (run.returncode, out) == (7, "bye\n")


def test_variables(built: Project) -> None:
    """As the manifest states them; additions go around what the host has; the environment comes first on PATH."""
    show = "import os; print(os.environ['PLAIN'], os.environ['LIST'], os.environ['OWN'], sep='\\n')"
    run = built.run("run", "a", "--", "python", "-c", show, env={"LIST": "/host", "OWN": "host's"})
    assert run.out.splitlines() == ["a value, with $HOME and 'quotes'", "/first:/second:/host:/last", "own"]
    run = built.run("run", "a", "--", "python", "-c", show)
    assert run.out.splitlines()[1] == "/first:/second:/last"
    where = built.run("run", "a", "--", "python", "-c", "import sys; print(sys.prefix)").out.strip()
    assert where == built.json("show", "a")["environment"]["reference"]
    assert built.run("run", "a", "--", "sh", "-c", "echo $VIRTUAL_ENV; command -v python").out.splitlines() == [
        where, f"{where}/bin/python",
    ]  # fmt: skip


def test_arguments_pass_unchanged(built: Project) -> None:
    """Spaces, quotes, line breaks, options of ours, more dashes, nothing at all."""
    words = ["two words", "'\"$HOME`", "--json", "-C", "--", "", "-", "a\nb", "*", "grüße", "--help", "-j0"]
    run = built.run("run", "a", "--", "python", "-c", _SHOW, *words)
    assert run.out == f"{json.dumps(words)}\n"
    first = built.run("run", "--", "python", "-c", _SHOW, "--", "x")
    assert first.out == f"{json.dumps(['--', 'x'])}\n"


def test_without_a_name_it_is_the_default(built: Project) -> None:
    """And without a default envbuild's own minimal one, which is said."""
    assert built.run("run", "--", "sh", "-c", "echo $OWN").out == "own\n"
    built.write("envbuild.yaml", "")
    other = built.run("run", "--", "sh", "-c", "echo $ENVBUILD_ENVIRONMENT")
    assert other.out == "curated/minimal\n"
    assert other.err.startswith("curated/minimal: no environment is named, here or as 'default_environment'")


def test_standard_input_reaches_the_command(built: Project) -> None:
    """A pipe goes through."""
    assert built.run("run", "a", "--", "cat", stdin="some text").out == "some text"


def test_a_command_that_is_missing(built: Project) -> None:
    """127 for what is not there, 126 for what cannot be run."""
    assert "no-such-command" in built.run("run", "a", "--", "no-such-command", check=127).err
    path = built.write("text.txt", "no program\n")
    built.run("run", "a", "--", str(path), check=126)
    path.chmod(0o755)
    assert "#!/bin/sh" in built.run("run", "a", "--", str(path), check=126).err
    path.write_text("#!/not/there\n")
    assert "the interpreter of" in built.run("run", "a", "--", str(path), check=127).err
    assert "did you mean 'python'?" in built.run("run", "a", "--", "pyhton", check=127).err
    elsewhere = built.run("run", "a", "--env", "PATH=/nowhere", "--", "python", check=127).err
    assert f"hint: name it by its path: {reference(built, 'a')}/bin/python; its folder is not on PATH\n" in elsewhere
    assert "packages" in built.run("run", "a", "--", "zzz", check=127).err
    assert built.run("run", "a", "--", "zzz", env={"PATH": str(path)}, check=127).out == ""


def test_it_builds_first_when_that_is_due(built: Project) -> None:
    """What the manifest says now is what runs; progress goes to standard error only."""
    built.write("manifests/a.yaml", "variables:\n  OWN: new\n")
    run = built.run("run", "a", "--", "sh", "-c", "echo $OWN")
    assert run.out == "new\n"
    assert "a: done in " in run.err
    assert versions(built, "a") == [2, 1]
    assert built.run("run", "a", "--", "sh", "-c", "echo $OWN").err == ""
    assert built.run("run", "a@1", "--", "sh", "-c", "echo $OWN").out == "own\n"
    assert built.run("run", "a@latest", "--", "sh", "-c", "echo $OWN").out == "new\n"
    built.run("run", "a@3", "--", "true", check=64)
    built.run("run", "a@x", "--", "true", check=64)


def test_a_recorded_version_is_not_replaced_by_what_the_manifest_says(built: Project) -> None:
    """NAME@VERSION asks no manifest: it runs although that is broken, and builds nothing."""
    built.write("manifests/a.yaml", "unknown: key\n")
    assert built.run("run", "a@1", "--", "sh", "-c", "echo $OWN").out == "own\n"
    built.run("run", "a", "--", "true", check=1)


def test_a_version_that_no_longer_stands_is_refused(built: Project) -> None:
    """It says what is missing, and does not run something else."""
    Path(reference(built, "a"), "pyvenv.cfg").unlink()
    run = built.run("run", "a@1", "--", "sh", "-c", "echo ran", check=1)
    assert "pyvenv.cfg" in run.err
    assert run.out == ""
    assert built.run("run", "a", "--", "sh", "-c", "echo ran").out == "ran\n"


def test_a_failing_build_runs_nothing(built: Project) -> None:
    """Exit 1, with the failure's last lines and no output of the command."""
    built.write("manifests/a.yaml", "setup:\n  - echo broken; exit 9\n")
    run = built.run("run", "a", "--", "sh", "-c", "echo ran", check=1)
    assert run.out == ""
    assert "broken" in run.err


def test_one_environment_only(built: Project) -> None:
    """A glob is no name: it is refused before anything is built."""
    built.write("manifests/b.yaml", "variables:\n  ONE: '1'\n")
    built.run("run", "*", "--", "true", check=64)
    assert actions(built) == {"b": "create"}


def test_it_runs_in_the_working_directory(built: Project) -> None:
    """-C names the project, not where the command runs."""
    below = Project(built.path / "below", built.environ)
    assert below.run("run", "a", "--", "pwd").out == f"{below.path.resolve()}\n"
    assert below.run("-C", "..", "run", "a", "--", "pwd").out == f"{below.path.resolve()}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "a", "--", "true"],
        ["shell", "a"],
        ["kernel", "a"],
        ["serve", "a"],
        ["hook", "direnv", "a"],
        ["export", "script", "a@1"],
        ["run", "a@1", "--", "true"],
    ],
)
def test_what_is_an_image_is_not_built_to_be_refused(words: list[str], project: Project) -> None:
    """It has no prefix, however long it is worked on; what can be done with it instead is said."""
    project.write("score.py", "def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    project.write("manifests/a.yaml", "builder: oci\nimage: {base: scratch}\nserve: {entry_script: ../score.py}\n")
    if "a@1" in words:
        project.run("apply")
    told = project.run(*words, check=64).err
    name = "a@1" if "a@1" in words else "'a'"
    assert told == (
        f"error: {name} is an image, and no prefix of this machine\n"
        "  hint: use '--image' to run something in a container, or 'envbuild export devcontainer' for editors\n"
    )
    assert project.json("list")["environments"][0]["version"] == (1 if "a@1" in words else None)
