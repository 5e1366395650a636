"""What git says of a project."""

import os
from collections.abc import Mapping
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.process import Programs, child_environment


def checked_out(root: Path, programs: Programs, host: Mapping[str, str]) -> tuple[str, bool]:
    """The commit that is checked out, and whether files differ from it; nothing where there is no git."""
    lines = _said(root, programs, host, "status", "--porcelain=v2", "--branch", "--", ".").splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    return commit.strip("()").removeprefix("initial"), any(not line.startswith("#") for line in lines)


def is_tracked(file: Path, programs: Programs, host: Mapping[str, str]) -> bool:
    """Whether a repository has a file, or has it in its index: of a link, what it leads to."""
    there = Path(os.path.realpath(file))  # a link that leads to itself is none
    words = ("-c", "core.fsmonitor=false", "--literal-pathspecs", "ls-files", "--", there.name)
    return bool(_said(there.parent, programs, host, *words))


def _said(folder: Path, programs: Programs, host: Mapping[str, str], *words: str) -> str:
    """What git answers; nothing where there is no git, or no repository."""
    own = {name: value for name, value in child_environment(host).items() if not name.startswith("GIT_")}
    try:
        return programs.run(["git", "-C", folder, *words], env=own).output
    except EnvbuildError:
        return ""
