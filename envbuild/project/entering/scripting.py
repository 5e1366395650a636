"""What was built, as a script that a shell sources: it enters the environment by itself, and leaves it without a trace.

What a variable was before is kept by the shell, and so are scripts of packages run by whoever sources it: neither is
known here. Nothing is left of what was done but what was changed by hand since then.
"""

import json
from collections.abc import Callable, Iterator

import msgspec

from envbuild.builders.activation import Changes, stages
from envbuild.builders.sourcing import scripts_of
from envbuild.census import is_of_conda
from envbuild.entering import UNDO, digest
from envbuild.fingerprint import recorded_variables
from envbuild.project.entering.shells import NAME, STARTUP, shown_name
from envbuild.project.entering.shellwords import fish_printed, posix_printed
from envbuild.project.runs.running import Chosen

MARK = "Written by 'envbuild export script'."
SHELLS = ("bash", "zsh", "sh", "fish")
# What other environments say of themselves, which would not be true in ours.
_FOREIGN = (
    "PYTHONHOME", "__PYVENV_LAUNCHER__", "CONDA_PREFIX", "CONDA_PREFIX_1", "CONDA_PREFIX_2", "CONDA_PREFIX_3",
    "CONDA_SHLVL", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "PIXI_IN_SHELL", "PIXI_PROMPT",
)  # fmt: skip
# Some have zsh warn of what functions set for all, which these are there for.
_CALM = 'if [ -n "${ZSH_VERSION-}" ]; then setopt local_options no_warn_create_global no_warn_nested_var; fi'
_NOTHING = "_envbuild_names='' _envbuild_env='' _envbuild_held='' _envbuild_said=''"
_OF_VENV = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")


class _Written(msgspec.Struct, frozen=True):
    """One script on its way: how its shell quotes."""

    one: Chosen
    stages: tuple[Changes, Changes]
    word: Callable[[str], str]
    is_fish: bool

    @property
    def drops(self) -> list[str]:
        others = _OF_VENV if is_of_conda(str(self.one.prefix)) else ()
        return [name for name in (*_FOREIGN, *others) if name not in self.stages[0].texts]


def script(one: Chosen, shell: str) -> str:
    """For what stands: its text, which ends with what the shell does at once."""
    is_fish = shell == "fish"
    record = one.record
    variables = recorded_variables(next((part for part in record.parts if part.name == "variables"), None))
    found = stages(record.environment, one.label, variables, one.prefix)
    written = _Written(one, found, fish_printed if is_fish else posix_printed, is_fish)
    library = (STARTUP / ("script.fish" if is_fish else "script.sh")).read_text(encoding="utf-8")
    program = [_program(written)] if scripts_of(one.prefix) else []
    return "\n".join([*_heading(one, shell), "", library, *program, *_body(written), ""])


def _heading(one: Chosen, shell: str) -> Iterator[str]:
    label = "".join(letter if letter.isprintable() else " " for letter in one.record.title)
    how = "source" if shell == "fish" else "."
    yield f"# {label}: entered with '{how} FILE' in {'fish' if shell == 'fish' else 'bash, zsh or sh'};"
    yield f"# 'envbuild_leave' leaves it again. {MARK}"


def _program(written: _Written) -> str:
    text = (STARTUP / "packages.sh").read_text(encoding="utf-8")
    if written.is_fish:
        return f"set -g _envbuild_program {written.word(text)}"
    return f"_envbuild_program={written.word(text)}"


def _body(written: _Written) -> Iterator[str]:
    """One function, of whose code a shell reads all before it does any of it."""
    prefix, label = written.word(str(written.one.prefix)), written.word(shown_name(written.one.label))
    gone = written.word(f"envbuild: {written.one.record.title} is not there any more: build it, and export it again")
    lines = [*_lines(written), f"_envbuild_prompt {label}"]
    if written.is_fish:
        yield from ("function _envbuild_enter", f"if not test -d {prefix}", f"echo {gone} >&2", "envbuild_leave")
        yield from ("return 1", "end", *lines, "end", "_envbuild_enter")
        return
    yield from (
        "_envbuild_enter() {",
        _CALM,
        _NOTHING,
        f"if [ ! -d {prefix} ]; then",
        f"echo {gone} >&2",
        "envbuild_leave",
    )
    yield from ("return 1", "fi", *lines, "hash -r 2>/dev/null || :", "}")
    yield "if _envbuild_enter; then unset -f _envbuild_enter; else unset -f _envbuild_enter; (exit 1); fi"


def _lines(written: _Written) -> Iterator[str]:
    first, last = written.stages
    names = [name for name in (*written.drops, *_names(first), *_names(last)) if NAME.fullmatch(name)]
    yield f"_envbuild_look {' '.join(dict.fromkeys([*names, UNDO]))}"
    yield from (f"_envbuild_drop {name}" for name in written.drops)
    yield from _changes(first, written)
    if scripts := scripts_of(written.one.prefix):
        failed = "or begin; envbuild_leave; return 1; end" if written.is_fish else "|| { envbuild_leave; return 1; }"
        shown = " ".join(written.word(str(path)) for path in scripts)
        yield f"_envbuild_packages {shown}{';' if written.is_fish else ''} {failed}"
    yield from _changes(last, written, behind=True)
    yield from _note(written)


def _names(changes: Changes) -> list[str]:
    return [*changes.texts, *changes.lists]


def _changes(changes: Changes, written: _Written, *, behind: bool = False) -> Iterator[str]:
    for name, (value, _) in changes.texts.items():
        if NAME.fullmatch(name):
            yield f"_envbuild_drop {name}" if value is None else f"_envbuild_put {name} {written.word(value)}"
    for name, (first, last) in changes.lists.items():
        if NAME.fullmatch(name):
            ends = " ".join(written.word(":".join(one)) for one in (first, last))
            yield f"_envbuild_path {ends}" if behind and name == "PATH" else f"_envbuild_ends {name} {ends}"


def _note(written: _Written) -> Iterator[str]:
    """For an envbuild that is started in there, unless it is in a shell of envbuild's own already."""
    first, last = written.stages
    for name, (value, _) in {**first.texts, **last.texts}.items():
        if NAME.fullmatch(name):
            yield f"_envbuild_note {name} {written.word(json.dumps(digest(value)))}"
    lists = {name: _joined(first.lists.get(name), last.lists.get(name)) for name in {**first.lists, **last.lists}}
    head = json.dumps({"label": written.one.label, "lists": lists})[:-1]
    if written.is_fish:
        text = f"{written.word(head + ', ' + chr(34) + 'texts' + chr(34) + ': {')}(string join , -- $_envbuild_said)"
        yield f"set -q {UNDO}; or _envbuild_put {UNDO} {text}'}}}}'"
    else:
        text = f'{written.word(head + ", " + chr(34) + "texts" + chr(34) + ": {")}"$_envbuild_said"'
        yield f"if [ -z \"${{{UNDO}-}}\" ]; then _envbuild_put {UNDO} {text}'}}}}'; fi"


_Ends = tuple[tuple[str, ...], tuple[str, ...]]


def _joined(one: _Ends | None, other: _Ends | None) -> _Ends:
    first, last = one or ((), ()), other or ((), ())
    return (*first[0], *last[0]), (*first[1], *last[1])
