"""URLs are compared by their parts, and what is none is asked by nobody."""

from http import HTTPStatus
from pathlib import Path

import pytest
from support.loopback import Loopback, Reply, Request

from envbuild.errors import SolveError
from envbuild.settings import Settings
from envbuild.settings.secrets import Secret
from envbuild.solvers.hops import Hops
from envbuild.solvers.secrets import Secrets
from envbuild.solvers.stores import Stores

NONE = (
    "http://[bad/",
    "http://h:99999/x",
    "http://h:abc/",
    "//[::1",
    "http:///x",
    "///x",
    r"\\h\x",
    r"/\h/x",
    "https:x",
)


class _Leading(Loopback):
    """Sends everybody on."""

    to = ""

    def reply(self, request: Request) -> Reply:  # noqa: ARG002 - whatever is asked
        return Reply(HTTPStatus.FOUND, headers={"Location": self.to})


@pytest.mark.parametrize("to", NONE)
def test_a_redirect_to_what_is_no_url(to: str) -> None:
    """Refused: where another client would take it to lead, nobody knows; a token is not shown again."""
    with _Leading() as server:
        server.to = to
        with pytest.raises(SolveError) as caught:
            Hops({}, "", 5).away(f"http://{server.address}/t/hush/x")
    assert caught.value.message == f"{server.address} sends on to what is no URL"


@pytest.mark.parametrize(
    ("places", "url", "found"),
    [
        (["http://h/ab"], "http://h/abc", None),
        (["http://h/ab"], "http://h/ab/c", 0),
        (["http://h/ab/"], "http://h/ab", 0),
        (["http://h/ab"], "http://h/%61b/c", 0),
        (["http://h/ab"], "http://h/ab/../c", None),
        (["http://h/ab"], "http://h/x/%2e%2e/ab/c", 0),
        (["http://h/a%2fb"], "http://h/a/b", None),
        (["http://h"], "https://h", None),
        (["http://h"], "http://h:8080", None),
        (["http://h"], "http://h.evil", None),
        (["http://h"], "http://[bad/", None),
        (["HTTPS://H:443/"], "https://h/c", 0),
        (["https://host.example:443/", "https://host.example/c"], "https://host.example/c/d", 1),
        (["https://host.example/c", "https://host.example:443//"], "https://host.example/c/d", 0),
        (["https://h/%61%62%63", "https://h/abc/d"], "https://h/abc/d/e", 1),
    ],
)
def test_the_nearest_place_is_the_deepest(places: list[str], url: str, found: int | None) -> None:
    """By whole steps of the path in the same origin, whatever is the longer text."""
    named = {f"s{at}": Secret(env="A", places=(place,)) for at, place in enumerate(places)}
    near = Secrets(Settings(secrets=named), {}, Path("/")).covering(url)
    assert (near.name if near else None) == (None if found is None else f"s{found}")


def test_what_uv_has_stored_for_the_deepest_place_counts(tmp_path: Path) -> None:
    """As with secrets: two services of one host may be written in ways of their own."""
    (tmp_path / "credentials.toml").write_text(
        "".join(
            f"[[credential]]\nservice = '{place}'\nscheme = 'basic'\nusername = '{user}'\npassword = 'x'\n"
            for place, user in (("https://host.example:443/", "far"), ("https://host.example/c", "near"))
        )
    )
    login = Stores({"UV_CREDENTIALS_DIR": str(tmp_path), "HOME": str(tmp_path)}).login("https://host.example/c/d")
    assert login is not None
    assert login.user == "near"
