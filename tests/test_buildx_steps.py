"""What BuildKit tells, made into a log (`builders.steps`): from values as buildx writes them, one line or many each."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.builders import ending
from envbuild.builders.steps import Steps

_START = "2026-01-02T03:04:05.123456789Z"
_END = "2026-01-02T03:04:07.623456789Z"


def told(*values: dict[str, Any], indent: int | None = None, text: str = "") -> tuple[list[str], list[str], Steps]:
    """Give the log, what was said, and the steps."""
    log: list[str] = []
    said: list[str] = []
    steps = Steps(log.append, said.append)
    for value in values:
        for line in json.dumps(value, indent=indent).split("\n"):
            steps.hear(line.encode())
    for line in text.splitlines():
        steps.hear(line.encode())
    steps.close()
    return log, said, steps


def vertex(digest: str, name: str, **more: Any) -> dict[str, Any]:
    return {"vertexes": [{"digest": digest, "name": name, **more}]}


def wrote(digest: str, data: bytes) -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    return {"logs": [{"vertex": digest, "stream": 1, "data": text, "timestamp": _END}]}


@pytest.mark.parametrize("indent", [None, 2])
def test_values_on_one_line_and_on_many(indent: int | None) -> None:
    """Some versions of buildx write the one, some the other; what is not known in them does no harm."""
    log, said, _ = told(
        vertex("a", "[stage 1/1] RUN it", inputs=["z"]),
        vertex("a", "[stage 1/1] RUN it", started=_START, progressGroup={"id": "x"}),
        wrote("a", b"one\ntw"),
        wrote("a", b"o\nthree"),
        {"statuses": [{"id": "fetching", "vertex": "a", "current": 1500, "total": 3000, "timestamp": _START}]},
        {"warnings": [{"vertex": "a", "level": 1, "short": base64.b64encode(b"careful").decode(), "url": "x"}]},
        vertex("a", "[stage 1/1] RUN it", started=_START, completed=_END),
        {"vertexes": None, "logs": None},
        indent=indent,
    )
    assert log == [
        "#1 [stage 1/1] RUN it",
        "#1 2.500 one",
        "#1 2.500 two",
        "#1 warning: careful",
        "#1 three",
        "#1 DONE 2.5s",
    ]
    assert said == ["step 1 of 1: RUN it"]


def test_a_long_line_without_end_is_written() -> None:
    """It does not pile up."""
    log, _, _ = told(vertex("a", "RUN it", started=_START), *[wrote("a", b"x" * 50_000)] * 3)
    assert sum(line.count("x") for line in log) == 150_000
    assert len(log) > 2


def test_what_waits_is_bounded_and_nothing_is_lost() -> None:
    """A step that writes very much beside another one."""
    lines = b"".join(b"line %d\n" % number for number in range(30_000))
    log, _, _ = told(
        vertex("a", "RUN slow", started=_START),
        wrote("a", b"first\n"),
        vertex("b", "RUN fast", started=_START),
        wrote("b", lines),
        wrote("a", b"last\n"),
    )
    found = [line.partition(" line ")[2] for line in log if " line " in line]
    assert found == [str(number) for number in range(30_000)]
    assert log.index("#2 2.500 line 0") < log.index("#1 2.500 last")


@given(st.lists(st.binary(max_size=200), max_size=20), st.text(max_size=50))
def test_no_data_makes_a_line_of_another_step(pieces: list[bytes], name: str) -> None:
    """Whatever a step writes, and whatever it is called."""
    log, _, _ = told(vertex("a", name, started=_START), *[wrote("a", piece) for piece in pieces])
    assert all(re.fullmatch(r"#1 [^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]*", line) for line in log)
    assert all(len(line.splitlines()) == 1 for line in log)


@given(st.lists(st.binary(max_size=50), max_size=30))
def test_whatever_comes_is_heard(lines: list[bytes]) -> None:
    """What is no value is text; nothing ends in a traceback."""
    steps = Steps(lambda _line: None, lambda _text: None)
    for line in (*lines, b"{", *lines, b"}", b'{"vertexes": 3}'):
        steps.hear(line)
    steps.close()
    assert '{"vertexes": 3}' in steps.text


def test_what_is_told_behind_all_steps() -> None:
    """The error and the place; hints of buildx stay in the log."""
    log, _, steps = told(
        vertex("a", "[1/1] RUN it", started=_START),
        vertex("a", "[1/1] RUN it", started=_START, completed=_END, error="process did not: exit code: 3"),
        text="a word of buildx\n\nThe Dockerfile:7\n------------\n   6 | FROM x\n   7 | >>> RUN \\\n   8 | >>>   it\n"
        "------------\nERROR: failed to solve: process did not: exit code: 3\n\nView build details: somewhere\n",
    )
    assert log == ["a word of buildx", "#1 [1/1] RUN it", "#1 ERROR: process did not: exit code: 3"]
    assert (ending.line(steps.text), ending.marked(steps.text)) == (7, "RUN it")
    assert ending.error(steps.text) == "process did not: exit code: 3"
