"""The texts of a manifest that a Dockerfile has on its lines, each with its name and its place; and how long those are.

BuildKit reads a Dockerfile line by line and none that is longer, whatever instruction it is a part of.
"""

from collections.abc import Iterator

import msgspec

from envbuild.errors import EnvbuildError, Place, RenderError
from envbuild.render.given import copies_of, item_places, paths_of, placed, steps_of
from envbuild.render.quoting import ending, exec_, quote
from envbuild.resolve import Environment

LONGEST = 65535
_HINT = "put it into a file of the project, and copy that"


class Stated(msgspec.Struct, frozen=True):
    """One text; a word of a command may have several lines, and is written as JSON."""

    name: str
    text: str
    where: Place
    is_word: bool = False

    @property
    def written(self) -> str:
        """As it stands in a Dockerfile; nothing for what cannot."""
        if self.is_word:
            return exec_([self.text])[2:-2] if "\x00" not in self.text else ""
        return quote(self.text) if not ending(self.text) else ""


def on_lines(environment: Environment) -> Iterator[Stated]:
    """What has to be one line."""
    image = environment.keys.image
    for one in environment.variables:
        for text in (one.value or "", *one.prepend, *one.append):
            yield Stated(one.name, text, environment.where("variables", one.name))
    for key, value in image.labels.items():
        yield Stated(f"image.labels.{key}", value or "", environment.where("image", "labels", key))
    for copy, where in copies_of(environment):
        yield from (Stated("image.copy", text, where) for text in (copy.to, *paths_of(copy)))
    yield Stated("image.workdir", image.workdir or "", environment.where("image", "workdir"))
    interpreter = environment.python.interpreter
    yield Stated("python.interpreter", interpreter, environment.where("python", "interpreter"))


def in_commands(environment: Environment) -> Iterator[Stated]:
    image = environment.keys.image
    for step, where in steps_of(environment):
        yield from (Stated("image.build", word, where, is_word=True) for word in (step.command or "", *step.args))
    for text, where in zip(environment.setup, item_places(environment, "setup"), strict=True):
        yield Stated("setup", text, where, is_word=True)
    for key, said in (("entrypoint", image.entrypoint), ("command", image.command), ("shell", image.shell)):
        words = (said,) if isinstance(said, str) else said or ()
        yield from (Stated(f"image.{key}", word, environment.where("image", key), is_word=True) for word in words)


def long_texts(environment: Environment) -> Iterator[EnvbuildError]:
    """Each that fits on no line, whatever else stands there."""
    for one in (*on_lines(environment), *in_commands(environment)):
        if len(one.text) * 6 > LONGEST and (size := len(one.written.encode())) > LONGEST:
            yield _too_long(f"'{one.name}'", size, one.where)


def long_lines(text: str, environment: Environment, template: Place) -> Iterator[EnvbuildError]:
    """Each at the longest text that is a part of it, else where the template is."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) * 4 > LONGEST and (size := len(line.encode())) > LONGEST:
            every = (*on_lines(environment), *in_commands(environment))
            parts = [one for one in every if one.text and placed(one.written, environment) in line]
            longest = max(parts, key=lambda one: len(one.text), default=None)
            name = f"'{longest.name}'" if longest else f"what it writes for line {number}"
            yield _too_long(name, size, longest.where if longest else template)


def _too_long(what: str, size: int, where: Place) -> RenderError:
    message = f"{what} makes a line of {size:,} bytes, and a Dockerfile has none of more than {LONGEST:,}"
    return RenderError(message, where, _HINT)
