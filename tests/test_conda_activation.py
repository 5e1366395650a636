"""A conda environment is entered as conda does it, for commands, shells and setup alike, and left without a trace."""

import json
from pathlib import Path

import pytest
from support.channelled import prefix_of, write_conda
from support.condachannel import Channel
from support.condapkg import File, Package
from support.condapython import SUBDIR
from support.line import apply_twice, reference
from support.project import Project
from support.services import require

from envbuild.builders.activation import entered, undone
from envbuild.errors import BuildError
from envbuild.process import Programs
from envbuild.resolve import Variable

_A = 'export SEEN="$SEEN:a"\nexport PATH="$CONDA_PREFIX/share/a:$PATH" LIST="/a${LIST:+:$LIST}"\nlocal_only=1\n'
_B = """\
export SEEN="$SEEN:b:$KEPT" OWN=script
function tail() { false; }
unset GONE
[ -n "$NOTHING" ] && export MORE=1
"""


def _scripted(**scripts: str) -> dict[str, File]:
    return {f"etc/conda/activate.d/{name}.sh": File(text.encode()) for name, text in scripts.items()}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """Packages with scripts, and with variables."""
    kept = {"KEPT": "kept", "OWN": "package", "GONE_TOO": "***unset***"}
    return Channel(
        tmp_path / "channel",
        Package(name="scripts", subdir=SUBDIR, files=_scripted(b=_B, a=_A)),
        Package(name="kept", subdir=SUBDIR, files={"etc/conda/env_vars.d/kept.json": File(json.dumps(kept).encode())}),
    )


@pytest.fixture
def built(project: Project, channel: Channel) -> Project:
    stated = "variables: {OWN: manifest, LIST: {prepend: [/m]}, PATH: {append: [/last]}}\nsetup: ['env > seen']\n"
    write_conda(project, "a", channel, "scripts", "kept", more=stated)
    apply_twice(project)
    return project


def _env(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


_OUTER = {
    "LIST": "/host", "GONE": "1", "GONE_TOO": "1", "VIRTUAL_ENV": "/venv", "VIRTUAL_ENV_PROMPT": "venv",
    "CONDA_PREFIX": "/conda", "CONDA_PREFIX_1": "/conda/1", "CONDA_SHLVL": "2", "CONDA_PROMPT_MODIFIER": "(base) ",
    "BASH_ENV": "/dev/null",
}  # fmt: skip


def test_a_command_sees_what_packages_and_manifest_state(built: Project) -> None:
    """Conda's own variables, then those kept, then the scripts in order of their names, and last the manifest."""
    prefix = reference(built, "a")
    found = _env(built.run("run", "a", "--", "env", env=_OUTER).out)
    own = {name: found[name] for name in found if name.startswith(("CONDA", "VIRTUAL"))}
    assert own == {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": "a", "CONDA_SHLVL": "1"}
    assert (found["SEEN"], found["OWN"], found["KEPT"], found["LIST"]) == (
        ":a:b:kept",
        "manifest",
        "kept",
        "/m:/a:/host",
    )
    assert found["PATH"] == f"{prefix}/share/a:{prefix}/bin:{built.environ['PATH']}:/last"
    assert {"GONE", "GONE_TOO", "MORE", "local_only", "BASH_FUNC_tail%%"} & found.keys() == set()
    assert found["BASH_ENV"] == "/dev/null"


def test_setup_sees_the_same(built: Project) -> None:
    """But no name."""
    found = _env((prefix_of(built, "a") / "seen").read_text())
    assert (found["SEEN"], found["OWN"], found["CONDA_SHLVL"]) == (":a:b:kept", "manifest", "1")
    assert found["CONDA_DEFAULT_ENV"] == found["CONDA_PREFIX"] == reference(built, "a")


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_a_shell_sees_the_same(built: Project, shell: str) -> None:
    """Whatever its own files set before."""
    if shell in {"zsh", "fish"}:
        require("shells")
    home = Path(built.environ["HOME"])
    again = "export CONDA_PREFIX=/conda CONDA_SHLVL=3 SEEN=rc VIRTUAL_ENV=/rc PATH=/rc:$PATH\n"
    (home / ".bashrc").write_text(again)
    (home / ".zshrc").write_text(again)
    (home / ".config/fish").mkdir(parents=True)
    (home / ".config/fish/config.fish").write_text("set -gx SEEN rc; set -gx CONDA_SHLVL 3; set -gx VIRTUAL_ENV /rc\n")
    with built.terminal("shell", "a", "--shell", shell, columns=200, env=_OUTER) as terminal:
        terminal.wait_for(lambda: bool(terminal.screen) and terminal.screen[-1].startswith("(a)"))
        terminal.press(f"env > {home}/seen; exit\r")
        terminal.finish()
    found = _env((home / "seen").read_text())
    prefix = reference(built, "a")
    own = {name: found[name] for name in found if name in {"CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL"}}
    assert own == {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": "a", "CONDA_SHLVL": "1"}
    assert (found["SEEN"], found["OWN"], found.get("VIRTUAL_ENV")) == (":a:b:kept", "manifest", None)
    assert found["PATH"].startswith(f"{prefix}/share/a:{prefix}/bin:")


def test_an_inner_environment_sees_nothing_of_the_outer(built: Project) -> None:
    """Each begins where the first one began."""
    built.write("manifests/b.yaml", "variables: {INNER: '1'}\n")
    built.run("apply", "b")
    inner = _env(built.run("run", "a", "--", "sh", "-c", f"cd {built.path}; python3 -c pass; env").out)
    found = _env(built.run("run", "b", "--", "env", env=dict(inner)).out)
    assert {"SEEN", "KEPT", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL"} & found.keys() == set()
    assert reference(built, "a") not in found["PATH"]
    assert found["VIRTUAL_ENV"] == reference(built, "b")


def test_what_was_entered_is_left_without_a_trace(built: Project) -> None:
    """Undone, it is the host."""
    host = {"PATH": built.environ["PATH"], **_OUTER}
    variables = (Variable("A", "x"), Variable("LIST", None, ("/m",), ("/n",)), Variable("GONE", None, ("/m",)))
    within = entered("a", "a", variables, prefix_of(built, "a"), host, Programs()).env
    assert (within["LIST"], within["GONE"]) == ("/m:/a:/host:/n", "/m")
    assert undone(within) == host


_FAILURES = {
    "it exits": ("echo no licence >&2; exit 3", "x.sh ended with 3: no licence"),
    "it exits well": ("exit 0", "x.sh ended with 0"),
    "it returns": ("echo 'no licence here' >&2; return 4", "x.sh ended with 4: no licence here"),
    "it is no script": ("if then", "syntax error"),
}


@pytest.mark.parametrize("kind", _FAILURES)
def test_a_failing_script_is_told(project: Project, tmp_path: Path, kind: str) -> None:
    """With its words; nothing is run, and no plan is kept from its answer."""
    text, said = _FAILURES[kind]
    channel = Channel(tmp_path / "channel", Package(name="x", subdir=SUBDIR, files=_scripted(x=f"{text}\n")))
    write_conda(project, "a", channel, "x")
    apply_twice(project)
    run = project.run("run", "a", "--", "echo", "ran", check=1)
    assert run.out == ""
    assert "the activation script etc/conda/activate.d/x.sh ended with " in run.err
    assert said in run.err
    write_conda(project, "a", channel, "x", more="setup: ['true']\n")
    assert said in project.run("apply", check=1).err


def test_a_plan_runs_no_script(project: Project, tmp_path: Path) -> None:
    """Nor does a build that has nothing to run in the environment."""
    text = f"touch {tmp_path}/ran\n"
    channel = Channel(tmp_path / "channel", Package(name="x", subdir=SUBDIR, files=_scripted(x=text)))
    write_conda(project, "a", channel, "x")
    apply_twice(project)
    for command in (["plan"], ["list"], ["show", "a"], ["plan", "--no-refresh"], ["doctor"]):
        project.run(*command, check=None)
    assert not (tmp_path / "ran").exists()
    project.run("run", "a", "--", "true")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["[]", "{", '{"A=B": "x"}', '{"A": 1}'])
def test_variables_that_are_none_are_told(tmp_path: Path, text: str) -> None:
    """A package's file that says something else."""
    path = tmp_path / "etc/conda/env_vars.d/x.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (tmp_path / "conda-meta").mkdir()
    with pytest.raises(BuildError, match=r"cannot be read|which is no variable"):
        entered("a", "a", (), tmp_path, {}, Programs())


def test_what_conda_noted_counts(tmp_path: Path) -> None:
    """Over what packages bring."""
    (tmp_path / "etc/conda/env_vars.d").mkdir(parents=True)
    (tmp_path / "etc/conda/env_vars.d/x.json").write_text('{"A": "package", "B": "package"}')
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/state").write_text('{"version": 1, "env_vars": {"A": "noted", "PATH": "/noted"}}')
    found = entered("a", "a", (), tmp_path, {}, Programs()).env
    assert (found["A"], found["B"], found["PATH"]) == ("noted", "package", f"{tmp_path}/bin:/noted")
