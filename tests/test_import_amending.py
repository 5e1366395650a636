"""What an import takes out of a text, or writes anew in it, is exactly that: all else stays where it was."""

import pytest
from support.realfiles import Sample, samples

from envbuild.document import Document, Scalar, parse, plain_data, scalars
from envbuild.project.starting.amending import commented, respelt, span_at, spans

ODD = [
    "a: [b, {c: d}, 'e']\nf:\n  - - g\n  - h: i\n    j: k\n",
    "a: &x\n  - b\n  - |\n    c\n    d\ne: *x\n",
    "---\na:\n- b  # why\n-   c\n\nd: {e: f, g: h}\n...\n",
    'a:\n  - "b\n    c"\n  - >\n    d\n    e\n  - f\n',
    "'a b': {pip: [c, d==1 , e]}\n? f\n: g\n",
]


def texts() -> list[str]:
    return [*ODD, *(sample.text.replace("\r\n", "\n") for sample in samples("locks", "loads"))]


def document(text: str) -> Document:
    return parse("x", text.encode())


@pytest.mark.parametrize("text", texts())
def test_each_value_can_be_taken_out(text: str) -> None:
    """What is left is YAML that says nothing else than before, and every other line is as it was."""
    before = [node.text for node in scalars(document(text).root)]
    for span in spans(text):
        line, column = span.value[0] + 1, span.value[1] + 1
        without = commented(text, line, column, "a reason: # 'x'")
        if without is None:
            assert span.is_alone or not span.around
            continue
        if "&x" in text and "&x" not in without.partition("#")[0] and "*x" in without:
            continue  # what it leaves behind is refused, and then taken out, too
        after = [node.text for node in scalars(document(without).root)]
        assert len(after) < len(before)
        assert set(after) <= set(before)
        assert "# left out: " in without
        lines = without.split("\n")
        changed = [
            number for number, (one, other) in enumerate(zip(text.split("\n"), lines, strict=False)) if one != other
        ]
        assert all("#" in lines[number] or "[" in lines[number] or "{" in lines[number] for number in changed)


@pytest.mark.parametrize("sample", samples("locks"), ids=lambda one: one.slug)
@pytest.mark.parametrize("value", ["x: y # z", "- '\"", "{{ a }}", "é\n- b", "yes", "!override"])
def test_each_text_can_be_another(sample: Sample, value: str) -> None:
    """Whatever that holds, it is read as this text, and nothing else is read otherwise."""
    text = sample.text.replace("\r\n", "\n")
    nodes = list(scalars(document(text).root))
    for at, node in list(enumerate(nodes))[:: max(1, len(nodes) // 5)]:
        span = span_at(text, node.line, node.column)
        if span is None or (node.line - 1, node.column - 1) != span.value or span.is_block:
            continue
        again = list(scalars(document(respelt(text, span, value)).root))
        assert [one.text for one in again] == [
            *(one.text for one in nodes[:at]),
            value,
            *(one.text for one in nodes[at + 1 :]),
        ]
        assert again[at].tag in {None, "!raw"}
        assert isinstance(plain_data(again[at]) if isinstance(again[at], Scalar) else "", str)
