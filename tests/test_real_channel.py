"""Channels made of an environment file's own specs: a bare solver finds in them what the file asks for."""

from pathlib import Path

import pytest
from rattler import RepoDataRecord
from rattler.exceptions import SolverError
from support.barerattler import BareRattler
from support.realasks import read
from support.realchannel import RealChannels
from support.realfiles import samples

_SYSTEMS = {
    "linux": {"__unix": "0", "__linux": "5.10", "__glibc": "2.28"},
    "osx": {"__unix": "0", "__osx": "13.0"},
    "win": {"__win": "10"},
}


def solved(folder: Path, text: str, platform: str = "linux-64", cuda: str = "") -> list[RepoDataRecord]:
    channels = RealChannels(folder / "channels", text, platform)
    system = _SYSTEMS[platform.partition("-")[0]] | ({"__cuda": cuda} if cuda else {})
    bare = BareRattler(folder / "rattler", platform=platform, system=system)
    return bare.solve(channels.in_order, *read(channels.put_into(text)).conda)


def shown(records: list[RepoDataRecord]) -> dict[str, str]:
    return {one.name.normalized: f"{one.version} {one.build} {Path(str(one.channel)).name}" for one in records}


def test_each_file_is_solved_by_a_bare_solver(tmp_path: Path) -> None:
    """With what it asks of the machine; and none takes what stands further down in the order of channels."""
    unsolved, decoyed = {}, {}
    for one in samples("locks"):
        try:
            records = solved(tmp_path / one.slug, one.text, one.platform, one.cuda)
        except SolverError as error:
            unsolved[one.slug] = str(error)
        else:
            decoyed[one.slug] = [record.name.normalized for record in records if str(record.build) == "decoy_0"]
    assert unsolved == {}
    assert {slug: names for slug, names in decoyed.items() if names} == {}


def test_what_has_no_such_channel_is_not_solved(tmp_path: Path) -> None:
    """Python is in channels that have everything, and in no other."""
    lacking = [one for one in samples("loads") if one.message == "python"]
    assert len(lacking) == 2
    for one in lacking:
        with pytest.raises(SolverError, match="No candidates were found for python"):
            solved(tmp_path / one.slug, one.text, one.platform)


def test_a_build_for_a_gpu_asks_for_one(tmp_path: Path) -> None:
    """As conda-forge's do: without it the file is not solved."""
    for one in (one for one in samples("locks") if one.cuda):
        with pytest.raises(SolverError, match="__cuda"):
            solved(tmp_path / one.slug, one.text, one.platform)


def test_ranges_have_versions_within_them(tmp_path: Path) -> None:
    """Two at least, and the newest that is admitted is chosen; an exact build is the only one."""
    text = "channels: [conda-forge]\ndependencies: [a=1.2, b>=2, c<0.5, d=3=h0_0, python=3.11, numpy~=1.4]\n"
    channels = RealChannels(tmp_path / "made", text, "linux-64")
    (url,) = channels.urls["conda-forge"]
    listed = [
        path.name
        for subdir in ("linux-64", "noarch")
        for path in _names(Path(url.removeprefix("file://")) / subdir / "repodata.json")
    ]
    counts = {letter: len([name for name in listed if name.startswith(f"{letter}-")]) for letter in "abcd"}
    assert all(counts[letter] >= 2 for letter in "abc")
    assert counts["d"] == 1
    chosen = shown(solved(tmp_path / "solved", text))
    assert [chosen[name].split()[0] for name in ("a", "d", "python", "numpy")] == ["1.2.9", "3", "3.11.9", "1.5"]
    assert chosen["numpy"].split()[1].startswith("py311h")


def _names(repodata: Path) -> list[Path]:
    import json

    told = json.loads(repodata.read_bytes())
    return [Path(name) for name in (*told["packages"], *told["packages.conda"])]


def test_a_prefix_leads_to_its_channel(tmp_path: Path) -> None:
    """Also to one that no list names; defaults are two; what has a channel of its own is there."""
    text = "channels:\n  - pytorch\n  - defaults # why\ndependencies:\n  - msys2::a\n  - pytorch\n  - numpy\n"
    channels = RealChannels(tmp_path / "made", text, "linux-64")
    place = (tmp_path / "made").as_uri()
    assert channels.put_into(text) == (
        f"channels:\n  - {place}/pytorch\n  - {place}/pkgs/main # why\n  - {place}/pkgs/r # why\n"
        f"dependencies:\n  - {place}/msys2::a\n  - pytorch\n  - numpy\n"
    )
    chosen = shown(solved(tmp_path / "solved", text))
    assert {name: chosen[name].split()[2] for name in ("a", "pytorch", "numpy")} == {
        "a": "msys2", "pytorch": "pytorch", "numpy": "main",
    }  # fmt: skip


def test_the_same_file_makes_the_same_bytes(tmp_path: Path) -> None:
    """Hashes are there, and are no accident."""
    (sample,) = (one for one in samples() if one.slug == "export-by-a-lock-tool")
    trees = []
    for name in ("one", "two"):
        RealChannels(tmp_path / name, sample.text, sample.platform)
        trees.append(
            {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.json")}
        )
    assert trees[0] == trees[1]
    records = solved(tmp_path / "solved", sample.text)
    assert all(one.md5 and one.sha256 and one.size for one in records)
    assert len({one.sha256 for one in records}) == len(records) == 15
