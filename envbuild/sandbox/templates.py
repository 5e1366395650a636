"""Templates: only quoted text may be printed, so that no value becomes an instruction, and every step is counted."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import BaseLoader, Undefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from envbuild.sandbox.confined import Confined, quote


class Quoted(str):
    """Text that a quoting filter made, or that a template printed: it may stand in an artifact."""

    __slots__ = ()


class Steps:
    """How much one rendering may do: turns of loops and calls of macros, counted together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise SecurityError(f"the template does more than {self._limit:,} steps")

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.take()
            yield value


class _Templates(Confined):
    """Templates: only quoted text is printed, every turn of a loop is counted, macros and blocks alone are called."""

    def __init__(self, steps: Steps, **options: Any) -> None:
        super().__init__(_printed, **options)
        self._steps = steps
        self.filters["counted"] = steps.counted

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        return getattr(obj, attribute) if _is_own(obj, attribute) else super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        self._steps.take()
        if not isinstance(obj, (BlockReference, Macro)):
            raise SecurityError("only macros and 'super' can be called")
        return Quoted(super().call(context, obj, *args, **kwargs))


_LOOP = {"index", "index0", "first", "last", "length", "revindex", "revindex0", "depth"}


def _is_own(obj: Any, attribute: str) -> bool:
    """Jinja's own values, which are no data: the state of a loop, blocks, and macros of another template."""
    if isinstance(obj, LoopContext):
        return attribute in _LOOP
    if isinstance(obj, BlockReference):
        return attribute == "super"
    return isinstance(obj, TemplateModule) and not attribute.startswith("_")


def _printed(value: Any) -> str:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, Quoted):
        raise TemplateRuntimeError("a value is printed that no filter has quoted")
    return value


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
    every = {**quoting, "word": _word, "quote": quote}
    environment.filters.update({name: _quoting(function) for name, function in every.items()})
    return environment
