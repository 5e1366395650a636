"""URLs that a build itself fetches from: of repositories, and of single files."""

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from envbuild.document import Scalar, Value, is_null
from envbuild.errors import EnvbuildError, ManifestError
from envbuild.shape import is_rendered
from envbuild.urls import climbs, parts_of

_SCHEMES = ("https://", "http://")


def is_text(node: Value | None) -> TypeGuard[Scalar]:
    """What is written out, so that it can be looked at."""
    return isinstance(node, Scalar) and not is_null(node) and not is_rendered(node)


def url_problems(nodes: Iterable[Scalar], what: str) -> Iterator[EnvbuildError]:
    """Whether http is allowed is the settings' business; credentials in one are refused wherever a URL stands."""
    for node in nodes:
        if not node.text.startswith(_SCHEMES):
            yield ManifestError(f"the {what} '{node.text}' is not https", node.place, "write 'https://…'")
        elif not parts_of(node.text) or any(letter in node.text for letter in "?#"):
            yield ManifestError(f"'{node.text}' is no URL of a {what}", node.place, "mend it")
        elif climbs(node.text):
            hint = "write it without '.' and '..' in its path"
            yield ManifestError(f"'{node.text}' leads elsewhere than it says", node.place, hint)
