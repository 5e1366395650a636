"""P17: which request carries whose credentials, by what a netrc file says of hosts and ports."""

import os
from pathlib import Path

import pytest

from envbuild.solvers.origins import Origins, public_url

NETRC = """\
machine private.example login u password p@ss/word
machine port.example:8443 login v password q
default login anybody password everywhere
"""


@pytest.fixture
def origins(tmp_path: Path) -> Origins:
    (tmp_path / "netrc").write_text(NETRC, encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    return Origins({"NETRC": str(tmp_path / "netrc")})


@pytest.mark.parametrize(
    ("public", "url"),
    [
        ("https://private.example/c", "https://u:p%40ss%2Fword@private.example/c"),
        ("https://private.example:8443/c", "https://u:p%40ss%2Fword@private.example:8443/c"),
        ("https://port.example:8443/c", "https://v:q@port.example:8443/c"),
        ("https://port.example/c", "https://port.example/c"),
        ("https://port.example:8444/c", "https://port.example:8444/c"),
        ("https://other.example/c", "https://other.example/c"),
        ("https://private.example.evil.example/c", "https://private.example.evil.example/c"),
        ("https://me:own@private.example/c", "https://me:own@private.example/c"),
        ("file:///private.example/c", "file:///private.example/c"),
        ("ftp://private.example/c", "ftp://private.example/c"),
    ],
)
def test_a_url_gets_its_own_credentials(origins: Origins, public: str, url: str) -> None:
    """Those of its host, or of its host and port, and nobody's else: `default` is for no channel."""
    assert origins.url(public) == url
    assert public_url(url) == public or "me:own" in public


def test_signatures_go_by_channel(origins: Origins) -> None:
    """Below the channel's own path on its own host, and nowhere else."""
    known = origins.signatures(["https://private.example/a/", "https://other.example/a"])
    assert known
    assert known.headers("private.example", "/a/linux-64/repodata.json") == {"Authorization": "Basic dTpwQHNzL3dvcmQ="}
    for host, path in (
        ("private.example", "/ab/x"), ("private.example", "/"), ("other.example", "/a/x"), ("evil.example", "/a/x"),
    ):  # fmt: skip
        assert known.headers(host, path) is None


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        ("https://port.example/a", False),
        ("https://port.example/a/b", False),
        ("https://port.example/", False),
        ("http://port.example:1/a", False),
        ("https://port.example/ab", True),
        ("https://port.example:8443/a/b", True),
        ("https://private.example/a", True),
        ("file:///a", True),
    ],
)
def test_what_cannot_be_told_apart_is_not_signed(origins: Origins, other: str, apart: object) -> None:
    """Two ports of a host with one path: only the URL itself may carry credentials then."""
    assert (origins.signatures(["https://port.example:8443/a", other]).carried == frozenset()) is apart


@pytest.mark.parametrize("text", [None, "", "machine\n", "\xff\xfe", "machine a login b\n" * 2])
def test_a_netrc_file_that_cannot_be_read_is_none(tmp_path: Path, text: str | None) -> None:
    """No credentials are known then, and nothing fails."""
    path = tmp_path / "netrc"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert Origins({"NETRC": str(path)}).url("https://private.example/c") == "https://private.example/c"


def test_a_netrc_file_may_be_a_pipe_or_be_none(tmp_path: Path) -> None:
    """As a shell's `<(...)` gives it; a name that no file can have, or a folder, holds nothing."""
    reading, writing = os.pipe()
    os.write(writing, b"machine h.org login me password secret")
    os.close(writing)
    assert Origins({"NETRC": f"/dev/fd/{reading}"}).url("https://h.org/x") == "https://me:secret@h.org/x"
    os.close(reading)
    for nothing in ("x" * 300, str(tmp_path), str(tmp_path / "gone")):
        assert Origins({"NETRC": nothing}).url("https://h.org/x") == "https://h.org/x"
