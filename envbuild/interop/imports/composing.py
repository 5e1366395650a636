"""A manifest from lists of texts, line by line: for each line it is known where in the source it is from."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from envbuild.document import unprintable
from envbuild.errors import EnvbuildError, Note, Place
from envbuild.project.starting import Carried, not_carried
from envbuild.project.starting.amending import shown_value
from envbuild.report.terminal import plural


class Told(msgspec.Struct, frozen=True):
    """A text of the source with the remark behind it, or a remark alone."""

    text: str
    where: Place
    is_remark: bool = False
    behind: str = ""


class Composed(msgspec.Struct, frozen=True):
    """What a source says, in the order of a manifest's keys."""

    head: str
    channels: Sequence[Told] = ()
    platforms: Sequence[Told] = ()
    pip: Mapping[str, Told | Sequence[Told]] = {}
    conda: Sequence[Told] = ()
    pypi: Sequence[Told] = ()
    conda_limits: Sequence[Told] = ()
    pypi_limits: Sequence[Told] = ()
    variables: Mapping[str, Told] = {}


_Line = tuple[str, Place | None]


def composed(said: Composed, left: Sequence[EnvbuildError], notes: Sequence[Note]) -> Carried:
    """What was left out already stands below the head; what no file can hold is left out here."""
    problems: list[EnvbuildError] = []
    lines = [*_head(said.head, left), *_body(said, problems)]
    text = "".join(f"{line}\n" for line, _ in lines)
    return Carried(text, tuple(where for _, where in lines), (*left, *problems), tuple(notes))


def _head(text: str, left: Sequence[EnvbuildError]) -> Iterator[_Line]:
    yield f"# {remark(text)}", None
    for one in left:
        where = one.where or Place("")
        yield f"# left out: {remark(one.message)} ({remark(posixpath.basename(where.line_only))})", where


def _body(said: Composed, problems: list[EnvbuildError]) -> Iterator[_Line]:
    yield from _list("channels:", "  ", said.channels, problems)
    yield from _list("platforms:", "  ", said.platforms, problems)
    if said.pip:
        yield "pip:", None
        for key, stated in said.pip.items():
            if isinstance(stated, Told):
                yield f"  {key}: {_value(key, stated)}", stated.where
            else:
                yield from _list(f"  {key}:", "    ", stated, problems)
    yield from _packages("dependencies", said.conda, said.pypi, problems)
    yield from _packages("constraints", said.conda_limits, said.pypi_limits, problems)
    if said.variables:
        yield "variables:", None
        for key, one in said.variables.items():
            if _is_sound(one, problems) and _is_sound(Told(key, one.where), problems):
                yield f"  {shown_value(key)}: {shown_value(one.text)}", one.where


def _value(key: str, stated: Told) -> str:
    return "true" if key == "prerelease" else shown_value(stated.text)


def _packages(key: str, conda: Sequence[Told], pypi: Sequence[Told], problems: list[EnvbuildError]) -> Iterator[_Line]:
    if not any(not one.is_remark for one in (*conda, *pypi)):
        if key == "dependencies":
            yield "dependencies: []", None
        return
    yield from _list(f"{key}:", "  ", conda, problems, always=True)
    yield from _list("  - pip:", "      ", pypi, problems)


def _list(
    head: str, indent: str, items: Sequence[Told], problems: list[EnvbuildError], *, always: bool = False
) -> Iterator[_Line]:
    sound = [one for one in items if one.is_remark or _is_sound(one, problems)]
    if not always and not any(not one.is_remark for one in sound):
        return
    yield head, sound[0].where if sound else None
    for one in sound:
        behind = f"  # {remark(one.behind)}" if one.behind else ""
        shown = f"# {remark(one.text)}" if one.is_remark else f"- {shown_value(one.text)}{behind}"
        yield f"{indent}{shown}", one.where


def _is_sound(one: Told, problems: list[EnvbuildError]) -> bool:
    bad = unprintable(one.text)
    if bad:
        problems.append(not_carried(remark(one.text), bad, one.where, "remove it"))
    return not bad


def hashes_note(places: Sequence[Place]) -> Iterator[Note]:
    """That hashes of a source are not in the manifest, told once."""
    if places:
        message = f"the hashes of {plural(len(places), 'item')} are not carried: a lock has its own for every package"
        yield Note("hashes", message, places[0], "run 'envbuild lock', and commit the lock")


def remark(text: str) -> str:
    """A text as one line that YAML does not read."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split())).lstrip("# ")
