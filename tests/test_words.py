"""What is told of programs' own words."""

from envbuild.solvers.words import with_tries, with_words

_WORDS = (
    "Request failed after 2 retries\nCaused by: error for url (https://h.org/t/CANARY/linux-64/x.json?key=CANARY)\n"
)


def test_a_failed_request_tells_where_and_how_often() -> None:
    """P26: and no token, wherever in the URL it stands."""
    assert with_tries("what", _WORDS) == "what\n    asked 3 times for https://h.org/t/***/linux-64/x.json"
    assert with_tries("what", "error for url (https://h.org/x)") == "what\n    asked once for https://h.org/x"


def test_words_that_name_no_place_stand_below() -> None:
    """Line by line, without what only says that there is a cause."""
    assert with_tries("what", "broken\n\n  Caused by: rust\n") == "what\n    broken\n    rust"
    assert with_words("what", "error: x\n  cause: y") == "what\n    error: x\n    y"
