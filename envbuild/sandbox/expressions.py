"""Texts with `{{ }}`: compiled once, and bounded before they are evaluated: a sandbox stops neither memory nor time."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateRuntimeError

from envbuild.document import unprintable
from envbuild.sandbox.confined import LIMIT_TEXT, Confined, Placed, bounded, kind_of, shown
from envbuild.shape import nearest

LIMIT_TOKENS = 500
LIMIT_WORK = 4 * 1024 * 1024
LIMIT_NODES = 10_000
_NEVER = {  # characters that no document may hold, so that only `{{ }}` is active in values
    "block_start_string": "\ufdd2%",
    "block_end_string": "%\ufdd2",
    "comment_start_string": "\ufdd2#",
    "comment_end_string": "#\ufdd2",
}
_UNDEFINED = re.compile(r"'(?P<root>\w+)\.(?P<name>[^']*)' is undefined")
_TRIMMED = re.compile(r"^[-+]|[-+]$")  # how Jinja is told to trim what stands around an expression
_BRACES = "write '!raw' before a text whose braces are meant literally"


class Expression(msgspec.Struct, frozen=True):
    """A text with `{{ }}`, compiled once: the names it uses, how large its evaluation can be, and how to evaluate."""

    names: frozenset[str]
    params: frozenset[str]
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
        tokens = _tokens(text)
        if len(tokens) > LIMIT_TOKENS:
            return Fault(f"an expression of more than {LIMIT_TOKENS} words and signs", "write it shorter")
        tree = _VALUES.parse(text)
        if next(tree.find_all((nodes.Call, nodes.CallBlock)), None):
            return Fault("functions cannot be called here", f"use a filter: {', '.join(sorted(_VALUES.filters))}")
        if fault := _misused(tree):
            return fault
        return _expression(text, tokens, frozenset(node.name for node in tree.find_all(nodes.Name)), _params(tree))
    except TemplateError as error:
        return Fault(f"'{{{{ }}}}' holds no expression: {error.message}", _BRACES)
    except (RecursionError, SyntaxError, MemoryError, ValueError, OverflowError):
        return Fault("an expression that is nested too deep", "write it flatter")


def _tokens(text: str) -> list[tuple[str, str]]:
    """The parts of a text, as far as they are not too many."""
    found: list[tuple[str, str]] = []
    for _, kind, value in _VALUES.lex(text):
        if kind != "whitespace" or not found or found[-1][0] != "whitespace":
            found.append((kind, value))
        if len(found) > 2 * LIMIT_TOKENS:
            break
    return [(kind, value) for kind, value in found if kind != "whitespace"]


def _misused(tree: nodes.Template) -> Fault | None:
    """Filters that there are not, and characters that no file may hold."""
    for node in tree.find_all(nodes.Filter):
        if node.name not in _VALUES.filters:
            return Fault(f"no filter is named '{node.name}'", nearest(node.name, _VALUES.filters))
    for test in tree.find_all(nodes.Test):
        if test.name not in _VALUES.tests:
            return Fault(f"no test is named '{test.name}'", nearest(test.name, _VALUES.tests))
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, str) and (why := unprintable(const.value)):
            return Fault(why, "remove the escape")
    return None


def _params(tree: nodes.Template) -> frozenset[str]:
    """The params that are named in so many words."""
    found = set()
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == "params":
            found.add(node.attr)
    for item in tree.find_all(nodes.Getitem):
        key = item.arg.value if isinstance(item.arg, nodes.Const) else None
        if isinstance(item.node, nodes.Name) and item.node.name == "params" and isinstance(key, str):
            found.add(key)
    return frozenset(found)


def _expression(text: str, tokens: list[tuple[str, str]], names: frozenset[str], params: frozenset[str]) -> Expression:
    begins = sum(kind == "variable_begin" for kind, _ in tokens)
    single = begins == 1 and tokens[0][0] == "variable_begin" and tokens[-1][0] == "variable_end"
    weight = sum(kind == "name" for kind, _ in tokens)
    if single:
        inner = _TRIMMED.sub("", text.strip()[2:-2])
        return Expression(names, params, weight, single, _VALUES.compile_expression(inner, undefined_to_none=False))
    return Expression(names, params, weight, single, _VALUES.from_string(text).render)


def evaluated(expression: Expression, values: Mapping[str, Any], largest: int) -> Any:
    """The value: plain data, or a Fault. `largest` is the size of the largest text among the values."""
    if expression.weight * max(largest, 1) > LIMIT_WORK:
        return Fault("an expression over texts that are too large", "make the texts smaller")
    try:
        return _Plain().of(expression.evaluate(values))
    except SecurityError as error:
        return Fault(f"refused: {error.message}", "write it more simply")
    except TemplateError as error:
        return Fault(f"{error.message}", _hint(error.message or "", values))
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, AttributeError, NameError) as error:
        return Fault(f"the expression fails: {error}", "mend it")


def _hint(message: str, values: Mapping[str, Any]) -> str:
    """What is undefined is mostly misspelt, else another tool's."""
    found = _UNDEFINED.match(message)
    if found and found["root"] in values:
        return nearest(found["name"], values[found["root"]])
    return f"known are: {', '.join(values)}; {_BRACES}" if found or "undefined" in message else "mend the expression"


class _Plain:
    """The result of an expression as plain data, of a bounded number of parts."""

    def __init__(self) -> None:
        self._left = LIMIT_NODES

    def of(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise SecurityError(f"a value of more than {LIMIT_NODES:,} parts")
        match value:
            case Undefined():
                return str(value)  # which raises, but for `x if no` without else
            case Placed():
                return self._text(value.text)
            case None | bool():
                return value
            case str():
                return self._text(value)
            case int():
                return bounded(value)
            case float():
                raise TemplateRuntimeError(f"{kind_of(value)} is not kept as written; make a text of it")
            case Mapping():
                return {str(key): self.of(one) for key, one in value.items()}
        return [self.of(one) for one in value]

    def _text(self, value: str) -> str:
        if len(value) > LIMIT_TEXT:
            raise SecurityError(f"a value of more than {LIMIT_TEXT // 1024} KiB")
        return str(value)
