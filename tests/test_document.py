"""YAML text becomes a tree that knows its places, or one error that says where and how to mend it."""

import codecs
import re
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.document import (
    LIMIT_BYTES,
    LIMIT_NODES,
    Document,
    Mapping,
    Scalar,
    Sequence,
    Value,
    decode,
    parse,
    scalars,
)
from envbuild.errors import DocumentError


def tree(text: str | bytes) -> list[str]:
    """Every node of a parsed text: its place, its tag, and what it says; plain text stands without quotes."""
    data = text.encode() if isinstance(text, str) else text
    return list(_told(parse("f.yaml", data).root))


def _told(node: Value) -> list[str]:
    start = f"{node.line}:{node.column} {node.tag or ''}".strip()
    match node:
        case Scalar():
            return [f"{start} {node.text if node.plain else repr(node.text)}"]
        case Sequence():
            return [f"{start} list", *(line for item in node.items for line in _told(item))]
    entries = ([f"{_told(entry.key)[0]}:", *_told(entry.value)] for entry in node.entries.values())
    return [f"{start} mapping", *(line for entry in entries for line in entry)]


def refused(text: str | bytes) -> str:
    """The one error, with its place and hint."""
    with pytest.raises(DocumentError) as caught:
        tree(text)
    assert caught.value.hint
    return str(caught.value).removeprefix("f.yaml:")


def test_every_value_knows_its_place_and_its_text() -> None:
    """Keys, values, items and collections have line, column and the text as written; quoted text is no plain text."""
    assert tree("a: 3.10\nb:\n  - 'x'\n  - {c: \"d\\n\"}\n  - |\n    e\nf: !override [g]\nh: !reset\n😀: 😀 i\n") == [
        "1:1 mapping",
        "1:1 a:",
        "1:4 3.10",
        "2:1 b:",
        "3:3 list",
        "3:5 'x'",
        "4:5 mapping",
        "4:6 c:",
        "4:9 'd\\n'",
        "5:5 'e\\n'",
        "7:1 f:",
        "7:4 !override list",
        "7:15 g",
        "8:1 h:",
        "8:4 !reset ",
        "9:1 😀:",
        "9:4 😀 i",
    ]


def test_the_documents_path_is_how_messages_name_it() -> None:
    """A node's place prints as path:line:column."""
    root = parse("manifests/a.yaml", b"a:\n  b: 1\n").root
    assert [str(node.place) for node in scalars(root)] == ["manifests/a.yaml:2:6"]


def test_a_text_that_says_nothing_is_an_empty_mapping() -> None:
    """An empty file, comments and a bare document marker."""
    for text in ("", "# only this\n", "\n\n"):
        assert parse("f.yaml", text.encode()) == Document("f.yaml", Mapping("f.yaml", 1, 1, None, {}), text)


def test_a_key_that_is_not_there_is_none() -> None:
    """A mapping is asked for a key it does not have."""
    assert parse("f.yaml", b"a: 1\n").root.get("b") is None


@pytest.mark.parametrize(
    "text", ["a: 1\nb:\n  - x\n", "a: 1\r\nb:\r\n  - x\r\n", "a: 1\nb:\n  - x", "a: 1\rb:\r  - x\r"]
)
def test_line_breaks_of_every_system_give_the_same_tree(text: str) -> None:
    """LF, CRLF, CR, with and without a last one."""
    assert tree(text) == ["1:1 mapping", "1:1 a:", "1:4 1", "2:1 b:", "3:3 list", "3:5 x"]


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "a: é\n".encode(),
        codecs.BOM_UTF16_LE + "a: é\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "a: é\n".encode("utf-16-be"),
    ],
)
def test_a_byte_order_mark_is_no_text(data: bytes) -> None:
    """UTF-8 and both kinds of UTF-16, with the columns of a text without a mark."""
    assert tree(data) == ["1:1 mapping", "1:1 a:", "1:4 é"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: \xff\n", 2),
        ("a: é\n".encode("latin-1"), 1),
        ("a: é\n".encode("utf-16-le"), 1),
        (codecs.BOM_UTF16_LE + b"a", 1),
        (codecs.BOM_UTF16_LE + "a: 1\nb: ".encode("utf-16-le") + b"\x00\xd8a\x00", 2),
        (codecs.BOM_UTF16_LE + "a: \u010a\u0a00\nb: ".encode("utf-16-le") + b"\x00\xd8a\x00", 2),
    ],
)
def test_bytes_that_are_no_text_are_refused_at_their_line(data: bytes, line: int) -> None:
    """Latin-1, UTF-16 without a mark, halves of characters."""
    assert refused(data) == f"{line}:1: the file is not UTF-8 text\n  hint: save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\na: 2\n", "2:1"),
        ("a: 1\n'a': 2\n", "2:1"),
        ('{a: 1, "a": 2}', "1:8"),
        ("b:\n  - a: 1\n    a: 2\n", "3:5"),
    ],
)
def test_a_key_stands_once(text: str, place: str) -> None:
    """However it is quoted and however deep it stands, the second is refused and the first is named."""
    line = 2 if text.startswith("b") else 1
    assert (
        refused(text) == f"{place}: the key 'a' stands twice\n  hint: keep one of the two: the first is at line {line}"
    )


@pytest.mark.parametrize("fragment", ["[", "{a: ", "- ", "[[],"])
def test_ten_thousand_levels_are_refused_at_once(fragment: str) -> None:
    """Nothing deep is built and nothing recurses, whatever it is nested in."""
    start = time.monotonic()
    assert refused("a:\n " + fragment * 10_000).endswith(": nested more than 50 deep\n  hint: write it flatter")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("depth", "fits"), [(49, True), (50, False)])
def test_the_bound_on_depth_is_exact(depth: int, *, fits: bool) -> None:
    """The root and what it holds are 50 levels at most."""
    text = f"a: {'[' * (depth - 1)}x{']' * (depth - 1)}\n"
    assert tree(text) if fits else refused(text) == f"1:{depth + 3}: nested more than 50 deep\n  hint: write it flatter"


def test_depth_counts_what_aliases_bring() -> None:
    """Two halves that fit one by one are refused where the second is hung below the first."""
    half = 30
    text = f"a: &a {'[' * half}x{']' * half}\nb: {'[' * half}*a{']' * half}\n"
    assert refused(text) == f"2:{half + 4}: nested more than 50 deep\n  hint: write it flatter"


def test_the_bound_on_size_is_exact() -> None:
    """One byte more than a mebibyte is refused unread."""
    at_most = b"a: " + b"x" * (LIMIT_BYTES - 3)
    assert len(decode("f.yaml", at_most)) == LIMIT_BYTES
    message = "1:1: the file is larger than 1024 KiB\n  hint: split it; parents are named by 'extends'"
    assert refused(at_most + b"x") == message


def test_the_number_of_values_is_bounded() -> None:
    """A flat list of too many."""
    most = LIMIT_NODES - len(("root", "key", "list"))
    assert len(tree(f"a: [{'x,' * most}]")) == LIMIT_NODES
    message = f"1:{2 * most + 5}: more than 100,000 values\n  hint: use fewer aliases, or split the file"
    assert refused(f"a: [{'x,' * most}x]") == message


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    """Ten to the tenth values in ten lines; the alias that would be too many is named."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11))]
    start = time.monotonic()
    assert refused("\n".join(lines)) == "6:25: more than 100,000 values\n  hint: use fewer aliases, or split the file"
    assert time.monotonic() - start < 10


def test_an_alias_is_the_value_with_its_own_place() -> None:
    """What an alias stands for keeps the line where it is written; the last anchor of a name holds."""
    assert tree("a: &x [1]\nb: &x 2\nc: *x\n")[-2:] == ["3:1 c:", "2:4 2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]\n", "1:8: no anchor '&a' stands before this\n  hint: define it first"),
        ("a: &a {b: *a}\n", "1:11: no anchor '&a' stands before this\n  hint: define it first"),
        ("a: *b\n", "1:4: no anchor '&b' stands before this\n  hint: define it first"),
        ("a: &a x\n*a : 1\n", "2:1: an alias cannot be a key\n  hint: write the key itself"),
    ],
)
def test_aliases_that_mean_nothing_are_refused(text: str, message: str) -> None:
    """Values that hold themselves, names nobody gave, keys that are not there to be read."""
    assert refused(text) == message


_CONTROL = "\x00\x01\x08\x0b\x0c\x1b\x1f\x7f\x80\x85\x9b\x9f\u2028\u2029\ufeff\ufffe\uffff"


@pytest.mark.parametrize("character", _CONTROL)
def test_control_characters_are_refused_raw_and_escaped(character: str) -> None:
    """In values and keys, in every style, with the column of the character or of the text that escapes it."""
    what = f"the character U+{ord(character):04X} may not stand in a file"
    assert refused(f"a: 1\nb: x{character}\n") == f"2:5: {what}\n  hint: remove it"
    assert refused(f"a: 1\n'b{character}': x\n") == f"2:3: {what}\n  hint: remove it"
    escape = f"\\U{ord(character):08x}"
    assert refused(f'a: 1\nb: "x{escape}"\n') == f"2:4: {what}\n  hint: remove the escape"
    assert refused(f'a: 1\n"{escape}": x\n') == f"2:1: {what}\n  hint: remove the escape"


def test_a_control_character_is_placed_whatever_breaks_the_lines() -> None:
    """The old line break of CR alone counts as one."""
    assert refused("a: 1\rb: \x01\r").startswith("2:4: ")


def test_tabs_line_breaks_and_letters_of_any_script_are_text() -> None:
    """What is no control character stays as it is."""
    assert tree('a:\t"\\t\\n\\r é漢\\u05d0😀"\n')[-1] == "1:4 '\\t\\n\\r é漢\u05d0😀'"


class Tried(Counter[str]):
    def see(self, data: bytes) -> None:
        """Parse, and hold what comes of it against the text."""
        try:
            root = parse("f.yaml", data).root
        except DocumentError as error:
            refusal = error
        else:
            self["read"] += 1
            for node in scalars(root):
                _within(data, node.line, node.column)
            return
        self["refused"] += 1
        assert refusal.hint
        assert refusal.where is not None
        _within(data, refusal.where.line, refusal.where.column)


def _within(data: bytes, line: int, column: int) -> None:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    lines = [*re.split("\r\n|\r|\n", data.decode(encoding, errors="replace")), ""]  # an end may stand after the text
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1


_FRAGMENTS = [
    *"abx:-?,[]{}#&*!|>'\"%@`~\n\r\t ", "\n  ", "\n- ", ": ", "? ", "&a ", "*a", "<<: ", "!override ", "!reset", "!x ",
    "!!str ", "---\n", "...\n", "%YAML 1.1\n", "{{ x }}", "3.10", "null", "'b'", '"\\u0041"', '"\\e"', "\x1b", "\ufeff",
    "\u2028", "é", "😀", "a: 1\n", "b: [x]\n", "|\n  c\n", ">-\n  d\n", "# e\n", "\r\n",
]  # fmt: skip
_LINES = [
    "a: 1\n", "b:\n  - x\n  - {y: z}\n", "c: {d: [e, 'f']}\r\n", "# g\n", "h: |\n  i\n", "j: &k [l]\n", "m: *k\n",
    "n:\n", '😀: "\\u00e9"\n', "o: !override\n  p: 3.10\n", "q: !reset\n", "? r\n: s\n", "\n", "t: >-\n  u\n\n  v\n",
]  # fmt: skip
_FILE = st.lists(st.sampled_from(_LINES), unique=True, max_size=8).map("".join)
_YAMLISH = (
    st.lists(st.sampled_from(_FRAGMENTS), max_size=25).map("".join)
    | _FILE
    | st.tuples(_FILE, st.sampled_from(_FRAGMENTS), _FILE).map("".join)
)
_MARKS = st.sampled_from([b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])


def test_any_text_is_read_or_refused_within_itself() -> None:
    """No input makes anything but a Document or a DocumentError, and every place lies in the text."""
    tried = Tried()

    @settings(max_examples=20 * settings().max_examples)
    @given(_YAMLISH | st.text())
    def text(text: str) -> None:
        tried.see(text.encode(errors="surrogatepass"))

    @settings(max_examples=5 * settings().max_examples)
    @given(_MARKS, st.binary() | _YAMLISH.map(lambda text: text.encode("utf-16-le")))
    def data(mark: bytes, rest: bytes) -> None:
        tried.see(mark + rest)

    text()
    data()
    print(f"tried {tried.total():,} texts: {tried['read']:,} read, {tried['refused']:,} refused")  # noqa: T201
    assert tried["read"] > tried.total() / 100
    assert tried["refused"] > tried.total() / 10
