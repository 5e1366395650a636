"""A channel in a folder is what py-rattler takes for one, and changes when it is told to."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from rattler.exceptions import SolverError
from support.barerattler import BareRattler, versions
from support.condachannel import Channel
from support.condapkg import File, Package

_LIBFOO = [Package(name="libfoo", version=version) for version in ("1.0", "2.0")]
_APP = Package(name="app", depends=["libfoo <2", "base"])
_BASE = Package(name="base", subdir="noarch", noarch="generic", files={"share/base": File(b"base\n")})


@pytest.fixture
def rattler(tmp_path: Path) -> BareRattler:
    return BareRattler(tmp_path / "rattler", platform="linux-64")


def repodata(channel: Channel, subdir: str = "linux-64") -> Any:
    return json.loads((channel.folder / subdir / "repodata.json").read_bytes())


def test_a_channel_of_several_platforms(rattler: BareRattler, tmp_path: Path) -> None:
    """Each platform has its own packages and those of noarch; another's are not there."""
    mac = [
        Package(name="app", version="3.0", subdir="osx-arm64", depends=["base"]),
        Package(name="mac", subdir="osx-arm64"),
    ]
    channel = Channel(tmp_path / "channel", *_LIBFOO, _APP, _BASE, *mac)
    assert versions(rattler.solve(channel.url, "app")) == ["app 1.0", "base 1.0", "libfoo 1.0"]
    other = BareRattler(tmp_path / "other", platform="osx-arm64")
    assert versions(other.solve(channel.url, "app", "mac")) == ["app 3.0", "base 1.0", "mac 1.0"]
    with pytest.raises(SolverError, match="No candidates were found for mac"):
        rattler.solve(channel.url, "mac")


def test_every_channel_has_noarch(rattler: BareRattler, tmp_path: Path) -> None:
    """Without it py-rattler takes a folder for no channel."""
    channel = Channel(tmp_path / "channel", *_LIBFOO)
    assert repodata(channel, "noarch")["packages.conda"] == {}
    assert versions(rattler.solve(channel.url, "libfoo")) == ["libfoo 2.0"]


@pytest.mark.parametrize("zst", [True, False])
def test_repodata_with_and_without_zst(rattler: BareRattler, tmp_path: Path, *, zst: bool) -> None:
    channel = Channel(tmp_path / "channel", *_LIBFOO, zst=zst)
    assert (channel.folder / "linux-64/repodata.json.zst").exists() is zst
    assert versions(rattler.solve(channel.url, "libfoo")) == ["libfoo 2.0"]


@pytest.mark.parametrize("hashes", [(), ("md5",), ("sha256",), ("md5", "sha256")])
def test_a_channel_tells_the_hashes_it_has(rattler: BareRattler, tmp_path: Path, hashes: tuple[str, ...]) -> None:
    """And those it tells are true."""
    channel = Channel(tmp_path / "channel", _LIBFOO[0], hashes=hashes)
    (record,) = rattler.solve(channel.url, "libfoo")
    told = {name: value.hex() for name in ("md5", "sha256") if (value := getattr(record, name))}
    data = channel.path(record.file_name).read_bytes()
    assert told == {name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in hashes}
    assert record.size == len(data)


def test_purls_stand_in_the_record_only(rattler: BareRattler, tmp_path: Path) -> None:
    """None: nobody knows; an empty list: known not to be on PyPI."""
    named = {"known": ["pkg:pypi/other"], "never": [], "unknown": None}
    channel = Channel(tmp_path / "channel", *(Package(name=name, purls=purls) for name, purls in named.items()))
    found = {one.name.normalized: json.loads(one.to_json()).get("purls") for one in rattler.solve(channel.url, *named)}
    assert found == named


def test_both_formats_in_one_channel(rattler: BareRattler, tmp_path: Path) -> None:
    """Each stands in its own table; both install."""
    old = Package(name="old", kind=".tar.bz2", files={"share/old": File(b"old\n")})
    channel = Channel(tmp_path / "channel", old, _BASE)
    assert [*repodata(channel)["packages"]] == ["old-1.0-0.tar.bz2"]
    rattler.install(rattler.solve(channel.url, "old", "base"), tmp_path / "prefix")
    assert sorted(path.name for path in (tmp_path / "prefix/share").iterdir()) == ["base", "old"]


def test_a_channel_changes(rattler: BareRattler, tmp_path: Path) -> None:
    """What is added, replaced and removed is what the next who asks sees."""
    channel = Channel(tmp_path / "channel", *_LIBFOO)
    channel.add(Package(name="libfoo", version="3.0", depends=["base"]), _BASE)
    assert versions(rattler.solve(channel.url, "libfoo")) == ["base 1.0", "libfoo 3.0"]
    channel.add(Package(name="libfoo", version="3.0"))
    assert versions(rattler.solve(channel.url, "libfoo")) == ["libfoo 3.0"]
    lay = channel.path("libfoo-3.0-0.conda")
    channel.remove("libfoo-3.0-0.conda")
    assert not lay.exists()
    assert versions(rattler.solve(channel.url, "libfoo")) == ["libfoo 2.0"]


def test_the_same_channel_is_the_same_bytes(tmp_path: Path) -> None:
    """In whatever order its packages came."""
    one, other = Channel(tmp_path / "one", *_LIBFOO, _BASE), Channel(tmp_path / "other", _BASE, *reversed(_LIBFOO))
    trees = [
        {path.relative_to(channel.folder): path.read_bytes() for path in channel.folder.rglob("*.*")}
        for channel in (one, other)
    ]
    assert trees[0] == trees[1]
    assert len(trees[0]) == 3 + 2 * 2


def test_the_first_channel_has_priority(rattler: BareRattler, tmp_path: Path) -> None:
    """A newer version further down is not looked at, and a package that needs it cannot be had."""
    main = Channel(tmp_path / "main", *_LIBFOO)
    second = Channel(
        tmp_path / "second", Package(name="libfoo", version="3.0"), Package(name="only", depends=["libfoo >=3"])
    )
    assert versions(rattler.solve([main.url, second.url], "libfoo")) == ["libfoo 2.0"]
    assert versions(rattler.solve([second.url, main.url], "libfoo")) == ["libfoo 3.0"]
    with pytest.raises(SolverError, match="strict channel priority"):
        rattler.solve([main.url, second.url], "only")


def test_a_channel_says_what_it_is_told_to(tmp_path: Path) -> None:
    """As one that would bring another channel in (CEP 42)."""
    channel = Channel(tmp_path / "channel", says={"channel_relations": {"base": "../other"}})
    assert repodata(channel, "noarch")["info"] == {"subdir": "noarch", "channel_relations": {"base": "../other"}}
