"""The least that any no-op plan has to do, as a script: stat every file, decode an index, read the records.

`python bare.py DIR` compares and says whether anything moved; `python bare.py DIR --write` makes its index and records
from the project in DIR first. It reads none of envbuild's own files but manifests and locks, so it stays the same
yardstick whatever the others become.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

_ROOTS = ("manifests", "locks")


class Known(msgspec.Struct, array_like=True, gc=False):
    size: int
    mtime: int
    digest: str


def main(folder: str, *, write: bool) -> int:
    place = Path(folder, ".bench")
    if write:
        _write(folder, place)
        return 0
    index = msgspec.msgpack.decode((place / "bare.index").read_bytes(), type=dict[str, Known])
    moved = sum(1 for path, stat in _files(folder) if not _equal(index.get(path), stat))
    with sqlite3.connect(place / "bare.db") as records:
        known = records.execute("select environment, version, fingerprint, reference from records").fetchall()
    sys.stdout.write(f"{moved} files moved; {len(known)} environments are up to date\n")
    return int(moved > 0)


def _equal(known: Known | None, stat: os.stat_result) -> bool:
    return known is not None and known.size == stat.st_size and known.mtime == stat.st_mtime_ns


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    pending = [os.path.join(folder, root) for root in _ROOTS if os.path.isdir(os.path.join(folder, root))]  # noqa: PTH112, PTH118 - as fast as Python goes
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield entry.path, entry.stat(follow_symlinks=False)


def _write(folder: str, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    found = {path: Known(stat.st_size, stat.st_mtime_ns, _digest(path)) for path, stat in _files(folder)}
    (place / "bare.index").write_bytes(msgspec.msgpack.encode(found))
    (place / "bare.db").unlink(missing_ok=True)
    rows = [(path, 1, f"1:{known.digest}", f"store/{known.digest[:32]}") for path, known in found.items()]
    with sqlite3.connect(place / "bare.db") as records:
        records.execute("create table records (environment text primary key, version, fingerprint, reference)")
        records.executemany("insert into records values (?, ?, ?, ?)", [row for row in rows if "/manifests/" in row[0]])


def _digest(path: str) -> str:
    import hashlib

    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], write="--write" in sys.argv[2:]))
