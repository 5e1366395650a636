"""A clone, told: its file, what it comes to, and whether it is what the version was that it is from."""

import shlex
from collections.abc import Iterator

import msgspec

from envbuild.errors import redacted
from envbuild.project.starting import Cloned
from envbuild.report.beginning import judged_lines, judged_objects, usual_command
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, wrapped


def cloned_text(cloned: Cloned, shown: str, look: Look) -> str:
    """The file first, since it is the answer."""
    lines = [look.paint(one_line(cloned.path), "strong"), *judged_lines(cloned.judged, look), *_content(cloned, look)]
    name, command = shlex.quote(cloned.judged.name), usual_command(shown)
    if cloned.judged.error:
        following = "Next: change what is refused."
    elif cloned.judged.state == "only extended":
        following = f"Next: '{command} new NAME --extends {name}' writes a manifest that builds on it."
    else:
        following = f"Next: '{command} plan {name}' says what would be built, '{command} apply {name}' builds it."
    return "\n".join([*lines, *wrapped(following, look, rest="  ")])


def _content(cloned: Cloned, look: Look) -> Iterator[str]:
    source = one_line(cloned.source)
    if cloned.same:
        yield from wrapped(f"Its content is that of {source}: nothing has to be built.", look, rest="  ")
    elif cloned.same is not None:
        yield from wrapped(f"Its content is not that of {source}:", look, rest="  ")
        for one in cloned.reasons:
            told = f"    {one_line(one.part)}: {one_line(redacted(one.change))}  {one_line(one.where)}"
            yield from wrapped(told.rstrip(), look, rest="      ")
    elif cloned.whole:
        yield from wrapped(f"It is all that {source} comes to; no file says just that.", look, rest="  ")


def cloned_json(cloned: Cloned) -> str:
    (environment,) = judged_objects([cloned.judged])
    return document(
        **environment,
        source=cloned.source,
        whole=cloned.whole,
        lock=cloned.lock or None,
        same_content=cloned.same,
        reasons=[msgspec.to_builtins(one) for one in cloned.reasons],
    )
