"""Templates of the sandbox: what may be printed, and nothing else."""

from typing import Any

import pytest
from jinja2 import DictLoader, TemplateError

from envbuild.sandbox import Steps, confined_templates, shown


def printed(text: str, **values: Any) -> str:
    """What a template makes of values; `q` is its one quoting filter, which writes brackets around."""
    templates = confined_templates(DictLoader({"t": text}), {"q": lambda one: f"<{shown(one)}>"}, Steps(1000))
    return templates.get_template("t").render(**values)


def test_templates_print_what_a_filter_quoted() -> None:
    """The quoting filters, `word` and `quote`; a template's own text stands as it is."""
    text = "a {{ x | q }} {{ x | word }} {{ y | quote }} {% for i in z %}{{ i | q }}{{ loop.index | q }}{% endfor %}"
    assert printed(text, x="v", y="a b", z=[1, True]) == "a <v> v 'a b' <1><1><true><2>"


_UNQUOTED = (
    "{{ x }}", "{{ 'x' }}", "{{ 1 }}", "{{ x | upper }}", "{{ x | q | upper }}", "{{ x | q ~ 'y' }}", "{{ [x | q] }}",
    "{{ x | q | replace('<', '') }}", "{% set y = x %}{{ y }}", "{% set y %}{{ x }}{% endset %}", "{{ x | string }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x) }}", "{{ x | default('y') }}", "{{ none }}", "{{ loop }}",
    "{{ x | q * 2 }}", "{{ (x | q)[1:] }}", "{{ x | safe }}", "{{ y }}", "{{ y | q }}", "{{ y | quote }}",
    "{{ 'a b' | word }}", "{{ '-a' | word }}", "{{ 'a\n' | word }}", "{{ '' | word }}", "{{ [1] | q }}",
)  # fmt: skip


@pytest.mark.parametrize("text", _UNQUOTED)
def test_nothing_else_is_printed(text: str) -> None:
    """No value as it is, no value changed after it was quoted, nothing undefined, no word that is none."""
    with pytest.raises(TemplateError):
        printed(text, x="v")
