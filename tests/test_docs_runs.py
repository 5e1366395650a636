"""docs/runs.md is what is: its project does what its transcripts show, and its tables name every status and field."""

import os
import re
import shlex
from pathlib import Path

from support.project import Project

from envbuild.runs import Run
from envbuild.runs.run import STATUSES

PAGE = Path(__file__).parent.parent / "docs" / "runs.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# (\S.*)\n")


def _timeless(text: str) -> str:
    """Without how long it took, how long ago it was, and what counts of this machine; nor the room that these take."""
    text = re.sub(r"1:[0-9a-f]{12}…", "1:f16ff4f10b19…", text)
    text = re.sub(r"(just now|\d+ min ago)", "just now", text)
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d)? s\b", "0.1 s", text))


def _printed(project: Project, line: str) -> str:
    """What a command prints, and its exit code where that is not 0."""
    run = project.run(*shlex.split(line.removeprefix("$ envbuild ")), check=None)
    told = "".join(f"{one.rstrip()}\n" for one in run.out.splitlines())
    return f"{told}[{run.code}]\n" if run.code else told


def test_the_transcripts_are_what_is_printed(project: Project) -> None:
    """All of them, one after the other, in the project that the page shows."""
    for kind, body in _FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if kind != "console":
            path = _PATH.match(body)
            assert path, body
            project.write(path[1], body)
            continue
        lines = [line for line in body.splitlines() if line.startswith("$ ")]
        printed = "".join(f"{line}\n{_printed(project, line)}" for line in lines)
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            text = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(text.replace(f"```console\n{body}```", f"```console\n{printed}```", 1), encoding="utf-8")
        else:
            assert _timeless(printed) == _timeless(body)


def test_every_status_and_field_is_named() -> None:
    """In its tables."""
    page = PAGE.read_text(encoding="utf-8")
    assert {one for one in STATUSES if f"`{one}`" not in page} == set()
    assert {one for one in Run.__struct_fields__ if f"`{one}`" not in page} == set()
