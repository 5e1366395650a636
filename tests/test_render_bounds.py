"""What a template may cost: bounded steps, depth and output, whatever it asks for."""

import json

import pytest
from support.confined import confined

_SCRIPT = """
import json, sys
from support.manifests import environment
from envbuild.errors import RenderError
from envbuild.project.shipped import templates as shipped
from envbuild.render import Template, Templates, render
found = environment({"k": "channels: [a, b]\\nvariables: {BIG: " + "x" * 60000 + "}\\nsetup: [make]\\n"})
own = {name: Template(f"templates/{name}", text) for name, text in json.load(sys.stdin).items()}
try:
    print("made", len(render(found, Templates(own, shipped()), "")["environment.yml"]))
except RenderError as error:
    print(error)
"""

BIG = "environment.variables.BIG"
_WRITES = f"{{% for a in {BIG} %}}{{{{ {BIG} | yaml }}}}{{% endfor %}}"
_LONG_LOOP = f"{{% for a in {BIG} %}}{{% for b in {BIG} %}}{{% endfor %}}{{% endfor %}}"
_DOUBLED = "{% set l = [1] %}{% set m = [1] %}" + "{% set l = [l, l] %}{% set m = [m, m] %}" * 40
_MACROS = "{% macro m0() %}x{% endmacro %}" + "".join(
    f"{{% macro m{at}() %}}{{{{ m{at - 1}() }}}}{{{{ m{at - 1}() }}}}{{% endmacro %}}" for at in range(1, 40)
)
_INCLUDES = {f"t{at}.j2": f'{{% include "t{at + 1}.j2" %}}' * 2 for at in range(40)} | {"t40.j2": ""}

_ENDLESS: dict[str, dict[str, str]] = {
    "a loop in a loop": {"environment.yml.j2": _LONG_LOOP},
    "a loop that writes": {"environment.yml.j2": _WRITES},
    "a block that keeps what it writes": {"environment.yml.j2": f"{{% set x %}}{_WRITES}{{% endset %}}"},
    "a filter over a block": {"environment.yml.j2": f"{{% filter yaml %}}{_WRITES}{{% endfilter %}}"},
    "a macro that keeps what it writes": {
        "environment.yml.j2": f"{{% macro m() %}}{_WRITES}{{% endmacro %}}{{% set x = m() %}}"
    },
    "a macro that calls itself": {"environment.yml.j2": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
    "macros that call each other twice": {"environment.yml.j2": _MACROS + "{{ m39() }}"},
    "a template that includes itself": {"environment.yml.j2": '{% include "environment.yml.j2" %}'},
    "a template that extends itself": {"environment.yml.j2": '{% extends "environment.yml.j2" %}'},
    "templates that include each other": {
        "environment.yml.j2": '{% include "a.j2" %}',
        "a.j2": '{% include "environment.yml.j2" %}',
    },
    "templates that include others twice": {"environment.yml.j2": '{% include "t0.j2" %}', **_INCLUDES},
    "lists that are compared": {"environment.yml.j2": _DOUBLED + "{% if l == m %}x{% endif %}"},
    "a list in a list": {"environment.yml.j2": _DOUBLED + "{% if l in [m] %}x{% endif %}"},
    "loops nested too deep": {
        "environment.yml.j2": "{% for a in environment.channels %}" * 25 + "x" + "{% endfor %}" * 25
    },
    "conditions nested too deep": {"environment.yml.j2": "{% if 1 %}" * 400 + "x" + "{% endif %}" * 400},
    "parentheses nested too deep": {"environment.yml.j2": "{{ " + "(" * 400 + "1" + ")" * 400 + " | yaml }}"},
    "a text repeated": {"environment.yml.j2": "{{ 'x' * 10**9 | yaml }}"},
    "a power": {"environment.yml.j2": "{{ 10**10**10 | yaml }}"},
    "a list repeated": {"environment.yml.j2": "{% set x = [[1] * 60000] * 60000 %}{{ x | join | yaml }}"},
}


@pytest.mark.parametrize("what", _ENDLESS)
def test_what_would_not_end_is_refused(what: str) -> None:
    """Soon, in little memory, with the template's file and line."""
    told = confined(_SCRIPT, json.dumps(_ENDLESS[what]))
    assert told.startswith("templates/")
    assert "\n  hint: " in told
    assert len(told) < 500


def test_filters_in_a_long_row_are_compiled_soon() -> None:
    """200 filters on one value: made or refused, but at once."""
    text = "{{ environment.name" + " | upper" * 230 + " | yaml }}"
    assert confined(_SCRIPT, json.dumps({"environment.yml.j2": text}))


def test_what_is_large_but_bounded_is_made() -> None:
    """7 MiB of text and 60,000 turns of a loop."""
    text = f"{{% for a in {BIG} %}}{{% endfor %}}" + f"{{{{ {BIG} | yaml }}}}\n" * 120
    assert confined(_SCRIPT, json.dumps({"environment.yml.j2": text})) == f"made {60_003 * 120}\n"
