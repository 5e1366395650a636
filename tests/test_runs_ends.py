"""How runs end: by themselves, by a signal, at their time, in a terminal, in the background, and without a word."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from support.project import Project, clean_environment
from support.runs import is_alive, latest, running, runs, wait_for
from support.terminal import Terminal

_WAITS = "echo ready; while :; do sleep 0.05; done"
_CLEANS = f'exec 2>/dev/null; trap "echo cleaned; exit 7" TERM INT HUP; {_WAITS}'  # sh says what ended its sleep


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """One environment that is the default, and stands; every test adds runs to the same project."""
    folder = tmp_path_factory.mktemp("ends")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    project.write("envbuild.yaml", "default_environment: a\n")
    project.write("manifests/a.yaml", "variables: {OWN: own}\n")
    project.run("run", "--", "true")
    return project


def _has_written(project: Project, number: str) -> bool:
    return bool(project.run("runs", "logs", number).out)


def ended(project: Project) -> tuple[str, int | None, str | None]:
    found = latest(project)
    return found["status"], found["code"], found["signal"]


@pytest.mark.parametrize(("code", "status"), [(0, "done"), (1, "failed"), (130, "failed"), (255, "failed")])
def test_a_code_is_what_it_is(lab: Project, code: int, status: str) -> None:
    """An exit code of 130 is no interrupt, if nobody interrupted."""
    lab.run("run", "--", "sh", "-c", f"exit {code}", check=code)
    assert ended(lab) == (status, code, None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_command_that_is_killed(lab: Project, number: signal.Signals) -> None:
    """By whomever: the signal is remembered."""
    lab.run("run", "--", "sh", "-c", f"kill -{int(number)} $$", check=128 + number)
    assert ended(lab) == ("killed", 128 + number, number.name)


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGTERM, "killed", "SIGTERM"), (signal.SIGHUP, "killed", "SIGHUP"), (signal.SIGINT, "interrupted", None)],
)
def test_a_signal_to_us_is_one_to_the_command(
    lab: Project, number: signal.Signals, status: str, told: str | None
) -> None:
    """It cleans up, its code is ours, and it is remembered why it ended."""
    with running(lab, "--", "sh", "-c", _CLEANS) as run:
        run.send_signal(number)
        out, _ = run.communicate(timeout=30)
    assert (run.returncode, out) == (7, "cleaned\n")
    assert ended(lab) == (status, 7, told)
    assert lab.run("runs", "logs", "latest").out.startswith("ready\ncleaned\n")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_word_of_a_scheduler_is_passed_on(lab: Project, number: signal.Signals) -> None:
    """As when its time is nearly up, and it may save what it has: it goes on, and so do we."""
    saves = f'exec 2>/dev/null; trap "echo saved; exit 0" {number.name.removeprefix("SIG")}; {_WAITS}'
    with running(lab, "--", "sh", "-c", saves) as run:
        run.send_signal(number)
        out, _ = run.communicate(timeout=30)
    assert (run.returncode, out) == (0, "saved\n")
    assert ended(lab) == ("done", 0, None)


def test_who_is_killed_without_a_word_is_lost(lab: Project, tmp_path: Path) -> None:
    """Never running for ever, but as long as its command is at work, which can be stopped; its log is there."""
    with running(lab, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; {_WAITS}") as run:
        assert ended(lab) == ("running", None, None)
        number = latest(lab)["id"]
        assert f"'envbuild runs stop {number}'" in lab.run("runs", "rm", str(number), check=3).err
        run.kill()
        run.wait()
        assert ended(lab) == ("running", None, None)
        assert lab.run("runs", "stop", str(number)).out == f"Run {number} is ended: lost.\n"
        assert ended(lab) == ("lost", None, None)
    wait_for(lambda: not is_alive(int((tmp_path / "pid").read_text())))
    assert lab.run("runs", "logs", str(number)).out == "ready\n"
    assert [one["id"] for one in runs(lab, "--status", "lost")] == [number]
    lab.run("runs", "rm", str(number))


def test_a_run_that_is_stopped_is_asked_first(lab: Project) -> None:
    """By its number; it cleans up, and it is remembered as what it is. One that has ended is left as it is."""
    numbers = [lab.run("run", "--detach", "--", "sh", "-c", _CLEANS).out.strip() for _ in range(2)]
    for number in numbers:
        wait_for(partial(_has_written, lab, number))
    told = lab.run("runs", "stop", *numbers, numbers[0]).out
    assert told == "".join(f"Run {number} is ended: killed (SIGTERM).\n" for number in numbers)
    assert lab.run("runs", "logs", numbers[0]).out == "ready\ncleaned\n"
    assert lab.run("runs", "stop", "latest").out == f"Run {numbers[1]} had ended before: killed (SIGTERM).\n"
    assert [one["code"] for one in lab.json("runs", "stop", "latest")["runs"]] == [7]


@pytest.mark.parametrize(("outer", "end"), [("trap '' TERM; ", (137, "SIGKILL")), ("", (143, "SIGTERM"))])
def test_a_run_that_does_not_listen_is_made_to_end(
    lab: Project, tmp_path: Path, outer: str, end: tuple[int, str]
) -> None:
    """With what it has started, and be that alone deaf; whoever attends it lives, and tells."""
    (tmp_path / "deaf").write_text(f"trap '' TERM; echo $$ > {tmp_path}/pid; {_WAITS}")
    with running(lab, "--", "sh", "-c", f"{outer}sh {tmp_path}/deaf; exit 0") as run:
        told = lab.run("runs", "stop", "latest", "--timeout", "1.2")
        assert not is_alive(int((tmp_path / "pid").read_text()))
        out, _ = run.communicate(timeout=30)
    assert (run.returncode, out) == (end[0], "")
    assert ended(lab) == ("killed", *end)
    assert told.out == f"Run {latest(lab)['id']} is ended: killed ({end[1]}).\n"
    assert told.err == f"run {latest(lab)['id']}: it is made to end after 1.2 s\n"


def test_outputs_of_a_run_that_is_stopped_are_kept(lab: Project) -> None:
    """However long that takes: who attends it is never made to end."""
    script = 'trap "mkdir -p outputs; echo model > outputs/m; exit 0" TERM; echo ready; while :; do sleep 0.05; done'
    with (
        running(lab, "--", "sh", "-c", f"exec 2>/dev/null; {script}") as run,
        (lab.path / ".envbuild/runs/guard").open() as guard,
    ):
        fcntl.flock(guard, fcntl.LOCK_EX)  # somebody sweeps, for longer than the command is given
        threading.Timer(2.5, fcntl.flock, (guard, fcntl.LOCK_UN)).start()
        told = lab.run("runs", "stop", "latest", "--timeout", "0.2")
        run.communicate(timeout=30)
    assert ended(lab) == ("done", 0, None)
    assert [one["path"] for one in latest(lab)["outputs"]] == ["outputs/m"]
    assert "what it has left is being kept" in told.err


def test_those_that_cannot_be_stopped_are_told(lab: Project) -> None:
    """A time that is none, a run that there is not, and one that is of another machine; all others are stopped."""
    assert "is no time" in lab.run("runs", "stop", "latest", "--timeout", "nan", check=64).err
    with running(lab, "--", "sh", "-c", _WAITS) as first, running(lab, "--", "sh", "-c", _WAITS) as second:
        numbers = [one["id"] for one in runs(lab, "--status", "running")]
        for name, words in (("run.json", {"pid": 1}), ("held", None)):
            path = lab.path / ".envbuild/runs" / str(numbers[1]) / name
            path.write_text(json.dumps(json.loads(path.read_text()) | words) if words else "1 1\n")
        told = lab.run("runs", "stop", *map(str, reversed(numbers)), check=3).err
        assert f"run {numbers[1]} is at work, but nobody of it can be reached" in told
        second.communicate(timeout=30)
        assert first.poll() is None
    assert runs(lab, "--status", "killed")[0]["id"] == numbers[0]


def test_a_run_that_is_suspended_is_stopped(lab: Project) -> None:
    """By Ctrl-Z: it goes on to hear that."""
    line = f"{sys.executable} -m envbuild run -- sh -c 'echo run\"\"ning; read x'"
    with _terminal(lab, ["/bin/sh", "-i"], columns=200) as terminal:
        terminal.wait_for(">")
        terminal.press(f"{line}\r")
        terminal.wait_for("running")
        terminal.press("\x1a")
        terminal.wait_for("Stopped")
        assert "killed (SIGTERM)" in lab.run("runs", "stop", "latest").out


def test_a_terminal_run_is_stopped_from_elsewhere(lab: Project) -> None:
    """Its command, which has a terminal of its own, is told as well, and made to end."""
    with lab.terminal("run", "--", "sh", "-c", _CLEANS) as terminal:
        terminal.wait_for("ready")
        assert "killed (SIGTERM)" in lab.run("runs", "stop", "latest").out
        terminal.wait_for("cleaned")
    with lab.terminal("run", "--", "sh", "-c", f"trap '' TERM; {_WAITS}") as terminal:
        terminal.wait_for("ready")
        assert "killed (SIGKILL)" in lab.run("runs", "stop", "latest", "--timeout", "0").out


def test_a_command_that_is_killed_from_outside(lab: Project, tmp_path: Path) -> None:
    """Kill -9 of the child: we live, and tell."""
    with running(lab, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; {_WAITS}") as run:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        run.communicate(timeout=30)
    assert (run.returncode, ended(lab)) == (137, ("killed", 137, "SIGKILL"))


def test_its_time_is_up(lab: Project, tmp_path: Path) -> None:
    """It is asked to end, with all that it started; who does not listen is made to. 124, as `timeout` has it."""
    lab.run("run", "--timeout", "0.5", "--", "sh", "-c", _CLEANS, check=124)
    assert ended(lab) == ("timed out", 124, None)
    assert lab.run("runs", "logs", "latest").out.startswith("ready\ncleaned\n")
    deaf = f'trap "" TERM; echo $$ > {tmp_path}/pid; {_WAITS}'
    lab.run("run", "--timeout", "0.5", "--", "sh", "-c", f"sh -c '{deaf}'; exit 0", check=124)
    assert ended(lab)[0] == "timed out"
    wait_for(lambda: not is_alive(int((tmp_path / "pid").read_text())))
    lab.run("run", "--timeout", "60", "--", "sh", "-c", "exit 5", check=5)
    assert ended(lab) == ("failed", 5, None)


def test_there_is_no_longest_time(lab: Project) -> None:
    """A month is as good as a second, and remembered as it is."""
    lab.run("run", "--timeout", "1e9", "--", "true")
    assert ended(lab) == ("done", 0, None)
    lab.run("run", "--no-history", "--timeout", "1e300", "--", "sh", "-c", "exit 4", check=4)


def test_a_run_goes_on_by_itself(lab: Project, tmp_path: Path) -> None:
    """Its number comes at once, it outlives us, and its log can be followed to the end."""
    go = tmp_path / "go"
    wait = f"echo started; while ! test -e {go}; do sleep 0.05; done; mkdir -p outputs; date > outputs/late; echo over"
    number = lab.run("run", "--detach", "--", "sh", "-c", f"{wait}; exit 4").out.strip()
    assert number == str(latest(lab)["id"])
    assert ended(lab) == ("running", None, None)
    threading.Timer(1.0, go.touch).start()
    assert lab.run("runs", "logs", number, "--follow").out == "started\nover\n"
    assert ended(lab) == ("failed", 4, None)
    assert [one["path"] for one in latest(lab)["outputs"]] == ["outputs/late"]
    told = json.loads(lab.run("--json", "run", "--detach", "--", "true").out)
    assert told["runs"] == [{"id": int(number) + 1}]
    assert "there is no command 'nosuch'" in lab.run("run", "--detach", "--", "nosuch", check=127).err


def test_one_that_goes_on_can_be_ended_and_lost(lab: Project) -> None:
    """By the process that is told: a signal to it is one to its command; kill -9 leaves it lost."""
    for number, status in ((signal.SIGTERM, "killed"), (signal.SIGINT, "interrupted"), (signal.SIGKILL, "lost")):
        lab.run("run", "--detach", "--", "sh", "-c", _WAITS.replace("echo ready", "echo $$"))
        wait_for(lambda: lab.run("runs", "logs", "latest").out)
        child = int(lab.run("runs", "logs", "latest").out)
        os.kill(latest(lab)["pid"], number)
        if number == signal.SIGKILL:
            os.kill(child, number)
        wait_for(lambda: ended(lab)[0] != "running")
        assert ended(lab)[0] == status


def _terminal(project: Project, command: list[str], columns: int = 100) -> Terminal:
    return Terminal(command, project.path, {**project.environ, "PS1": "> "}, columns=columns)


def test_a_terminal_stays_one(lab: Project) -> None:
    """For all three streams, of its size, also when that changes; Ctrl-C interrupts, and ours is as before."""
    script = (
        "import os, signal, sys\n"
        "print([os.isatty(at) for at in range(3)], os.get_terminal_size())\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('now', os.get_terminal_size()))\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        "print('said', input())\nwhile True: signal.pause()\n"
    )
    shell = f"{sys.executable} -m envbuild run -- python -u -c \"$S\"; echo code=$?; stty -a | grep -o ' icanon'"
    with Terminal(["/bin/sh", "-c", shell], lab.path, {**lab.environ, "S": script}, columns=100) as terminal:
        terminal.wait_for("[True, True, True] os.terminal_size(columns=100, lines=24)")
        terminal.press("hello\r")
        terminal.wait_for("said hello")
        terminal.resize(90, 20)
        terminal.wait_for("now os.terminal_size(columns=90, lines=20)")
        terminal.press("\x03")
        terminal.wait_for("code=130")
        terminal.wait_for(" icanon")
    assert ended(lab)[0] == "interrupted"
    assert "said hello" in lab.run("runs", "logs", "latest").out


def test_a_terminal_that_is_closed_ends_the_command(lab: Project, tmp_path: Path) -> None:
    """As the shell's own commands end, and it is told."""
    script = f"echo $$ > {tmp_path}/pid; {_WAITS}"
    with _terminal(lab, [sys.executable, "-m", "envbuild", "run", "--", "sh", "-c", script]) as terminal:
        terminal.wait_for("ready")
    wait_for(lambda: not is_alive(int((tmp_path / "pid").read_text())))
    wait_for(lambda: ended(lab)[0] != "running")
    assert ended(lab)[0] in {"killed", "lost"}


def test_output_that_goes_elsewhere_leaves_errors_on_the_terminal(lab: Project, tmp_path: Path) -> None:
    """Each stream is what ours is: a file, a terminal; and keys still reach the command."""
    script = "import os; os.write(2, b'%d%d%d\\n' % tuple(os.isatty(at) for at in range(3))); print('got', input())"
    shell = f'{sys.executable} -m envbuild run -- python -c "$S" > {tmp_path}/out; echo code=$?'
    with Terminal(["/bin/sh", "-c", shell], lab.path, {**lab.environ, "S": script}) as terminal:
        terminal.wait_for("101")
        terminal.press("keys\r")
        terminal.wait_for("code=0")
    assert (tmp_path / "out").read_text() == "got keys\n"
    assert sorted(lab.run("runs", "logs", "latest").out.split("\n")) == ["", "101", "got keys"]


def test_many_runs_at_once_have_numbers_of_their_own(lab: Project) -> None:
    """Sixteen of them, and none is lost."""
    before = {one["id"] for one in runs(lab)}
    threads = [threading.Thread(target=lab.run, args=("run", "--", "sh", "-c", "echo $$")) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    new = [one for one in runs(lab) if one["id"] not in before]
    assert len({one["id"] for one in new}) == 16
    assert {one["status"] for one in new} == {"done"}


def test_nobody_reads_any_more(lab: Project) -> None:
    """As a command that we did not attend: a closed pipe ends it, by the signal for that."""
    shell = f"{sys.executable} -m envbuild run -- sh -c 'while echo y; do :; done' | head -n 1"
    command, env = ["/bin/sh", "-c", shell], dict(lab.environ)
    run = subprocess.run(command, cwd=lab.path, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert (run.stdout, run.stderr) == ("y\n", "")
    wait_for(lambda: ended(lab)[0] != "running")
    assert ended(lab) == ("killed", 141, "SIGPIPE")
