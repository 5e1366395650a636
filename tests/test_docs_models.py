"""docs/models.md is what is: its project does what its transcripts show, and its table names every field."""

import os
import re
import shlex
from pathlib import Path

from support.project import Project

from envbuild.model import Model, Origin

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# (\S.*)\n")


def _timeless(text: str) -> str:
    """Without times, digests, and how much a record is on this machine; nor the room that these take."""
    text = re.sub(r"(1:)?[0-9a-f]{12,}\b", "0", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|just now|\d+ min ago", "T", text)
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d+)? kB", "1 kB", text))


def _printed(project: Project, line: str) -> str:
    run = project.run(*shlex.split(line.removeprefix("$ envbuild ")))
    return "".join(f"{one.rstrip()}\n" for one in run.out.splitlines())


def test_the_transcripts_are_what_is_printed(project: Project) -> None:
    """All of them, one after the other, in the project that the page shows."""
    for kind, body in _FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if kind != "console":
            if path := _PATH.match(body):
                project.write(path[1], body)
            continue
        lines = [line for line in body.splitlines() if line.startswith("$ ")]
        printed = "".join(f"{line}\n{_printed(project, line)}" for line in lines)
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            text = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(text.replace(f"```console\n{body}```", f"```console\n{printed}```", 1), encoding="utf-8")
        else:
            assert _timeless(printed) == _timeless(body)


def test_every_field_is_named() -> None:
    """In its table; where a record is kept is nobody's business."""
    page = PAGE.read_text(encoding="utf-8")
    fields = {*Model.__struct_fields__, *Origin.__struct_fields__} - {"record", "folders"}
    assert {one for one in fields if f"`{one}`" not in page} == set()
