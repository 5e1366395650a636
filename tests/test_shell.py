"""`envbuild shell`, in the real shells and a real terminal: whose files are read, what wins, what is left of it."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.line import reference
from support.project import Project, clean_environment
from support.services import require
from support.terminal import Terminal

from envbuild.builders.activation import entered, undone
from envbuild.errors import ProcessError
from envbuild.process import Programs
from envbuild.resolve import Variable

SHELLS = ("bash", "zsh", "fish", "sh")
_ENVBUILD = f"{sys.executable} -m envbuild"
_SHOWN = "(churn/train) "
# What shells count and note by themselves.
_OF_A_SHELL = {"SHLVL", "_", "OLDPWD", "PWD", "PS1", "LOGNAME", "USER", "LC_CTYPE"}
NASTY = {
    "QUOTES": "it's \"two\" `kinds` '' '\\'' x'",
    "DOLLAR": "$HOME ${HOME} $(touch made) `touch made` %n %(?.a.b) !! {a,b} ~ *",
    "BACKSLASHES": "\\ \\\\ \\n end\\",
    "BREAKS": "one\ntouch made\n; touch made\n",
    "DASH": "-e --help",
    "LETTERS": "é 漢字 😀 ß",
    "BLANKS": "  two  spaces\tand a tab ",
    "NOTHING": "",
    "BRACKETS": "#no (comment) [a] | & < >",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """Two environments, built; an empty folder for temporary files that has to stay empty."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "tmp").mkdir()
    environ = clean_environment(folder, uv_cache) | {"TMPDIR": str(folder / "tmp"), "LIST": "/host"}
    project = Project(folder / "project", environ)
    lines = [f"  {name}: {_yaml(value)}\n" for name, value in NASTY.items()]
    additions = "{prepend: [/first, '/se cond:/it''s'], append: [/last]}"
    project.write("manifests/churn/train.yaml", f"variables:\n{''.join(lines)}  LIST: {additions}\n")
    project.write("manifests/inner.yaml", "variables:\n  DASH: inner\n  LIST: {append: [/inner]}\n")
    project.run("apply")
    return project


def _yaml(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


@pytest.fixture
def home(built: Project) -> Project:
    """The user's own folder, empty before each test; nothing is ever left in that for temporary files."""
    home = Project(Path(built.environ["HOME"]), built.environ)
    for name in (".bashrc", ".zshrc", ".zshenv", ".config", "zsh", ".shrc", ".zsh_history", ".bash_history"):
        if (home.path / name).exists():
            home.remove(name)
    home.write(".zshrc", "")  # without any file zsh asks a newcomer's questions
    return home


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    if request.param in {"zsh", "fish"}:
        require("shells")
    return str(request.param)


def _write_files(home: Project, *, posix: str, fish: str) -> None:
    """The user's own files, of every shell."""
    for name in (".bashrc", ".zshrc"):
        home.write(name, posix)
    home.write(".config/fish/config.fish", fish)


def _hostile(home: Project) -> None:
    """Files that put another program first, change all that the environment states, and say that they were read."""
    _write_files(
        home,
        posix="".join(f"export {name}=no\n" for name in NASTY)
        + f"export PATH={home.path}:$PATH LIST=/own RC=read\nunset DASH VIRTUAL_ENV ENVBUILD_ENVIRONMENT\n",
        fish="".join(f"set -gx {name} no\n" for name in NASTY)
        + f"set -gx PATH {home.path} $PATH; set -gx LIST /own; set -gx RC read\n"
        + "set -e DASH; set -e VIRTUAL_ENV; set -e ENVBUILD_ENVIRONMENT\n",
    )


def _open(built: Project, *args: str, env: Mapping[str, str] | None = None) -> Terminal:
    return built.terminal("shell", *args, columns=200, rows=50, env=env)


def _prompted(terminal: Terminal, shown: str = _SHOWN) -> None:
    """Wait until the last line is a prompt again, which names the environment once."""
    terminal.wait_for(lambda: bool(terminal.screen) and terminal.screen[-1].startswith(shown.rstrip()))
    assert terminal.screen[-1].count(shown.strip()) == 1


def _typed(terminal: Terminal, command: str, shown: str = _SHOWN) -> None:
    """Type a command and wait until it is done and the next prompt is there."""
    before = _prompts(terminal, shown)
    terminal.press(f"{command}\r")
    terminal.wait_for(lambda: _prompts(terminal, shown) > before)
    _prompted(terminal, shown)


def _prompts(terminal: Terminal, shown: str) -> int:
    return sum(line.startswith(shown.strip()) for line in terminal.lines)


def _variables(terminal: Terminal, folder: Path, shown: str = _SHOWN) -> dict[str, str]:
    """The variables that a program gets which is started there."""
    _typed(terminal, f"env -0 > {folder}/variables", shown)
    return _parsed((folder / "variables").read_text())


def _parsed(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split("\0") if pair)


def _started(terminal: Terminal, command: str) -> int:
    """Start something long and see that it runs; how many prompts there are so far."""
    before = _prompts(terminal, _SHOWN)
    ran = terminal.lines.count("running")
    terminal.press(f"sh -c 'echo run\"\"ning; {command}'\r")
    terminal.wait_for(lambda: terminal.lines.count("running") > ran)
    return before


def _no_traces(built: Project) -> None:
    left = {path.name for path in Path(built.environ["TMPDIR"]).iterdir() if not path.name.startswith("fish.")}
    assert left == set()  # but for fish's own
    assert not (built.path / "made").exists()


def test_the_environment_wins_over_the_user_s_own_files(
    built: Project, home: Project, shell: str, tmp_path: Path
) -> None:
    """They are read; then ours is first on PATH, every value is as stated, and additions go around theirs."""
    _hostile(home)
    prefix = reference(built, "churn/train")
    with _open(built, "churn/train", "--shell", shell) as terminal:
        _prompted(terminal)
        found = _variables(terminal, tmp_path)
        terminal.press("exit 3\r")
        assert terminal.finish() == 3
    assert {name: found[name] for name in NASTY} == NASTY
    first, second, *_ = path = found["PATH"].split(":")
    assert first == f"{prefix}/bin"
    assert path.count(first) == 1
    middle = "/host" if shell == "sh" else "/own"
    assert found["LIST"] == f"/first:/se cond:/it's:{middle}:/last"
    if shell != "sh":
        assert (second, found["RC"]) == (str(home.path), "read")
    assert (found["VIRTUAL_ENV"], found["VIRTUAL_ENV_PROMPT"]) == (prefix, "churn/train")
    assert found["ENVBUILD_ENVIRONMENT"] == "churn/train"
    own = {name for name in found if name.startswith(("ENVBUILD", "_ENVBUILD", "_envbuild"))}
    assert own == {"ENVBUILD_ENVIRONMENT", "ENVBUILD_ACTIVE", "ENVBUILD_STORE"}
    _no_traces(built)


_LARGE = "é'\\n\\\\" * 20_000  # 100,000 bytes; a system takes 131,072 for one variable


@pytest.fixture
def large(built: Project) -> Iterator[Project]:
    """An environment with values that are as long as they may be, or longer."""
    built.write("manifests/large.yaml", f'variables:\n  LARGE: "{_LARGE}"\n  GIVEN: {"x" * 100_000}\n')
    built.write("manifests/too/large.yaml", f"variables:\n  LARGE: {'x' * 140_000}\n")
    yield built
    built.remove("manifests/large.yaml")
    built.remove("manifests/too/large.yaml")


def test_large_values(large: Project, home: Project, shell: str, tmp_path: Path) -> None:
    """What a command can be run with, a shell can be opened with; and what the host had in its place is given back."""
    _hostile(home)
    host = {"GIVEN": "é" * 50_000}
    with _open(large, "large", "--shell", shell, env=host) as terminal:
        _prompted(terminal, "(large) ")
        found = _variables(terminal, tmp_path, "(large) ")
        run = f"{_ENVBUILD} run inner -- env -0"
        _typed(terminal, f"{run} > {tmp_path}/inner", "(large) ")
    assert found["LARGE"] == _LARGE.replace("\\n", "\n").replace("\\\\", "\\")
    assert found["GIVEN"] == "x" * 100_000
    within = _parsed((tmp_path / "inner").read_text())
    assert within["GIVEN"] == host["GIVEN"]
    assert "LARGE" not in within
    assert [name for name in found if name.startswith("ENVBUILD_HOOK")] == []
    _no_traces(large)


def test_values_that_no_program_takes(large: Project, shell: str) -> None:
    """Which one it is, and what to do; the same for a command, a shell and a build."""
    said = "the variable 'LARGE' has 140,006 bytes\n  hint: keep long text in a file, and name that file instead"
    assert said in large.run("run", "too/large", "--", "true", check=126).err
    assert said in large.run("shell", "too/large", "--shell", shell, stdin="true", check=126).err
    with pytest.raises(ProcessError, match="'true' cannot be given so much: an argument has 140,000 bytes"):
        Programs.hand_over(["true", "x" * 140_000], large.environ)
    large.write("manifests/too/large.yaml", f"variables:\n  LARGE: {'x' * 140_000}\nsetup: ['true']\n")
    assert "the variable 'LARGE' has 140,006 bytes" in large.run("apply", "too/large", check=1).err


def test_keys_and_jobs(built: Project, home: Project, shell: str) -> None:
    """Ctrl-C at the prompt ends nothing, else its command alone; Ctrl-Z and fg work; the last code is ours."""
    _write_files(home, posix="", fish="set fish_greeting\n")
    code = "$status" if shell == "fish" else "$?"
    with _open(built, "churn/train", "--shell", shell) as terminal:
        _prompted(terminal)
        at_prompt = terminal.foreground
        before = _prompts(terminal, _SHOWN)
        terminal.press("not meant")
        terminal.wait_for("not meant")
        terminal.press("\x03")  # what is typed before the shell has dealt with it may be lost with the line
        terminal.wait_for(lambda: _prompts(terminal, _SHOWN) > before)
        _prompted(terminal)
        _typed(terminal, "")
        before = _started(terminal, "exec sleep 60")
        terminal.press("\x03")
        terminal.wait_for(lambda: _prompts(terminal, _SHOWN) > before)
        _typed(terminal, f"echo code={code}")
        terminal.wait_for("code=130")
        before = _started(terminal, "read x; echo went on; exec sleep 60")
        terminal.press("\x1a")
        terminal.wait_for(lambda: _prompts(terminal, _SHOWN) > before)
        before = _prompts(terminal, _SHOWN)
        terminal.press("fg\r")
        terminal.wait_for(lambda: terminal.foreground != at_prompt)  # the name of the job is shown before it goes on
        terminal.press("\r")
        terminal.wait_for(lambda: "went on" in terminal.lines)
        terminal.press("\x03")
        terminal.wait_for(lambda: _prompts(terminal, _SHOWN) > before)
        _typed(terminal, "true")
        terminal.press("exit 7\r")
        assert terminal.finish() == 7
    _no_traces(built)


def test_a_shell_within_a_shell(built: Project, home: Project, shell: str, tmp_path: Path) -> None:
    """The inner one is as if it had been opened from outside; leaving it gives the outer one back untouched."""
    _write_files(home, posix="", fish="set fish_greeting\n")
    with _open(built, "inner", "--shell", shell) as terminal:
        _prompted(terminal, "(inner) ")
        alone = _variables(terminal, tmp_path, "(inner) ")
    with _open(built, "churn/train", "--shell", shell) as terminal:
        _prompted(terminal)
        before = _variables(terminal, tmp_path)
        _typed(terminal, f"{_ENVBUILD} shell inner --shell {shell}", "(inner) ")
        assert "churn/train" not in terminal.screen[-1]
        within = _variables(terminal, tmp_path, "(inner) ")
        _typed(terminal, "exit 5")
        after = _variables(terminal, tmp_path)
    assert _stated(within) == _stated(alone)
    assert within["LIST"] == "/host:/inner"
    assert _stated(after) == _stated(before)


@pytest.mark.parametrize("value", ["a[$(touch made)]", "77"])
def test_names_that_mean_something_to_a_shell(built: Project, home: Project, shell: str, value: str) -> None:
    """A shell may keep such a variable for itself; it computes no value, says nothing and goes on."""
    names = ("LINES", "SECONDS", "RANDOM", "UID", "PPID", "path", "argv", "status", "options", "version", "DECLARED")
    built.write("manifests/special.yaml", "variables:\n" + "".join(f"  {name}: '{value}'\n" for name in names))
    _write_files(home, posix="typeset -i DECLARED\n", fish="")
    home.write(".zshenv", "typeset -i DECLARED\n")
    prefix = built.run("run", "special", "--", "sh", "-c", "echo $VIRTUAL_ENV").out.strip()
    env = {"BASH_ENV": "$HOME/.bashrc"}
    run = built.run("shell", "special", "--shell", shell, stdin="env -0; exit 5", env=env, check=5)
    found = _parsed(run.out)
    assert run.err == ""
    assert found["PATH"].startswith(f"{prefix}/bin:")
    assert found["DECLARED"] == value
    _no_traces(built)
    built.remove("manifests/special.yaml")


def _stated(found: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name not in _OF_A_SHELL}


def test_commands_from_a_pipe(built: Project, home: Project, shell: str) -> None:
    """Read to the end, no prompt, the shell's code; files that are read all the same do not win."""
    _hostile(home)
    home.write(".zshenv", home.read(".zshrc"))
    env = {"BASH_ENV": "$HOME/.bashrc"} if shell == "bash" else {}
    run = built.run("shell", "churn/train", "--shell", shell, stdin="env -0\nexit 9\n", env=env, check=9)
    found = _parsed(run.out)
    assert run.err == ""
    assert {name: found[name] for name in NASTY} == NASTY
    assert found["PATH"].startswith(f"{reference(built, 'churn/train')}/bin:")
    assert found.get("RC") == (None if shell == "sh" else "read")
    assert found.get("BASH_ENV") == env.get("BASH_ENV")
    assert {"ENVBUILD_HOOK", "ZDOTDIR", "PS1"} & found.keys() == set()
    _no_traces(built)


def test_all_ways_of_one_within_another(built: Project, home: Project, shell: str) -> None:
    """A run or shell in a shell or run, also of the same environment: nothing is doubled or shines through."""
    _write_files(home, posix="", fish="")
    for name in ("inner", "churn/train"):
        alone = _stated(_parsed(built.run("run", name, "--", "env", "-0").out))
        script = f"{_ENVBUILD} run {name} -- env -0"
        within = built.run("shell", "churn/train", "--shell", shell, stdin=script)
        assert _stated(_parsed(within.out)) == alone
    shell_in_run = ("run", "churn/train", "--", *_ENVBUILD.split(), "shell", "inner", "--shell", shell)
    direct = built.run("shell", "inner", "--shell", shell, stdin="env -0")
    assert _stated(_parsed(built.run(*shell_in_run, stdin="env -0").out)) == _stated(_parsed(direct.out))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_who_ends_envbuild_ends_the_shell(built: Project, home: Project, shell: str, number: signal.Signals) -> None:
    """There is no process between, so that nothing is left: no shell, no file."""
    _write_files(home, posix="", fish="")
    with _open(built, "churn/train", "--shell", shell) as terminal:
        _prompted(terminal)
        terminal.process.send_signal(number)
        terminal.finish()
    _no_traces(built)


def test_prompts_that_are_set_before_each_line(built: Project, home: Project, shell: str) -> None:
    """Also where a framework sets all of it each time: the name stands before it from the first line on, once."""
    _write_files(
        home,
        posix="""
        own() { code=$?; PS1="<$code> own% "; }
        if [ -n "$ZSH_VERSION" ]; then precmd_functions+=(own); setopt promptsubst; else PROMPT_COMMAND='own;'; fi
        """,
        fish="""
        set fish_greeting
        function fish_prompt; echo "<$status> own% "; end
        """,
    )
    with _open(built, "churn/train", "--shell", shell, env={"PS1": "<0> own% "}) as terminal:
        _prompted(terminal, f"{_SHOWN}<0> own")
        _typed(terminal, "true", f"{_SHOWN}<0> own")
        if shell != "sh":
            _typed(terminal, "sh -c 'exit 4'", f"{_SHOWN}<4> own")
        terminal.press("exit 0\r")
        assert terminal.finish() == 0


def test_a_prompt_that_is_shown_another_way(built: Project, home: Project, shell: str) -> None:
    """VIRTUAL_ENV_DISABLE_PROMPT, as for virtual environments: no name from us."""
    _write_files(home, posix="PS1='own> '\n", fish="set fish_greeting\nfunction fish_prompt; echo 'own> '; end\n")
    with _open(
        built, "churn/train", "--shell", shell, env={"VIRTUAL_ENV_DISABLE_PROMPT": "1", "PS1": "own> "}
    ) as terminal:
        terminal.wait_for("own>")
        terminal.press("exit 0\r")
        assert terminal.finish() == 0
        assert "(churn/train)" not in terminal.text


def test_zsh_keeps_the_user_s_folder(built: Project, home: Project, tmp_path: Path) -> None:
    """ZDOTDIR from outside, or from .zshenv, or none: all files are read there once, and ZDOTDIR is as it was."""
    require("shells")
    folder = home.path / "zsh"
    home.write("zsh/.zshrc", "export SEEN=${SEEN}:rc HISTFILE=${ZDOTDIR-$HOME}/.own_history SAVEHIST=10\n")
    home.write("zsh/.zshenv", "export SEEN=${SEEN}:env\n")
    home.write(".zshenv", f"export SEEN=${{SEEN}}:home\nZDOTDIR={folder}\n")
    for env, seen in (({"ZDOTDIR": str(folder)}, ":env:rc"), ({}, ":home:rc")):
        with _open(built, "churn/train", "--shell", "zsh", env=env) as terminal:
            _prompted(terminal)
            _typed(terminal, "typeset -p ZDOTDIR > " + str(tmp_path / "zdotdir"))
            assert (tmp_path / "zdotdir").read_text().endswith(f"ZDOTDIR={folder}\n")
            assert _variables(terminal, tmp_path)["SEEN"] == seen
            terminal.press("exit 0\r")
            assert terminal.finish() == 0
    assert "zdotdir" in home.read("zsh/.own_history")


def test_other_environments_outside(built: Project) -> None:
    """What conda, venv and Python's launchers say of themselves is not true inside, and their programs come later."""
    prefix = reference(built, "inner")
    outside = {
        "CONDA_PREFIX": "/conda/envs/x", "CONDA_PREFIX_1": "/conda", "CONDA_SHLVL": "2", "CONDA_DEFAULT_ENV": "x",
        "CONDA_PROMPT_MODIFIER": "(x) ", "CONDA_EXE": "/conda/bin/conda", "PYTHONHOME": None,
        "VIRTUAL_ENV": "/venv", "VIRTUAL_ENV_PROMPT": "venv", "PATH": f"/venv/bin:/conda/bin:{built.environ['PATH']}",
    }  # fmt: skip
    found = _parsed(built.run("run", "inner", "--", "env", "-0", env=outside).out)
    assert {name for name in found if name.startswith("CONDA")} == {"CONDA_EXE"}
    assert (found["VIRTUAL_ENV"], found["VIRTUAL_ENV_PROMPT"]) == (prefix, "inner")
    assert found["PATH"].startswith(f"{prefix}/bin:/venv/bin:/conda/bin:")
    assert undone(found) | {"_": ""} == _with(built.environ, outside) | {"_": ""}


def _with(environ: Mapping[str, str], more: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**environ, **more}.items() if value is not None}


def test_conda_in_the_user_s_files(built: Project, home: Project, shell: str, tmp_path: Path) -> None:
    """Its base environment, activated by them, is put behind ours and out of the prompt."""
    state = {
        "CONDA_PREFIX": "/conda",
        "CONDA_SHLVL": "1",
        "CONDA_DEFAULT_ENV": "base",
        "CONDA_PROMPT_MODIFIER": "(base) ",
    }
    _write_files(
        home,
        posix="".join(f"export {name}='{value}'\n" for name, value in state.items())
        + "PATH=/conda/bin:$PATH PS1='(base) > '\n",
        fish="set fish_greeting\nset -gx PATH /conda/bin $PATH\n"
        + "".join(f"set -gx {name} '{value}'\n" for name, value in state.items())
        + "function fish_prompt; printf '%s> ' $CONDA_PROMPT_MODIFIER; end\n",
    )
    with _open(built, "inner", "--shell", shell, env={"PS1": "> "}) as terminal:
        _prompted(terminal, "(inner) >")
        found = _variables(terminal, tmp_path, "(inner) >")
    assert found["PATH"].startswith(f"{reference(built, 'inner')}/bin:")
    assert {name for name in found if name.startswith("CONDA")} == set()


def test_which_shell(built: Project, home: Project, tmp_path: Path) -> None:
    """$SHELL; without one that is there, the account's or sh; any program by --shell; a shell that is not there: 64."""
    _write_files(home, posix="", fish="")
    own = tmp_path / "my-own-shell"
    own.write_text('#!/bin/sh\necho "$0" "$#" "$ENVBUILD_ENVIRONMENT"\nexit 6\n')
    own.chmod(0o755)
    said = f"{own} 0 inner\n"
    assert built.run("shell", "inner", env={"SHELL": str(own)}, check=6).out == said
    other = built.run("shell", "inner", "--shell", str(own), env={"SHELL": "/bin/sh"}, check=6)
    assert other.out == said
    assert "its own files are read after the environment is entered" in other.err
    for shell in (None, "/not/there", "/usr/sbin/nologin", "bash"):
        assert built.run("shell", "inner", env={"SHELL": shell}, stdin="echo $ENVBUILD_ENVIRONMENT").out == "inner\n"
    run = built.run("shell", "inner", "--shell", "nosuch", check=64)
    assert "there is no shell 'nosuch' here" in run.err
    assert "--shell" in run.err


def test_which_environment(built: Project) -> None:
    """As for run: the default, one alone, a version, which the prompt then names."""
    run = built.run("shell", "--shell", "sh", stdin="echo $ENVBUILD_ENVIRONMENT")
    assert run.out == "curated/minimal\n"
    assert run.err.startswith("curated/minimal: no environment is named, here or as 'default_environment'")
    assert "a shell is of one environment" in built.run("shell", "*", check=64).err
    built.run("shell", "inner@9", check=64)
    built.write("envbuild.yaml", "default_environment: inner\n")
    assert built.run("shell", "--shell", "sh", stdin="echo $ENVBUILD_ENVIRONMENT").out == "inner\n"
    with _open(built, "inner@1", "--shell", "sh") as terminal:
        _prompted(terminal, "(inner@1) ")
    built.remove("envbuild.yaml")


def test_it_builds_first_when_that_is_due(built: Project) -> None:
    """And opens no shell where that fails."""
    built.write("manifests/new.yaml", "variables:\n  NEW: '1'\n")
    assert built.run("shell", "new", "--shell", "sh", stdin="echo $NEW").out == "1\n"
    built.write("manifests/new.yaml", "setup:\n  - exit 1\n")
    assert built.run("shell", "new", "--shell", "sh", stdin="echo $NEW", check=1).out == ""
    built.remove("manifests/new.yaml")


def test_building_in_a_shell_is_building_outside(built: Project) -> None:
    """Commands of `setup` see nothing of the environment that one happens to be in, nor a name."""
    built.write("manifests/new.yaml", "setup:\n  - env -0 > seen\n")
    built.run("run", "churn/train", "--", *_ENVBUILD.split(), "apply", "new")
    seen = _parsed(Path(reference(built, "new"), "seen").read_text())
    assert seen["LIST"] == "/host"
    assert {*NASTY, "ENVBUILD_ACTIVE", "ENVBUILD_ENVIRONMENT", "VIRTUAL_ENV_PROMPT"} & seen.keys() == set()
    assert reference(built, "churn/train") not in seen["PATH"]
    built.remove("manifests/new.yaml")


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_PROGRAMS = Programs()
_NAMES = st.sampled_from(["A", "B", "PATH", "LIST", "PYTHONHOME", "CONDA_PREFIX", "VIRTUAL_ENV", "PS1"])
_ENTRIES = st.lists(st.text("/ab:", min_size=1, max_size=4), max_size=3).map(tuple)
_VARIABLES = st.lists(
    st.builds(Variable, _NAMES, st.none() | _WORDS, _ENTRIES, _ENTRIES), max_size=4, unique_by=lambda one: one.name
).map(tuple)


@given(st.dictionaries(_NAMES, st.text("/ab: é'", min_size=1, max_size=8)), _VARIABLES, _VARIABLES)
def test_what_was_entered_is_left_without_a_trace(
    host: dict[str, str], outer: tuple[Variable, ...], inner: tuple[Variable, ...]
) -> None:
    """Whatever an environment states and the host has: undone, it is the host; and an inner one is as it is alone."""
    host = {"PATH": "/bin", **host}
    within = entered("outer", "outer", outer, Path("/outer"), host, _PROGRAMS).env
    assert undone(within) == host
    alone = entered("inner", "inner", inner, Path("/inner"), host, _PROGRAMS).env
    assert entered("inner", "inner", inner, Path("/inner"), undone(within), _PROGRAMS).env == alone


def test_what_was_changed_by_hand_stays() -> None:
    """In an environment a person sets a variable, adds to PATH, activates another; that is theirs when it is left."""
    variables = (Variable("A", "ours"), Variable("LIST", None, ("/first",), ("/last",)))
    host = {"PATH": "/bin", "A": "host", "LIST": "/host"}
    within = entered("x", "x", variables, Path("/x"), host, _PROGRAMS).env
    changed = {**within, "A": "mine", "VIRTUAL_ENV": "/mine", "PATH": f"/mine:{within['PATH']}"}
    changed |= {"LIST": f"/0:{within['LIST']}:/9", "PS1": "(x) $ "}
    assert undone(changed) == {
        "PATH": "/mine:/bin", "A": "mine", "LIST": "/0:/host:/9", "VIRTUAL_ENV": "/mine", "PS1": "$ ",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"label": 1}', "[" * 100_000, '{"label":"","texts":{},"lists":3}']
)
def test_a_note_that_is_not_ours_is_no_note(text: str) -> None:
    """It is dropped, and all else is left as it is."""
    assert undone({"PATH": "/bin", "ENVBUILD_ACTIVE": text}) == {"PATH": "/bin"}


def test_nothing_of_a_value_is_an_argument(built: Project, home: Project, shell: str) -> None:
    """Other users of a machine can read what a program was started with: no value is there."""
    ps = shutil.which("ps")
    if not ps:
        pytest.skip("there is no ps here")
    _write_files(home, posix="", fish="")
    with _open(built, "churn/train", "--shell", shell) as terminal:
        _prompted(terminal)
        parent = str(terminal.process.pid)
        shown = subprocess.run(
            [ps, "-ww", "-o", "args=", "-p", parent, "--ppid", parent], capture_output=True, text=True, check=True
        ).stdout
    assert shell in shown
    assert "漢字" not in shown
    assert "/se cond" not in shown
