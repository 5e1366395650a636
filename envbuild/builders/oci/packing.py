"""A layer's bytes: a tar, compressed in blocks by several threads at once, the same wherever and however it is made.

Python's own zlib is another on another machine, and makes other bytes; both compressors here come as wheels that bring
their C code. Each block is a gzip member, or a frame of zstd: a reader takes one after another for one stream.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec

from envbuild.builders.oci.tree import Node, Tree, opened
from envbuild.errors import BuildError
from envbuild.image import Entry, header
from envbuild.image.entries import BLOCK
from envbuild.process import Interrupted

Compression = Literal["gzip", "zstd"]
# Measured on what scientific wheels hold: gzip is smaller than zlib's default makes it at three times its speed.
_LEVELS: Mapping[Compression, int] = {"gzip": 5, "zstd": 3}
_BLOCKS: Mapping[Compression, int] = {"gzip": 1 << 20, "zstd": 1 << 21}
_PIECE = 1 << 20
_END = bytes(2 * BLOCK)
_MOST_THREADS = 8


class Form(msgspec.Struct, frozen=True):
    """How layers are written; `seconds` is the time of all that is in them."""

    compression: Compression
    seconds: int = 0


class Packed(msgspec.Struct, frozen=True):
    """`digest` and `size` are of the file, `diff_id` is of the tar in it."""

    digest: str
    diff_id: str
    size: int


def pack(tree: Tree, out: Path, form: Form, stopped: Callable[[], bool] = lambda: False, threads: int = 0) -> Packed:
    """Write a layer, with its entries in order; the bytes do not depend on how many threads there are.

    Memory is bounded by the number of threads, whatever the size of a file. What cannot be written is an OSError.
    """
    count = threads or min(os.cpu_count() or 1, _MOST_THREADS)
    plain, packed = hashlib.sha256(), hashlib.sha256()
    size = 0
    with out.open("wb") as stream, ThreadPoolExecutor(count) as pool:
        blocks = _hashed(_blocks(_pieces(_ordered(tree), form.seconds), _BLOCKS[form.compression]), plain)
        for block in _compressed(blocks, pool, count, form.compression):
            if stopped():
                raise Interrupted
            packed.update(block)
            size += stream.write(block)
    return Packed(f"sha256:{packed.hexdigest()}", f"sha256:{plain.hexdigest()}", size)


def compressor(compression: Compression) -> str:
    """What makes the bytes, with its version: another version may make others of the same tar."""
    if compression == "zstd":
        import zstandard

        return f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} -{_LEVELS[compression]}"
    from importlib.metadata import version

    return f"deflate {version('deflate')} -{_LEVELS[compression]}"


def _ordered(tree: Tree) -> list[Node]:
    """Parents stand before what is in them; no path may mean two things, or anything outside."""
    nodes = sorted(tree, key=lambda node: node.entry.path)
    before = ""
    for node in nodes:
        if node.entry.path == before or not _is_inside(node.entry):
            what = f"what no layer can hold, since it is there twice or lies nowhere: {node.entry.path!r}"
            raise BuildError(what, hint="name another version of what brings it")
        before = node.entry.path
    return nodes


def _is_inside(entry: Entry) -> bool:
    try:
        has_zero = b"\0" in f"{entry.path}{entry.target}".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not has_zero and {"", ".", ".."}.isdisjoint(entry.path.split("/"))


def _pieces(nodes: Iterable[Node], seconds: int) -> Iterator[bytes]:
    for node in nodes:
        yield header(node.entry, seconds)
        if node.entry.kind == "file":
            yield from _content(node)
            yield bytes(-node.entry.size % BLOCK)
    yield _END


def _content(node: Node) -> Iterator[bytes]:
    """Exactly as much as the entry says."""
    if isinstance(node.source, bytes):
        _require_same(len(node.source), node)
        yield node.source
        return
    read = 0
    try:
        with opened(node.source) as stream:
            while read <= node.entry.size and (piece := stream.read(_PIECE)):
                read += len(piece)
                yield piece
    except OSError as error:
        what = f"what goes into a layer cannot be read: {error.strerror}: {_shown(node)}"
        raise BuildError(what, hint="check that it is there, and that it may be read") from None
    _require_same(read, node)


def _require_same(size: int, node: Node) -> None:
    if size != node.entry.size:
        raise BuildError(f"'{node.entry.path}' was changed while it was packed", hint="run 'envbuild apply' again")


def _shown(node: Node) -> str:
    return str(node.source) if isinstance(node.source, Path) else node.entry.path


def _blocks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of one size, however they come."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _hashed(blocks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block


def _compressed(
    blocks: Iterable[bytes], pool: ThreadPoolExecutor, ahead: int, compression: Compression
) -> Iterator[bytes]:
    """In the order of the blocks; no more of them are begun than are soon written."""
    squeeze = _squeezer(compression)
    begun: deque[Future[bytes]] = deque()
    try:
        for block in blocks:
            begun.append(pool.submit(squeeze, block))
            if len(begun) > ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


def _squeezer(compression: Compression) -> Callable[[bytes], bytes]:
    level = _LEVELS[compression]
    if compression == "zstd":
        import zstandard

        return lambda block: zstandard.ZstdCompressor(level=level).compress(block)
    import deflate

    return lambda block: bytes(deflate.gzip_compress(block, level))
