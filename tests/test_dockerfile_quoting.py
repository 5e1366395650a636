"""P21: no value becomes an instruction. What filters print is read again by BuildKit's own parser, and by a shell."""

import json
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2.exceptions import TemplateRuntimeError
from support.dockerreader import commands, word
from support.images import lock_of
from support.manifests import Written, environment

from envbuild.document import quoted, unprintable
from envbuild.errors import EnvbuildError
from envbuild.project.shipped import templates as shipped
from envbuild.render import Given, Templates, render_image
from envbuild.render.quoting import argument, comment, copy, ending, exec_, instructions, quote

HOSTILE = [
    "two\nUSER evil",
    "a\rUSER evil",
    "a\u2028USER evil\u2029\x85\x0b\x0c",
    "<<EOF",
    "cat <<EOF\nUSER evil\nEOF",
    "--from=evil",
    "-x",
    "$HOME ${HOME} ${HOME:+x} $(id) `id`",
    'it\'s "quoted" \\ and \\" so \' on \\',
    "it's $HOME and ${PATH}, \\$HOME",
    "trailing \\",
    "`",
    "'",
    '"',
    "\\",
    "",
    " ",
    "syntax=evil",
    "escape=`",
    "#",
    "# syntax = evil",
    '["/bin/sh"]',
    "a]b[",
    "a=b c=d",
    "grün 环境 🐍 \u00a0 \u202e",
    "tab\there",
    "{{ x }} {% y %}",
]
ACTIVE = st.text(st.sampled_from("'\"\\`$#<{}()[]=:+-!~*?&|; \t\nEOFaU"), max_size=12)
texts = st.one_of(st.sampled_from(HOSTILE), ACTIVE, st.text(max_size=12))


def refuses(value: str) -> bool:
    try:
        quote(value)
    except TemplateRuntimeError:
        return True
    return False


@given(texts)
@example("\x7f")
@example("\ud800")
def test_a_quoted_value_is_one_word_of_every_instruction(text: str) -> None:
    """Read by BuildKit it is the text again, and nothing follows it but what stood there; else it is refused."""
    if refuses(text):
        assert ending(text)
        return
    shown = quote(text)
    lines = f"FROM scratch\nENV A={shown} B=x\nLABEL a={shown} b=x\nWORKDIR {shown}\nRUN printf %s {shown}\nUSER root\n"
    found = commands(lines)
    assert [name for name, _ in found] == ["FROM", "ENV", "LABEL", "WORKDIR", "RUN", "USER"]
    for _, (name, value, other, last) in found[1:3]:
        assert (name.lower(), word(value), other.lower(), last) == ("a", text, "b", "x")
    assert word(found[3][1][0]) == text


@given(texts.filter(lambda text: not refuses(text)))
def test_a_quoted_value_is_one_word_of_a_shell(text: str) -> None:
    """And nothing in it is run or replaced."""
    script = f"printf '[%s]' {quote(text)} end"
    ran = subprocess.run(["/bin/sh", "-c", script], capture_output=True, env={"HOME": "/h"}, check=True)
    assert ran.stdout.decode() == f"[{text}][end]"
    assert ran.stderr == b""


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_command_is_its_words(words: list[str]) -> None:
    """Of any number of lines; a here-document in it is the shell's business."""
    if any("\x00" in one or any("\ud800" <= letter <= "\udfff" for letter in one) for one in words):
        with pytest.raises(TemplateRuntimeError):
            exec_(words)
        return
    text = exec_(words)
    assert json.loads(text) == words
    for flags in ("", "--mount=type=secret,id=x,required=true "):
        found = commands(f"FROM scratch\nRUN {flags}{text}\nCMD {text}\nUSER root\n")
        assert found == [("FROM", ("scratch",)), ("RUN", tuple(words)), ("CMD", tuple(words)), ("USER", ("root",))]


@given(st.lists(texts, min_size=2, max_size=3))
def test_places_of_a_copy_are_places(words: list[str]) -> None:
    """None is taken for an option, a second place or a here-document."""
    if any(map(refuses, words)):
        return
    found = commands(f"FROM scratch\nCOPY {copy(words)}\nUSER root\n")
    assert [name for name, _ in found] == ["FROM", "COPY", "USER"]
    assert [word(one) for one in found[1][1]] == words


@given(texts)
def test_a_comment_orders_nothing(text: str) -> None:
    """Also at the very top, where BuildKit looks for orders to itself."""
    assert "\n" not in comment(text)
    found = commands(f"# {comment(text)}\nFROM scratch\nRUN a \\\n  b\n")
    assert found == [("FROM", ("scratch",)), ("RUN", ("a   b",))]


@given(texts)
def test_an_argument_is_plain_or_refused(text: str) -> None:
    """No blank, quote, sign or leading dash."""
    try:
        shown = argument(text)
    except TemplateRuntimeError:
        return
    assert shown == text
    assert commands(f"FROM {shown}\nUSER {shown}\n") == [("FROM", (text,)), ("USER", (text,))]


def test_no_value_of_a_manifest_is_printed_as_instructions() -> None:
    """But a Dockerfile of the project's own."""
    with pytest.raises(TemplateRuntimeError):
        instructions("USER evil")


def raw(text: str) -> Written:
    return Written(f"!raw {quoted(text)}")


def image(value: str) -> list[tuple[str, tuple[str, ...]]]:
    """The instructions of an image that has a value in each of its places."""
    body = {
        "builder": "docker",
        "platforms": ["linux-64"],
        "dependencies": ["python=3.12", {"pip": ["alpha==1"]}],
        "variables": {"A": raw(value), "P": {"prepend": [raw(f"/p{value}")], "append": [raw(f"/a{value}")]}},
        "setup": [raw(f"x{value}")],
        "image": {
            "base": "debian:12",
            "build": [{"command": raw(f"x{value}"), "before": "apt"}, {"script": "s.sh", "args": [raw(value)]}],
            "copy": [{"from": "file", "to": raw(f"/to/{value}")}],
            "workdir": raw(f"/w{value}"),
            "entrypoint": [raw(f"e{value}")],
            "command": raw(f"c{value}"),
            "labels": {"org.example": raw(value)},
        },
    }
    found = environment({"k": body})
    return commands(render_image(found, Templates({}, shipped()), Given(lock_of(found)))["Dockerfile"])


def unwritable(letter: str) -> bool:
    """What no YAML file may hold."""
    return bool(unprintable(letter))


_USUAL = image("plain")


@given(texts)
@example("\n# syntax=evil\nUSER evil")
def test_no_value_of_a_manifest_becomes_an_instruction(value: str) -> None:
    """Whatever it holds, the image has the instructions that it has anyway; each with that value."""
    if ending(value) or any(map(unwritable, value)):
        with pytest.raises(EnvbuildError):
            image(value)
        return
    found = image(value)
    assert [(name, len(values)) for name, values in found] == [(name, len(values)) for name, values in _USUAL]
    by_name = {name: values for name, values in found if name in {"LABEL", "WORKDIR", "ENTRYPOINT", "CMD"}}
    assert word(by_name["LABEL"][1]) == value
    assert word(by_name["WORKDIR"][0]).rstrip() == f"/w{value}".rstrip()
    assert by_name["ENTRYPOINT"] == (f"e{value}",)
    assert by_name["CMD"] == ("/bin/sh", "-c", f"c{value}")
    variables = dict(values for name, values in found if name == "ENV" and len(values) == 2)
    assert word(variables["A"]) == value
    assert word(variables["P"], {"P": "/old"}) == f"/p{value}:/old:/a{value}"
    assert word(variables["P"]) == f"/p{value}:/a{value}"
