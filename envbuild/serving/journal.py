"""The front's log: a line for each request, and for what becomes of workers; written in pieces, in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from envbuild.serving.words import clean, line, log

if TYPE_CHECKING:
    import asyncio

_WAIT_SECONDS = 0.02
_MOST = 500


class Journal:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._second = 0
        self._stamp = ""

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on lines of requests wait a moment for others."""
        self._loop = loop

    def say(self, what: str, level: str = "info") -> None:
        self.write()
        log(line(what, level))

    def story(self, what: str, story: str) -> None:
        from envbuild.serving.words import indented

        self.write()
        log(line(what) + indented(story))

    def request(self, words: str) -> None:
        """Of what a client has said only what is harmless is in it."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        self._lines.append(f"{self._stamp}.{int((now - second) * 1000):03d}Z {words}\n")
        if self._loop is None or len(self._lines) >= _MOST:
            self.write()
        elif len(self._lines) == 1:
            self._loop.call_later(_WAIT_SECONDS, self.write)

    def write(self) -> None:
        if self._lines:
            text, self._lines = "".join(self._lines), []
            log(text)


def word(text: str) -> str:
    """As one word of a line."""
    return clean(text).replace(" ", "\\x20").replace("\t", "\\x09") or "-"
