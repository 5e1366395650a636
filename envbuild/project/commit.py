"""What git says of a project."""

import os
from collections.abc import Mapping
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.process import Programs, child_environment
from envbuild.record import Source
from envbuild.urls import bare


def checked_out(root: Path, programs: Programs, host: Mapping[str, str]) -> Source:
    """The commit that is checked out, and whether files differ from it; nothing where there is no git."""
    lines = _said(root, programs, host, "status", "--porcelain=v2", "--branch", "--", ".").splitlines()
    told = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# "))
    commit = told.get("branch.oid", "").strip("()").removeprefix("initial")
    if not commit:
        return Source(dirty=any(not line.startswith("#") for line in lines))
    facts = _said(root, programs, host, "log", "-1", "--format=%ct", commit)
    tags = _said(root, programs, host, "tag", "--points-at", commit, "--sort=-version:refname")
    return Source(
        commit=commit,
        dirty=any(not line.startswith("#") for line in lines),
        branch=told.get("branch.head", "").strip("()").removeprefix("detached"),
        tag=next(iter(tags.split()), ""),
        url=_public(_said(root, programs, host, "remote", "get-url", "origin").strip()),
        seconds=int(facts) if facts.strip().isdecimal() else None,
    )


def _public(url: str) -> str:
    return bare(url) if "://" in url else url


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
