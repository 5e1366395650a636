"""Which files a folder leaves out, by files such as `.gitignore` in it: git's own rules for patterns."""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Rule = tuple[re.Pattern[str], bool, bool]

_LIMIT = 1 << 20


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

    def _decided(self, path: str, *, is_folder: bool) -> bool:
        """What the last rule says that fits, of the nearest file."""
        for base in _above(path):
            below = path[len(base) + 1 :] if base else path
            for pattern, leaves_out, only_folders in reversed(self._of(base)):
                if (is_folder or not only_folders) and pattern.fullmatch(below):
                    return leaves_out
        return False

    def _of(self, base: str) -> "list[Rule]":
        if base not in self._rules:
            place = f"{self._root}/{base}" if base else self._root
            texts = [_text(f"{place}/{name}") for name in self._names]
            self._rules[base] = [rule for text in texts for rule in rules(text.splitlines())]
        return self._rules[base]


def _above(path: str) -> "Iterator[str]":
    while path:
        path = path.rpartition("/")[0]
        yield path


def _text(path: str) -> str:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - no pathlib: it takes longer to load than is left
            return stream.read(_LIMIT).decode(errors="replace")
    except OSError:
        return ""


def rules(lines: "Iterable[str]") -> "Iterator[Rule]":
    for line in lines:
        text = re.sub(r"(?<!\\) +$", "", line)
        if not text or text.startswith("#"):
            continue
        leaves_out = not text.startswith("!")
        text = text if leaves_out else text[1:]
        only_folders = text.endswith("/")
        if text := text.rstrip("/"):
            yield re.compile(_expression(text), re.DOTALL), leaves_out, only_folders


def _expression(text: str) -> str:
    """Without a slash it is a name at any depth, with one a path from the file's own folder."""
    start = "" if "/" in text else "(?:.*/)?"
    text = text.removeprefix("/")
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
        sign, at = text[at], at + 1
        if sign == "\\" and at < len(text):
            found, at = found + re.escape(text[at]), at + 1
        elif sign == "[" and (closed := text.find("]", at + 1)) > 0:
            found, at = found + _letters(text[at:closed]), closed + 1
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
    return re.sub(r"(?:\[\^/\]\*)+", "[^/]*", found)


def _letters(text: str) -> str:
    """A range of letters; one that is none fits nothing."""
    inside = re.sub(r"([\\\[&~|^])", r"\\\1", text.removeprefix("!").removeprefix("^"))
    shown = f"[{'^/' if text[:1] in {'!', '^'} else ''}{inside}]"
    try:
        re.compile(shown)
    except re.error:
        return r"(?!)"
    return shown
