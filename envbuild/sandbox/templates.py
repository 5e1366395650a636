"""Templates: only quoted text may be printed, so that no value becomes an instruction, and every step is counted."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import BaseLoader, Undefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from envbuild.sandbox.confined import Confined, quote

_TEXT_OF_A_STEP = 100
_TEXT_OF_AN_INCLUSION = 2000
_LIMIT_LITERALS = 1_000_000


class Quoted(str):
    """Text that a quoting filter made, or that a template printed: it may stand in an artifact."""

    __slots__ = ()


class Steps:
    """How much one rendering may do and hold: turns of loops, calls and inclusions, each with the text it brings."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def renew(self) -> None:
        """For the next rendering."""
        self._left = self._limit

    def take(self, length: int = 0) -> None:
        self._left -= 1 + length // _TEXT_OF_A_STEP
        if self._left < 0:
            raise SecurityError(f"the template does more than {self._limit:,} steps")

    def counted(self, values: Iterable[Any], length: int) -> Iterator[Any]:
        for value in values:
            self.take(length)
            yield value


class _Templates(Confined):
    """Templates: only quoted text is printed, every turn of a loop is counted, macros and blocks alone are called."""

    def __init__(self, steps: Steps, **options: Any) -> None:
        super().__init__(self._printed, **options)
        self._steps = steps
        self._lengths: dict[str, int] = {}
        self.filters["counted"] = steps.counted

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _bound_literals(tree)
        self._lengths[name or ""] = len(source)
        for loop in tree.find_all(nodes.For):
            length = nodes.Const(sum(len(text.data) for text in loop.find_all(nodes.TemplateData)), lineno=loop.lineno)
            loop.iter = nodes.Filter(loop.iter, "counted", [length], [], None, None, lineno=loop.lineno)
        return tree

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Any:  # noqa: A002 - Jinja's
        found = super().get_template(name, parent, globals)
        self._steps.take(_TEXT_OF_AN_INCLUSION + self._lengths.get(str(name), 0))
        return found

    def _printed(self, value: Any) -> str:
        if isinstance(value, Undefined):
            str(value)
        if not isinstance(value, Quoted):
            raise TemplateRuntimeError("a value is printed that no filter has quoted")
        self._steps.take(len(value))
        return value

    def getattr(self, obj: Any, attribute: str) -> Any:
        return getattr(obj, attribute) if _is_own(obj, attribute) else super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(obj, (BlockReference, Macro)):
            raise SecurityError("only macros and 'super' can be called")
        self._steps.take(max(self._lengths.values(), default=0))
        return Quoted(super().call(context, obj, *args, **kwargs))


def _bound_literals(tree: nodes.Template) -> None:
    """Lists of lists of lists are compared within one step: all that they could hold together is bounded."""
    size = 1
    for literal in tree.find_all((nodes.List, nodes.Tuple, nodes.Dict)):
        size *= max(len(getattr(literal, "items", ())), 1)
        if size > _LIMIT_LITERALS:
            raise TemplateSyntaxError("too many lists in one template", literal.lineno)


_LOOP = {"index", "index0", "first", "last", "length", "revindex", "revindex0", "depth"}


def _is_own(obj: Any, attribute: str) -> bool:
    """Jinja's own values, which are no data: the state of a loop, blocks, and macros of another template."""
    if isinstance(obj, LoopContext):
        return attribute in _LOOP
    if isinstance(obj, BlockReference):
        return attribute == "super"
    return isinstance(obj, TemplateModule) and not attribute.startswith("_")


def _quoting(function: Callable[[Any], str]) -> Callable[[Any], Quoted]:
    """An undefined value is an error, not a text."""

    def quoted(value: Any) -> Quoted:
        if isinstance(value, Undefined):
            str(value)
        return Quoted(function(value))

    return quoted


def _word(value: Any) -> str:
    """Text that is one plain word in every format that we write."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(value)):
        raise TemplateRuntimeError(f"'{value}' is no plain word")
    return str(value)


def confined_templates(
    loader: BaseLoader, quoting: Mapping[str, Callable[[Any], str]], steps: Steps
) -> ImmutableSandboxedEnvironment:
    """An environment for templates; the filters of `quoting` are the only ones whose text may be printed."""
    environment = _Templates(steps, loader=loader)
    every = {"word": _word, "quote": quote, **quoting}
    environment.filters.update({name: _quoting(function) for name, function in every.items()})
    return environment
