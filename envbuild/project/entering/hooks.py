"""What is told once to a shell, or to direnv, so that environments are entered without a shell of their own."""

from collections.abc import Iterator
from pathlib import Path

from envbuild.lock import lock_path
from envbuild.project.activating import no_prefix
from envbuild.project.entering.entered import named
from envbuild.project.entering.shellwords import posix_printed
from envbuild.project.front import Project

_SETTINGS = "envbuild.yaml"
_POSIX = """\
envbuild_enter() {
    local _envbuild_script
    _envbuild_script=$(envbuild export script --shell SHELL "$@") && eval "$_envbuild_script"
}
"""
_FISH = """\
function envbuild_enter
    set -l script (envbuild export script --shell fish $argv | string collect)
    test -n "$script"; or return 1
    eval $script
end
"""
# Where nothing can be read yet, whatever may mend that is watched.
_DIRENV = """\
use_envbuild() {
    local _envbuild_lines
    if ! _envbuild_lines=$(envbuild hook direnv -- "${1-}"); then
        watch_file envbuild.yaml
        if [ -d manifests ]; then watch_dir manifests; fi
        return 1
    fi
    eval "$_envbuild_lines"
}
"""


def function(shell: str) -> str:
    if shell == "direnv":
        return _DIRENV
    return _FISH if shell == "fish" else _POSIX.replace("SHELL", shell)


def direnv_lines(project: Project, text: str) -> str:
    """It is built if that is due, as for any shell; direnv takes over what a program in it sees."""
    name, version = named(project, text)
    if not version and project.one(name).builder != "local":
        raise no_prefix(f"'{name}'")
    watched = " ".join(posix_printed(str(path)) for path in _watched(project, name, version))
    asked = posix_printed(f"{name}@{version}" if version else name)
    root = posix_printed(str(project.root.resolve()))
    return f"watch_file {watched}\ndirenv_load envbuild -C {root} shell --shell /bin/sh -- {asked} <<<'direnv dump'\n"


def _watched(project: Project, name: str, version: str) -> Iterator[Path]:
    root = project.root.resolve()
    yield root / _SETTINGS
    if version:
        return
    yield from (root / one.path for one in project.one(name).lineage if (root / one.path).is_file())
    yield root / lock_path(name)
