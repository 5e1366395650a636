"""What rattler and uv say of a failure, below what we say of it."""

import re

URL = re.compile(r"(?:https?|file)://[^\s`')]+")
STATUS = re.compile(r"HTTP status \w+ error \((?P<status>[^)]+)\)")
_TOKEN = re.compile(r"/t/[^/]+/")  # as conda writes it into the URLs of channels
_RETRIED = re.compile(r"after (?P<retries>\d+) retries")
_CAUSE = re.compile(r"\s*(?:Caused by|cause): ")


def with_words(what: str, words: str) -> str:
    """All lines of it, where the cause is not known to us."""
    lines = [_CAUSE.sub("", line, count=1).rstrip() for line in words.splitlines() if line.strip()]
    return "\n".join([what, *(f"    {line}" for line in lines)])


def with_tries(what: str, words: str) -> str:
    """The cause is said already; what was asked for, and how often, is what is left to tell."""
    url, retried = URL.search(words), _RETRIED.search(words)
    times = int(retried["retries"]) + 1 if retried else 1
    often = f"{times} times" if times > 1 else "once"
    return f"{what}\n    asked {often} for {_shown(url[0])}" if url else with_words(what, words)


def _shown(url: str) -> str:
    """Where it is, and nothing that may be a secret."""
    return _TOKEN.sub("/t/***/", url.partition("?")[0])
