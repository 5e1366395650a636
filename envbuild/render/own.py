"""A Dockerfile of the project's own as the first stages of ours: whole, but for a name that its last stage may lack.

Read as BuildKit reads it, as far as that takes to find its stages: lines that go on, comments, here-documents.
"""

import re
from collections.abc import Iterator

import msgspec

from envbuild.errors import Place, RenderError
from envbuild.render.lines import LONGEST
from envbuild.render.quoting import Instructions

STAGE = "own"
TAKEN = ("base", "install", "env", "placed", "tool", STAGE)
_FROM = re.compile(r"(?i)\s*FROM\s+(?:--\S+\s+)*\S+(?:\s+AS\s+(?P<name>\S+))?\s*")
_COMMENT = re.compile(r"\s*(#|$)")
_GOES_ON = re.compile(r"\\[ \t]*$")
_HEREDOC = re.compile(r"(?:^|\s)[0-9]*<<(?P<dash>-?)(?P<quote>[\"']?)(?P<word>[A-Za-z_][\w.-]*)(?P=quote)(?=\s|$)")
_WITH_HEREDOC = re.compile(r"(?i)\s*(RUN|COPY|ADD)\s")
_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>.+?)\s*$")


class Own(msgspec.Struct, frozen=True):
    """Its text, and the name of the stage that ours goes on from."""

    text: Instructions
    stage: str


class Instruction(msgspec.Struct, frozen=True):
    """Its lines, counted from 0, as one; and below it the lines of its here-documents."""

    line: int
    last: int
    text: str
    below: tuple[str, ...]


class _Stage(msgspec.Struct, frozen=True):
    line: int
    last: int
    name: str


def own(text: str, where: Place) -> Own:
    text = text.replace("\r\n", "\n")
    _refuse_escape(text, where)
    lines = text.removesuffix("\n").split("\n")
    _refuse_long(lines, where)
    stages = _stages(lines, where)
    if not stages:
        raise RenderError("the Dockerfile has no FROM", where, "start it with 'FROM IMAGE'")
    for stage in stages:
        if stage.name.lower() in TAKEN:
            what = f"the Dockerfile has a stage '{stage.name}', and envbuild goes on with one of that name"
            raise RenderError(what, where, "give it another name")
    last = stages[-1]
    if not last.name:
        lines[last.last] = f"{lines[last.last].rstrip()} AS {STAGE}"
    return Own(Instructions("\n".join(lines) + "\n"), last.name or STAGE)


def _refuse_escape(text: str, where: Place) -> None:
    """It would hold for what follows, too; what else is ordered at the top means nothing further down."""
    for line in text.split("\n"):
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            return
        if found["name"].lower() == "escape" and found["value"] != "\\":
            raise RenderError("the Dockerfile has an escape character of its own", where, "write it with '\\'")


def _refuse_long(lines: list[str], where: Place) -> None:
    for number, line in enumerate(lines, 1):
        if (size := len(line.encode())) > LONGEST:
            what = f"line {number} of the Dockerfile has {size:,} bytes, and none may have more than {LONGEST:,}"
            raise RenderError(what, where, "let it go on behind a '\\', or put what it holds into a file")


def _stages(lines: list[str], where: Place) -> list[_Stage]:
    found = []
    for one in instructions(lines, where):
        if match := _FROM.fullmatch(one.text):
            found.append(_Stage(one.line, one.last, match["name"] or ""))
        elif re.match(r"(?i)\s*FROM\s", one.text):
            what = f"line {one.line + 1} of the Dockerfile is no FROM: {one.text.strip()}"
            raise RenderError(what, where, "mend it")
    return found


def instructions(lines: list[str], where: Place) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        if _COMMENT.match(lines[at]):
            at += 1
            continue
        first, parts = at, [lines[at]]
        while _GOES_ON.search(parts[-1]):
            at = _next(lines, at + 1, where)
            parts.append(lines[at])
        whole = " ".join(_GOES_ON.sub("", part) for part in parts)
        behind = _behind_heredocs(lines, at + 1, whole, where)
        yield Instruction(first, at, whole, tuple(lines[at + 1 : behind]))
        at = behind


def _next(lines: list[str], at: int, where: Place) -> int:
    """The line that an instruction goes on with: comments and blank lines between do not count."""
    while at < len(lines) and _COMMENT.match(lines[at]):
        at += 1
    if at == len(lines):
        raise RenderError("the Dockerfile ends within an instruction", where, "remove the last '\\'")
    return at


def _behind_heredocs(lines: list[str], at: int, whole: str, where: Place) -> int:
    begun = _HEREDOC.finditer(whole) if _WITH_HEREDOC.match(whole) else ()
    for word, tabs in ((one["word"], one["dash"]) for one in begun):
        while at < len(lines) and (lines[at].lstrip("\t") if tabs else lines[at]) != word:
            at += 1
        if at == len(lines):
            raise RenderError(f"the Dockerfile ends within '<<{word}'", where, f"close it with a line '{word}'")
        at += 1
    return at
