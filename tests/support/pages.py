"""Pages of docs/ that show a project: their files are written, and their transcripts held to what is printed.

ENVBUILD_TEST_GOLDEN=write writes the transcripts anew.
"""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from .project import Project

DOCS = Path(__file__).parent.parent.parent / "docs"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# (\S.*)\n")


def fences(page: Path) -> list[tuple[str, str]]:
    """The kind of each block, and what is in it, in order."""
    return _FENCE.findall(page.read_text(encoding="utf-8"))


def path_of(body: str) -> str:
    """Where a file is, as its first line says."""
    path = _PATH.match(body)
    assert path, body
    return path[1]


def hold_transcripts(page: Path, project: Project, timeless: Callable[[str], str]) -> None:
    """One after the other, in the project that the page shows; equal but for what `timeless` makes so."""
    for kind, body in fences(page):
        if kind != "console":
            project.write(path_of(body), body)
            continue
        lines = [line for line in body.splitlines() if line.startswith("$ ")]
        printed = "".join(f"{line}\n{_printed(project, line)}" for line in lines)
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace(f"```console\n{body}```", f"```console\n{printed}```", 1), encoding="utf-8")
        else:
            assert timeless(printed) == timeless(body)


def _printed(project: Project, line: str) -> str:
    """What a command prints, and its exit code where that is not 0."""
    run = project.run(*shlex.split(line.removeprefix("$ envbuild ")), check=None)
    told = "".join(f"{one.rstrip()}\n" for one in run.out.splitlines())
    return f"{told}[{run.code}]\n" if run.code else told
