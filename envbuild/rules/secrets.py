"""Secrets that stand in a file: by the shape of the text, or by the name of what has it for a value.

What is found is never repeated: a finding says what kind of secret stands where.
"""

import re
from collections.abc import Iterator

import msgspec

from envbuild.document import Document, Entry, Mapping, Scalar, Sequence, Value, is_null, plain_value
from envbuild.errors import Note, Place

CODE = "plain-secret"
_SHAPES = (
    ("a token of GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,}"),
    ("a token of GitHub", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}"),
    ("a token of GitLab", ("glpat-",), r"glpat-[\w-]{20,}"),
    ("a token of PyPI", ("pypi-",), r"pypi-[\w-]{50,}"),
    ("a token of npm", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    ("a token of Docker", ("dckr_",), r"dckr_(?:pat|oat)_[\w-]{20,}"),
    ("a token of Hugging Face", ("hf_",), r"hf_[A-Za-z0-9]{30,}"),
    ("a token of Slack", ("xox",), r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a key of AWS", ("AKIA", "ASIA"), r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a key of Google", ("AIza",), r"AIza[\w-]{35}"),
    ("a key of Azure", ("AccountKey=", "SharedAccessKey="), r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{30,}={0,2}"),
    ("a signature of Azure", ("sig=",), r"(?<=[?&])sig=[A-Za-z0-9%+/]{30,}"),
    ("a key of Stripe", ("k_live_",), r"[sr]k_live_[A-Za-z0-9]{20,}"),
    ("a key of a model's service", ("sk-",), r"sk-(?:proj-|ant-)?(?=[\w-]*[0-9])[\w-]{32,}"),
    ("a signed token", ("eyJ",), r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    ("a private key", ("PRIVATE KEY-----",), r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("the password of a URL", ("://",), r"(?<=://)[^\s:@/'\"{}$<>]*:(?![*]+@)[^\s@/'\"{}$<>]+(?=@[\w\[])"),
    (
        "the value of a variable",
        ("TOKEN=", "PASSWORD=", "SECRET=", "_KEY="),
        r"\w*(?:TOKEN|PASSWORD|SECRET|API_KEY|ACCESS_KEY)=['\"]?(?![Tt]rue\b|[Ff]alse\b|/)[^\s'\"$`{}<>;&|]{6,}",
    ),
)
_PATTERNS = tuple((what, marks, re.compile(rf"(?<![\w-])(?:{shape})")) for what, marks, shape in _SHAPES)
_MARKS = re.compile("|".join(re.escape(mark) for _, marks, _ in _PATTERNS for mark in marks))
_NAME = re.compile(r"(?i).*(?:token|passw(?:or)?d|passphrase|secret)|(?:.*[_.-])?(?:api|access|private|secret)[_-]?key")
_MAY_NAME = re.compile(r"(?i)(?:token|passw(?:or)?d|passphrase|secret|_?key)[\"']?[ \t]*:")
_PLAIN_WORDS = {"", "none", "null", "yes", "no", "on", "off", "required", "optional", "changeme"}
_ELSEWHERE = re.compile(r"/|\./|file:|\$|<.*>|\[.*\]$|\*+$|.*\{\{.*")
_HINT = "take it out and have a new one, for history keeps this one; 'secrets' in envbuild.yaml name where values are"


class _Spot(msgspec.Struct, frozen=True):
    line: int
    column: int
    what: str


def secrets(path: str, text: str) -> Iterator[Note]:
    """By their shape, in any text of the project: also in comments, for these are committed as well."""
    for spot in _shaped(text):
        yield _told(spot.what, Place(path, spot.line, spot.column))


def secrets_of(document: Document) -> Iterator[Note]:
    """By their shape, and what stands for a value where its name says that it is secret; one of each line."""
    found = {note.where.line: note for note in secrets(document.path, document.text)}
    if _MAY_NAME.search(document.text):
        for entry in _named(document.root):
            where = entry.value.place
            found.setdefault(where.line, _told(f"the value of '{entry.key.text}'", where))
    yield from found.values()


def _told(what: str, where: Place) -> Note:
    return Note(CODE, f"{what} stands in the file", where, _HINT)


def _shaped(text: str) -> Iterator[_Spot]:
    if not _MARKS.search(text):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if _MARKS.search(line) and (spot := _first(line, number)):
            yield spot


def _first(line: str, number: int) -> _Spot | None:
    for what, marks, pattern in _PATTERNS:
        if any(mark in line for mark in marks) and (match := pattern.search(line)):
            return _Spot(number, match.start() + 1, what)
    return None


def _named(node: Value) -> Iterator[Entry]:
    """Every value below whose name says that it is secret, and that says it here."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _named(item)
    if not isinstance(node, Mapping):
        return
    for key, entry in node.entries.items():
        if isinstance(entry.value, Scalar):
            if _NAME.fullmatch(key) and _is_said(entry.value):
                yield entry
        else:
            yield from _named(entry.value)


def _is_said(node: Scalar) -> bool:
    """A text that is the secret itself: no switch, no place where it is, and nothing that Jinja is to write."""
    text = node.text.strip()
    if is_null(node) or text.lower() in _PLAIN_WORDS or _ELSEWHERE.match(text):
        return False
    return text.lower() not in {"true", "false", "0", "1"} and plain_value(node) is not None
