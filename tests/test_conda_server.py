"""A channel over HTTP: what was asked is told, and each fault that a test can switch on is what it says."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rattler.exceptions import GatewayError, InstallerError
from support.barerattler import BareRattler, versions
from support.condachannel import (
    Channel,
    Fault,
    ServedChannel,
    changing,
    cut,
    failing,
    instead,
    redirected,
    shortened,
    silent,
    trickling,
    wrong_bytes,
)
from support.condapkg import File, Package, archive
from support.loopback import basic

_PACKAGE = "linux-64/libfoo-1.0-0.conda"
_REPODATA = "linux-64/repodata.json"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel", Package(name="libfoo", files={"lib/libfoo": File(b"foo\n" * 1000)}), zst=False)


@pytest.fixture
def served(channel: Channel) -> Iterator[ServedChannel]:
    with ServedChannel(channel.folder) as served:
        yield served


@pytest.fixture
def rattler(tmp_path: Path) -> BareRattler:
    return BareRattler(tmp_path / "rattler", platform="linux-64", seconds=2)


def install(rattler: BareRattler, served: ServedChannel, prefix: Path) -> None:
    rattler.install(rattler.solve(served.url, "libfoo"), prefix)


def test_a_channel_is_served(rattler: BareRattler, served: ServedChannel, tmp_path: Path) -> None:
    """Repodata and package; the log knows who asked, and for what in vain."""
    install(rattler, served, tmp_path / "prefix")
    assert (tmp_path / "prefix/lib/libfoo").read_bytes() == b"foo\n" * 1000
    assert [one.path for one in served.log if one.method == "GET"][-1] == f"/{_PACKAGE}"
    assert {f"/{_REPODATA}", "/noarch/repodata.json", "/linux-64/repodata.json.zst"} <= {*served.requests}
    assert all(one.headers["user-agent"] and "authorization" not in one.headers for one in served.log)


def test_a_private_channel_asks_for_credentials(rattler: BareRattler, channel: Channel) -> None:
    """Without them nothing is served, and that it was asked for is known."""
    with (
        ServedChannel(channel.folder, auth=("user", "p@ss/word")) as private,
        pytest.raises(GatewayError, match="401 Unauthorized"),
    ):
        rattler.solve(private.url, "libfoo")
    assert {one.headers.get("authorization") for one in private.log} == {None}


def test_credentials_open_a_private_channel(rattler: BareRattler, channel: Channel, tmp_path: Path) -> None:
    """The log shows that they came with each request."""
    with ServedChannel(channel.folder, auth=("user", "p@ss/word")) as private:
        rattler.install(rattler.solve(private.url_with_credentials, "libfoo"), tmp_path / "prefix")
    assert {one.headers.get("authorization") for one in private.log} == {basic("user", "p@ss/word")}
    assert private.log[-1].path == f"/{_PACKAGE}"


def test_a_client_asks_again_and_is_told_that_nothing_changed(rattler: BareRattler, served: ServedChannel) -> None:
    """By the tag of what it has."""
    rattler.solve(served.url, "libfoo")
    served.log.clear()
    rattler.solve(served.url, "libfoo")
    (again,) = (one for one in served.log if one.path == f"/{_REPODATA}" and one.method == "GET")
    assert served.answer(again).status == 304


def test_a_client_need_not_ask_again_at_once(rattler: BareRattler, channel: Channel) -> None:
    """Within the time that the channel allows nothing is asked, though it changed."""
    with ServedChannel(channel.folder, max_age=600) as served:
        before = rattler.solve(served.url, "libfoo")
        served.log.clear()
        channel.add(Package(name="libfoo", version="2.0"))
        assert versions(rattler.solve(served.url, "libfoo")) == versions(before)
        assert served.log == []


def test_a_cut_answer_is_fetched_again(rattler: BareRattler, served: ServedChannel) -> None:
    """It announced more than it brought; the next one is whole."""
    served.fault(_REPODATA, cut, times=1)
    assert versions(rattler.solve(served.url, "libfoo")) == ["libfoo 1.0"]
    assert [one.method for one in served.log if one.path == f"/{_REPODATA}"] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (shortened, "failed to parse repodata.json\nCaused by: EOF"),
        (instead(b"<html>Please log in</html>"), "failed to parse repodata.json\nCaused by: expected value"),
        (failing(503), "503 Service Unavailable"),
        (failing(403), "403 Forbidden"),
    ],
    ids=["shortened", "instead", "503", "403"],
)
def test_repodata_that_is_none(rattler: BareRattler, served: ServedChannel, fault: Fault, said: str) -> None:
    """Only what is asked by such a path is spoilt, and only until it is mended."""
    served.fault("linux-64/repodata.json", fault)
    with pytest.raises(GatewayError, match=said):
        rattler.solve(served.url, "libfoo")
    served.mend()
    assert versions(rattler.solve(served.url, "libfoo")) == ["libfoo 1.0"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (cut, "end of file before message length"),
        (wrong_bytes, "hash mismatch"),
        (instead(archive(Package(name="other")).data), "hash mismatch"),
        (failing(404), "404 Not Found"),
    ],
    ids=["cut", "wrong_bytes", "instead", "404"],
)
def test_a_package_that_is_none(
    rattler: BareRattler, served: ServedChannel, tmp_path: Path, fault: Fault, said: str
) -> None:
    """The repodata is sound, the package is not."""
    records = rattler.solve(served.url, "libfoo")
    served.fault("*.conda", fault)
    with pytest.raises(InstallerError, match=said):
        rattler.install(records, tmp_path / "prefix")
    served.mend()
    rattler.install(records, tmp_path / "prefix")
    assert (tmp_path / "prefix/lib/libfoo").exists()


def test_a_fault_that_passes(rattler: BareRattler, served: ServedChannel, tmp_path: Path) -> None:
    """Each path is spoilt as many times as was said."""
    records = rattler.solve(served.url, "libfoo")
    served.fault("*", failing(503), times=2)
    for _ in range(2):
        with pytest.raises(InstallerError, match="503"):
            rattler.install(records, tmp_path / "prefix")
    rattler.install(records, tmp_path / "prefix")


def test_a_silent_server(rattler: BareRattler, served: ServedChannel) -> None:
    """It is waited for as long as the client wants, and closing it takes no longer."""
    served.fault(_REPODATA, silent(60))
    started = time.monotonic()
    with pytest.raises(GatewayError, match="operation timed out"):
        rattler.solve(served.url, "libfoo")
    served.close()
    assert 2 <= time.monotonic() - started < 30


def test_a_trickle(rattler: BareRattler, served: ServedChannel) -> None:
    """All of it comes in the end."""
    served.fault(_REPODATA, trickling(0.5))
    started = time.monotonic()
    assert versions(rattler.solve(served.url, "libfoo")) == ["libfoo 1.0"]
    assert time.monotonic() - started >= 0.45


def test_a_redirect_to_another_port(
    rattler: BareRattler, channel: Channel, served: ServedChannel, tmp_path: Path
) -> None:
    """The other server sees what was asked, and whether a secret came along."""
    with ServedChannel(channel.folder, auth=("user", "secret")) as private:
        private.fault("*", redirected(served.url))
        records = rattler.solve(private.url_with_credentials, "libfoo")
        rattler.install(records, tmp_path / "prefix")
        assert all("authorization" in one.headers for one in private.log)
    assert served.log[-1].path == f"/{_PACKAGE}"
    assert not any("authorization" in one.headers for one in served.log)


def test_repodata_that_changes_between_two_requests(
    rattler: BareRattler, channel: Channel, served: ServedChannel
) -> None:
    """Each answer is another one, and is tagged as such."""
    bodies = []
    for version in ("2.0", "3.0"):
        bodies.append((channel.folder / _REPODATA).read_bytes())
        channel.add(Package(name="libfoo", version=version))
    served.fault(_REPODATA, changing(*bodies))
    found = [versions(rattler.solve(served.url, "libfoo")) for _ in range(3)]
    assert found == [["libfoo 1.0"], ["libfoo 2.0"], ["libfoo 2.0"]]
    served.mend()
    assert versions(rattler.solve(served.url, "libfoo")) == ["libfoo 3.0"]
