"""Whether an image is what its lock makes, as text and JSON."""

from envbuild.project.distributing.verifying import Verified
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, wrapped


def verified_json(found: Verified) -> str:
    return document(
        verified={
            "environment": found.image.environment.name,
            "version": found.image.version,
            "holds": found.holds,
            "rebuilt": found.rebuilt,
            "places": [{"name": one.name, "digest": one.digest or None} for one in found.places],
            "moved": [
                {"what": one.what, "rebuilt": one.rebuilt or None, "there": one.there or None} for one in found.moved
            ],
        }
    )


def verified_text(found: Verified, look: Look) -> str:
    """The answer first; then each place, and each layer that differs."""
    title = one_line(found.image.title)
    if found.holds:
        answer = look.paint(f"{title} is what its lock makes: {found.rebuilt}", "good")
    else:
        answer = look.paint(f"{title} is not what its lock makes", "bad")
    lines = [answer, *(_place(one.name, one.digest, found.rebuilt) for one in found.places)]
    if not found.holds:
        lines.append(f"  rebuilt  {found.rebuilt}")
    for one in found.moved:
        lines += wrapped(one_line(one.what), look, "  differs  ", " " * 11)
    return "\n".join(lines)


def _place(name: str, digest: str, rebuilt: str) -> str:
    word = "the same" if digest == rebuilt else digest or "gone"
    return f"  {one_line(name)}  {word}"
