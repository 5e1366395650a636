"""Layers that are kept: each made once for all projects of a user, whole or absent, and given out as it was made."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.services import require

from envbuild.builders.oci.cache import Cached, LayerCache
from envbuild.builders.oci.packing import Form, compressor, pack
from envbuild.builders.oci.tree import Node, Tree
from envbuild.errors import BuildError
from envbuild.image import Entry
from envbuild.process import Interrupted, Programs

_FORM = Form("gzip", 86400)
_BY = "alpha 1.0"
_RAW = b"caf\xe9".decode("utf-8", "surrogateescape")


def tree(content: bytes = b"alpha\n" * 1000) -> tuple[Node, ...]:
    return (
        Node(Entry("opt", "folder", 0o755)),
        Node(Entry("opt/alpha", "file", 0o755, len(content), "", 1000, 1001), content),
        Node(Entry(f"opt/{_RAW}", "link", 0o777, target=_RAW)),
    )


class Heard:
    """A cache, with what it said and what it works with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = Programs()
        self.said: list[str] = []
        self.cache = LayerCache(folder, self.programs, self.said.append)

    def add(self, key: str = "k", content: Tree | None = None) -> Cached:
        return self.cache.add(key, tree() if content is None else content, _FORM, _BY)


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path / "layers")


def never() -> Tree:
    raise AssertionError("nothing was to be made again")


def read(cached: Cached, again: Callable[[], Tree] | None = never) -> bytes:
    with cached.open(again) as stream:
        return stream.read()


def flip(path: Path, *, is_told: bool) -> None:
    """Change one byte, and also the time, or nothing else."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    moved = before.st_mtime_ns + (1_000_000 if is_told else 0)
    os.utime(path, ns=(moved, moved))


def kept(folder: Path) -> list[str]:
    """Every file but the locks."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] != ".locks")


def test_what_was_added_is_found(heard: Heard, tmp_path: Path) -> None:
    """With its digests, by whom it was made, and its bytes: also by another process later."""
    assert heard.cache.find("k") is None
    added = heard.add(content=reversed(tree()))
    packed = pack(tree(), tmp_path / "bare", _FORM)
    for cache in (heard.cache, Heard(heard.folder).cache):
        found = cache.find("k")
        assert found
        assert (found.packed, found.form, found.made_by, found.path) == (packed, _FORM, _BY, added.path)
        assert read(found) == (tmp_path / "bare").read_bytes()
    assert heard.cache.find("other") is None


def test_what_is_there_is_not_made_again(heard: Heard) -> None:
    """The tree is not even looked at."""
    added = heard.add()

    def untouched() -> Iterator[Node]:
        yield from never()

    assert heard.add(content=untouched()) == added


def _truncated(folder: Path) -> None:
    os.truncate(folder / "layer", 10)


def _longer(folder: Path) -> None:
    with (folder / "layer").open("ab") as stream:
        stream.write(b"\0")


def _flipped(folder: Path) -> None:
    flip(folder / "layer", is_told=True)


def _flipped_ledger(folder: Path) -> None:
    flip(folder / "ledger", is_told=False)


def _empty_ledger(folder: Path) -> None:
    (folder / "ledger").write_bytes(b"")


def _no_ledger(folder: Path) -> None:
    (folder / "ledger").unlink()


def _no_layer(folder: Path) -> None:
    (folder / "layer").unlink()


def _link(folder: Path) -> None:
    (folder / "layer").rename(folder / "aside")
    (folder / "layer").symlink_to("aside")


def _folder(folder: Path) -> None:
    (folder / "layer").unlink()
    (folder / "layer").mkdir()


def _file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


def _of_another(folder: Path) -> None:
    other = Heard(folder.parent).add("other").path.parent
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


_HARMS = (
    _truncated, _longer, _flipped, _flipped_ledger, _empty_ledger, _no_ledger, _no_layer, _link, _folder, _file,
    _of_another,
)  # fmt: skip


@pytest.mark.parametrize("harm", _HARMS)
def test_what_is_damaged_is_not_there(heard: Heard, harm: Callable[[Path], None]) -> None:
    """However it came about; it is made again in its place, and the same."""
    added = heard.add()
    content = read(added)
    harm(added.path.parent)
    assert heard.cache.find("k") is None
    assert heard.add() == added
    assert read(added) == content


def test_what_another_compressor_made_is_not_there(heard: Heard) -> None:
    """Of another version, which would make other bytes: everybody has those of the version that is here."""
    added = heard.add()
    ledger, mine = added.path.parent / "ledger", compressor("gzip").encode()
    content = ledger.read_bytes()[32:]
    assert content.count(mine) == 1
    content = content.replace(mine, mine[::-1])
    ledger.write_bytes(hashlib.sha256(content).digest() + content)
    assert heard.cache.find("k") is None
    assert heard.add() == added


def test_what_is_damaged_without_a_trace_is_made_again_before_a_byte_is_given(heard: Heard) -> None:
    """Size and time are as they were: only the hash tells."""
    added = heard.add()
    content = read(added)
    flip(added.path, is_told=False)
    found = heard.cache.find("k")
    assert found
    assert read(found, tree) == content
    assert heard.said == [f"a layer in the cache is damaged: {_BY}"]
    assert read(found) == content


def test_what_vanished_meanwhile_is_made_again(heard: Heard) -> None:
    """Somebody cleared the cache between finding and sending."""
    added = heard.add()
    content = read(added)
    shutil.rmtree(heard.folder)
    assert read(added, tree) == content


def test_what_cannot_be_made_again_is_told_and_gone(heard: Heard) -> None:
    """By whoever has no tree for it: the next run makes it."""
    added = heard.add()
    flip(added.path, is_told=False)
    with pytest.raises(BuildError, match=f"is damaged, and is taken away: {_BY}"):
        read(added, None)
    assert heard.cache.find("k") is None


def test_what_is_made_again_has_to_be_the_same(heard: Heard) -> None:
    """The image names the old one already; the next run takes what there is now."""
    added = heard.add()
    flip(added.path, is_told=False)
    with pytest.raises(BuildError, match="cannot be made the same again"):
        read(added, lambda: tree(b"other"))
    found = heard.cache.find("k")
    assert found
    assert found.packed != added.packed


def test_what_is_read_stays_whole_while_others_make_it_anew(heard: Heard) -> None:
    """An open layer is one file, whatever comes in its place."""
    added = heard.add()
    content = read(added)
    with added.open() as stream:
        begin = stream.read(10)
        shutil.rmtree(added.path.parent)
        Heard(heard.folder).add(content=tree(b"other"))
        assert begin + stream.read() == content


def test_many_at_once_make_it_once(heard: Heard) -> None:
    """The others wait, say so, and take what was made."""
    made = []
    together = threading.Barrier(8)

    def slow() -> Iterator[Node]:
        made.append(1)
        time.sleep(0.3)
        yield from tree()

    def add(_: int) -> Cached:
        other = Heard(heard.folder)
        together.wait()
        added = other.add(content=slow())
        heard.said += other.said
        return added

    with ThreadPoolExecutor(8) as pool:
        digests = {added.packed.digest for added in pool.map(add, range(8))}
    assert (len(made), len(digests)) == (1, 1)
    assert heard.said == [f"waiting: the layer of {_BY} is being packed already"] * 7


_MAKER = """
import sys, time
from pathlib import Path
from envbuild.builders.oci.cache import LayerCache
from envbuild.builders.oci.packing import Form
from envbuild.builders.oci.tree import Node
from envbuild.image import Entry
from envbuild.process import Programs
size = int(sys.argv[3])
node = Node(Entry("large", size=size), Path(sys.argv[2]))
cache = LayerCache(Path(sys.argv[1]), Programs(), print)
print(cache.add("k", [node], Form("zstd"), "large 1.0").packed.digest, flush=True)
"""


def maker(folder: Path, source: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _MAKER, str(folder), str(source), str(source.stat().st_size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_make_it_once(heard: Heard, tmp_path: Path) -> None:
    """One of them packs, and all of them have the same."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1 << 24))
    makers = [maker(heard.folder, source) for _ in range(4)]
    said = [one.communicate(timeout=60)[0].splitlines() for one in makers]
    assert len({lines[-1] for lines in said}) == 1
    assert {len(lines) for lines in said} <= {1, 2}
    assert len(kept(heard.folder)) == 2


def test_what_a_killed_maker_left_is_cleared_by_the_next(heard: Heard, tmp_path: Path) -> None:
    """Whatever that one makes; what others still make stays, and nothing half-made is found."""
    source = tmp_path / "source"
    with source.open("wb") as stream:
        stream.truncate(1 << 38)
    killed = maker(heard.folder, source)
    begun = heard.folder / ".new" / hashlib.sha256(b"k").hexdigest()[:32] / "layer"
    try:
        while not begun.is_file():
            time.sleep(0.02)
        heard.add("other")
        assert begun.is_file()
        killed.kill()
        killed.wait()
        assert begun.is_file()
        assert heard.cache.find("k") is None
        Heard(heard.folder).add("third")
        assert not begun.parent.exists()
    finally:
        killed.kill()
        killed.communicate()


def test_it_ends_when_it_is_to_stop(heard: Heard) -> None:
    """While it packs, waits for others, or holds a layer against its digest; nothing half-made stays."""
    added = heard.add("done")

    def stopping() -> Iterator[Node]:
        yield from tree()
        heard.programs.stop()

    with pytest.raises(Interrupted):
        heard.add(content=stopping())
    with pytest.raises(Interrupted):
        read(added)
    assert kept(heard.folder) == kept(added.path.parent.parent)
    assert len(kept(heard.folder)) == 2


def test_what_fails_in_the_middle_leaves_nothing(heard: Heard, tmp_path: Path) -> None:
    """And is told as it is: it was not the cache that failed."""
    with pytest.raises(BuildError, match="what goes into a layer cannot be read"):
        heard.add(content=[Node(Entry("a", size=1), tmp_path / "gone")])
    assert kept(heard.folder) == []
    heard.add()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """Nothing is left half-made; a layer that fits is still made."""
    require("mount")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
    try:
        heard, large = Heard(small / "layers"), os.urandom(3 << 20)
        with pytest.raises(
            BuildError, match="the package cache cannot be written: No space left on device: "
        ) as caught:
            heard.add(content=[Node(Entry("large", size=len(large)), large)])
        assert caught.value.hint == "check the space on its disk, or set ENVBUILD_CACHE"
        assert kept(heard.folder) == []
        assert read(heard.add())
    finally:
        subprocess.run(["/bin/umount", small], check=True)


def test_a_place_that_cannot_be_written_is_told(heard: Heard) -> None:
    """With the place, and why; that nothing is found there is no error yet."""
    heard.folder.parent.mkdir(exist_ok=True)
    heard.folder.write_bytes(b"")
    with pytest.raises(BuildError, match="the package cache cannot be written: Not a directory: "):
        heard.add()
    assert heard.cache.find("k") is None
