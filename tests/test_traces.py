"""Where a secret stands in a text, in whatever form programs write it there."""

import base64

import pytest

from envbuild.solvers.logins import traces

_HIDDEN = "canary-7f?>é"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user: "])
@pytest.mark.parametrize("behind", ["", "x", "\nxyz"])
def test_a_secret_is_found_in_base64(before: str, behind: str) -> None:
    """Wherever it begins, in both alphabets; nothing that tells it is left."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(f"{before}{_HIDDEN}{behind}".encode()).decode()
        hidden = traces(_HIDDEN).sub("***", text)
        assert "***" in hidden
        assert len(hidden) - 3 <= len(text) - len(_HIDDEN.encode()) * 8 // 6 + 1


def test_a_secret_is_found_as_digits() -> None:
    """Of either case."""
    digits = _HIDDEN.encode().hex()
    for text in (digits, digits.upper()):
        assert traces(_HIDDEN).sub("***", f"0x{text}.") == "0x***."


def test_a_short_one_is_not_looked_for_in_other_forms() -> None:
    """It would be part of other words by chance."""
    assert traces("abcd").sub("***", base64.b64encode(b"abcd").decode()) == base64.b64encode(b"abcd").decode()
