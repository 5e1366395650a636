"""What a manifest may cost: bounded work, bounded memory, whatever its expressions ask for."""

import json
import time

import pytest
from support.confined import confined
from support.manifests import environment, problems

from envbuild.sandbox import compiled

_SCRIPT = """
import json, sys
from support.manifests import resolved
from envbuild.errors import EnvbuildError
try:
    resolved(json.load(sys.stdin), "k")
    print("[]")
except EnvbuildError as error:
    print(json.dumps([str(problem) for problem in error.problems]))
"""


def refused(text: str) -> list[str]:
    """All that is wrong with a manifest, found in a process that may not work long nor take much memory."""
    found = told(text)
    assert found
    return found


def told(text: str) -> list[str]:
    """The same, where nothing need be wrong."""
    found = json.loads(confined(_SCRIPT, json.dumps({"k": text})))
    assert isinstance(found, list)
    return [str(one) for one in found]


_ONE_TEXT = {
    "a text repeated": "{{ 'x' * 10**9 }}",
    "a power": "{{ 10**10**10 }}",
    "a power of params": "{{ (params.n ** 9) ** 99999999 }}",
    "replace": "{{ params.big | replace('x', params.big) }}",
    "join": "{{ params.big | join(params.big) }}",
    "texts in a row": "{{ params.big }}{{ params.big }}",
    "parentheses": "{{ " + "(" * 300 + ")" * 300 + " }}",
    "more than 500 words and signs": "{{ " + "+".join(["1"] * 251) + " }}",
    "a list repeated": "{{ [0] * 10**9 }}",
    "a text over a large text": "{{ " + "~".join(["params.big[:1]"] * 90) + " }}",
}


@pytest.mark.parametrize("what", _ONE_TEXT)
@pytest.mark.parametrize("key", ["setup: ['{}']", "params: {{big: x, n: 9, a: '{}'}}", "variables: {{A: '{}'}}"])
def test_one_text_is_bounded(what: str, key: str) -> None:
    """In a list, in params, in a variable: refused at its line, before the work is done."""
    stated = key.format(_ONE_TEXT[what].replace("'", "''"))
    big = json.dumps("x" * 60_000)
    text = stated.replace("big: x", f"big: {big}") if "params" in key[:6] else f"params: {{big: {big}, n: 9}}\n{stated}"
    begin = time.process_time()
    (problem,) = problems({"k": f"{text}\n"})
    assert time.process_time() - begin < 1
    assert problem.startswith(f"manifests/k.yaml:{1 + text.count(chr(10))}:")
    assert len(problem) < 400


def test_the_largest_that_is_allowed() -> None:
    """500 words and signs, and a text of 64 KiB, are no matter."""
    long = "{{ " + " ~ ".join(["params.a"] * 100) + " }}"
    found = environment({"k": f"params: {{a: ab}}\nsetup: ['{long}', '{{{{ params.a * 32768 }}}}']\n"})
    assert [len(one) for one in found.setup] == [200, 65536]


def test_params_that_double_are_bounded() -> None:
    """40 params, each twice the one before it, as text: the size of a result counts, however it is made."""
    doubling = "".join(f"  a{at}: '{{{{ params.a{at - 1} }}}}{{{{ params.a{at - 1} }}}}'\n" for at in range(1, 40))
    found = refused(f"params:\n  a0: xx\n{doubling}setup: ['{{{{ params.a39 }}}}']\n")
    assert found[0].startswith("manifests/k.yaml:")


@pytest.mark.parametrize("form", ["[{0}, {0}]", "{{'a': {0}, 'b': {0}}}", "{0} + {0}"])
def test_lists_that_double_are_bounded(form: str) -> None:
    """40 params, each a list or mapping of two of the one before it: as small to write as it is large to keep."""
    lines = [f'  a{at}: "{{{{ {form.format(f"params.a{at - 1}")} }}}}"\n' for at in range(1, 40)]
    found = refused(f"params:\n  a0: [x, y]\n{''.join(lines)}setup: [make]\n")
    assert found[0].startswith("manifests/k.yaml:")


@pytest.mark.parametrize("text", ["{{ [['x'] * 60000] * 60000 }}", "{{ [[[1] * 999] * 999] * 999 }}"])
def test_lists_of_lists_are_bounded(text: str) -> None:
    """One list many times in another: refused before it is written out."""
    for key in (f'params: {{a: "{text}"}}', f'setup: ["{text}"]'):
        (problem,) = refused(f"{key}\n")
        assert problem.startswith("manifests/k.yaml:1:")


_IN_A_ROW = {"filters": " | upper", "keys": ".a", "indexes": "[0]", "sums": " + 1"}


@pytest.mark.parametrize("what", _IN_A_ROW)
def test_a_long_row_is_compiled_at_once(what: str) -> None:
    """As many filters, keys or operators on one value as 500 words and signs allow: no work that grows without end."""
    times = 160 if what == "indexes" else 240
    begin = time.process_time()
    compiled("{{ params.a" + _IN_A_ROW[what] * times + " }}")
    assert time.process_time() - begin < 1


def test_many_texts_together_are_bounded() -> None:
    """A small file may not fill the memory: 20,000 items, each rendered to 60 KB, are refused."""
    items = ", ".join(["\"{{ 'x' * 60000 }}\""] * 20_000)
    assert refused(f"setup: [{items}]\n")[0].startswith("manifests/k.yaml:1:")


def test_a_very_long_chain_of_params_is_quick() -> None:
    """2,000 params, each using the next: rendered, or refused once, and not with an error for each."""
    lines = "".join(f"  a{at}: '{{{{ params.a{at + 1} }}}}'\n" for at in range(2000))
    assert len(told(f"params:\n{lines}  a2000: end\nsetup: ['{{{{ params.a0 }}}}']\n")) <= 1


def test_a_text_used_everywhere_is_compiled_once() -> None:
    """10,000 items of one text take no longer than reading them does."""
    items = ", ".join(["'{{ params.a }}'"] * 10_000)
    begin = time.process_time()
    assert environment({"k": f"params: {{a: x}}\nsetup: [{items}]\n"}).setup == ("x",) * 10_000
    assert time.process_time() - begin < 3
