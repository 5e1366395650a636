"""Texts with `{{ }}`: compiled once, and bounded before they are evaluated: a sandbox stops neither memory nor time."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import Undefined, meta, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateRuntimeError

from envbuild.sandbox.confined import LIMIT_TEXT, Confined, bounded, kind_of, shown
from envbuild.shape import nearest

LIMIT_TOKENS = 500
LIMIT_WORK = 4 * 1024 * 1024
_NEVER = {  # characters that no document may hold, so that only `{{ }}` is active in values
    "block_start_string": "\ufdd2%",
    "block_end_string": "%\ufdd2",
    "comment_start_string": "\ufdd2#",
    "comment_end_string": "#\ufdd2",
}
_UNDEFINED = re.compile(r"'(?P<root>\w+)\.(?P<name>[^']*)' is undefined")
_BRACES = "write '!raw' before a text whose braces are meant literally"


class Expression(msgspec.Struct, frozen=True):
    """A text with `{{ }}`, compiled once: the names it uses, how large its evaluation can be, and how to evaluate."""

    names: frozenset[str]
    weight: int
    single: bool
    evaluate: Callable[[Mapping[str, Any]], Any]


class Fault(msgspec.Struct, frozen=True):
    """Why a text is no expression, or why it has no value."""

    message: str
    hint: str


_VALUES = Confined(shown, **_NEVER)


@lru_cache(maxsize=65536)
def compiled(text: str) -> Expression | Fault:
    """Once for each text, however many environments use it; only the caller knows the line."""
    try:
        tokens = [(kind, value) for _, kind, value in _VALUES.lex(text)]
        if (count := sum(kind not in {"data", "whitespace"} for kind, _ in tokens)) > LIMIT_TOKENS:
            return Fault(f"an expression of {count} words and signs", f"use at most {LIMIT_TOKENS}")
        tree = _VALUES.parse(text)
        if next(tree.find_all((nodes.Call, nodes.CallBlock)), None):
            return Fault("functions cannot be called here", f"filters are: {', '.join(sorted(_VALUES.filters))}")
        _names_of_filters(tree)
        return _expression(text, tokens, frozenset(meta.find_undeclared_variables(tree)))
    except TemplateError as error:
        return Fault(f"'{{{{ }}}}' holds no expression: {error.message}", _BRACES)
    except (RecursionError, SyntaxError, MemoryError, ValueError, OverflowError):
        return Fault("an expression that is nested too deep", "write it flatter")


def _names_of_filters(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Filter):
        if node.name not in _VALUES.filters:
            raise TemplateRuntimeError(f"no filter is named '{node.name}'")


def _expression(text: str, tokens: list[tuple[str, str]], names: frozenset[str]) -> Expression:
    begins = sum(kind == "variable_begin" for kind, _ in tokens)
    single = begins == 1 and tokens[0][0] == "variable_begin" and tokens[-1][0] == "variable_end"
    weight = sum(kind == "name" for kind, _ in tokens)
    if single:
        inner = "".join(value for _, value in tokens[1:-1])
        return Expression(names, weight, single, _VALUES.compile_expression(inner, undefined_to_none=False))
    return Expression(names, weight, single, _VALUES.from_string(text).render)


def evaluated(expression: Expression, values: Mapping[str, Any], largest: int) -> Any:
    """The value: plain data, or a Fault. `largest` is the size of the largest text among the values."""
    if expression.weight * max(largest, 1) > LIMIT_WORK:
        return Fault("an expression over texts that are too large", "make the texts smaller")
    try:
        found = expression.evaluate(values)
        if isinstance(found, Undefined):
            str(found)
        return _plain(found)
    except SecurityError as error:
        return Fault(f"refused: {error.message}", "write it more simply")
    except TemplateError as error:
        return Fault(f"{error.message}", _hint(error.message or "", values))
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, AttributeError) as error:
        return Fault(f"the expression fails: {error}", "mend it")


def _hint(message: str, values: Mapping[str, Any]) -> str:
    """What is undefined is mostly misspelt, else another tool's."""
    found = _UNDEFINED.match(message)
    if found and found["root"] in values:
        return nearest(found["name"], values[found["root"]])
    return f"known are: {', '.join(values)}; {_BRACES}" if found or "undefined" in message else "mend the expression"


def _plain(value: Any) -> Any:
    found: Any
    match value:
        case None | bool() | str():
            found = value
        case int():
            found = bounded(value)
        case list() | tuple():
            found = [_plain(one) for one in value]
        case Mapping():
            found = {str(key): _plain(one) for key, one in value.items()}
        case float():
            raise TemplateRuntimeError(f"{kind_of(value)} is not kept as written; make a text of it")
        case _:
            found = [_plain(one) for one in value]
    if isinstance(found, str) and len(found) > LIMIT_TEXT:
        raise SecurityError(f"a value of more than {LIMIT_TEXT // 1024} KiB")
    return found
