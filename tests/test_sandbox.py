"""The sandbox itself: what an expression gives, keeps and refuses, and that nothing leads out of it."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from jinja2 import TemplateError
from support.confined import confined

from envbuild.sandbox import Fault, Values, compiled, evaluated, shown

PARAMS = {
    "text": "abc",
    "number": 3,
    "yes": True,
    "no": False,
    "nothing": None,
    "items": "a key",
    "list": ["b", "a"],
    "map": {"keys": "a key", "name": "x", "inner": {"values": [1, 2]}},
    "version": "3.10",
    "big": "x" * 60_000,
}


def value(text: str, params: Mapping[str, Any] | None = None) -> Any:
    """What a text comes to: a value, or a Fault, in less than a second of work."""
    begin = time.process_time()
    own = PARAMS if params is None else params
    values = {
        "params": Values("params", own),
        "matrix": Values("matrix", {"cuda": "12"}),
        "environment": Values("environment", {"name": "k"}),
    }
    expression = compiled(text)
    largest = max((len(one) for one in own.values() if isinstance(one, str)), default=0)
    found = expression if isinstance(expression, Fault) else evaluated(expression, values, largest)
    assert time.process_time() - begin < 1
    return found


def fault(text: str, params: Mapping[str, Any] | None = None) -> str:
    found = value(text, params)
    assert isinstance(found, Fault), f"{text[:80]} gives {str(found)[:80]!r}"
    assert found.hint
    assert len(found.message) < 300
    return found.message


_VALUES: dict[str, Any] = {
    "{{ params.yes }}": True,
    "{{ params.number }}": 3,
    "{{ params.number + 1 }}": 4,
    "{{ -params.number }}": -3,
    "{{ 7 // 2 }}": 3,
    "{{ 2 ** 10 }}": 1024,
    "{{ params.version }}": "3.10",
    "{{ '3.10' }}": "3.10",
    "{{ '007' }}": "007",
    "{{ 'true' }}": "true",
    "{{ params.list }}": ["b", "a"],
    "{{ (1, 2) }}": [1, 2],
    "{{ params.map.inner }}": {"values": [1, 2]},
    "{{ {'a': [1, {'b': true}]} }}": {"a": [1, {"b": True}]},
    "{{ params.nothing }}": None,
    "{{- params.number -}}": 3,
    "{{ not params.yes }}": False,
    "{{ 'a' if params.yes else 'b' }}": "a",
    "{{ params.none | default('z') }}": "z",
    "{{ params.none is defined }}": False,
    "{{ params.list | sort | join(',') }}": "a,b",
    "{{ params.list[0] }}{{ params.list[-1] }}": "ba",
    "{{ params.text[1:] }}": "bc",
    "{{ 'a' in params.list }}": True,
    "x{{ params.yes }}": "xtrue",
    "{{ params.yes ~ 1 }}": "true1",
    "{{ true ~ 1 }}": "true1",
    "x{{ true }}{{ none }}": "xtrue",
    "x{{ params.nothing }}y": "xy",
    "{{ params.yes | string }}": "true",
    "{{ params.text | quote }}": "abc",
    '{{ "it\'s" | quote }}': "'it'\"'\"'s'",
    "{{ params.text | upper | lower | title }}": "Abc",
    "${{ params.number }}": "$3",
    "{% if x %}{{ params.number }}{# y #}": "{% if x %}3{# y #}",
    "{{ params.number }}\n": "3\n",
    "{%- raw -%} {{ params.text }}": "{%- raw -%} abc",
    "# for x in y\n{{ params.text }}": "# for x in y\nabc",
}


@pytest.mark.parametrize("text", _VALUES)
def test_a_value(text: str) -> None:
    """One expression keeps its type, anything else is text in which values stand as YAML writes them."""
    found = value(text)
    assert (type(found), found) == (type(_VALUES[text]), _VALUES[text])


@pytest.mark.parametrize("text", ["{{ 'a' if params.no }}", "{{ params.list[0] if params.no }}"])
def test_a_condition_without_else_is_empty(text: str) -> None:
    """As in Jinja, where strictness does not concern it; alone, and within a text."""
    assert value(text) in (None, "")
    assert value(f"x{text}y") == "xy"


@pytest.mark.parametrize("method", ["keys", "values", "items", "name"])
def test_keys_come_before_methods(method: str) -> None:
    """A param may be named like a method of a mapping, of texts or of lists; there are no methods."""
    assert value(f"{{{{ params.map.{method} }}}}", {"map": {method: "mine"}}) == "mine"
    assert value(f"{{{{ params.{method} }}}}", {method: "mine"}) == "mine"
    assert fault(f"{{{{ params.map.{method} }}}}", {"map": {"other": 1}}) == f"there is no '{method}'"


_NO_WAY_OUT = (
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ''.__class__.mro() }}",
    "{{ ''.mro }}",
    "{{ params.__class__ }}",
    "{{ params.label }}",
    "{{ params.map.__class__ }}",
    "{{ params.__init__.__globals__ }}",
    "{{ params.none.__class__ }}",
    "{{ params._undefined_obj }}",
    "{{ none.__class__ }}",
    "{{ params.text.format }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{0.__class__}' | format(1) }}",
    "{{ '%s' % params.text }}",
    "{{ '%(a)s' % params.map }}",
    "{{ '%s' | format(params.text) }}",
    "{{ params.text | attr('upper') }}",
    "{{ params.list | map('upper') | list }}",
    "{{ params.list | map(attribute='__class__') | list }}",
    "{{ params.list | selectattr('__class__') | list }}",
    "{{ params.list | sort(attribute='__class__') }}",
    "{{ params.list | unique(attribute='__class__') | list }}",
    "{{ params.list | max(attribute='__class__') }}",
    "{{ params.list | groupby('__class__') }}",
    "{{ params.list | sum(start='') }}",
    "{{ params.list.append }}",
    "{{ params.list.append('x') }}",
    "{{ params.text.upper() }}",
    "{{ params.map.update }}",
    "{{ params.\uff4d\uff41\uff50 }}",
    "{{ ''.__\uff43lass__ }}",
    "{{ ''.__clas\u017f__ }}",
    "{{ range(3) }}",
    "{{ dict(a=1) }}",
    "{{ lipsum(5) }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ namespace(a=1) }}",
    "{{ super() }}",
    "{{ self.x }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ kwargs }}",
    "{{ context }}",
    "{{ get_flashed_messages }}",
    "{{ config }}",
    "{{ request }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ params | pprint }}",
    "{{ params.text | random }}",
    "{{ params.text | xmlattr }}",
    "{{ params.text | urlize }}",
    "{{ params.text | safe }}",
    "{{ params.text | e }}",
    "{{ params.text | tojson }}",
    "{{ params.text is callable }}",
    "{{ params.text is filter }}",
    "{{ params.text is sameas(params.text) }}",
)


@pytest.mark.parametrize("text", _NO_WAY_OUT)
def test_there_is_no_way_out(text: str) -> None:
    """No attributes, calls, globals, format strings or other filters and tests, however they are spelt."""
    message = fault(text)
    assert "<class" not in message
    assert "object at" not in message


_REFUSED = {
    "{{ params.none }}": "'params.none' is undefined",
    "{{ params.none.deeper }}": "'params.none' is undefined",
    "x{{ params.none }}": "'params.none' is undefined",
    "{{ params.none ~ 'x' }}": "'params.none' is undefined",
    "{{ params.none + 1 }}": "'params.none' is undefined",
    "{{ [params.none] }}": "'params.none' is undefined",
    "{{ params.map.none }}": "there is no 'none'",
    "{{ none_such }}": "'none_such' is undefined",
    "{{ matrix.none }}": "'matrix.none' is undefined",
    "{{ params.list[7] }}": "there is no '7'",
    "x{{ params.list }}": "a list cannot stand within a text; join it, or take one of its items",
    "x{{ params.map }}": "a mapping cannot stand within a text; join it, or take one of its items",
    "{{ 3.10 }}": "the number ",
    "{{ 1 / 2 }}": "the number ",
    "{{ 9223372036854775808 }}": "refused: a number of more than 64 bits",
    "{{ 9223372036854775807 + 1 }}": "refused: a number of more than 64 bits",
}


@pytest.mark.parametrize("text", _REFUSED)
def test_a_refusal_says_why(text: str) -> None:
    """What is undefined is named whole; what is no plain value is said to be none."""
    assert fault(text).startswith(_REFUSED[text])


_NO_EXPRESSIONS = (
    "{{", "{{ }}", "{{ a", "{{ 'a }}", "}} {{", "{{ a b }}", "{{ {{ a }} }}", "{{ a | }}", "{{ a. }}", "{{ * }}",
    "{{ 1 << 2 }}", "{{ lambda: 1 }}", "{{ a = 1 }}", "{{ [x for x in y] }}", "{{ \ufe4dclass }}", "{{ params['a' }}",
    "{{ 1 if }}", "{{ a | none_such }}", "{{ a is none_such }}", "{{ latest-pypi-version? }}", "{{ a ! b }}",
    "{{ await a }}", "{{ 1; 2 }}", "{{ `a` }}", "{{ \\ }}", "{{ \u00a7 }}", "{{ 1__0_ }}", "{{ params..a }}",
)  # fmt: skip


@pytest.mark.parametrize("text", _NO_EXPRESSIONS)
def test_what_is_no_expression_is_a_fault(text: str) -> None:
    """Whatever stands between the braces: an answer, never an exception."""
    assert fault(text)


_ODD_NUMBERS = ("{{ 1e400 }}", "{{ -1e400 }}", "{{ 1e400 | int }}", "{{ 1e308 * 10 | int }}", "{{ (-1) ** 0.5 }}",
                "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ 1 // 0 }}", "{{ 0 ** -1 }}", "{{ 10.0 ** 400 }}",
                "{{ 1e400 - 1e400 }}", "{{ [1e400] }}", "x{{ 1e400 }}")  # fmt: skip


@pytest.mark.parametrize("text", _ODD_NUMBERS)
def test_odd_numbers_are_faults(text: str) -> None:
    """Infinity, fractions, divisions by zero: told, as everything is."""
    assert fault(text)


_TOO_MUCH = {
    "a text repeated": "{{ 'x' * 10**9 }}",
    "a list repeated": "{{ [1] * 10**9 }}",
    "a factor in front": "{{ 10**9 * 'x' }}",
    "a tower of powers": "{{ 10**10**10 }}",
    "a power of a power": "{{ (2**62)**(2**62) }}",
    "a power in steps": "{{ 9**9**9**9 }}",
    "replace": "{{ params.big | replace('x', params.big) }}",
    "replace of nothing": "{{ params.big | replace('', 'yy') }}",
    "join": "{{ params.big | join(params.big) }}",
    "join of a list": "{{ params.list | join(params.big) }}",
    "a sum of texts": "{{ params.big + params.big }}",
    "texts joined": "{{ params.big ~ params.big }}",
    "a text in pieces": "{{ params.big }}{{ params.big }}",
    "parentheses": "{{ " + "(" * 200 + "1" + ")" * 200 + " }}",
    "very many parentheses": "{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}",
    "brackets": "{{ " + "[" * 200 + "]" * 200 + " }}",
    "braces": "{{ " + "{1:" * 150 + "1" + "}" * 150 + " }}",
    "very many words": "{{ " + "+".join(["1"] * 400) + " }}",
    "very many expressions": "{{ 1 }}" * 20_000,
    "very many filters": "{{ params.big" + " | upper" * 200 + " }}",
    "very many texts": "{{ " + "~".join(["params.big"] * 100) + " }}",
    "a whole number that is long": "{{ 1" + "0" * 5000 + " }}",
    "a text that is long": "{{ '" + "x" * 70_000 + "' }}",
    "a whole number from a text": "{{ ('f' * 60000) | int(0, 16) }}",
    "padding": "{{ '%1000000000d' % 1 }}",
    "spaces": "{{ params.text | center(10**9) }}",
}


@pytest.mark.parametrize("what", _TOO_MUCH)
def test_too_much_is_refused_at_once(what: str) -> None:
    """However it is asked for: refused before the work is done."""
    assert fault(_TOO_MUCH[what])


_SCRIPT = """
import sys
from envbuild.sandbox import Fault, Values, compiled, evaluated
expression = compiled(sys.stdin.read())
found = expression if isinstance(expression, Fault) else evaluated(expression, {"params": Values("params", {})}, 0)
print(isinstance(found, Fault))
"""
_NESTED = {
    "a list of lists": "{{ [[1] * 60000] * 60000 }}",
    "a list of lists in a mapping": "{{ {'a': [[1] * 60000] * 60000} }}",
    "a list of texts": "{{ ['x' * 60000] * 60000 | join }}",
    "lists of lists of lists": "{{ [[[[1] * 1000] * 1000] * 1000] * 1000 }}",
    "lists that are compared": "{{ [[[[1] * 900] * 900] * 900] * 900 == [[[[1] * 900] * 900] * 900] * 900 }}",
}


@pytest.mark.parametrize("what", _NESTED)
def test_nested_lists_are_bounded(what: str) -> None:
    """Lists of one list, many times: small as they stand, and without end when they are written out."""
    assert confined(_SCRIPT, _NESTED[what]) == "True\n"


def test_shown_is_how_yaml_writes_a_value() -> None:
    """Booleans in lower case, nothing as nothing; a fraction, a list or a mapping has no one way."""
    assert [shown(one) for one in (True, False, None, 7, "a b")] == ["true", "false", "", "7", "a b"]
    for one in (1.5, [1], {"a": 1}, (1,), object()):
        with pytest.raises(TemplateError):
            shown(one)
