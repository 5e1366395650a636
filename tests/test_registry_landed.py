"""A blob goes to a registry once, for however many repositories of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.front import Front, waits
from support.registered import PAUSES, blob
from support.registry import Registry as Real
from support.services import require

from envbuild.registry import Line
from envbuild.registry.asking import silent
from envbuild.registry.client import Registry

_BLOB = blob(bytes(300_000))
_LINE = Line({}, pauses=PAUSES, seconds=10)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry") as real:
        yield real


def _puts(front: Front) -> int:
    return front.count("PATCH")


def test_what_one_repository_has_is_mounted_into_the_next(real: Real, tmp_path: Path) -> None:
    """Also by another process of the same user, which reads what was noted."""
    with Front(real.server) as front:
        for name in ("a", "b"):
            with Registry(front.address, _LINE, silent, tmp_path / "notes") as registry:
                assert registry.push_blob(f"envs/{name}", _BLOB) is (name == "a")
        assert _puts(front) == 1
        with Registry(front.address, _LINE) as registry:
            assert registry.push_blob("envs/c", _BLOB)
            assert not registry.push_blob("envs/d", _BLOB)
        assert _puts(front) == 2


def test_what_many_push_at_once_is_sent_by_one(real: Real) -> None:
    """The others wait for it, and mount it."""
    with Front(real.server) as front, Registry(front.address, _LINE) as registry, ThreadPoolExecutor(8) as pool:
        front.inject(waits(0.2), times=3, path="/blobs/uploads/")
        sent = [*pool.map(lambda name: registry.push_blob(f"envs/{name}", _BLOB), "abcdefgh")]
    assert sorted(sent) == [False] * 7 + [True]
    assert _puts(front) == 1


@pytest.mark.parametrize("noted", ["", "nonsense\n", f"{_BLOB.digest} \n", f"{_BLOB.digest} envs/gone\n", "\xff\x00\n"])
def test_a_note_that_is_wrong_costs_nothing_but_sending(real: Real, tmp_path: Path, noted: str) -> None:
    """It is a hint: the registry has the last word."""
    with Registry(real.server, _LINE, silent, tmp_path / "notes") as registry:
        registry.push_blob("envs/first", blob(b"to have a file of notes"))
    (file,) = (tmp_path / "notes").iterdir()
    file.write_bytes(noted.encode("latin-1"))
    with Registry(real.server, _LINE, silent, tmp_path / "notes") as registry:
        assert registry.push_blob("envs/a", _BLOB)
        assert registry.blob("envs/a", _BLOB.digest) == bytes(300_000)


def test_notes_that_cannot_be_written_are_no_fault(real: Real, tmp_path: Path) -> None:
    """A folder that is a file, as where the cache is not ours."""
    (tmp_path / "notes").write_text("")
    with Registry(real.server, _LINE, silent, tmp_path / "notes") as registry:
        assert registry.push_blob("envs/a", _BLOB)
