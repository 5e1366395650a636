"""What git says of a project."""

from collections.abc import Mapping
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.process import Programs, child_environment


def checked_out(root: Path, programs: Programs, host: Mapping[str, str]) -> tuple[str, bool]:
    """The commit that is checked out, and whether files differ from it; nothing where there is no git."""
    command: list[str | Path] = ["git", "-C", root, "status", "--porcelain=v2", "--branch", "--", "."]
    try:
        own = {name: value for name, value in child_environment(host).items() if not name.startswith("GIT_")}
        ran = programs.run(command, env=own)
    except EnvbuildError:
        return "", False
    lines = ran.output.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    return commit.strip("()").removeprefix("initial"), any(not line.startswith("#") for line in lines)
