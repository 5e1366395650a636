"""Layers as bytes: any program that reads tars reads them, and they are the same however they are made."""

import gzip
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from support.services import require

from envbuild.builders.oci.packing import Compression, Form, Packed, compressor, pack
from envbuild.builders.oci.tree import Node, of_folder
from envbuild.errors import BuildError
from envbuild.image import Entry, header
from envbuild.process import Interrupted

KINDS: Sequence[Compression] = ("gzip", "zstd")
_FORMS = [Form(kind) for kind in KINDS]
_MIB = 1 << 20
_LONG = "long/" + "/".join("x" * 50 for _ in range(5)) + "/" + "y" * 40
_RAW = b"raw/caf\xe9 \xff".decode("utf-8", "surrogateescape")


def file(path: str, content: bytes = b"", mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> Node:
    return Node(Entry(path, "file", mode, len(content), "", *owner), content)


def folder(path: str) -> Node:
    return Node(Entry(path, "folder", 0o755))


def link(path: str, target: str) -> Node:
    return Node(Entry(path, "link", 0o777, target=target))


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that are the same in each run, half of which compresses well."""
    return random.Random(seed).randbytes(size // 2) + b"same " * (size // 10)  # noqa: S311 - it is to be repeatable


def odd() -> list[Node]:
    """Names and contents that a tar has no place for, or that lie at its borders."""
    return [
        folder("opt"),
        folder("opt/env"),
        file("opt/env/empty"),
        file("opt/env/run", b"#!/bin/sh\n", 0o755, (1000, 3_000_000)),
        file("opt/env/full", b"x" * 512),
        file("opt/env/more", b"x" * 513),
        file("opt/env-before-its-slash", b"1"),
        file("opt/env/large", noise(5 * _MIB)),
        link("opt/env/lib", "../other"),
        link("opt/env/far", "t" * 300),
        link("opt/env/ünlike", "größer"),
        folder(_LONG),
        file(f"{_LONG}/{'z' * 250}", b"deep"),
        file(_RAW, b"latin"),
        *(file(f"many/{number}", str(number).encode()) for number in range(3000)),
    ]


def opened(path: Path, compression: Compression) -> bytes:
    """The tar, as another program than ours unpacks it."""
    if compression == "gzip":
        return gzip.decompress(path.read_bytes())
    with path.open("rb") as stream:
        return zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read()


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", errorlevel=2) as stream:
        return {one.name: one for one in stream}


@pytest.mark.parametrize("form", _FORMS, ids=KINDS)
def test_python_reads_every_entry(form: Form, tmp_path: Path) -> None:
    """Names, modes, owners, links, contents, with the one time, and no names of users."""
    pack(odd(), tmp_path / "layer", Form(form.compression, 86400))
    tar = opened(tmp_path / "layer", form.compression)
    found = members(tar)
    assert list(found) == sorted(node.entry.path for node in odd())
    with tarfile.open(fileobj=io.BytesIO(tar)) as stream:
        for node in odd():
            entry, one = node.entry, found[node.entry.path]
            assert (one.mode, one.uid, one.gid, one.size) == (entry.mode, entry.uid, entry.gid, entry.size)
            assert (one.mtime, one.uname, one.gname, one.linkname) == (86400, "", "", entry.target)
            assert {"file": one.isreg(), "folder": one.isdir(), "link": one.issym()}[entry.kind]
            content = stream.extractfile(one) if one.isreg() else None
            assert (content.read() if content else b"") == node.source


@pytest.mark.parametrize("form", _FORMS, ids=KINDS)
def test_hashes_and_size_are_those_of_the_bytes(form: Form, tmp_path: Path) -> None:
    """Of what is sent, and of the tar in it."""
    packed = pack(odd(), tmp_path / "layer", form)
    sent = (tmp_path / "layer").read_bytes()
    assert packed == Packed(
        f"sha256:{hashlib.sha256(sent).hexdigest()}",
        f"sha256:{hashlib.sha256(opened(tmp_path / 'layer', form.compression)).hexdigest()}",
        len(sent),
    )


@pytest.mark.parametrize(("compression", "test"), [("gzip", ("gzip", "-t")), ("zstd", ("zstd", "-qt"))])
def test_the_programs_of_a_system_read_it(compression: Compression, test: Sequence[str], tmp_path: Path) -> None:
    """The compressor's own, and tar itself, without a word of complaint."""
    if compression == "zstd":
        require("zstd")
    program, tar = shutil.which(test[0]), shutil.which("tar")
    assert program
    assert tar
    layer, plain, out = tmp_path / "layer", tmp_path / "layer.tar", tmp_path / "out"
    pack(odd(), layer, Form(compression))
    out.mkdir()
    sent = layer.read_bytes()
    told = [subprocess.run([program, test[1]], input=sent, check=True, capture_output=True).stderr]
    unpacked = subprocess.run([program, "-dc"], input=sent, check=True, capture_output=True)
    plain.write_bytes(unpacked.stdout)
    command = [tar, "-C", str(out), "--no-same-owner", "-xf", str(plain)]
    told += [unpacked.stderr, subprocess.run(command, check=True, capture_output=True).stderr]
    assert told == [b"", b"", b""]
    for node in odd():
        path = out / node.entry.path
        if node.entry.kind == "file":
            assert path.read_bytes() == node.source
            assert path.stat().st_mode & 0o777 == node.entry.mode
        else:
            assert path.is_dir() if node.entry.kind == "folder" else os.readlink(path) == node.entry.target  # noqa: PTH115


@pytest.mark.parametrize("form", _FORMS, ids=KINDS)
def test_the_bytes_depend_on_nothing_but_what_is_in_it(form: Form, tmp_path: Path) -> None:
    """One thread or eight, in whatever order the entries came, from memory or from files."""
    pack(odd(), tmp_path / "one", form, threads=1)
    nodes = odd()
    random.Random(1).shuffle(nodes)  # noqa: S311 - it is to be repeatable
    kept = tmp_path / "kept"
    kept.mkdir()
    for number, node in enumerate(nodes):
        if isinstance(node.source, bytes) and node.entry.kind == "file":
            (kept / str(number)).write_bytes(node.source)
            nodes[number] = Node(node.entry, kept / str(number))
    pack(iter(nodes), tmp_path / "other", form, threads=8)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


_MADE = """
import sys
from pathlib import Path
from envbuild.builders.oci.packing import Form, pack
from envbuild.builders.oci.tree import of_folder
made = Path(sys.argv[1])
for number in (map(int, sys.argv[3].split())):
    path = made / f"d{number % 3}" / f"é{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"%d" % number * 300_000)
(made / "d0/run").write_bytes(b"x")
(made / "d0/run").chmod(int(sys.argv[2], 8))
(made / "d0/link").symlink_to("./../d1")
for form in (Form("gzip"), Form("zstd")):
    print(pack(of_folder(made, "opt/env"), made.parent / "layer", form))
"""


def test_another_host_makes_the_same_bytes(tmp_path: Path) -> None:
    """Another umask, time zone, locale, folder, seed of hashes, and order of what was written."""
    hosts = [
        ("0022", "UTC", "C.UTF-8", "755", "1 2 3 4 5"),
        ("0077", "Asia/Tokyo", "C", "700", "5 3 1 4 2"),
        ("0002", "America/New_York", "POSIX", "775", "2 1 5 4 3"),
    ]
    said = set()
    for number, (umask, zone, locale, mode, order) in enumerate(hosts):
        made = tmp_path / f"of host {number}" / "made"
        made.mkdir(parents=True)
        ran = subprocess.run(
            [sys.executable, "-c", _MADE, made, mode, order],
            env={**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": str(number)},
            umask=int(umask, 8),
            check=True,
            capture_output=True,
            text=True,
        )
        said.add(ran.stdout)
    assert len(said) == 1


def test_an_empty_tree_is_a_whole_tar(tmp_path: Path) -> None:
    """With its end, and nothing before it."""
    for compression in KINDS:
        pack([], tmp_path / "layer", Form(compression))
        assert opened(tmp_path / "layer", compression) == bytes(1024)


# What these versions make of this tree, on every machine: where it changes, every layer of everybody does.
_SHA256 = {
    "gzip": "f53bbdcce1836a019945b58fd6b80f036123099f926ddcfa0275d615e33aa52b",
    "zstd": "c8a6ae12ec9e26970cc4e9514fc1dc04c7611d1c221d30d60a214d794d2e991d",
}


@pytest.mark.parametrize("form", _FORMS, ids=KINDS)
def test_the_bytes_are_those_of_every_machine(form: Form, tmp_path: Path) -> None:
    """As long as compressor and version are those they were first made with."""
    known = {"gzip": "deflate 0.9.0 -5", "zstd": "zstd 1.5.7 -3"}
    assert compressor(form.compression) == known[form.compression]
    assert pack(odd(), tmp_path / "layer", form).digest == f"sha256:{_SHA256[form.compression]}"


@pytest.mark.parametrize(
    ("size", "more"),
    [(5 << 30, {}), ((8 << 30) - 1, {}), (8 << 30, {"size": "8589934592"}), (1 << 40, {"size": str(1 << 40)})],
)
def test_a_size_beyond_the_old_field_stands_before_it(size: int, more: dict[str, str]) -> None:
    """And only then."""
    block = header(Entry("opt/sparse", size=size), 0)
    with tarfile.open(fileobj=io.BytesIO(block), mode="r|") as stream:
        found = stream.next()
    assert found
    assert (found.size, found.pax_headers, len(block)) == (size, more, 1536 if more else 512)


@pytest.mark.parametrize(
    "length", [85, 86, 87, 88, 89, 90, 91, 97, 98, 99, 100, 101, 983, 984, 985, 986, 987, 988, 990]
)
def test_the_length_of_a_record_counts_its_own_digits(length: int) -> None:
    """Also where one digit more makes it longer by another."""
    name = "ü" + "x" * (length - 2)
    with tarfile.open(fileobj=io.BytesIO(header(Entry(name), 0) + bytes(1024))) as stream:
        assert stream.getnames() == [name]


def test_a_name_of_any_length_is_whole() -> None:
    """And what it leads to; nothing of either is cut off."""
    entry = Entry("z" * 300, "link", 0o777, target="t/" * 3000)
    with tarfile.open(fileobj=io.BytesIO(header(entry, 0) + bytes(1024))) as stream:
        assert stream.getmember(entry.path).linkname == entry.target


@pytest.mark.parametrize(("seconds", "is_beyond"), [(-1, True), (0, False), (8**11 - 1, False), (8**11, True)])
def test_any_time_can_be_said(seconds: int, *, is_beyond: bool) -> None:
    """Also one before 1970, and one that the old field has no room for."""
    with tarfile.open(fileobj=io.BytesIO(header(Entry("a"), seconds) + bytes(1024))) as stream:
        found = stream.getmember("a")
    assert (found.mtime, found.pax_headers) == (seconds, {"mtime": str(seconds)} if is_beyond else {})


def test_a_large_file_needs_little_memory(tmp_path: Path) -> None:
    """However many threads there are; it is read piece by piece, and no faster than it is written."""
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(400 * _MIB)
    for compression in KINDS:
        tracemalloc.start()
        packed = pack([Node(Entry("large", size=400 * _MIB), large)], tmp_path / "layer", Form(compression), threads=8)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert packed.size < 4 * _MIB
        assert most < 64 * _MIB, most


@pytest.mark.parametrize("path", ["/opt/a", "opt/../a", "..", "opt//a", "opt/a/", "./a", "", "a\0b", "a/\ud800"])
def test_a_path_that_lies_nowhere_is_refused(path: str, tmp_path: Path) -> None:
    """What reads it would put it elsewhere than it says."""
    with pytest.raises(BuildError, match="what no layer can hold"):
        pack([file(path)], tmp_path / "layer", Form("gzip"))


def test_a_path_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Which of them is meant would be another thing in every reader."""
    with pytest.raises(BuildError, match="is there twice or lies nowhere: 'a/b'"):
        pack([file("a/b"), file("a/c"), link("a/b", "c")], tmp_path / "layer", Form("gzip"))


@pytest.mark.parametrize("size", [0, 2, 4, 512, 5 * _MIB])
def test_a_file_that_is_not_as_long_as_its_entry_says_is_told(size: int, tmp_path: Path) -> None:
    """It grew or shrank meanwhile: what comes behind it would stand in the wrong place."""
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    for node in (Node(Entry("a", size=size), source), Node(Entry("a", size=size), b"abc")):
        with pytest.raises(BuildError, match="'a' was changed while it was packed"):
            pack([node], tmp_path / "layer", Form("gzip"))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """With its name, and why."""
    with pytest.raises(BuildError, match=f"cannot be read: No such file or directory: {tmp_path}/gone"):
        pack([Node(Entry("a", size=1), tmp_path / "gone")], tmp_path / "layer", Form("gzip"))


def test_it_ends_when_it_is_to_stop(tmp_path: Path) -> None:
    """Between two blocks, long before the end of a file."""
    large, asked = tmp_path / "large", iter([False, False, True])
    with large.open("wb") as stream:
        stream.truncate(1 << 29)
    with pytest.raises(Interrupted):
        pack([Node(Entry("a", size=1 << 29), large)], tmp_path / "layer", Form("zstd"), lambda: next(asked))


def test_a_folder_is_walked_in_order_with_plain_modes(tmp_path: Path) -> None:
    """Several names of one file are files of their own; a link is what it says, word for word."""
    made = tmp_path / "made"
    (made / "a").mkdir(parents=True, mode=0o700)
    (made / "a/run").write_bytes(b"12")
    (made / "a/run").chmod(0o4711)
    (made / "a-b").write_bytes(b"1")
    (made / "a-b").chmod(0o600)
    (made / "c").hardlink_to(made / "a/run")
    (made / "link").symlink_to(".//c")
    (made / os.fsdecode(b"\xff")).write_bytes(b"")
    nodes = of_folder(made, "opt/env")
    assert [node.entry for node in nodes] == [
        Entry("opt/env/a", "folder", 0o755),
        Entry("opt/env/a-b", "file", 0o644, 1),
        Entry("opt/env/a/run", "file", 0o755, 2),
        Entry("opt/env/c", "file", 0o755, 2),
        Entry("opt/env/link", "link", 0o777, target=".//c"),
        Entry("opt/env/\udcff", "file", 0o644),
    ]
    assert nodes[3].source == made / "c"
    assert [node.entry.path for node in of_folder(made / "a", "")] == ["run"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Reading a pipe would never end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BuildError, match=f"neither file nor folder nor link: {tmp_path}/pipe"):
        of_folder(tmp_path, "opt")
