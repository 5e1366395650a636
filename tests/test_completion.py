"""Tab in real shells: what is offered, how it is quoted, and that a broken project never writes into the prompt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import Project
from support.services import require
from support.terminal import Terminal

_BIN = Path(sys.executable).parent
_RC = {
    "bash": ".bashrc",
    "zsh": ".zshrc",
    "fish": ".config/fish/config.fish",
}
_PROMPTS = {
    "bash": "PS1='go> '\nbind 'set bell-style none'\n",
    "zsh": "PS1='go> '\nunsetopt beep\n",
    "fish": "set fish_greeting\nfunction fish_prompt; echo -n 'go> '; end\n",
}
_INSTALL = {
    "bash": 'eval "$(envbuild completion bash)"\n',
    "zsh": 'eval "$(envbuild completion zsh)"\n',
    "fish": "envbuild completion fish | source\n",
}


@pytest.fixture
def fleet(project: Project) -> Project:
    """Names with folders, tags with every character that a shell may stumble over, and a group."""
    project.write("envbuild.yaml", "groups: {nightly: ['churn/*']}\n")
    project.write("manifests/base.yaml", "abstract: true\nvariables: {ONE: '1'}\n")
    project.write(
        "manifests/churn/train.yaml",
        "extends: base\ndescription: trains it  # nightly\ntags: {team: growth, 'on call': \"it's: $HOME\"}\n",
    )
    project.write("manifests/churn/report.yaml", "extends: base\nvariables: {TWO: '2'}\n")
    project.write("manifests/serving/web.yaml", "description: 'serves it'\nvariables: {THREE: '3'}\n")
    return project


def offered(project: Project, *words: str, shell: str = "zsh", **variables: str) -> list[str]:
    """What envbuild answers for these words, of which the last is being typed."""
    typed = ["envbuild", *words]
    command = [sys.executable, "-m", "envbuild", *(typed if shell != "powershell" else ["\x1f".join(typed)])]
    environ = {**project.environ, "_ENVBUILD_COMPLETE": shell, **variables}
    run = subprocess.run(command, cwd=project.path, env=environ, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return run.stdout.splitlines()


def words(project: Project, *typed: str, **variables: str) -> list[str]:
    kind, *lines = offered(project, *typed, **variables)
    assert kind == "words"
    return [line.partition("\t")[0] for line in lines]


def shell_in(project: Project, shell: str, columns: int = 100) -> Terminal:
    home = Path(project.environ["HOME"])
    rc = home / _RC[shell]
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(_PROMPTS[shell] + _INSTALL[shell])
    environ = {**project.environ, "PATH": f"{_BIN}:{os.environ['PATH']}", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"}
    command = [shell, "-i"] if shell != "bash" else ["bash", "--rcfile", str(rc), "-i"]
    terminal = Terminal(command, project.path, environ, columns=columns)
    terminal.wait_for("go>")
    return terminal


def line_after(terminal: Terminal, keys: str, wanted: str) -> None:
    """Type, press Tab, and wait until the line reads so."""
    terminal.press(f"{keys}\t")
    terminal.wait_for(lambda: any(line.rstrip() == f"go> {wanted}".rstrip() for line in terminal.screen))
    terminal.press("\x15" if keys else "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("envbuild hist", "envbuild history"),
        ("envbuild plan --det", "envbuild plan --detailed-exitcode"),
        ("envbuild explain churn/t", "envbuild explain churn/train"),
        ("envbuild -q plan churn/train serv", "envbuild -q plan churn/train serving/web"),
        ("envbuild plan --color al", "envbuild plan --color always"),
        ("envbuild plan --color=ne", "envbuild plan --color=never"),
        ("envbuild list --tag te", "envbuild list --tag team=growth"),
        ("envbuild list --tag=te", "envbuild list --tag=team=growth"),
        ("envbuild plan @nig", "envbuild plan @nightly"),
        ("envbuild plan 'churn/t", "envbuild plan 'churn/train'"),
        ('envbuild plan "churn/t', 'envbuild plan "churn/train"'),
        ("envbuild explain churn/train var", "envbuild explain churn/train variables"),
        ("envbuild render -o manif", "envbuild render -o manifests/"),
        ("envbuild run churn/train -- envbuild hist", "envbuild run churn/train -- envbuild hist"),
    ],
)
def test_tab_completes(fleet: Project, shell: str, typed: str, wanted: str) -> None:
    """Commands, options, their values, names, tags, groups, fields and folders; within quotes as well."""
    if shell != "bash":
        require("shells")
    with shell_in(fleet, shell) as terminal:
        line_after(terminal, typed, wanted)
