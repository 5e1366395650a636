"""The large channel that is there to be solved fast, and how workers share what is dear to make."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.barerattler import BareRattler
from support.condafleet import fleet_name, write_fleet
from support.once import made_once


def test_a_large_channel_is_the_same_each_time(tmp_path: Path) -> None:
    """Its numbers are drawn anew, from the same seed."""
    for name in ("one", "other"):
        write_fleet(tmp_path / name, names=100)
    one, other = (tmp_path / name / "linux-64/repodata.json" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_a_large_channel_is_shaped_like_a_real_one(conda_fleet: Path, tmp_path: Path) -> None:
    """Of 20,000 records, an environment of ten packages takes some dozens, nearly all at their newest."""
    records = json.loads((conda_fleet / "linux-64/repodata.json").read_bytes())["packages.conda"]
    assert len(records) == 20_000
    rattler = BareRattler(tmp_path, platform="linux-64")
    found = rattler.solve(conda_fleet.as_uri(), *(fleet_name(number) for number in range(1000, 2000, 100)))
    assert 20 < len(found) < 80
    assert all(str(record.version) == "7.0" for record in found)


def test_what_is_shared_is_made_once(tmp_path: Path) -> None:
    """Also when many ask at the same time, and anew when the first one failed."""

    def make(folder: Path) -> None:
        (folder / "file").touch(exist_ok=False)
        time.sleep(0.1)

    def fail(_folder: Path) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        made_once(tmp_path / "shared", fail)
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: made_once(tmp_path / "shared", make), range(8))]
    assert found == [tmp_path / "shared"] * 8
