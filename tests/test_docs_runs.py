"""docs/runs.md is what is: its project does what its transcripts show, and its tables name every status and field."""

import re

from support.pages import DOCS, hold_transcripts
from support.project import Project

from envbuild.runs import Run
from envbuild.runs.run import STATUSES

PAGE = DOCS / "runs.md"


def _timeless(text: str) -> str:
    """Without how long it took, how long ago it was, and what counts of this machine; nor the room that these take."""
    text = re.sub(r"1:[0-9a-f]{12}…", "1:f16ff4f10b19…", text)
    text = re.sub(r"(just now|\d+ min ago)", "just now", text)
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d)? s\b", "0.1 s", text))


def test_the_transcripts_are_what_is_printed(project: Project) -> None:
    """All of them, one after the other, in the project that the page shows."""
    hold_transcripts(PAGE, project, _timeless)


def test_every_status_and_field_is_named() -> None:
    """In its tables."""
    page = PAGE.read_text(encoding="utf-8")
    assert {one for one in STATUSES if f"`{one}`" not in page} == set()
    assert {one for one in Run.__struct_fields__ if f"`{one}`" not in page} == set()
