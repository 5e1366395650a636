"""The one place through which text reaches a terminal: nothing that came from data moves a cursor or forges a line."""

import re

from envbuild.document import PREFIX

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Control characters and changes of direction, shown as what they are; line breaks stay."""
    named = text.replace(PREFIX, "{{ environment.prefix }}")
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", named)


def one_line(text: str) -> str:
    """Text of data within a line of ours."""
    return clean(text.replace("\n", "\\n"))


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
