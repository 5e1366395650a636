"""`envbuild export script`, sourced in real shells: what it enters, and that nothing of it is left."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.channelled import write_conda
from support.condachannel import Channel
from support.condapkg import File, Package
from support.condapython import SUBDIR
from support.line import reference
from support.project import Project, clean_environment
from support.services import require
from support.terminal import Terminal

SHELLS = ("bash", "zsh", "sh", "fish")
_SECONDS = 60
NASTY = {
    "QUOTES": "it's \"two\" `kinds` '' '\\'' x'",
    "DOLLAR": "$HOME ${HOME} $(touch made) `touch made` %n !! {a,b} ~ *",
    "BACKSLASHES": "\\ \\\\ \\n end\\",
    "BREAKS": "one\ntouch made\n; touch made\n",
    "DASH": "-e --help",
    "LETTERS": "é 漢字 😀 ß",
    "BLANKS": "  two  spaces\tand a tab ",
    "NOTHING": "",
    "BRACKETS": "#no (comment) [a] | & < >",
}
# What shells count and note by themselves.
_OF_A_SHELL = {"SHLVL", "_", "OLDPWD", "PWD", "USER", "LOGNAME"}


def _yaml(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """Two environments that are built, and a script of each for every shell."""
    folder = tmp_path_factory.mktemp("script")
    environ = clean_environment(folder, uv_cache) | {"LIST": "/host", "DASH": "host's $(own)", "LC_ALL": "C.UTF-8"}
    project = Project(folder / "project", environ)
    lines = [f"  {name}: {_yaml(value)}\n" for name, value in NASTY.items()]
    additions = "{prepend: [/first, '/se cond:/it''s'], append: [/last]}"
    paths = "{prepend: [/mine], append: ['/my last']}"
    project.write("manifests/churn/train.yaml", f"variables:\n{''.join(lines)}  LIST: {additions}\n  PATH: {paths}\n")
    project.write("manifests/inner.yaml", "variables:\n  DASH: inner\n  ONLY: inner\n  LIST: {append: [/inner]}\n")
    project.run("apply")
    for shell in SHELLS:
        project.run("export", "script", "churn/train", "--shell", shell, "-o", f"train.{shell}")
        project.run("export", "script", "inner", "--shell", shell, "-o", f"inner.{shell}")
    return project


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    if request.param in {"zsh", "fish"}:
        require("shells")
    return str(request.param)


def ran(project: Project, shell: str, *lines: str, env: Mapping[str, str] | None = None, options: str = "") -> str:
    """What a shell says that is given these lines; `.` is what each calls `source`."""
    text = "\n".join(lines)
    if shell == "fish":
        text = text.replace(". ./", "source ./")
    words = [shell, *(["--no-config"] if shell == "fish" else []), *options.split(), "-c", text]
    run = subprocess.run(
        words, cwd=project.path, env={**project.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, encoding="utf-8", check=False, timeout=_SECONDS,
    )  # fmt: skip
    assert run.stderr == "", run
    assert not (project.path / "made").exists()
    return run.stdout


def variables(told: str) -> dict[str, str]:
    """What programs were shown, as `env -0` has it."""
    pairs = (pair.split("=", 1) for pair in told.split("\0") if "=" in pair)
    return {name: value for name, value in pairs if name not in _OF_A_SHELL}


def _without_note(found: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name != "ENVBUILD_ACTIVE"}


def test_it_enters_as_run_does(built: Project, shell: str) -> None:
    """Every variable is the same, whatever it holds; and once is as good as twice."""
    wanted = variables(built.run("run", "--no-history", "churn/train", "--", "env", "-0").out)
    assert {name: wanted[name] for name in NASTY} == NASTY
    once = variables(ran(built, shell, f". ./train.{shell}", "env -0"))
    assert _without_note(once) == _without_note(wanted)
    twice = variables(ran(built, shell, f". ./train.{shell}", f". ./train.{shell}", "env -0"))
    assert twice == once


def test_nothing_is_left_of_it(built: Project, shell: str) -> None:
    """Also not when it was entered twice, or from another one; of functions and notes neither."""
    before = variables(ran(built, shell, "env -0"))
    names = "set --names; functions --all --names" if shell == "fish" else "set"
    told = ran(
        built, shell, f". ./train.{shell}", f". ./inner.{shell}", f". ./train.{shell}", f". ./train.{shell}",
        "envbuild_leave", "env -0", "echo +++++", names,
    )  # fmt: skip
    first, _, rest = told.partition("+++++\n")
    assert variables(first) == before
    assert "_envbuild" not in rest.replace("_envbuild_leave", "")


def test_what_it_covers_comes_back(built: Project, shell: str) -> None:
    """A variable that was not exported is so again; from one environment to the other nothing of the first is seen."""
    own = "set -g ONLY own" if shell == "fish" else "ONLY=own"
    told = ran(
        built, shell, own, f". ./train.{shell}", f". ./inner.{shell}", "env -0", "echo +++++", "envbuild_leave",
        "env -0", "echo +++++", 'echo "$ONLY"',
    )  # fmt: skip
    inside, after, value = told.split("+++++\n")
    found = variables(inside)
    assert (found["DASH"], found["ONLY"], found["LIST"]) == ("inner", "inner", "/host:/inner")
    assert {*NASTY} & found.keys() == {"DASH"}
    assert "ONLY" not in variables(after)
    assert variables(after)["DASH"] == "host's $(own)"
    assert value == "own\n"


def test_what_was_changed_by_hand_stays(built: Project, shell: str) -> None:
    """A value of one's own, and what was put beside ours on PATH."""
    if shell == "fish":
        by_hand = ("set -gx LETTERS mine", "set -gx PATH /by/hand $PATH /at/end", "set -gx LIST /a:$LIST")
    else:
        by_hand = ("export LETTERS=mine", 'export PATH="/by/hand:$PATH:/at/end"', 'export LIST="/a:$LIST"')
    found = variables(ran(built, shell, f". ./train.{shell}", *by_hand, "envbuild_leave", "env -0"))
    assert found["LETTERS"] == "mine"
    assert found["PATH"] == f"/by/hand:{built.environ['PATH']}:/at/end"
    assert found["LIST"] == "/a:/host"


@pytest.mark.parametrize("options", ["-eu", "-eu -f", "-o posix"])
def test_strict_shells_take_it(built: Project, options: str) -> None:
    """As scripts of a CI have it: unset variables and failures end them, and patterns are not expanded."""
    shell = "bash"
    told = ran(built, shell, ". ./train.bash", "IFS=/", ". ./train.bash", "envbuild_leave", "env -0", options=options)
    assert variables(told) == variables(ran(built, shell, "env -0", options=options))


def test_zsh_that_warns_has_nothing_to_warn_of(built: Project) -> None:
    """Of variables that functions make for all, and of those that they change: also where it is sourced in one."""
    require("shells")
    options = "setopt warn_create_global warn_nested_var"
    sourced = "f() { . ./train.zsh; }; f; f"
    assert ran(built, "zsh", options, sourced, ". ./train.zsh", "envbuild_leave", "setopt").split() == [
        "nohashdirs", "warncreateglobal", "warnnestedvar",
    ]  # fmt: skip


def test_strict_zsh_takes_it(built: Project) -> None:
    """With options that people set, and a number where the environment has a text."""
    require("shells")
    options = "setopt nounset errexit ksh_arrays sh_word_split extended_glob no_clobber"
    told = ran(built, "zsh", "integer DASH=1", "typeset -x DASH", options, ". ./train.zsh", "env -0", "envbuild_leave")
    assert variables(told)["DASH"] == NASTY["DASH"]
    told = ran(built, "zsh", options, ". ./train.zsh", ". ./train.zsh", "envbuild_leave", "env -0")
    assert variables(told) == variables(ran(built, "zsh", "env -0"))


def test_what_may_not_be_changed_stays(built: Project, shell: str) -> None:
    """A variable that is read-only; the others are entered all the same."""
    if shell == "fish":
        pytest.skip("fish has none of its user's own")
    told = ran(
        built, shell, "readonly LETTERS=mine", f". ./train.{shell}", "env -0", "envbuild_leave", 'echo "$LETTERS"'
    )
    found = variables(told)
    assert (found["DASH"], "LETTERS" in found) == (NASTY["DASH"], False)
    assert told.endswith("mine\n")


@pytest.mark.parametrize("kind", ["-a", "-A", "-n"])
def test_arrays_and_names_of_others_stay(built: Project, kind: str) -> None:
    """They hold what no variable can: none is put in their place, and none is left as a text."""
    own = {"-a": "=('one two' '' three)", "-A": "=([a]='one two' [b]=)", "-n": "=TARGET"}[kind]
    told = ran(
        built, "bash", f"TARGET=mine; declare {kind} LETTERS{own}; was=$(declare -p LETTERS TARGET)", ". ./train.bash",
        "env -0", "envbuild_leave", '[ "$was" = "$(declare -p LETTERS TARGET)" ] && echo same || declare -p LETTERS',
    )  # fmt: skip
    found = variables(told)
    assert (found["DASH"], {"LETTERS", "TARGET"} & {*found}) == (NASTY["DASH"], set())
    assert told.endswith("same\n")


def test_lists_of_fish_come_back(built: Project) -> None:
    """Whole, with every item."""
    require("shells")
    told = ran(
        built, "fish", "set -g LETTERS 'one two' '' three; set -gx LIST a b", ". ./train.fish", "env -0",
        "envbuild_leave", "count $LETTERS $LIST; string escape -- $LETTERS $LIST; set -q -x LETTERS; echo $status",
    )  # fmt: skip
    assert variables(told)["LETTERS"] == NASTY["LETTERS"]
    assert told.split("\0")[-1].split("\n") == ["5", "'one two'", "''", "three", "a", "b", "1", ""]


def test_an_inner_environment_sees_nothing_of_it(built: Project, shell: str) -> None:
    """What envbuild runs in there begins where this one began."""
    inside = variables(ran(built, shell, f". ./train.{shell}", "env -0"))
    bare = variables(built.run("run", "--no-history", "inner", "--", "env", "-0").out)
    found = variables(built.run("run", "--no-history", "inner", "--", "env", "-0", env=inside).out)
    # A value with letters that mean something is not told to the inner one; it is what it was covered with.
    assert _without_note(found) | {"DASH": ""} == _without_note(bare) | {"DASH": ""}


def test_it_needs_no_envbuild(built: Project, shell: str, tmp_path: Path) -> None:
    """And no project: the script may be anywhere."""
    shutil.copy(built.path / f"train.{shell}", tmp_path)
    bare = Project(tmp_path, {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    found = variables(ran(bare, shell, f". ./train.{shell}", "env -0"))
    prefix = reference(built, "churn/train")
    assert found["PATH"] == f"{prefix}/bin:/mine:/usr/bin:/bin:/my last"
    assert ran(bare, shell, f". ./train.{shell}", "command -v python3") == f"{prefix}/bin/python3\n"


def test_what_is_gone_is_told(project: Project, shell: str) -> None:
    """Nothing is entered, and whoever sources it may see that."""
    project.write("manifests/a.yaml", "variables: {OWN: '1'}\n")
    project.run("apply")
    project.run("export", "script", "a", "--shell", shell, "-o", f"a.{shell}")
    shutil.rmtree(reference(project, "a"))
    told = ran(
        project,
        shell,
        f". ./a.{shell} 2>&1; or echo failed" if shell == "fish" else f". ./a.{shell} 2>&1 || echo failed",
        "env",
    )
    assert "envbuild: a@1 is not there any more" in told
    assert "\nfailed\n" in told
    assert "OWN=" not in told


def test_what_does_not_stand_is_refused(project: Project) -> None:
    """Neither what was never built, nor what the manifest says otherwise by now; a version may be named."""
    project.write("manifests/a.yaml", "variables: {OWN: '1'}\n")
    assert "run 'envbuild apply a'" in project.run("export", "script", "a", check=3).err
    project.run("apply")
    project.write("manifests/a.yaml", "variables: {OWN: '2'}\n")
    assert "not built as its manifest says now" in project.run("export", "script", "a", check=3).err
    told = project.run("export", "script", "a@latest", "--shell", "sh").out
    assert "_envbuild_put OWN '1'" in told
    assert "--shell cannot be 'tcsh'" in project.run("export", "script", "a@1", "--shell", "tcsh", check=64).err
    project.write("mine", "# not ours\n")
    assert "--force" in project.run("export", "script", "a@1", "-o", "mine", check=64).err
    project.run("export", "script", "a@1", "-o", "ours")
    project.run("export", "script", "a@1", "-o", "ours")


def test_json_has_the_script(built: Project) -> None:
    """And says of which version it is."""
    found = built.json("export", "script", "churn/train", "--shell", "fish")["export"]
    assert (found["environment"], found["version"], found["format"]) == ("churn/train", 1, "script")
    assert found["text"] == built.read("train.fish")
    assert json.dumps(found["text"]).isascii() or "漢字" in found["text"]


_A = 'export SEEN="$SEEN:a"\nexport PATH="$CONDA_PREFIX/share/a:$PATH" LIST="/a${LIST:+:$LIST}"\nlocal_only=1\n'
_B = """\
export SEEN="$SEEN:b:$KEPT" OWN=script QUOTED="it's \\"two\\" \\\\ \\$(touch made)
line"
function tail() { false; }
unset GONE
[ -n "$NOTHING" ] && export MORE=1
echo said
"""


@pytest.fixture
def scripted(project: Project, tmp_path: Path) -> Project:
    """A conda environment whose packages have scripts and variables."""
    scripts = {f"etc/conda/activate.d/{name}.sh": File(text.encode()) for name, text in (("b", _B), ("a", _A))}
    kept = {"KEPT": "kept", "OWN": "package", "GONE_TOO": "***unset***"}
    kept_file = File(json.dumps(kept).encode())
    channel = Channel(
        tmp_path / "channel",
        Package(name="scripts", subdir=SUBDIR, files=scripts),
        Package(name="kept", subdir=SUBDIR, files={"etc/conda/env_vars.d/kept.json": kept_file}),
    )
    stated = "variables: {OWN: manifest, LIST: {prepend: [/m]}, PATH: {prepend: [/mine], append: [/last]}}\n"
    write_conda(project, "a", channel, "scripts", "kept", more=stated)
    project.run("apply")
    return project


_OUTER = {
    "LIST": "/host", "GONE": "1", "GONE_TOO": "1", "VIRTUAL_ENV": "/venv", "VIRTUAL_ENV_PROMPT": "venv",
    "CONDA_PREFIX": "/conda", "CONDA_PREFIX_1": "/conda/1", "CONDA_SHLVL": "2", "CONDA_PROMPT_MODIFIER": "(base) ",
    "LC_ALL": "C.UTF-8",
}  # fmt: skip


def test_scripts_of_packages_have_their_say(scripted: Project, shell: str) -> None:
    """In order, between what packages keep and what the manifest states; and all of it is undone."""
    scripted.run("export", "script", "a", "--shell", shell, "-o", f"a.{shell}")
    wanted = variables(scripted.run("run", "--no-history", "a", "--", "env", "-0", env=_OUTER).out)
    assert (wanted["SEEN"], wanted["OWN"]) == (":a:b:kept", "manifest")
    found = variables(ran(scripted, shell, f". ./a.{shell}", "env -0", env=_OUTER))
    assert _without_note(found) == _without_note(wanted)
    before = variables(ran(scripted, shell, "env -0", env=_OUTER))
    told = ran(scripted, shell, f". ./a.{shell}", f". ./a.{shell}", "envbuild_leave", "env -0", env=_OUTER)
    assert variables(told) == before


def test_a_script_that_ends_the_shell_is_told(project: Project, tmp_path: Path, shell: str) -> None:
    """Not the user's: nothing is entered then."""
    text = 'export SEEN=1\ntest -z "$ENDS" || exit 3\n'
    channel = Channel(
        tmp_path / "channel",
        Package(name="ends", subdir=SUBDIR, files={"etc/conda/activate.d/a.sh": File(text.encode())}),
    )
    write_conda(project, "a", channel, "ends")
    project.run("apply")
    project.run("export", "script", "a", "--shell", shell, "-o", f"a.{shell}")
    told = ran(project, shell, f". ./a.{shell} 2>&1", "env", env={"ENDS": "1"})
    assert "an activation script of a package has failed" in told
    assert not {"SEEN=1", "CONDA_SHLVL=1"} & {*told.splitlines()}


def test_the_prompt_tells_of_it(built: Project, shell: str) -> None:
    """Until it is left."""
    words = {"bash": ["--norc", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"], "sh": ["-i"]}[shell]
    environ = {**built.environ, "PS1": "$ ", "ENV": ""}
    with Terminal([shutil.which(shell) or shell, *words], built.path, environ, columns=200, rows=50) as terminal:
        terminal.wait_for(lambda: bool(terminal.text.strip()))  # the first prompt
        source = "source" if shell == "fish" else "."
        terminal.press(f"{source} ./train.{shell}\r")
        terminal.wait_for(lambda: bool(terminal.screen) and terminal.screen[-1].startswith("(churn/train) "))
        terminal.press("envbuild_leave; echo le''ft\r")
        terminal.wait_for(lambda: "left" in terminal.lines and "(churn/train)" not in terminal.screen[-1])
        terminal.press("exit\r")
        terminal.finish()
