"""What a Dockerfile of the project's own says by line: where its stages start, and what they install."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

import msgspec

from envbuild.errors import Place, RenderError
from envbuild.lock import SCRATCH, image_name
from envbuild.render import Instruction, instructions

_FROM = re.compile(r"(?i)\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*")
_RUN = re.compile(r"(?i)\s*RUN\s")
_COMMANDS = re.compile(r"(&&|\|\|?|;|\n)")
_ON = "\v"
_GOES_ON = re.compile(r"\\[ \t]*$")
_EXEC_FORM = re.compile(r"[\[\]\",]+")
_OPTIONS = r"(?:\s+-\S+)*"
_INSTALL = re.compile(
    rf"(?<![\w./-])(?:/\S*/)?(?:"
    rf"(?P<pip>(?:uv\s+)?pip[0-9.]*{_OPTIONS}\s+install)"
    rf"|(?:conda|mamba|micromamba){_OPTIONS}\s+(?:install|create|update|env\s+(?:create|update))"
    rf"|poetry{_OPTIONS}\s+(?:install|add|sync)|pipenv{_OPTIONS}\s+(?:install|sync)|pdm{_OPTIONS}\s+(?:install|sync)"
    rf"|uv{_OPTIONS}\s+sync|easy_install)(?![\w-])(?P<rest>[^\n]*)"
)
_SAYS = re.compile(r"\s*(?:RUN\s+)?(?:(?:-\S+|\w[\w-]*=\S*)\s+)*(?:echo|printf)\s", re.IGNORECASE)
_TOOLS = {"pip", "setuptools", "wheel", "uv"}


class Spot(msgspec.Struct, frozen=True):
    """A place, counted from 0, and what stands there: an image without a tag, or a command that installs."""

    line: int
    column: int
    image: str = ""
    command: str = ""


class _Stage(msgspec.Struct, frozen=True):
    name: str
    image: str
    line: int
    column: int
    installs: list[Spot]


@lru_cache(maxsize=256)
def spots(text: str) -> tuple[Spot, ...]:
    """What is worth a warning; of a text that BuildKit does not take nothing, for that is told as an error."""
    try:
        stages = list(_stages(text.replace("\r\n", "\n")))
    except RenderError:
        return ()
    names = {stage.name for stage in stages}
    starts = (Spot(one.line, one.column, image=one.image) for one in stages if is_floating(one.image, names))
    return (*starts, *(spot for stage in _of_the_last(stages) for spot in stage.installs))


def is_floating(image: str, stages: AbstractSet[str] = frozenset()) -> bool:
    """Whether a reference means another image tomorrow; an expression, a stage or nothing at all is no reference."""
    name = image_name(image)
    if name is None or image.lower() in stages or image == SCRATCH:
        return False
    return name.tag == "latest" and not name.digest


def _stages(text: str) -> Iterator[_Stage]:
    lines = text.removesuffix("\n").split("\n")
    stage: _Stage | None = None
    for one in instructions(lines, Place("")):
        if match := _FROM.fullmatch(one.text):
            if stage:
                yield stage
            place = _place(one, *_found(match["image"], _laid_out(lines, one)))
            stage = _Stage((match["name"] or "").lower(), match["image"], *place, [])
        elif stage and _RUN.match(one.text):
            text = _laid_out(lines, one)
            stage.installs.extend(Spot(*_place(one, text, at), command=said) for at, said in _installs(text))
    if stage:
        yield stage


def _laid_out(lines: list[str], one: Instruction) -> str:
    """An instruction with each character where its file has it; a line that goes on ends in a blank of another kind."""
    parts = [_GOES_ON.sub(_blank, line) for line in lines[one.line : one.last + 1]]
    whole = _ON.join(parts[:1] + ["" if part.lstrip().startswith("#") else part for part in parts[1:]])
    return "\n".join((_EXEC_FORM.sub(_blank, whole), *one.below))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _found(word: str, text: str) -> tuple[str, int]:
    match = re.search(rf"(?<!\S){re.escape(word)}(?!\S)", text)
    return text, match.start() if match else 0


def _place(one: Instruction, text: str, at: int) -> tuple[int, int]:
    lines = re.split(rf"[\n{_ON}]", text[:at])
    return one.line + len(lines) - 1, len(lines[-1])


def _of_the_last(stages: list[_Stage]) -> Iterator[_Stage]:
    """The stage that the image is, and those that it starts from: what others install is not in the image."""
    above = {stage.name: stage for stage in stages if stage.name}
    stage = stages[-1] if stages else None
    while stage:
        yield stage
        stage = above.pop(stage.image.lower(), None)


def _installs(text: str) -> Iterator[tuple[int, str]]:
    """The first command of an instruction that installs more than the tools of installing, and where it begins."""
    at = 0
    for command in _COMMANDS.split(text):
        found = None if _SAYS.match(command) else _INSTALL.search(command)
        if found and not (found["pip"] and _only_tools(found["rest"])):
            yield at + found.start(), " ".join(found[0].removesuffix(found["rest"]).split())
            return
        at += len(command)


def _only_tools(rest: str) -> bool:
    named = {re.split(r"[=<>~!\[]", word.strip("'\""))[0] for word in rest.split() if not word.startswith("-")}
    return bool(named) and named <= _TOOLS
