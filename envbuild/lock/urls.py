"""URLs of packages as they may stand in a file: without credentials, one word, nothing that a reader would replace."""

import re
from urllib.parse import urlsplit, urlunsplit

_BARE = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._~!$&'()*+,=:%/-]*")  # nothing in it can be a secret
_UNSAFE = " \"'<>\\`{}$"


def public_url(url: str) -> str:
    """A URL as it may stand in a lock: without user or password, and without a hash that stands beside it."""
    if _BARE.fullmatch(url):
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] if not parts.scheme.endswith("ssh") else parts.netloc
    fragment = parts.fragment if parts.fragment.startswith("subdirectory=") else ""
    return urlunsplit((parts.scheme, host, parts.path, parts.query, fragment))


def safe_url(url: str) -> str:
    """Without credentials, and with nothing that ends a line or a word, or that a reader would replace."""
    shown = public_url(url)
    return "".join(one if one.isprintable() and one not in _UNSAFE else _escaped(one) for one in shown)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
