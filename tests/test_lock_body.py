"""A lock's body is read line by line, and what that gives is what a YAML parser gives."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from envbuild.lock.body import plain_body
from envbuild.lock.text import _dump

BODY = """\
package:
- build: h0_0
  category: main
  dependencies:
    libfoo: '>=1,<2'
    python: '*'
  hash:
    md5: b947f11bca71f16f452d99f69bbdb32c
  optional: false
  url: file:///c/linux-64/a-1.0-h0_0.conda
  version: '1.0'
- category: main
  dependencies: {}
  name: its
"""
texts = st.text(max_size=8) | st.sampled_from(["no", "1e3", "0x1", "a: b", "it's", "", "/x", "a:", "-", ".5", "null"])
values = texts | st.booleans() | st.dictionaries(texts, texts, max_size=3)
packages = st.lists(st.dictionaries(texts, values, min_size=1, max_size=5), min_size=1, max_size=3)
pieces = st.sampled_from(
    ["\n", " ", "  ", "    ", "- ", ":", ": ", "'", "''", "#", " #x", "{}", "[]", "~", "|", "&a ", "*a", "!!int ", "\t",
     "\r", "a", "no", "true", "1", "é", "\u2028", "\\", '"', "?", "---\n", "...\n", "package:", "  url: x\n"]
)  # fmt: skip


def loaded(body: str) -> Any:
    return YAML(typ="safe").load(body)


@given(packages)
def test_what_is_written_is_read(found: list[dict[str, Any]]) -> None:
    """Any text at all, as a key and as a value; what is no plain line is told to be none."""
    body = _dump({"package": found})
    assert plain_body(body) in (None, {"package": found})


def test_what_is_written_here_is_read_without_a_parser() -> None:
    """The shapes that locks have."""
    body = BODY.replace(": its", ": 'it''s'")
    assert plain_body(body) == loaded(body)


@given(st.integers(0, len(BODY)), st.integers(0, 6), st.lists(pieces, max_size=3).map("".join))
@example(BODY.index("  hash"), 0, "  name:\n")
@example(BODY.index("libfoo") - 4, 33, "")
@example(BODY.index("  optional"), 0, "    sha256:\n")
@example(BODY.index("  optional"), 0, "  version: x\n")
@example(BODY.index("1.0-h0"), 0, " #")
@example(0, 9, "package: []")
def test_nothing_is_read_otherwise(at: int, gone: int, come: str) -> None:
    """A body that was changed anywhere is read as a YAML parser reads it, or left to that parser."""
    body = f"{BODY[:at]}{come}{BODY[at + gone :]}"
    found = plain_body(body)
    if found is not None:
        assert found == loaded(body)


@pytest.mark.parametrize(
    "line", ["  a: no", "  a: Yes", "  a: 'b' ", "  a: b:", "  a:  b", "  a: é", "   a: b", "  a: .5", "- ", "  'a: b"]
)
def test_a_line_of_another_shape_is_left_to_a_parser(line: str) -> None:
    """However little is different."""
    assert plain_body(f"package:\n- b: c\n{line}\n") is None
    assert plain_body("package:\n- b: c\n  a: b\n") is not None
