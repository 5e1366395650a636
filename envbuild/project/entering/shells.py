"""How each shell is started in an environment: with the user's own files, and the environment after them.

A shell is given all variables at once. Its own files may change them, put other programs first or set the prompt, so
what the environment states is stated again when they have been read. The commands for that come in variables, which the
shell takes away first: no file is made, and nothing is to be cleaned up. They come in pieces, for a system bounds each.
"""

import os
import pwd
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild.builders.activation import Activation, Changes, also_set, notes
from envbuild.errors import UsageError
from envbuild.project.entering.shellwords import fish_word, posix_word

_HOOK = "ENVBUILD_HOOK"
_PIECE_CHARACTERS = 30_000  # of at most four bytes each, where 128 KiB is the least bound of a variable
STARTUP = Path(__file__).with_name("startup")
_KNOWN = re.compile(r"(bash|zsh|fish|sh|dash|ash|ksh|mksh|yash)(-?[\d.]+)?")
_NO_SHELLS = {"nologin", "false", "true"}
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# What a file of the user may set again by activating conda's base environment, or one of Python's own.
_FOREIGN = (
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL", "PYTHONHOME",
    "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT",
)  # fmt: skip


class Opening(msgspec.Struct, frozen=True):
    """Which shell is to be started, in what, and whether a person is going to type."""

    shell: str
    activation: Activation
    interactive: bool


class Start(msgspec.Struct, frozen=True):
    command: tuple[str, ...]
    env: dict[str, str]


def find_shell(wanted: str, host: Mapping[str, str]) -> str:
    """The program that is asked for, else the user's own shell."""
    if wanted:
        if found := shutil.which(wanted, path=host.get("PATH")):
            return found
        raise UsageError(f"there is no shell '{wanted}' here", hint="name bash, zsh, fish or a path with --shell")
    for shell in (host.get("SHELL", ""), _of_the_account()):
        if Path(shell).is_absolute() and Path(shell).name not in _NO_SHELLS and shutil.which(shell):
            return shell
    return "/bin/sh"


def is_followed(shell: str) -> bool:
    """Whether we have our say after the shell's own files; others are given variables, and may change them."""
    return _KNOWN.fullmatch(Path(shell).name) is not None


def start(opening: Opening) -> Start:
    """The command that starts a shell in an environment, and its variables."""
    known = _KNOWN.fullmatch(Path(opening.shell).name)
    return (_STARTS.get(known[1], _plain) if known else _other)(opening)


def _of_the_account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        return ""


def _other(opening: Opening) -> Start:
    return Start((opening.shell,), opening.activation.env)


def _plain(opening: Opening) -> Start:
    """A shell that has its prompt from a variable, and no file of its own that we could follow."""
    activation = opening.activation
    shown = _shown(activation)
    if not opening.interactive or not shown:
        return _other(opening)
    own = activation.env.get("PS1") or ("# " if os.geteuid() == 0 else "$ ")
    return Start((opening.shell,), also_set(activation, "PS1", f"{shown}{own}").env)


def _bash(opening: Opening) -> Start:
    file, env = str(STARTUP / "bash"), opening.activation.env
    if opening.interactive:
        hook = _posix_hook(opening.activation, _BASH_ENTER, _BASH_PROMPT)
        return Start((opening.shell, "--rcfile", file, "-i"), {**env, **hook})
    own = env.get("BASH_ENV")
    if not own:
        return _other(opening)
    hook = _posix_hook(opening.activation, f"export BASH_ENV={posix_word(own)}{_BASH_ENTER}", "")
    return Start((opening.shell,), {**env, "BASH_ENV": file, **hook})


def _zsh(opening: Opening) -> Start:
    own = opening.activation.env.get("ZDOTDIR")
    back = "unset ZDOTDIR" if own is None else f"export ZDOTDIR={posix_word(own)}"
    hook = _posix_hook(opening.activation, f"{back}{_ZSH_ENTER}", _ZSH_PROMPT if opening.interactive else "")
    return Start((opening.shell,), {**opening.activation.env, "ZDOTDIR": str(STARTUP), **hook})


def _fish(opening: Opening) -> Start:
    lines = list(_fish_lines(opening.activation))
    if shown := _shown(opening.activation):
        lines.append(_FISH_PROMPT.replace("SHOWN", fish_word(shown)))
    command = (opening.shell, "--init-command", f'eval "${_HOOK}"')
    env = opening.activation.env
    # Without any locale fish takes this one itself, but only after it has misread the letters of all variables.
    locale = {} if any(env.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")) else {"LC_CTYPE": "C.UTF-8"}
    names, pieces = _pieces("\n".join(lines))
    whole = f"""set -l _envbuild_hook "{"".join(f"${name}" for name in names)}"
set -eg {" ".join((_HOOK, *names))}
eval "$_envbuild_hook\""""
    return Start(command, {**env, **locale, **pieces, _HOOK: whole})


_STARTS: dict[str, Callable[[Opening], Start]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def shown_name(label: str) -> str:
    """What stands before the prompt: nothing in it means anything to any shell."""
    return f"({re.sub(r'[^A-Za-z0-9/._@-]', '-', label)}) "


def _shown(activation: Activation) -> str:
    """Empty for who shows it another way."""
    return "" if activation.env.get("VIRTUAL_ENV_DISABLE_PROMPT") else shown_name(activation.changes.label)


def _stated(activation: Activation) -> Iterator[tuple[str, str | None]]:
    """Every variable with its one value; None is taken away."""
    texts = {name: ours for name, (ours, _) in activation.changes.texts.items() if NAME.fullmatch(name)}
    foreign = dict.fromkeys(name for name in _FOREIGN if name not in activation.env)
    yield from {**foreign, **texts, **notes(activation.env)}.items()


def _added(changes: Changes) -> Iterator[tuple[str, str, str, list[str]]]:
    """Every variable that gets more at its ends: what is put before, what after, and the single entries of both."""
    for name, (first, last) in changes.lists.items():
        if NAME.fullmatch(name):
            entries = os.pathsep.join((*first, *last)).split(os.pathsep)
            yield name, os.pathsep.join(first), os.pathsep.join(last), entries


def _pieces(text: str) -> tuple[list[str], dict[str, str]]:
    """The variables that commands come in, in their order."""
    parts = [text[at : at + _PIECE_CHARACTERS] for at in range(0, len(text), _PIECE_CHARACTERS)]
    pieces = {f"{_HOOK}_{at}": part for at, part in enumerate(parts)}
    return list(pieces), pieces


def _posix_hook(activation: Activation, first: str, prompt: str) -> dict[str, str]:
    """For bash and zsh: what is done at once, and the function that enters the environment.

    `first` has a function _envbuild_free: whether a variable may be set, and then it holds text. A number would be
    computed, and computing can run commands.
    """
    shown = _shown(activation) if prompt else ""
    lines = [first, "_envbuild_enter() {", *_posix_lines(activation)]
    if shown:
        lines += ["_envbuild_prompted", "}", prompt.replace("SHOWN", posix_word(shown))]
    else:
        lines += ["}", ""]
    names, pieces = _pieces("\n".join(lines))
    taken = f"unset -v {' '.join((_HOOK, *names))}\n"
    whole = "".join(f"${{{name}}}" for name in names)
    return {**pieces, _HOOK: f'builtin eval "{taken}{whole}"'}


def _posix_lines(activation: Activation) -> Iterator[str]:
    yield "local _envbuild_list _envbuild_conda=${CONDA_PROMPT_MODIFIER-}"
    for name, value in _stated(activation):
        text = f"_envbuild_free {name} && export {name}={posix_word(value)}" if value is not None else ""
        yield text or f"unset -v {name}"
    for name, first, last, entries in _added(activation.changes):
        yield f'_envbuild_list=":${{{name}-}}:"'
        for entry in map(posix_word, entries):
            taken = f"${{_envbuild_list%%:{entry}:*}}:${{_envbuild_list#*:{entry}:}}"
            yield f"while [[ $_envbuild_list == *:{entry}:* ]]; do _envbuild_list={taken}; done"
        yield "_envbuild_list=${_envbuild_list#:}; _envbuild_list=${_envbuild_list%:}"
        before = f"{posix_word(first)}${{_envbuild_list:+:}}" if first else ""
        yield f'_envbuild_list={before}"$_envbuild_list"'
        after = f"${{_envbuild_list:+:}}{posix_word(last)}" if last else ""
        yield f'_envbuild_free {name} && export {name}="$_envbuild_list"{after}'


def _fish_lines(activation: Activation) -> Iterator[str]:
    for name, value in _stated(activation):
        yield f"set -eg {name}" if value is None else f"set -gx {name} {fish_word(value)} 2>/dev/null"
    for name, first, last, entries in _added(activation.changes):
        ends = [f"{fish_word(text)} " if text else "" for text in (first, last)]
        known = " ".join(map(fish_word, entries))
        yield f'if test "${name}" != {fish_word(activation.env[name])}'
        yield "set -l kept"
        yield f'test -n "${name}"; and for entry in (string split : -- "${name}")'
        yield f"contains -- $entry {known}; or set -a kept $entry"
        yield "end"
        yield f"set -gx {name} (string join : -- {ends[0]}$kept {ends[1]}| string collect)"
        yield "end"


_BASH_ENTER = """
_envbuild_free() { unset -v "$1" 2>/dev/null; }
"""
# Frameworks set the prompt before each line, so the name is put there again where it is missing, after them.
_BASH_PROMPT = """
_envbuild_prompt() { case $PS1 in *SHOWN*) ;; *) PS1=SHOWN$PS1 ;; esac; }
_envbuild_prompted() {
PS1=${PS1#"$_envbuild_conda"}
_envbuild_prompt
local break=$'\\n' command='if declare -F _envbuild_prompt >/dev/null; then _envbuild_prompt; fi'
if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then PROMPT_COMMAND+=("$command")
else PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND$break}$command"
fi
unset -f _envbuild_prompted
}
"""
# The last thing before the first prompt is after all files of the user.
_ZSH_ENTER = """
_envbuild_free() {
case ${(Pt)1} in
*readonly*|*array*|*association*) return 1 ;;
*integer*|*float*) unset -v "$1" ;;
esac
}
_envbuild_precmd() {
emulate -L zsh
precmd_functions=(${precmd_functions:#_envbuild_precmd})
_envbuild_enter
unfunction _envbuild_enter _envbuild_free _envbuild_precmd
}
"""
_ZSH_PROMPT = """
_envbuild_prompt() { [[ $PROMPT == *SHOWN* ]] || PROMPT=SHOWN$PROMPT }
_envbuild_line_init() {
add-zle-hook-widget -d line-init _envbuild_line_init
[[ $PROMPT == *SHOWN* ]] || { _envbuild_prompt; zle reset-prompt }
}
_envbuild_prompted() {
PROMPT=${PROMPT#"$_envbuild_conda"}
precmd_functions+=(_envbuild_prompt)
[[ -o zle ]] && autoload -Uz add-zle-hook-widget && add-zle-hook-widget line-init _envbuild_line_init
_envbuild_prompt
unfunction _envbuild_prompted
}
"""
_FISH_PROMPT = """
if status is-interactive; and functions -q fish_prompt
functions -c fish_prompt _envbuild_own_prompt
function _envbuild_status; return $argv[1]; end
function fish_prompt
set -l code $status
printf %s SHOWN
_envbuild_status $code
_envbuild_own_prompt
end
end
"""
