"""What was built, as a script to be sourced: it stands for one prefix of this machine, and needs no envbuild."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envbuild.interop.exports.used import Used
from envbuild.project import Project
from envbuild.project.entering.entered import standing
from envbuild.project.entering.scripting import MARK, SHELLS, script


def used(project: Project, asked: str, _target: Path | None, options: Mapping[str, Any]) -> Used:
    one = standing(project, asked)
    shell = options["shell"] or _own(project.host)
    text = script(one, shell)
    record = one.record
    return Used(name=record.environment, version=record.version, text=text, platforms=record.platforms, mark=MARK)


def _own(host: Mapping[str, str]) -> str:
    """The user's own shell, where there is a script for it."""
    name = Path(host.get("SHELL", "")).name
    return name if name in SHELLS else "sh"
