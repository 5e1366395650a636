"""Jinja without a way out: plain data by its keys, filters and operators that are bounded, and no attributes."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from envbuild.document import PREFIX

LIMIT_TEXT = 64 * 1024
_LIMIT_INTEGER = 2**63


class Values(dict[str, Any]):
    """What stands under one name, such as `params`, so that messages can name it."""

    def __init__(self, label: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.label = label


class Placed:
    """A text with the place of the environment in it, which nobody knows yet: it can be joined, and nothing else."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Any) -> "Placed":
        return Placed(self.text + shown(other))

    def __radd__(self, other: Any) -> "Placed":
        return Placed(shown(other) + self.text)

    def _refuse(self, *_others: Any) -> Any:
        raise TemplateRuntimeError("'environment.prefix' is not known before the builder knows it; insert it whole")

    __str__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __eq__ = __hash__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse


def placed(text: str) -> "str | Placed":
    """A text as expressions see it."""
    return Placed(text) if PREFIX in text else text


class _Missing(StrictUndefined):
    """What is undefined says its whole name."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_obj is missing:
            return f"'{self._undefined_name}' is undefined"
        label = getattr(self._undefined_obj, "label", "")
        return f"'{label}.{self._undefined_name}' is undefined" if label else f"there is no '{self._undefined_name}'"


class _Generator(CodeGenerator):
    """Joins texts with `~` as they are shown within texts: `true`, not `True`."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - the visitor's name for it
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Confined(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%", "-", "/", "//"})
    intercepted_unops = frozenset()

    def __init__(self, finalize: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(
            undefined=_Missing,
            autoescape=False,
            optimized=False,
            keep_trailing_newline=True,
            finalize=finalize,
            **options,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters.update(replace=_replace, join=_join, string=_string, quote=quote)
        self.tests = {name: self.tests[name] for name in _TESTS}
        self.globals.clear()

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Keys before attributes, and for data keys alone: `params.items` is a param."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, (Undefined, Placed)):
            return obj[argument]
        if isinstance(obj, Mapping) and isinstance(argument, (str, int)):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=str(argument))
        if isinstance(obj, (list, tuple, str)) and isinstance(argument, (int, slice)):
            try:
                return obj[argument]
            except (IndexError, ValueError):
                return self.undefined(obj=obj, name=str(argument))
        return self.undefined(obj=obj, name=str(argument))

    def joined(self, values: tuple[Any, ...]) -> "str | Placed":
        """What `~` makes of its operands."""
        return _join(values)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            return super().call_binop(context, operator, left, right)
        _bound_operands(operator, left, right)
        return bounded(super().call_binop(context, operator, left, right))


def _bound_operands(operator: str, left: Any, right: Any) -> None:
    sizes = [len(one) for one in (left, right) if isinstance(one, (str, list, tuple))]
    if operator == "%" and isinstance(left, str):
        raise SecurityError("'%' does not format text here; join texts with '~'")
    if operator == "*" and any(isinstance(one, (list, tuple)) for one in (left, right)):
        raise SecurityError("lists cannot be multiplied here")
    if operator == "*" and sizes:
        times = next((one for one in (left, right) if isinstance(one, int)), 0)
        sizes = [sizes[0] * max(times, 0)]
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        sizes = [left.bit_length() * max(right, 0) // 64 * LIMIT_TEXT]
    if sum(sizes) > LIMIT_TEXT:
        raise SecurityError(f"a value of more than {LIMIT_TEXT // 1024} KiB")


def bounded(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= _LIMIT_INTEGER:
        raise SecurityError("a number of more than 64 bits")
    return value


def _replace(value: str, old: str, new: str) -> str:
    text, old, new = str(value), str(old), str(new)
    if len(text) + (text.count(old) if old else len(text) + 1) * len(new) > LIMIT_TEXT:
        raise SecurityError(f"a value of more than {LIMIT_TEXT // 1024} KiB")
    return text.replace(old, new)


def quote(value: Any) -> str:
    """A value as one word of a shell."""
    return shlex.quote(shown(value))


def _join(values: Iterable[Any], separator: str = "") -> "str | Placed":
    texts = [shown(value) for value in values]
    between = shown(separator)
    if sum(map(len, texts)) + len(between) * len(texts) > LIMIT_TEXT:
        raise SecurityError(f"a value of more than {LIMIT_TEXT // 1024} KiB")
    return placed(between.join(texts))


def _string(value: Any) -> "str | Placed":
    return placed(shown(value))


_FILTERS = ("abs", "capitalize", "count", "d", "default", "first", "int", "items", "last", "length", "list", "lower",
            "max", "min", "reverse", "sort", "title", "trim", "unique", "upper")  # fmt: skip
_TESTS = ("defined", "undefined", "none", "string", "number", "integer", "boolean", "mapping", "sequence", "in", "eq",
          "equalto", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=", "true", "false", "odd", "even",
          "divisibleby")  # fmt: skip


def shown(value: Any) -> str:
    """A value within a text, as YAML writes it; a list or mapping has no one way to be written."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case str() | int():
            return str(value)
        case Placed():
            return value.text
        case Undefined():
            return str(value)  # which raises, and names what is undefined; `x if no` without else is empty
    raise TemplateRuntimeError(f"{kind_of(value)} cannot stand within a text; join it, or take one of its items")


def kind_of(value: Any) -> str:
    match value:
        case float():
            return f"the number with a fraction {value}"
        case Mapping():
            return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else "this"
