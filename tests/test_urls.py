"""URLs are compared by their parts, and what is none is asked by nobody."""

from http import HTTPStatus

import pytest
from support.loopback import Loopback, Reply, Request

from envbuild.errors import SolveError
from envbuild.solvers.hops import Hops

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
