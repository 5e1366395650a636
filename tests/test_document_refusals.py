"""What YAML readers disagree on is refused, each with its place and the way to write it plainly."""

import pytest

from envbuild.document import is_null, parse
from envbuild.errors import DocumentError

_PLAIN_KEY = "a key must be plain text\n  hint: write 'key: value'"
_MERGE = "merge keys ('<<') are not read\n  hint: name a parent with 'extends'"
_ONE = "a file holds one document\n  hint: remove the '---', or make it two files"
_BRACES = "'{{' starts a value that is not quoted\n  hint: write it in quotes: \"{{ … }}\""
_TAB = "a tab may not indent\n  hint: indent with spaces"
_MAPPING = "the file must be a mapping of keys to values\n  hint: write 'key: value' lines"
_DIRECTIVE = "YAML directives are not read\n  hint: remove the line that starts with '%'"
_RESET = "!reset takes no value\n  hint: write '!reset' alone; to replace, '!override'"
_QUOTE = "\n  hint: quote text that holds special characters"


def refused(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse("f.yaml", text.encode())
    return str(caught.value).removeprefix("f.yaml:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a {x: 1}\nb:\n  <<: *a\n", f"3:3: {_MERGE}"),
        ("a: &a {x: 1}\nb: {<<: *a}\n", f"2:5: {_MERGE}"),
        ("<<: {x: 1}\n", f"1:1: {_MERGE}"),
        ("a: 1\n---\nb: 2\n", f"2:1: {_ONE}"),
        ("---\n---\na: 1\n", f"2:1: {_ONE}"),
        ("%YAML 1.1\n---\na: 1\n", f"1:1: {_DIRECTIVE}"),
        ("%TAG ! !x\n---\na: 1\n", f"1:1: {_DIRECTIVE}"),
        ("a: {{ x }}\n", f"1:5: {_BRACES}"),
        ("a:\n  - {{ x }}\n", f"2:6: {_BRACES}"),
        ("a: [{{ x }}]\n", f"1:6: {_BRACES}"),
        ("? [a]\n: 1\n", f"1:3: {_PLAIN_KEY}"),
        ("? {a: b}\n: 1\n", f"1:3: {_PLAIN_KEY}"),
        ("{[a]: 1}\n", f"1:2: {_PLAIN_KEY}"),
        ("~: 1\n", f"1:1: {_PLAIN_KEY}"),
        ("!override a: 1\n", f"1:1: {_PLAIN_KEY}"),
        ("a:\n\tb: 1\n", f"2:1: {_TAB}"),
        ("a:\n  b: 1\n\tc: 1\n", f"3:1: {_TAB}"),
        ("- a\n", f"1:1: {_MAPPING}"),
        ("just text\n", f"1:1: {_MAPPING}"),
        ("null\n", f"1:1: {_MAPPING}"),
    ],
)
def test_what_readers_disagree_on_is_refused(text: str, message: str) -> None:
    """Merge keys, several documents, directives, bare braces, odd keys, tabs, a root that is no mapping."""
    assert refused(text) == message


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [
        ("!Raw", "x", "!Raw"),
        ("!x", "{b: 1}", "!x"),
        ("!Override", "[b]", "!Override"),
        ("!!float", "3", "tag:yaml.org,2002:float"),
        ("!!binary", "eA==", "tag:yaml.org,2002:binary"),
        ("!!python/object/apply:os.system", "[ls]", "tag:yaml.org,2002:python/object/apply:os.system"),
        ("!<tag:example.com,2000:x>", "1", "tag:example.com,2000:x"),
    ],
)
def test_unknown_tags_are_refused(tag: str, value: str, shown: str) -> None:
    """Nothing is built, converted or called because a file asks for it."""
    assert refused(f"a:\n  b: {tag} {value}\n") == (
        f"2:6: unknown tag '{shown}'\n  hint: use one of !override, !reset and !raw"
    )


@pytest.mark.parametrize("value", ["x", "[x]", "{x: 1}"])
def test_reset_takes_no_value(value: str) -> None:
    """What it would silently drop is refused, be it text, a list or a mapping."""
    assert refused(f"a: !reset {value}\n") == f"1:4: {_RESET}"


@pytest.mark.parametrize("value", ["", "null", "[]", "{}"])
def test_reset_is_written_as_in_compose_files(value: str) -> None:
    """Compose files write `!reset null` and `!reset []`."""
    node = parse("f.yaml", f"a: !reset {value}\n".encode()).root.get("a")
    assert node is not None
    assert node.tag == "!reset"


@pytest.mark.parametrize("text", ["!override\na: 1\n", "!reset {}\n"])
def test_a_tag_stands_on_the_value_of_a_key(text: str) -> None:
    """On the file as a whole it would mean nothing."""
    assert refused(text).startswith("1:1: ")


@pytest.mark.parametrize("text", ["a: !!str [x]\n", "a: !!map x\n", "a: !!seq {b: 1}\n"])
def test_a_tag_that_contradicts_its_value_is_refused(text: str) -> None:
    """A list is no text, whatever stands before it."""
    assert refused(text).startswith("1:4: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", "1:5: a ': ' stands where no key can\n  hint: quote the value, or mend the indent"),
        ("a: [1, 2\nb: 3\n", f"2:2: this is not YAML: did not find expected ',' or ']'{_QUOTE}"),
        ("a: @x\n", f"1:4: this is not YAML: found character that cannot start any token{_QUOTE}"),
        ("a:\n    b: 1\n  c: 2\n", f"3:3: this is not YAML: did not find expected key{_QUOTE}"),
        ("a: 'b\nc: 3\n", f"3:1: this is not YAML: found unexpected end of stream{_QUOTE}"),
        ("a: [\r\n", f"2:1: this is not YAML: did not find expected node content{_QUOTE}"),
        ('a: "\\ud800"\n', f"1:7: this is not YAML: found invalid Unicode character escape code{_QUOTE}"),
        (
            "a: [{b: 1:30}]\n",
            "1:10: a ':' stands within brackets and outside of quotes\n  hint: quote the value: \"https://…\"",
        ),
    ],
)
def test_what_is_not_yaml_is_refused_at_its_place(text: str, message: str) -> None:
    """The parser's words, our place, and what usually helps."""
    assert refused(text) == message


def test_an_error_on_a_line_that_cr_begins_is_placed_there() -> None:
    """A line break is one for the tree and for errors alike."""
    assert refused("a: 1\rb: c: d\r").startswith("2:5: ")


@pytest.mark.parametrize("word", ["", "~", "null", "Null", "NULL"])
def test_null_is_what_yaml_1_2_says(word: str) -> None:
    """Only plain text is null; in quotes it is text."""
    plain = parse("f.yaml", f"a: {word}\n".encode()).root.get("a")
    quoted = parse("f.yaml", f"a: '{word}'\n".encode()).root.get("a")
    assert plain is not None
    assert quoted is not None
    assert (is_null(plain), is_null(quoted)) == (True, False)
