"""Templates, and what they make of values: bounded, confined, and what is wrong with one said at its line.

A template is the project's own, or a built-in one, which its own may extend as `builtin/NAME`. Values are data: only
what a quoting filter made may be printed, so that none becomes an instruction, and every turn of a loop is counted.
"""

import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.errors import EnvbuildError, Place, RenderError, raise_all
from envbuild.render.quoting import EVERY, Quoting, quoting_of
from envbuild.shape import nearest

if TYPE_CHECKING:
    from jinja2 import Environment as Jinja

    from envbuild.sandbox import Steps

BUILT_IN = "builtin/"
LIMIT_STEPS = 1_000_000
LIMIT_OUTPUT = 8 * 1024 * 1024

_OF_PYTHON = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    NameError,
    RecursionError,
    MemoryError,
    SyntaxError,
)


class Template(msgspec.Struct, frozen=True):
    """A template's text, and the file that messages name."""

    path: str
    text: str


class Templates(msgspec.Struct, frozen=True, dict=True):
    """The project's own templates, by file name, and those that come with envbuild."""

    own: Mapping[str, Template]
    built_in: Mapping[str, Template]

    @cached_property
    def presses(self) -> "dict[tuple[int, str], Press]":
        """What is ready to render, by thread and name: to read a template takes longer than to use it."""
        return {}

    @property
    def names(self) -> list[str]:
        """What may be named."""
        return [*self.own, *(f"{BUILT_IN}{one}" for one in self.built_in)]

    def find(self, name: str) -> Template | None:
        if name.startswith(BUILT_IN):
            return self.built_in.get(name.removeprefix(BUILT_IN))
        return self.own.get(name) or self.built_in.get(name)


def rendered(name: str, templates: Templates, values: Mapping[str, Any]) -> str:
    """One artifact; whatever a template does wrong is said with its file and line."""
    try:
        key = (threading.get_ident(), name)
        if key not in templates.presses:
            templates.presses[key] = Press(name, templates)
        return templates.presses[key].print(values)
    except _failures() as error:
        raise _failure(error, name, templates) from None


class Press:
    """One template with all that it extends, read once; of use to one thread."""

    def __init__(self, name: str, templates: Templates) -> None:
        from envbuild.sandbox import Steps

        self._name = name
        self._steps = Steps(LIMIT_STEPS)
        self._jinja = _jinja(templates, quoting_of(name), self._steps)
        self._stray = _stray_blocks(name, templates, self._jinja)

    def print(self, values: Mapping[str, Any]) -> str:
        raise_all(self._stray)
        self._steps.renew()
        return "".join(_bounded(self._jinja.get_template(self._name).generate(values)))


def complaints(templates: Templates) -> Iterator[EnvbuildError]:
    """What can be said of the project's own templates before there is anything to render."""
    from envbuild.sandbox import Steps

    jinja = _jinja(templates, EVERY, Steps(LIMIT_STEPS))  # which format a part is for, who includes it knows
    for name in sorted(templates.own):
        try:
            yield from _stray_blocks(name, templates, jinja)
            jinja.get_template(name)
        except _failures() as error:
            yield _failure(error, name, templates)


def _failures() -> tuple[type[Exception], ...]:
    """What a template can do wrong, by Jinja's account and by Python's."""
    from jinja2 import TemplateError

    return (TemplateError, *_OF_PYTHON)


def _stray_blocks(name: str, templates: Templates, jinja: "Jinja") -> list[EnvbuildError]:
    """Blocks that a template fills and that what it extends does not have: they would be left out without a word."""
    from jinja2 import nodes

    found = templates.find(name)
    tree = jinja.parse(found.text, name, found.path) if found else None
    parent = _extended(tree) if tree else ""
    if not found or not tree or not parent:
        return []
    if templates.find(parent) is None:
        known = nearest(parent, templates.names)
        line = next(tree.find_all(nodes.Extends)).lineno
        return [RenderError(f"there is no template '{parent}'", Place(found.path, line, 1), known)]
    above = {block.name for block in _blocks(parent, templates, jinja)}
    own = [block for block in tree.body if isinstance(block, nodes.Block)]
    hint = f"use one of the blocks of {parent}: {', '.join(sorted(above))}"
    return [
        RenderError(f"there is no block '{block.name}' to fill", Place(found.path, block.lineno, 1), hint)
        for block in own
        if block.name not in above
    ]


def _extended(tree: Any) -> str:
    from jinja2 import nodes

    extends = tree.find(nodes.Extends)
    return str(extends.template.value) if extends and isinstance(extends.template, nodes.Const) else ""


def _blocks(name: str, templates: Templates, jinja: "Jinja") -> Iterator[Any]:
    """The blocks of a template and of all that it extends."""
    from jinja2 import nodes

    met: set[str] = set()
    while name and name not in met:
        met.add(name)
        found = templates.find(name)
        if found is None:
            return
        tree = jinja.parse(found.text, name, found.path)
        yield from tree.find_all(nodes.Block)
        name = _extended(tree)


def _failure(error: Exception, name: str, templates: Templates) -> RenderError:
    from jinja2 import TemplateError, TemplateNotFound

    where = _place(error, name, templates)
    match error:
        case TemplateNotFound():
            known = nearest(str(error.name), templates.names)
            return RenderError(f"there is no template '{error.name}'", where, known)
        case TemplateError():
            return RenderError(str(error.message), where, _hint(str(error.message)))
        case RecursionError() | MemoryError() | SyntaxError():
            return RenderError("the template is nested too deep, or includes itself", where, "write it flatter")
    return RenderError(f"the template fails: {error}", where, "mend it")


def _hint(message: str) -> str:
    filters = "yaml or comment in YAML, quote, exec or comment in a Dockerfile, r in R"
    return f"print values through a filter that quotes: {filters}" if "quote" in message else "mend the template"


def _jinja(templates: Templates, quoting: Quoting, steps: "Steps") -> "Jinja":
    from jinja2 import FunctionLoader

    from envbuild.sandbox import confined_templates

    def load(name: str) -> tuple[str, str, None] | None:
        found = templates.find(name)
        return (found.text, found.path, None) if found else None

    return confined_templates(FunctionLoader(load), quoting, steps)


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    from jinja2.exceptions import SecurityError

    left = LIMIT_OUTPUT
    for part in parts:
        left -= len(part)
        if left < 0:
            raise SecurityError(f"the template writes more than {LIMIT_OUTPUT // 1024 // 1024} MiB")
        yield part


def _place(error: Exception, name: str, templates: Templates) -> Place:
    """The innermost line of a template that was being worked on."""
    paths = {one.path for one in (*templates.own.values(), *templates.built_in.values())}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
    if frames:
        return Place(frames[-1].filename, frames[-1].lineno or 1, 1)
    found = templates.find(getattr(error, "name", None) or name)
    line = getattr(error, "lineno", None) or 1
    return Place(found.path if found else f"templates/{name}", line, 1)
