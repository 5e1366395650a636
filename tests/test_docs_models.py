"""docs/models.md is what is: its project does what its transcripts show, and its table names every field."""

import re

from support.pages import DOCS, hold_transcripts
from support.project import Project

from envbuild.model import Model, Origin

PAGE = DOCS / "models.md"


def _timeless(text: str) -> str:
    """Without times, digests, and how much a record is on this machine; nor the room that these take."""
    text = re.sub(r"(1:)?[0-9a-f]{12,}\b", "0", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|just now|\d+ min ago", "T", text)
    return re.sub(r" +", " ", re.sub(r"\d+(\.\d+)? kB", "1 kB", text))


def test_the_transcripts_are_what_is_printed(project: Project) -> None:
    """All of them, one after the other, in the project that the page shows."""
    hold_transcripts(PAGE, project, _timeless)


def test_every_field_is_named() -> None:
    """In its table; where a record is kept is nobody's business."""
    page = PAGE.read_text(encoding="utf-8")
    fields = {*Model.__struct_fields__, *Origin.__struct_fields__} - {"record", "folders"}
    assert {one for one in fields if f"`{one}`" not in page} == set()
