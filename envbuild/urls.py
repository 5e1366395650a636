"""URLs as texts: whether a text is one, who is asked by it, and what lies below what.

They are compared by their parts: one place can be written in many ways.
"""

import re
from urllib.parse import SplitResult, urlsplit

_NO_HOST = re.compile(r"[\s<>\"\\^`|]")


def parts_of(url: str) -> SplitResult | None:
    """Nothing for a text that nobody can ask: without a host, or with a port that there cannot be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if host and not _NO_HOST.search(host) else None


def shown(word: str) -> str:
    """What may be a URL, without all that may be a password, wherever it ends."""
    return re.sub(r"://.*@", "://", word)
