"""Tab in real shells: what is offered, how it is quoted, and that a broken project never writes into the prompt."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support.project import Project
from support.services import require
from support.terminal import Terminal

from envbuild.cli import glance
from envbuild.cli.app import COMMANDS, app
from envbuild.cli.completing import completed
from envbuild.cli.scripts import SHELLS, script

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


def offered(project: Project, *words: str, to: str = "zsh", **variables: str) -> list[str]:
    """What envbuild answers for these words, of which the last is being typed."""
    typed = ["envbuild", *words]
    command = [sys.executable, "-m", "envbuild", *(typed if to != "powershell" else ["\x1f".join(typed)])]
    environ = {**project.environ, "_ENVBUILD_COMPLETE": to, **variables}
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
    tools = project.path.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "mytool").write_text("#!/bin/sh\n")
    (tools / "mytool").chmod(0o755)
    path = f"{tools}:{_BIN}:{os.environ['PATH']}"
    environ = {**project.environ, "PATH": path, "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"}
    command = [shell, "-i"] if shell != "bash" else ["bash", "--rcfile", str(rc), "-i"]
    terminal = Terminal(command, project.path, environ, columns=columns)
    terminal.wait_for("go>")
    return terminal


def line_after(terminal: Terminal, keys: str, wanted: str) -> None:
    """Type, press Tab, and wait until the line reads so."""
    terminal.press(f"{keys}\t")
    terminal.wait_for(lambda: any(line.rstrip() == f"go> {wanted}".rstrip() for line in terminal.screen))
    terminal.press("\x15" if keys else "")


_TYPED = {
    "envbuild hist": "envbuild history",
    "envbuild plan --det": "envbuild plan --detailed-exitcode",
    "envbuild explain churn/t": "envbuild explain churn/train",
    "envbuild -q plan churn/train serv": "envbuild -q plan churn/train serving/web",
    "envbuild plan --color al": "envbuild plan --color always",
    "envbuild plan --color=ne": "envbuild plan --color=never",
    "envbuild list --tag te": "envbuild list --tag team=growth",
    "envbuild list --tag=te": "envbuild list --tag=team=growth",
    "envbuild plan @nig": "envbuild plan @nightly",
    "envbuild plan 'churn/t": "envbuild plan 'churn/train'",
    'envbuild plan "churn/t': 'envbuild plan "churn/train"',
    "envbuild explain churn/train var": "envbuild explain churn/train variables",
    "envbuild render -o manif": "envbuild render -o manifests/",
    "envbuild run churn/train -- mytoo": "envbuild run churn/train -- mytool",
}
# A value with a blank, a quote, a colon and a dollar: each shell has its own way to write it.
_ODD = {
    "bash": "on\\ call=it\\'s:\\ \\$HOME",
    "zsh": "on\\ call=it\\'s:\\ \\$HOME",
    "fish": "on\\ call=it\\'s:\\ \\$HOME",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_completes(fleet: Project, shell: str) -> None:
    """Commands, options, their values, names, tags, groups, fields, folders, other commands; within quotes as well."""
    if shell != "bash":
        require("shells")
    typed = {**_TYPED, "envbuild list --tag on": f"envbuild list --tag {_ODD[shell]}"}
    with shell_in(fleet, shell) as terminal:
        for keys, wanted in typed.items():
            line_after(terminal, keys, wanted)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_broken_project_keeps_the_prompt_clean(fleet: Project, shell: str) -> None:
    """What can be given is given, and nothing but that is to be seen."""
    if shell != "bash":
        require("shells")
    fleet.write("manifests/broken.yaml", "variables: [\nmatrix: {\n")
    fleet.write("envbuild.yaml", "groups: 7\nbulder: x\n")
    with shell_in(fleet, shell) as terminal:
        line_after(terminal, "envbuild plan serv", "envbuild plan serving/web")
        # The answer to Tab is there before the shell reads the next key; the echo of the keys before it proves nothing.
        terminal.press("envbuild list --tag x\ty")
        terminal.wait_for(lambda: terminal.screen[-1].endswith("y"))
        assert terminal.lines == ["go> envbuild list --tag xy"]


def test_the_commands_of_the_short_way_are_those_of_click() -> None:
    """A command whose arguments are environments is in these two sets of `glance`, and no other is."""
    every: set[str] = set()
    first: set[str] = set()
    for name in COMMANDS:
        command = app.get_command(click.Context(app), name)
        assert command
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
        if arguments and re.search(r"\bENV\b", arguments[0].metavar or ""):
            (every if arguments[0].nargs < 0 else first).add(name)
    assert every == glance.EVERY
    assert first == glance.FIRST


def test_both_ways_say_the_same(fleet: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way leaves out the commands, not the truth."""
    monkeypatch.chdir(fleet.path)
    for typed in (["plan"], ["-q", "apply", "churn/train"], ["-C", str(fleet.path), "why"], ["check", "--json"]):
        slow = completed(["envbuild", *typed], "")
        assert [word for word, _ in slow.words] == words(fleet, *typed, "")
    assert words(fleet, "plan", "") == ["churn/report", "churn/train", "serving/web"]


def test_where_the_project_is(fleet: Project, tmp_path: Path) -> None:
    """-C that was typed, before or after the command, else ENVBUILD_DIR; elsewhere nothing is offered."""
    elsewhere = Project(tmp_path / "elsewhere", fleet.environ)
    folder, names = str(fleet.path), words(fleet, "plan", "")
    assert words(elsewhere, "plan", "") == []
    assert words(elsewhere, "-C", folder, "plan", "") == words(elsewhere, "plan", "-C", folder, "") == names
    assert words(elsewhere, "plan", "", ENVBUILD_DIR=folder) == names
    assert words(elsewhere, f"-C{folder}", "plan", "--locked", "") == names


def test_names_are_those_of_the_project(fleet: Project) -> None:
    """With globs of settings in any form, cells of a matrix, parents by path; never an abstract one."""
    for globs in ("['envs/*.yaml']", "\n  - envs/*.yaml", "\n- 'envs/*.yaml' # here", '["envs/\\x2a.yaml"]'):
        fleet.write("envbuild.yaml", f"manifests: {globs}\n")
        fleet.write("envs/one.yaml", "variables: {A: b}\n")
        assert words(fleet, "plan", "") == ["one"]
    fleet.write("envs/two.yaml", "matrix: {os: [a, b]}\nvariables: {A: b}\n")
    assert words(fleet, "plan", "") == ["one", "two-a", "two-b"]
    fleet.write("other/up.yaml", "matrix: {os: [c]}\n")
    fleet.write("envs/two.yaml", "extends: ../other/up.yaml\nvariables: {A: b}\n")
    assert words(fleet, "plan", "") == ["one", "two-c"]


_ABSTRACT = [
    "abstract: true  # a parent",
    "'abstract' : True",
    '"abstract": TRUE',
    "abstract:\n  true",
    "? abstract\n: true",
    '"abstr\\x61ct": true',
    "{abstract: true, variables: {A: b}}",
    "{variables: {A: b}, 'abstract':true}",
    "variables: {A: &yes true}\nabstract: *yes",
    "  variables: {A: b}\n  abstract: true",
]
_CONCRETE = [
    "abstract: false",
    '"abstract": false # not any more',
    "description: what is abstract",
    "variables: {abstract: true}",
    "variables:\n  abstract: 'true'",
    "setup:\n  - |\n    abstract: true",
    "# abstract: true\nvariables: {A: b}",
]


def test_abstract_in_whatever_way_it_is_said(fleet: Project) -> None:
    """Tab and `list` agree on what can be built."""
    for at, text in enumerate(_ABSTRACT):
        fleet.write(f"manifests/abstract{at}.yaml", f"{text}\n")
    for at, text in enumerate(_CONCRETE):
        fleet.write(f"manifests/concrete{at}.yaml", f"{text}\n")
    names = words(fleet, "plan", "")
    assert names == [one["name"] for one in fleet.json("list")["environments"]]
    assert [name for name in names if name.startswith("abstract")] == []
    for at in range(len(_CONCRETE)):
        assert f"concrete{at}" in names


@pytest.mark.parametrize("text", [*_ABSTRACT, *_CONCRETE])
def test_abstract_is_seen_in_each_file_alone(fleet: Project, text: str) -> None:
    """Each is right by itself, and the plainest of them without reading the project."""
    fleet.write("manifests/it.yaml", f"{text}\n")
    assert ("it" in words(fleet, "plan", "")) == (text in _CONCRETE)
    if text in {*_ABSTRACT[:3], *_CONCRETE[:3], _CONCRETE[-1]}:
        assert "envbuild.project" not in _loaded(fleet, "plan", "")


def test_versions_and_fields(fleet: Project) -> None:
    """NAME@ gives what is on record, where a command takes a version."""
    fleet.run("apply", "serving/web")
    assert words(fleet, "show", "serving/web@") == ["serving/web@latest", "serving/web@1"]
    assert words(fleet, "show", "serving/none@") == []
    fleet.run("label", "serving/web@1", "prod")
    assert words(fleet, "show", "serving/web@") == ["serving/web@latest", "serving/web@prod", "serving/web@1"]
    assert words(fleet, "label", "--remove", "serving/web", "") == ["prod"]
    assert "serving/web@1" not in words(fleet, "plan", "serving/web@")
    assert {"variables", "variables.THREE"} <= set(words(fleet, "explain", "serving/web", ""))


# What a project has to be read for; each is kept under the name of its kind.
_KEPT = {
    "tags": ("list", "--tag", ""),
    "fields": ("explain", "churn/train", ""),
    "groups": ("plan", "@"),
    "versions": ("show", "serving/web@"),
    "cells": ("plan", ""),
}


def _loaded(project: Project, *typed: str) -> set[str]:
    """The modules that an answer took."""
    command = [sys.executable, "-X", "importtime", "-m", "envbuild", "envbuild", *typed]
    environ = {**project.environ, "_ENVBUILD_COMPLETE": "zsh"}
    run = subprocess.run(command, cwd=project.path, env=environ, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}


@pytest.fixture
def kept(fleet: Project) -> Project:
    """Every answer that can be kept is; each takes as long to rest as a file system's clock takes for a step."""
    fleet.write("manifests/cells.yaml", "matrix: {os: [a, b]}\nvariables: {A: b}\n")
    fleet.run("apply", "serving/web")
    folder = fleet.path / ".envbuild/cache"
    for kind, typed in _KEPT.items():
        for _ in range(10):
            words(fleet, *typed)
            if (folder / kind).exists():
                break
            time.sleep(0.01)
        assert (folder / kind).exists(), kind
    return fleet


@pytest.mark.parametrize("kind", _KEPT)
def test_what_a_project_was_read_for_is_kept(kept: Project, kind: str) -> None:
    """The next Tab is answered without reading it, and in the same words."""
    typed = _KEPT[kind]
    found = offered(kept, *typed)
    assert "envbuild.project" not in _loaded(kept, *typed)
    (kept.path / ".envbuild/cache" / kind).unlink()
    assert offered(kept, *typed) == found
    assert len(found) > 1


def _edit(path: str, old: str, new: str) -> Callable[[Project], object]:
    """In place, and the time set back: only the file system knows."""

    def edit(project: Project) -> None:
        file = project.path / path
        before = file.stat()
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    return edit


@pytest.mark.parametrize(
    ("kind", "change", "gone", "come"),
    [
        ("tags", _edit("manifests/churn/train.yaml", "growth", "shrink"), "team=growth", "team=shrink"),
        ("tags", lambda one: one.remove("manifests/churn/train.yaml"), "team=growth", ""),
        ("tags", lambda one: one.write("manifests/new/x.yaml", "tags: {a: b}\n"), "", "a=b"),
        ("fields", _edit("manifests/base.yaml", "ONE", "TWO"), "variables.ONE", "variables.TWO"),
        ("groups", _edit("envbuild.yaml", "nightly", "monthly"), "@nightly", "@monthly"),
        ("versions", lambda one: one.remove(".envbuild/state.db"), "serving/web@1", ""),
        ("cells", _edit("manifests/cells.yaml", "[a, b]", "[a, c]"), "cells-b", "cells-c"),
    ],
)
def test_what_is_kept_is_never_old(
    kept: Project, kind: str, change: Callable[[Project], object], gone: str, come: str
) -> None:
    """Whatever it was found from, a change of that is seen by the very next Tab."""
    before = words(kept, *_KEPT[kind])
    assert gone in [*before, ""]
    change(kept)
    after = words(kept, *_KEPT[kind])
    assert come in [*after, ""]
    assert gone == "" or gone not in after


def test_what_is_kept_answers_its_own_question(kept: Project) -> None:
    """Fields of another environment, versions of another one; a damaged answer is none."""
    assert "variables.THREE" in words(kept, "explain", "serving/web", "")
    assert "variables.TWO" in words(kept, "explain", "churn/report", "")
    assert words(kept, "show", "churn/train@") == []
    path = kept.path / ".envbuild/cache/tags"
    path.write_bytes(path.read_bytes().replace(b"growth", b"g\x00owth"))
    assert "team=growth" in words(kept, "list", "--tag", "")


def test_tab_makes_no_folder(fleet: Project) -> None:
    """In a project where nothing was made yet, looking makes nothing."""
    for typed in _KEPT.values():
        words(fleet, *typed)
    assert not (fleet.path / ".envbuild").exists()


def test_what_has_to_be_read_is_all_that_is_loaded(fleet: Project) -> None:
    """Somebody waits: nothing that locks, builds, draws or asks is loaded to read manifests."""
    rooms = ("apply", "builders", "lock", "plan", "process", "project.front", "render", "solvers", "state")
    for typed in (_KEPT["tags"], _KEPT["fields"], _KEPT["groups"]):
        loaded = _loaded(fleet, *typed)
        assert "envbuild.project.offered" in loaded
        assert [room for room in rooms if f"envbuild.{room}" in loaded] == []


def test_behind_two_dashes_there_are_no_options(fleet: Project) -> None:
    """What begins with a dash is an argument there."""
    assert "--json" in words(fleet, "explain", "-")
    assert "--json" not in words(fleet, "explain", "--json", "-")  # said once, it need not be said again
    assert "--json" not in words(fleet, "explain", "--", "-")
    assert "serving/web" in words(fleet, "explain", "--", "")
    assert words(fleet, "explain", "--", "-x", "") == []


def test_descriptions_are_safe(fleet: Project) -> None:
    """A description is one line that no terminal obeys."""
    fleet.write("manifests/odd.yaml", "description: 'a\tb \u202e c'\nvariables: {A: b}\n")
    found = [line for line in offered(fleet, "plan", "") if line.startswith("odd")]
    assert found == ["odd\ta b \\u202e c"]


def test_powershell_gets_quoted_words(fleet: Project) -> None:
    """The text to insert, the one to show, and what it is about; `@` would be an operator there."""
    assert offered(fleet, "plan", "@n", to="powershell") == ["words", "'@nightly'\t@nightly\tchurn/*"]
    _, line = offered(fleet, "list", "--tag", "on", to="powershell")
    assert line == "'on call=it''s: $HOME'\ton call=it's: $HOME\t1 environment"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_anywhere(project: Project, shell: str) -> None:
    """Outside a project as well; --help says how to install it."""
    assert project.run("completion", shell).out == script(shell)
    assert "$PROFILE" in project.run("completion", "--help").out


def test_runs_are_offered(fleet: Project) -> None:
    """The commands of `runs`, and runs by their numbers; nothing where there are none."""
    assert words(fleet, "runs", "show", "") == []
    fleet.run("run", "serving/web", "--", "true")
    assert {"show", "logs", "rerun", "rm"} <= {*words(fleet, "runs", "")}
    assert words(fleet, "runs", "show", "") == ["latest", "1"]
    assert words(fleet, "runs", "compare", "latest", "") == ["latest", "1"]
    assert words(fleet, "runs", "stop", "") == ["latest", "1"]


def test_models_are_offered(fleet: Project) -> None:
    """The commands of `models`; names where a name is asked for, else versions."""
    fleet.write("model.pkl", "one")
    fleet.run("models", "add", "churn/lr", "model.pkl")
    assert {"add", "show", "get", "rm"} <= {*words(fleet, "models", "")}
    assert words(fleet, "models", "show", "") == ["churn/lr@1"]
    assert words(fleet, "models", "add", "") == ["churn/lr"]
    assert words(fleet, "models", "rm", "") == ["churn/lr@1"]
