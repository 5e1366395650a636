"""Which files a folder leaves out, by files such as `.gitignore` in it: git's own rules for patterns."""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Rule = tuple[re.Pattern[str], bool, bool]

_LIMIT = 1 << 20
_BYTES = 256
_MANY = re.compile(r"(?:(?<=/)|^)(?:\*\*+/)+")
_NOTHING = "(?!)"
_SIGNS = {"*": "[^/]*", "?": "[^/]", "[": _NOTHING}  # one that is not closed fits nothing
_ITEM = r"\[:[^\]:]*:\]|\\.|[^\]\\]"
_LETTERS = re.compile(rf"\[(?:([!^])|(?![!^]))((?:\]|{_ITEM})(?:{_ITEM})*)\]", re.DOTALL)
_LETTER = re.compile(r"(\[:[^\]:]*:\])|(\\.|.)(?:-(\\.|[^\]\\]))?", re.DOTALL)
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~",
    "lower": "a-z", "print": " -~", "punct": r"!-\/:-@\[-`{-~", "space": r" \t-\r", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


class Ignoring:
    """The ignoring files of one folder; `names` are what these are called, the last has the last word."""

    def __init__(self, root: str, names: "tuple[str, ...]") -> None:
        self._root = root
        self._names = names
        self._rules: dict[str, list[Rule]] = {}
        self._known: dict[str, bool] = {}

    def leaves_out(self, path: str, *, is_folder: bool = False) -> bool:
        """By a path from the root; what lies in a folder that is left out is left out with it."""
        folder = path.rpartition("/")[0]
        if folder and self._folder(folder):
            return True
        return self._folder(path) if is_folder else self._decided(path, is_folder=False)

    def _folder(self, path: str) -> bool:
        if path not in self._known:
            above = path.rpartition("/")[0]
            self._known[path] = (bool(above) and self._folder(above)) or self._decided(path, is_folder=True)
        return self._known[path]

    def brings_back(self, path: str) -> bool:
        """Whether a rule says that it is not left out, or that a folder is not in which it lies."""
        folders = [one for one in _above(path) if one]
        return self._said(path, is_folder=False) is False or any(
            self._said(one, is_folder=True) is False for one in folders
        )

    def has_exceptions(self, folder: str) -> bool:
        return any(not leaves_out for _, leaves_out, _ in self._of(folder))

    def _decided(self, path: str, *, is_folder: bool) -> bool:
        return self._said(path, is_folder=is_folder) or False

    def _said(self, path: str, *, is_folder: bool) -> bool | None:
        """What the last rule says that fits, of the nearest file; nothing where none does."""
        for base in _above(path):
            below = path[len(base) + 1 :] if base else path
            for pattern, leaves_out, only_folders in reversed(self._of(base)):
                if (is_folder or not only_folders) and pattern.fullmatch(below):
                    return leaves_out
        return None

    def _of(self, base: str) -> "list[Rule]":
        if base not in self._rules:
            place = f"{self._root}/{base}" if base else self._root
            texts = [_text(f"{place}/{name}") for name in self._names]
            self._rules[base] = [rule for text in texts for rule in rules(text.split("\n"))]
        return self._rules[base]


def _above(path: str) -> "Iterator[str]":
    while path:
        path = path.rpartition("/")[0]
        yield path


def _text(path: str) -> str:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - no pathlib: it takes longer to load than is left
            return stream.read(_LIMIT).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def rules(lines: "Iterable[str]") -> "Iterator[Rule]":
    for line in lines:
        text = re.sub(r"(?<!\\) +$", "", line.removesuffix("\r"))
        if not text or text.startswith("#"):
            continue
        leaves_out = not text.startswith("!")
        text = text if leaves_out else text[1:]
        only_folders = text.endswith("/")
        if text := text.removesuffix("/"):
            yield re.compile(_expression(text), re.DOTALL), leaves_out, only_folders


def _expression(text: str) -> str:
    """Without a slash it is a name at any depth, with one a path from the file's own folder."""
    start = "" if "/" in text else "(?:.*/)?"
    text = _MANY.sub("**/", text.removeprefix("/"))
    if text.startswith("**/"):
        start, text = "(?:.*/)?", text[3:]
    end = ""
    if text.endswith("/**"):
        text, end = text[:-3], "/.+"
    inner = "/(?:.*/)?".join(_piece(piece) for piece in text.split("/**/"))
    return f"{start}{inner}{end}"


def _piece(text: str) -> str:
    found, at = "", 0
    while at < len(text):
        sign, letters = text[at], _LETTERS.match(text, at)
        if letters:
            found, at = found + _letters(*letters.groups()), letters.end()
        elif sign == "\\" and at + 1 < len(text):
            found, at = found + re.escape(text[at + 1]), at + 2
        else:
            found, at = found + _SIGNS.get(sign, re.escape(sign)), at + 1
    return re.sub(r"(?:\[\^/\]\*)+", "[^/]*", found)


def _letters(negated: str | None, inside: str) -> str:
    """One of some letters, ranges, and named classes, but never a slash."""
    pieces = []
    for name, first, last in _LETTER.findall(inside):
        if name and name[2:-2] not in _CLASSES:
            return _NOTHING
        start, end = first[-1:], last[-1:]
        if name:
            pieces.append(_CLASSES[name[2:-2]])
        elif not end:
            pieces.append(_in_class(start))
        else:  # of a range that goes backwards there is its first letter alone
            pieces.append(f"{_in_class(start)}-{_in_class(end)}" if start <= end else _in_class(start))
    return f"(?!/)[{'^' if negated else ''}{''.join(pieces)}]"


def _in_class(letter: str) -> str:
    return letter if letter.isalnum() else f"\\x{ord(letter):02x}" if ord(letter) < _BYTES else letter
