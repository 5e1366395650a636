"""The command line: exit codes, what goes where, options on either side of the command, variables for scripts."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, apply_twice, read_only, run_without_rights, write_base, write_child
from support.project import Project

from envbuild.errors import StateError
from envbuild.project import Project as ProjectItself
from envbuild.state import file as records

_COMMANDS = ("plan", "apply", "why", "lock", "run", "show", "history")


@pytest.fixture
def plain(project: Project) -> Project:
    """Environments that need no lock: names with and without a folder."""
    for name in ("base", "churn/train", "churn/score"):
        project.write(f"manifests/{name}.yaml", f"variables:\n  ONE: '{name}'\n")
    return project


def test_help_and_version(project: Project) -> None:
    """They work anywhere, also where there is no project."""
    assert project.run("--version").out == project.run("--version", "plan").out
    assert project.run("--version").out.startswith("envbuild ")
    shown = project.run("--help").out
    for command in _COMMANDS:
        assert f"  {command} " in shown
        assert "Examples:" in project.run(command, "--help").out


def test_outside_a_project(project: Project) -> None:
    """Bad usage, with how to get out of it; nothing is written."""
    for args in (["plan"], ["apply"], ["lock"], ["history", "a"], ["-C", "nowhere", "plan"]):
        run = project.run(*args, check=64)
        assert "hint: " in run.err
        assert run.out == ""
    assert project.tree() == {}


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["plan", "churn/trian"], "churn/train"),
        (["apply", "churn/trian"], "churn/train"),
        (["lock", "churn/trian"], "churn/train"),
        (["why", "churn/trian"], "churn/train"),
        (["show", "churn/trian"], "churn/train"),
        (["history", "churn/trian"], "churn/train"),
        (["run", "churn/trian", "--", "true"], "churn/train"),
        (["plan", "churn/x*"], "hint"),
        (["show", "base@7"], "hint"),
        (["history", "base"], "apply"),
        (["plna"], "plan"),
        (["plan", "--jsno"], "--json"),
        (["apply", "-j", "0"], "hint"),
        (["run", "base"], "--"),
        (["run", "base", "true"], "--"),
        (["why"], "ENV"),
    ],
)
def test_bad_usage_ends_with_64_and_a_hint(plain: Project, args: list[str], hint: str) -> None:
    """What does not exist is named, with what was probably meant; nothing was written."""
    run = plain.run(*args, check=64)
    assert hint in run.err
    assert "hint: " in run.err
    assert run.out == ""
    assert not (plain.path / ".envbuild").exists()


def test_names_and_globs_select(plain: Project) -> None:
    """A star stays within one folder; several arguments join; a repeat is one."""
    assert set(actions(plain)) == {"base", "churn/score", "churn/train"}
    assert set(actions(plain, "churn/*")) == {"churn/score", "churn/train"}
    assert set(actions(plain, "base", "churn/tra*", "base")) == {"base", "churn/train"}
    apply_twice(plain, "churn/*")
    assert set(actions(plain)) == {"base"}


def test_detailed_exitcode(plain: Project) -> None:
    """0 when there is nothing to do, 2 when there is, 1 when there is no plan at all."""
    plain.run("plan", "--detailed-exitcode", check=2)
    plain.run("plan", check=0)
    apply_twice(plain)
    plain.run("plan", "--detailed-exitcode", check=0)
    plain.write("manifests/base.yaml", "varibles: {}\n")
    plain.run("plan", "--detailed-exitcode", check=1)
    plain.run("plan", "--detailed-exitcode", "churn/*", check=0)


def test_problems_in_json_stand_on_standard_output(plain: Project) -> None:
    """All of them at once, each with its place; exit 1."""
    plain.write("manifests/base.yaml", "varibles: {}\nsetup: 7\n")
    assert plain.json("plan", check=1) == {
        "format_version": 1,
        "errors": [
            {
                "path": "manifests/base.yaml", "line": 1, "column": 1, "message": "unknown key 'varibles'",
                "hint": "did you mean 'variables'?",
            },
            plain.json("plan", check=1)["errors"][1],
        ],
    }  # fmt: skip
    run = plain.run("plan", check=1)
    assert run.out == ""
    assert run.err.startswith("manifests/base.yaml:1:1: unknown key 'varibles'\n  hint: did you mean 'variables'?\n")


def test_bad_usage_in_json(plain: Project) -> None:
    """A program that asked for JSON gets JSON, wherever the option stands."""
    for args in (["--json", "plan", "nope"], ["plan", "--json", "nope"], ["plan", "nope", "--json"]):
        (error,) = json.loads(plain.run(*args, check=64).out)["errors"]
        assert error["message"] == "no environment is named 'nope'"


def test_global_options_stand_before_or_after_the_command(plain: Project, tmp_path: Path) -> None:
    """-C, --json, -q and --color mean the same on either side."""
    elsewhere = Project(tmp_path / "elsewhere", plain.environ)
    folder = str(plain.path)
    expected = plain.run("plan").out
    for args in (["-C", folder, "plan"], ["plan", "-C", folder], ["--color", "never", "plan", "-C", folder]):
        assert elsewhere.run(*args).out == expected
    assert plain.run("--json", "plan").out == plain.run("plan", "--json").out
    quiet = plain.run("-q", "apply", "base")
    assert quiet.err == "" == plain.run("apply", "-q", "churn/*").err
    assert "Apply: 1 done." in quiet.out


def test_a_folder_below_the_root_is_in_the_project(plain: Project) -> None:
    """With an envbuild.yaml the root is found by walking up; without one only from the root itself."""
    below = Project(plain.path / "manifests/churn", plain.environ)
    below.run("plan", check=64)
    plain.write("envbuild.yaml", "")
    assert below.run("plan").out == plain.run("plan").out


def test_the_directory_of_the_command_line_wins_over_the_variable(plain: Project, tmp_path: Path) -> None:
    """ENVBUILD_DIR is for when nothing was said; -C is said, on whichever side it stands."""
    elsewhere = Project(tmp_path / "elsewhere", plain.environ)
    expected = plain.run("plan").out
    assert elsewhere.run("plan", env={"ENVBUILD_DIR": str(plain.path)}).out == expected
    for args in (["plan", "-C", str(plain.path)], ["-C", str(plain.path), "plan"]):
        assert elsewhere.run(*args, env={"ENVBUILD_DIR": str(tmp_path / "nowhere")}).out == expected


def test_variables_for_scripts(project: Project, index: Index, tmp_path: Path) -> None:
    """ENVBUILD_LOCKED refuses, 0 does not; ENVBUILD_YES confirms; ENVBUILD_JOBS counts; ENVBUILD_STORE places."""
    write_base(project, index)
    write_child(project, "a", "alpha")
    project.run("apply", env={"ENVBUILD_LOCKED": "1"}, check=3)
    assert not (project.path / "locks").exists()
    project.run("apply", env={"ENVBUILD_LOCKED": "0", "ENVBUILD_JOBS": "2"})
    project.run("apply", env={"ENVBUILD_JOBS": "many"}, check=64)
    project.remove("manifests/a.yaml")
    project.run("apply", "--prune", check=64)
    project.run("apply", "--prune", env={"ENVBUILD_YES": "1"})
    project.run("history", "a", check=64)
    project.write("manifests/b.yaml", "variables:\n  ONE: '1'\n")
    other = str(tmp_path / "other-store")
    project.run("apply", env={"ENVBUILD_STORE": other})
    assert project.json("show", "b")["environment"]["reference"].startswith(f"{other}/")


def test_colour_is_off_where_it_is_not_wanted(plain: Project) -> None:
    """No escape reaches a pipe, with or without NO_COLOR."""
    for env in ({}, {"NO_COLOR": "1"}, {"CI": "1"}):
        run = plain.run("plan", env=env)
        assert "\x1b" not in run.out + run.err
    assert "\x1b" not in plain.run("plan", "--color", "never", env={"FORCE_COLOR": "1"}).out


def test_a_control_sequence_in_data_never_reaches_the_terminal(plain: Project) -> None:
    """Neither from an argument nor from a program; our own colours, which are forced here, are all there is."""
    env: dict[str, str | None] = {"FORCE_COLOR": "1"}
    forged = "\r\x08\x9b35m\u202eforged"
    runs = [plain.run("plan", forged, check=64, env=env)]
    plain.write("manifests/base.yaml", "setup:\n  - printf '\\033[35mred\\r\\b\\n'; exit 1\n")
    runs.append(plain.run("apply", "base", check=1, env=env))
    for run in runs:
        shown = re.sub(r"\x1b\[[0-9]+m", "", run.out + run.err)
        assert not {"\x1b", "\x9b", "\x08", "\r", "\u202e"} & set(shown), run
    assert "    | red\n" in runs[1].err


def test_a_folder_that_is_gone(plain: Project) -> None:
    """Nothing can be found from there; that is no mistake of ours."""
    for command in ("plan", "init", "doctor", "new x"):
        (plain.path / "gone").mkdir()
        script = f"cd gone && rmdir ../gone && {sys.executable} -P -m envbuild {command}"
        ran = subprocess.run(
            ["/bin/sh", "-c", script], cwd=plain.path, env=plain.environ, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (
            64, "error: the folder you are in is gone\n  hint: change into one that is there\n",
        )  # fmt: skip


def test_dashes_that_were_forgotten(plain: Project) -> None:
    """Before the command that is to be run, whether it has options or not."""
    for words in (["base", "python", "-V"], ["base", "python", "x.py"]):
        assert "write '--' before what is to be run: envbuild run ENV -- CMD" in plain.run("run", *words, check=64).err
    assert "--" not in plain.run("plan", "--nonsense", check=64).err.partition("hint: ")[2].replace("--help", "")


@pytest.mark.parametrize("loading", ["envbuild.cli.again", "envbuild.memo", "envbuild.cli.app", "click"])
def test_an_interrupt_while_it_is_loading(plain: Project, loading: str) -> None:
    """No traceback, however early; what is meant by the key is known."""
    script = f"""
        import os, signal, sys

        class Pressed:
            def find_spec(self, name, path=None, target=None):
                if name == {loading!r}:
                    os.kill(os.getpid(), signal.SIGINT)

        sys.argv = ["envbuild", "plan"]
        sys.meta_path.insert(0, Pressed())
        from envbuild.cli import main

        main()
        """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=plain.path, env=plain.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


def test_records_that_another_program_uses(plain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with them: nobody is told to throw them away."""
    plain.run("apply")
    plain.write("manifests/base.yaml", "variables: {ONE: other}\n")
    path = plain.path / ".envbuild/state.db"
    monkeypatch.setattr(records, "_BUSY_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="another program is using the records") as caught:
            ProjectItself.load(plain.path, plain.environ).plan()
    assert caught.value.hint == "wait until that has ended, and try again"


def test_an_unwritable_private_folder(plain: Project) -> None:
    """A clear error and exit 1, never a bug, and nothing half-written; plan works all the same."""
    for path, obstacle in (("", "file"), ("logs", "file"), ("logs/base", "file"), ("apply.lock", "folder")):
        private = plain.path / ".envbuild" / path
        private.parent.mkdir(parents=True, exist_ok=True)
        private.touch() if obstacle == "file" else private.mkdir()
        run = plain.run("apply", "base", check=1)
        assert "this is a bug" not in run.err, run
        assert ".envbuild" in run.err, run
        assert plain.run("plan", "base").out.splitlines()[1].startswith("+ base  create")
        plain.remove(".envbuild")
    apply_twice(plain)


def test_a_private_folder_that_became_read_only(plain: Project) -> None:
    """The same where the folder is there already, with what an earlier apply left in it."""
    apply_twice(plain, "base")
    with read_only(plain.path / ".envbuild"):
        run = run_without_rights(plain, "apply", "churn/*")
    assert run.code == 1, run
    assert "this is a bug" not in run.err, run
    assert ".envbuild" in run.err
    apply_twice(plain)


def test_a_reader_that_stops_reading_is_no_bug(plain: Project) -> None:
    """A closed pipe ends a command quietly."""
    command = f"{sys.executable} -m envbuild plan --json | head -c 1"
    run = subprocess.run(
        ["/bin/sh", "-c", command], cwd=plain.path, env=dict(plain.environ), capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "{", "")


@pytest.mark.parametrize("asked", ["--version", "--help", "list", "plan", "plan --json", "schema", "completion bash"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&- 2>&-"])
def test_streams_may_be_closed(plain: Project, asked: str, closed: str) -> None:
    """What is written there is lost; all else, and the exit code, is as ever."""
    whole = _in_shell(plain, f"envbuild {asked}")
    assert whole[0] == 0
    assert _in_shell(plain, f"envbuild {asked} {closed}") == (
        (0, "", "") if ">&-" in closed.replace("2>", "") else whole
    )


def test_work_is_done_though_nobody_hears_of_it(plain: Project) -> None:
    """As a service does it; what goes wrong is told by the exit code."""
    assert _in_shell(plain, "envbuild plan nosuch 2>&-") == (64, "", "")
    assert _in_shell(plain, "envbuild apply base <&- >&- 2>&-") == (0, "", "")
    assert plain.run("plan", "base").out.startswith("No changes.")


def test_a_closed_stream_is_no_file_of_ours(plain: Project) -> None:
    """What is opened takes the lowest free number: no program may write into the records for its own output."""
    plain.run("apply", "base")
    asked = "readlink /proc/self/fd/0 /proc/self/fd/2 <&- 2>&-"
    assert _in_shell(plain, f"envbuild run base --no-history -- {asked}")[:2] == (0, f"{os.devnull}\n{os.devnull}\n")
    assert _in_shell(plain, "envbuild run base -- sh -c 'echo said >&2' <&- 2>&-") == (0, "", "")
    assert plain.run("runs", "logs", "latest").out == "said\n"


def test_a_full_disk_is_told(plain: Project) -> None:
    """Also before anything is loaded that tells errors."""
    said = "error: the answer cannot be written: No space left on device\n"
    for asked in ("--version", "--help", "list", "plan --json", "schema", "completion bash"):
        assert _in_shell(plain, f"envbuild {asked} > /dev/full") == (1, "", said)


def _in_shell(project: Project, command: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        ["/bin/sh", "-c", command.replace("envbuild", f"{sys.executable} -m envbuild", 1)],
        cwd=project.path, env=dict(project.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr
