"""What goes back to who asked."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from envbuild.serving.words import FAILURE


class Answer(NamedTuple):
    status: int
    milliseconds: float
    headers: list[list[str]]
    body: bytes


def refusal(status: int, text: str, *, failure: bool = False, **more: Any) -> Answer:
    """`failure`: it is the script's, as Azure tells it apart."""
    headers = [[FAILURE, "True"]] if failure else []
    return Answer(status, 0.0, headers, json.dumps({"message": text, **more}).encode())
