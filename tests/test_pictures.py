"""The README's pictures show what is printed today; ENVBUILD_TEST_GOLDEN=write draws them anew."""

import os
from pathlib import Path

from support.index import Index
from support.pictures import pictures, text_of
from support.project import Project

_ROOT = Path(__file__).parent.parent


def test_pictures_are_current(project: Project, index: Index) -> None:
    """Compared by what they show: how rich draws it may change."""
    drawn = pictures(project, index)
    for name, svg in drawn.items():
        path = _ROOT / "docs" / name
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            path.write_text(svg, encoding="utf-8")
        assert text_of(path.read_text(encoding="utf-8")) == text_of(svg), f"{name}: ENVBUILD_TEST_GOLDEN=write"
        assert len(text_of(svg)) > 3


def test_pictures_stand_alone_and_are_shown() -> None:
    """They load nothing from elsewhere, and the README shows each."""
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    found = sorted((_ROOT / "docs").glob("*.svg"))
    assert [path.name for path in found] == ["apply.svg", "plan.svg", "progress.svg"]
    for path in found:
        svg = path.read_text(encoding="utf-8")
        assert f"(docs/{path.name})" in readme
        assert svg.count("://") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
