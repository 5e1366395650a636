"""What BuildKit makes of one word of an instruction: the rules of its shell's lexer, for words that expand nothing.

Its parser itself is the package `dockerfile`; this is what comes after it: quotes are taken away, `$` is replaced.
"""

from collections.abc import Mapping

import dockerfile

_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"


def commands(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Each instruction with its values, as BuildKit's parser tells them; a here-document is an instruction too many."""
    found = dockerfile.parse_string(text)
    return [(one.cmd.upper() if not one.heredocs else "HEREDOC", one.value) for one in found]


def word(text: str, values: Mapping[str, str] | None = None) -> str:
    return _Lexer(text, values or {}).whole()


class _Lexer:
    def __init__(self, text: str, values: Mapping[str, str]) -> None:
        self._text = text
        self._values = values
        self._at = 0

    def whole(self, stop: str = "") -> str:
        found = ""
        while self._at < len(self._text) and self._text[self._at] != stop:
            found += self._next(quoted=False)
        if stop:
            self._take()
        return found

    def _take(self) -> str:
        letter = self._text[self._at]
        self._at += 1
        return letter

    def _next(self, *, quoted: bool) -> str:
        letter = self._take()
        if letter == "$":
            return self._dollar()
        if letter == "\\":
            if self._at == len(self._text):
                return "" if not quoted else letter
            escaped = self._take()
            return escaped if not quoted or escaped in '"$\\' else letter + escaped
        if letter == "'" and not quoted:
            end = self._text.index("'", self._at)
            found, self._at = self._text[self._at : end], end + 1
            return found
        return self._double() if letter == '"' and not quoted else letter

    def _double(self) -> str:
        found = ""
        while self._text[self._at] != '"':
            found += self._next(quoted=True)
        self._take()
        return found

    def _dollar(self) -> str:
        if self._at < len(self._text) and self._text[self._at] == "{":
            self._take()
            value = self._values.get(self._name(), "")
            if self._take() == "}":
                return value
            assert self._take() == "+", "only ':+' is used"
            other = self.whole("}")
            return other if value else ""
        name = self._name()
        return self._values.get(name, "") if name else "$"

    def _name(self) -> str:
        first = self._at
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            self._at += 1
        return self._text[first : self._at]
