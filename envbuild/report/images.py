"""Images that were built: the names that they are given, and what they are made of."""

from collections.abc import Iterable
from typing import Any

from envbuild.project.distributing.promoting import Move
from envbuild.project.distributing.pulling import Pulled
from envbuild.project.distributing.recalled import Image
from envbuild.report.plans import document
from envbuild.report.terminal import one_line

_SHORT = len("sha256:") + 12


def move_lines(image: Image, moves: Iterable[Move]) -> list[str]:
    """What each name stands for from now on, and what it stood for."""
    shown = f"v{image.version}" if image.version else image.digest[:_SHORT]
    return [one_line(f"{one.name} -> {shown} ({_before(one)})") for one in moves]


def _before(move: Move) -> str:
    if not move.before:
        return "new"
    if move.stands:
        return "as before"
    return f"was v{move.before_version}" if move.before_version else f"was {move.before[:_SHORT]}"


def moves_json(image: Image, moves: Iterable[Move]) -> str:
    return document(
        environment=image.environment.name, version=image.version, tags=[_move_object(one) for one in moves]
    )


def _move_object(one: Move) -> dict[str, Any]:
    before = {"digest": one.before, "version": one.before_version} if one.before else None
    return {"name": one.name, "digest": one.digest, "before": before}


def pulled_text(pulled: Pulled) -> str:
    """The names by which the engine knows it now."""
    return "\n".join(one_line(name) for name in pulled.names or (pulled.image.reference,))


def pulled_json(pulled: Pulled) -> str:
    image, facts = pulled.image, pulled.facts
    return document(
        environment=image.environment.name,
        version=image.version,
        reference=image.reference,
        id=facts.id,
        platform=facts.platform,
        size=facts.size,
        names=list(pulled.names),
    )
