"""A new project and a new manifest, told: the answer, each file that was found, what it comes to, what to do next."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from envbuild.errors import redacted
from envbuild.project.starting import Begun, Judged, Made, Told
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import Look, Style, one_line, plural, wrapped
from envbuild.written import clean

_NAMED = 5


def begun_text(begun: Begun, shown: str, look: Look, *, dry: bool) -> str:
    """The answer; the files that were found; the environments; what to do now."""
    found = [line for one in begun.told for line in _told(one, look)]
    found += [_wrapped(f"  {line}", look) for line in _remarks(begun)]
    parts = [
        [_wrapped(_answer(begun, shown, dry=dry), look, "strong"), *found],
        list(_files(begun)) if dry else [],
        [line for one in begun.judged for line in judged_lines(one, look)],
        [_wrapped(f"Next: {next_step(begun, shown, dry=dry)}", look)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _remarks(begun: Begun) -> Iterator[str]:
    for folder in begun.unlisted:
        yield f"{one_line(folder)}/: cannot be listed, so that nothing in it was looked at"
    if not begun.whole:
        yield "There are more files here than were looked at: the nearest ones were."
    if begun.starter:
        yield f"manifests/{begun.starter}.yaml: a first environment, since nothing was found to make one of"


def _answer(begun: Begun, shown: str, *, dry: bool) -> str:
    where = "this folder" if shown == "." else f"'{one_line(shown)}'"
    if begun.exists:
        return f"{where[0].upper()}{where[1:]} is a project already: nothing was changed."
    ready = sum(one.is_ready for one in begun.judged)
    stuck = sum(bool(one.error) for one in begun.judged)
    counts = f"{plural(ready + stuck, 'environment')}, {ready:,} ready{f', {stuck:,} refused' if stuck else ''}"
    return f"Would make {where} a project: {counts}." if dry else f"Made {where} a project: {counts}."


def _told(one: Told, look: Look) -> Iterator[str]:
    names = f" ({', '.join(one.environments)})" if one.environments else ""
    yield _wrapped(f"  {one_line(one.path)}: {one_line(redacted(one.says))}{one_line(names)}", look)
    for problem in one.error.problems[:_NAMED] if one.error else ():
        yield _wrapped(f"    {_where(problem.where)}{one_line(problem.message)}", look, "bad")
        if problem.hint:
            yield _wrapped(f"    hint: {one_line(problem.hint)}", look)
    for left in one.left:
        yield _wrapped(f"    not carried: {one_line(redacted(left))}", look, "change")
    if one.hint:
        yield _wrapped(f"    {one_line(redacted(one.hint))}", look, "quiet")


def _where(where: object) -> str:
    return f"{one_line(str(where))}: " if where else ""


def _files(begun: Begun) -> Iterator[str]:
    for path, text in begun.texts.items():
        yield f"==> {one_line(path)} <=="
        yield clean(text).rstrip("\n")


def judged_lines(one: Judged, look: Look) -> Iterator[str]:
    style: Style = "good" if one.is_ready else "quiet" if one.state == "only extended" else "bad"
    *above, last = wrapped(f"{one_line(one.name)}: {one.state}", look, rest="  ")
    yield from above
    yield f"{last.removesuffix(one.state)}{look.paint(one.state, style)}" if last.endswith(one.state) else last
    for problem in one.error.problems[:1] if one.error else ():
        yield _wrapped(f"    {_where(problem.where)}{one_line(problem.message)}", look)
        if problem.hint:
            yield _wrapped(f"    hint: {one_line(problem.hint)}", look)
    more = len(one.error.problems) - 1 if one.error else 0
    if more > 0:
        yield f"    and {plural(more, 'problem')} more: envbuild plan {shlex.quote(one_line(one.name))}"


def usual_command(shown: str) -> str:
    """How to call this in the project from where one is."""
    return "envbuild" if shown == "." else f"envbuild -C {shlex.quote(one_line(shown))}"


def next_step(begun: Begun, shown: str, *, dry: bool) -> str:
    """What is true to do now, in words; the commands in it work as they stand."""
    command = usual_command(shown)
    ready = [one.name for one in begun.judged if one.is_ready]
    stuck = [one for one in begun.judged if one.error]
    if dry and not begun.exists:
        init = "envbuild init" if shown == "." else f"envbuild init {shlex.quote(one_line(shown))}"
        return f"'{init}' writes this."
    if not begun.judged:
        return f"'{command} new NAME' writes a manifest."
    if not ready:
        return f"change what is refused above, then '{command} plan' says what would be built."
    if not stuck:
        return f"'{command} plan' says what would be built, '{command} apply' builds it."
    names = " ".join(ready) if len(ready) <= _NAMED else "NAME…"
    return f"'{command} apply {names}' builds what is ready; what is refused has to be changed first."


def _wrapped(text: str, look: Look, style: Style | None = None) -> str:
    """Whole where it is piped; on a terminal in lines that fit, the further ones indented."""
    told = text.lstrip()
    indent = " " * (len(text) - len(told))
    lines = wrapped(told, look, indent, f"{indent}  ")
    return "\n".join(look.paint(line, style) if style else line for line in lines)


def begun_json(begun: Begun, shown: str, *, dry: bool) -> str:
    return document(
        project=shown,
        existed=begun.exists,
        dry_run=dry,
        written=[] if dry else list(begun.texts),
        files=dict(begun.texts) if dry else {},
        found=[_told_object(one) for one in begun.told],
        unlisted=list(begun.unlisted),
        whole=begun.whole,
        environments=judged_objects(begun.judged),
        next=next_step(begun, shown, dry=dry),
    )


def _told_object(one: Told) -> dict[str, Any]:
    return {
        "path": one.path,
        "kind": one.kind,
        "says": redacted(one.says),
        "environments": list(one.environments),
        "not_carried": [redacted(left) for left in one.left],
        "errors": [error_object(problem) for problem in one.error.problems] if one.error else [],
        "hint": redacted(one.hint),
    }


def judged_objects(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    return [
        {
            "environment": one.name,
            "path": one.path,
            "state": one.state,
            "errors": [error_object(problem) for problem in one.error.problems] if one.error else [],
        }
        for one in judged
    ]


def made_text(made: Made, shown: str, look: Look) -> str:
    """The file first, since it is the answer."""
    lines = [look.paint(one_line(made.path), "strong"), *judged_lines(made.judged, look)]
    name = shlex.quote(made.judged.name)
    if made.judged.error:
        lines.append("Next: change what is refused.")
    else:
        command = usual_command(shown)
        lines.append(f"Next: '{command} plan {name}' says what would be built, '{command} apply {name}' builds it.")
    return "\n".join(_wrapped(line, look) if line.startswith("Next") else line for line in lines)


def made_json(made: Made) -> str:
    (environment,) = judged_objects([made.judged])
    return document(**environment, extends=list(made.extends))
