"""An image is what it says: good ones pass, and each way to break one is refused in words that name it."""

import contextlib
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from support.assembled import (
    CONDUCT,
    SMALL,
    Blobs,
    Given,
    given,
    kept,
    layer,
    packed,
    reading,
    several,
    tarred,
)

from envbuild.errors import ImageError
from envbuild.image.assembling import image, index
from envbuild.image.config import Base
from envbuild.image.manifests import LAYERS, MANIFEST, Manifest, digest_of
from envbuild.image.stacking import Expected
from envbuild.image.validate import validate

WANTED = Expected(owners=frozenset({(0, 0)}), seconds=0, disjoint=True)
OTHER = f"sha256:{'0' * 64}"
HOME = (given("opt", "folder"), given("opt/env", "folder"))


def refused(root: Manifest, blobs: Blobs, expected: Expected = WANTED) -> str:
    with pytest.raises(ImageError) as caught:
        validate(root, reading(blobs), expected)
    assert caught.value.hint == "build it again"
    return caught.value.message


@pytest.mark.parametrize("kind", LAYERS)
def test_a_good_image_is_valid(kind: str) -> None:
    """Of any compression, by itself and in an index of two platforms that share their layers."""
    blobs: Blobs = {}
    second = tarred([*HOME, given("opt/env/new", data=b"n" * 3_000_000)])
    layers = [layer(tarred(SMALL), blobs, kind), layer(second, blobs, kind)]
    made = {one: kept(image(Base(), layers, CONDUCT, one), blobs) for one in ("linux/arm64/v8", "linux/amd64")}
    validate(index(made), reading(blobs), WANTED)
    validate(made["linux/amd64"].manifest, reading(blobs), WANTED)
    assert len(blobs) == len(layers) + 2 * len(made)


def test_what_is_compressed_in_parts_is_one() -> None:
    """Several members of gzip, or frames of zstd, are one stream, wherever they were cut."""
    tar = tarred(SMALL)
    for kind in ("gzip", "zstd"):
        blobs: Blobs = {}
        parts = b"".join(packed(tar[at : at + 1000], kind) for at in range(0, len(tar), 1000))
        one = layer(tar, blobs, kind)
        whole = msgspec.structs.replace(one, digest=digest_of(parts), size=len(parts))
        made = kept(image(Base(), [whole], CONDUCT, "linux/amd64"), blobs)
        blobs[whole.digest] = parts
        validate(made.manifest, reading(blobs), WANTED)


def test_layers_of_a_base_are_as_others_made_them() -> None:
    """In any order, with owners by name, devices and what they take away; only what they come to counts for ours."""
    blobs: Blobs = {}
    first = tarred([
        given("./", "folder"),
        given("usr", "folder"),
        given("usr/bin", "folder"),
        given("usr/bin/sh", data=b"sh", uname="root", mtime=1_700_000_000),
        given("dev/null", "device", devmajor=1, devminor=3),
        given("opt/old/gone", data=b"x"),
        given("lib", "link", linkname="usr/lib"),
        given("tmp/", "folder", mode=0o1777),
    ])  # fmt: skip
    second = tarred([given("opt/.wh.old"), given("dev/.wh..wh..opq"), given("opt", "folder"), given("usr", "folder")])
    base = Base((layer(first, blobs), layer(second, blobs)))
    ours = layer(tarred([given("opt/old", data=b"a file, where a folder was"), given("usr/bin/new")]), blobs)
    made = kept(image(base, [ours], CONDUCT, "linux/amd64"), blobs)
    validate(made.manifest, reading(blobs), msgspec.structs.replace(WANTED, base=2))
    below = layer(tarred([given("lib/libc.so")]), blobs)
    made = kept(image(base, [below], CONDUCT, "linux/amd64"), blobs)
    shown = refused(made.manifest, blobs, msgspec.structs.replace(WANTED, base=2))
    assert shown == f"the layer {below.digest}: 'lib/libc.so' is to be below 'lib', which is a link"


def test_a_folder_that_is_hidden_is_expected() -> None:
    """What layers below have there may be there again then, as something else; said anywhere else it is refused."""
    top = (given("opt", "folder"), given("opt/env", "folder"))
    hidden = (*top, given("opt/env/.wh..wh..opq"))
    again = (*top, given("opt/env/bin", data=b"a file, where a folder was"))
    wanted = msgspec.structs.replace(WANTED, hides="opt/env")
    root, blobs = several([tarred(one) for one in (SMALL, hidden, again)])
    validate(root, reading(blobs), wanted)
    assert "would remove a file" in refused(root, blobs)
    for wrong in ((*top, given("opt/env/.wh..wh..opq", data=b"x")), (*top, given("opt/.wh..wh..opq"))):
        root, blobs = several([tarred(one) for one in (SMALL, wrong)])
        assert refused(root, blobs, wanted)


def test_a_hard_link_is_another_name_for_a_file() -> None:
    """Of its own layer or of one below, and for one that is such a name itself."""
    names = [given("b", "hard link", linkname="a"), given("c", "hard link", linkname="b")]
    root, blobs = several(map(tarred, [[given("a", data=b"a")], names]))
    validate(root, reading(blobs), WANTED)


def test_without_wishes_only_the_image_itself_is_judged() -> None:
    """Whose its files are, and when they were changed, is for the builder to say."""
    root, blobs = several([tarred([given("a", uid=5, mtime=7)]), tarred([given("a", data=b"again")])])
    validate(root, reading(blobs))


def of(**stated: Any) -> Callable[[dict[str, Any]], None]:
    """A document with other values; None takes a key away."""

    def change(document: dict[str, Any]) -> None:
        document.update(stated)
        for key, value in stated.items():
            if value is None:
                del document[key]

    return change


def within(name: str, **stated: Any) -> Callable[[dict[str, Any]], None]:
    """The same for a mapping in it, or for the first of a list."""

    def change(document: dict[str, Any]) -> None:
        inner = document[name]
        of(**stated)(inner[0] if isinstance(inner, list) else inner)

    return change


DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "another version of the index": ({"index_": of(schemaVersion=1)}, "is not as OCI says: Invalid enum value 1"),
    "an index of no kind": ({"index_": of(mediaType=None)}, "missing required field 'mediaType'"),
    "an index of another kind": ({"index_": of(mediaType=MANIFEST)}, f"is of the kind '{MANIFEST}'"),
    "an empty index": ({"index_": of(manifests=[])}, "names no image"),
    "an index that is a manifest, too": ({"index_": of(layers=[])}, "unknown field 'layers'"),
    "an annotation that is no text": ({"index_": of(annotations={"a": 1})}, "Expected 'str', got 'int'"),
    "an image of no platform": ({"index_": within("manifests", platform=None)}, "which platform an image is for"),
    "an image of another kind": ({"index_": within("manifests", mediaType="a/b")}, "names an image of the kind 'a/b'"),
    "a platform twice": ({"index_": lambda it: it.update(manifests=it["manifests"] * 2)}, "two images for linux/amd64"),
    "another platform": (
        {"index_": within("manifests", platform={"os": "linux", "architecture": "arm64"})},
        "the index has it for linux/arm64, and its configuration for linux/amd64",
    ),
    "another variant": (
        {"config": of(variant="v8")},
        "the index has it for linux/amd64, and its configuration for linux/amd64/v8",
    ),
    "a manifest of another size": (
        {"index_": within("manifests", size=5)},
        "the manifest for linux/amd64 is to have 5 bytes, and has",
    ),
    "a manifest that is not there": (
        {"index_": within("manifests", digest=OTHER)},
        f"the manifest for linux/amd64 is not there: {OTHER}",
    ),
    "a digest of another kind": ({"index_": within("manifests", digest="md5:0")}, "matching regex"),
    "an image had elsewhere": ({"index_": within("manifests", urls=["http://a.example"])}, "unknown field 'urls'"),
    "a manifest that is an index, too": ({"manifest": of(manifests=[])}, "unknown field 'manifests'"),
    "a manifest of another kind": ({"manifest": of(mediaType="a/b")}, "is of the kind 'a/b'"),
    "a manifest without layers": ({"manifest": of(layers=None)}, "missing required field 'layers'"),
    "a configuration of another kind": (
        {"manifest": within("config", mediaType="a/b")},
        "names a configuration of the kind 'a/b'",
    ),
    "a configuration of another size": ({"manifest": within("config", size=1)}, "the configuration is to have 1 bytes"),
    "a configuration past all bounds": ({"manifest": within("config", size=1 << 40)}, "which is too much"),
    "a configuration not there": ({"manifest": within("config", digest=OTHER)}, f"configuration is not there: {OTHER}"),
    "a layer not there": ({"manifest": within("layers", digest=OTHER)}, f"the layer {OTHER} is not there"),
    "a layer of another size": ({"manifest": within("layers", size=7)}, "is to have 7 bytes, and has"),
    "a layer below nothing": ({"manifest": within("layers", size=-1)}, "Expected 'int' >= 0"),
    "a layer of an unknown kind": ({"manifest": within("layers", mediaType="a/tar")}, "is of the kind 'a/tar'"),
    "a layer that is no zstd": ({"manifest": within("layers", mediaType=LAYERS["zstd"])}, "is no whole zstd"),
    "a layer that is no gzip": (
        {"kind": "zstd", "manifest": within("layers", mediaType=LAYERS["gzip"])},
        "is no whole gzip",
    ),
    "a layer that is no tar": ({"manifest": within("layers", mediaType=LAYERS[""])}, "in the middle of its tar"),
    "another diff_id": ({"config": within("rootfs", diff_ids=[OTHER])}, f"and the configuration has {OTHER}"),
    "one diff_id too many": ({"config": within("rootfs", diff_ids=[OTHER] * 2)}, "names 2 layers, and the manifest 1"),
    "no diff_ids": ({"config": within("rootfs", diff_ids=[])}, "names 0 layers, and the manifest 1"),
    "a rootfs of another kind": ({"config": within("rootfs", type="dirs")}, "Invalid enum value 'dirs'"),
    "no history": ({"config": of(history=[])}, "tells of 0 layers, and there are 1"),
    "a history of nothing": ({"config": within("history", empty_layer=True)}, "tells of 0 layers, and there are 1"),
    "a history at no time": ({"config": within("history", created="today")}, "history[0].created"),
    "an image of no architecture": ({"config": of(architecture=None)}, "missing required field 'architecture'"),
    "an image made at no time": ({"config": of(created="1970")}, "- at '$.created'"),
    "a word of a container": ({"config": of(container="4f5a")}, "unknown field 'container'"),
    "a word that Docker does not know": ({"config": within("config", Command=["a"])}, "unknown field 'Command'"),
    "a variable without a value": ({"config": within("config", Env=["PATH"])}, "- at '$.config.Env[0]'"),
    "a variable twice": ({"config": within("config", Env=["A=1", "B=", "A=2"])}, "sets the variable A twice"),
    "an entrypoint that is a text": ({"config": within("config", Entrypoint="sh")}, "Expected 'array', got 'str'"),
    "a port without protocol": ({"config": within("config", ExposedPorts={"80": {}})}, "matching regex"),
    "a port too high": ({"config": within("config", ExposedPorts={"65536/tcp": {}})}, "exposes 65536/tcp"),
    "a working folder from nowhere": ({"config": within("config", WorkingDir="work")}, "$.config.WorkingDir"),
    "a signal that is none": ({"config": within("config", StopSignal="stop")}, "$.config.StopSignal"),
    "a label that is no text": ({"config": within("config", Labels={"a": None})}, "$.config.Labels"),
}  # fmt: skip


@pytest.mark.parametrize("fault", DOCUMENTS)
def test_a_document_that_is_wrong_is_refused(fault: str) -> None:
    """The index, the manifest, the configuration, and what each says of the next."""
    changes, sentence = DOCUMENTS[fault]
    assert sentence in refused(*several(**changes))


def test_what_is_said_twice_is_refused() -> None:
    """One program takes the first word, another the last; nor is there sense in endless depth, or in no JSON at all."""
    root, blobs = several()
    twice = root.data.replace(b"{", b'{"schemaVersion": 2, ', 1)
    assert "it says 'schemaVersion' twice" in refused(Manifest(twice, root.media_type), blobs)
    for data in (b"", b"[]", b"\xff", b"{" * 9, b"[" * 200_000):
        assert refused(Manifest(data, root.media_type), blobs)


class Endless(io.BytesIO):
    """What is stored never ends, whatever was said of its size."""

    def read(self, size: int | None = -1, /) -> bytes:
        return b" " * min(size or 0, 1 << 20)


def test_a_document_without_an_end_is_not_read_to_it() -> None:
    """No more of it is taken than any document has."""
    root, blobs = several()
    shown = "the manifest for linux/amd64 is to have "
    with pytest.raises(ImageError, match=shown):
        validate(root, lambda digest: Endless() if digest in root.data.decode() else io.BytesIO(blobs[digest]))


LAYERED: dict[str, tuple[list[list[Given]], str]] = {
    "an absolute path": ([[given("/etc/passwd")]], "'/etc/passwd' begins at the root of the machine"),
    "a way out": ([[*HOME, given("opt/../../etc")]], "'opt/../../etc' is no plain path"),
    "a path with a point": ([[given("./a")]], "'./a' is no plain path"),
    "a path twice": ([[given("a"), given("a", data=b"b")]], "'a' is there twice"),
    "a child before its folder": ([[given("opt/env"), given("opt", "folder")]], "'opt/env' comes before its folder"),
    "a child without a folder": ([[given("opt", "folder"), given("opt/a/b")]], "'opt/a/b' comes before its folder"),
    "a child of a file": ([[given("a"), given("a/b")]], "'a/b' is to be below 'a', which is a file"),
    "a child of a link": ([[given("a", "link", linkname="b"), given("a/b")]], "below 'a', which is a link"),
    "out of order": ([[given("b"), given("a")]], "'a' comes behind 'b', and is to come before it"),
    "what takes away": ([[*HOME, given("opt/env/.wh.a")]], "would remove a file, to engines that read its name"),
    "a hard link out": ([[given("a", "hard link", linkname="/etc/shadow")]], "is another name for '/etc/shadow'"),
    "a hard link to a folder": (
        [[given("a", "folder"), given("b", "hard link", linkname="a")]],
        "is another name for 'a', which is a folder",
    ),
    "a link out": ([[*HOME, given("opt/env/a", "link", linkname="../../../x")]], "leads out of the image"),
    "a link out after a way in": ([[given("a", "link", linkname="b/../../c")]], "leads out of the image"),
    "a link to nothing": ([[given("a", "link")]], "is a link to nothing"),
    "a device": ([[given("a", "device")]], "'a' is a device, which no layer of ours has"),
    "a pipe": ([[given("a", "pipe")]], "'a' is a pipe, which no layer of ours has"),
    "an unheard of type": ([[given("a", "unheard of")]], "but of the type b'Z'"),
    "another owner": ([[given("a", uid=1000, gid=100)]], "'a' belongs to 1000:100"),
    "another time": ([[given("a", mtime=1_700_000_000)]], "'a' was changed at 1.7e+09, not at 0"),
    "a part of a second": ([[given("a", mtime=0.5)]], "'a' was changed at 0.5, not at 0"),
    "an owner's name": ([[given("a", uname="builder")]], "names its owner, 'builder:'"),
    "a word of the machine": (
        [[given("a", pax_headers={"SCHILY.xattr.user.x": "1"})]],
        "tells of the machine that it was made on: SCHILY.xattr.user.x",
    ),
    "a file where a folder was": ([[*HOME], [given("opt")]], "'opt' is a file, and in a layer below a folder"),
    "a folder where a link was": (
        [[given("lib", "link", linkname="a")], [given("lib", "folder")]],
        "'lib' is a folder, and in a layer below a link",
    ),
    "a folder of another mode": (
        [[given("tmp", "folder", mode=0o1777)], [given("tmp", "folder")]],
        "'tmp' is 0755 of 0:0, and in a layer below 1777 of 0:0",
    ),
    "a file of two layers": ([[given("a")], [given("a", data=b"b")]], "'a' is in a layer below, too"),
}  # fmt: skip


@pytest.mark.parametrize("fault", LAYERED)
def test_an_entry_that_is_wrong_is_refused(fault: str) -> None:
    """In one layer, and in one upon another; the layer is named, and the path."""
    layers, sentence = LAYERED[fault]
    shown = refused(*several(map(tarred, layers)))
    assert sentence in shown
    assert shown.startswith("the layer sha256:")


TAR = tarred(SMALL)


def worded(data: bytes) -> Given:
    """What is said of the entry that comes next."""
    return given("PaxHeader", "words", data)


def _at(tar: bytes, where: int, data: bytes) -> bytes:
    return tar[:where] + data + tar[where + len(data) :]


BYTES: dict[str, tuple[bytes, str]] = {
    "something behind the end": (TAR + b"x" * 512, "has something behind its end"),
    "a tar behind the tar": (TAR + TAR, "has something behind its end"),
    "no end": (TAR.rstrip(b"\0") + bytes(-len(TAR.rstrip(b"\0")) % 512), "ends in the middle of its tar"),
    "half an end": (tarred([])[:512], "ends in the middle of its tar"),
    "an end in the midst": (_at(TAR, 512, bytes(512)), "does not end as a tar does"),
    "nothing at all": (b"", "ends in the middle of its tar"),
    "a file cut off": (tarred([given("a", data=b"a" * 2000)])[:1500], "ends in the middle of its tar"),
    "something behind a file": (_at(tarred([given("a", data=b"a")]), 700, b"me"), "something behind the end of a file"),
    "a wrong sum of a header": (_at(TAR, 0, b"q"), "has an entry that cannot be read: bad checksum"),
    "a folder with a content": (tarred([given("a", "folder", data=b"a")]), "'a' is a folder of 1 bytes"),
    "less than nothing": (tarred([worded(b"11 size=-1\n"), given("a")]), "'a' is a file of -1 bytes"),
    "an owner that is no number": (tarred([worded(b"10 uid=me\n"), given("a")]), "says of 'a' what is no number"),
    "a path with a zero": (tarred([worded(b"12 path=a\0b\n"), given("a")]), "is no plain path"),
    "words without a length": (tarred([worded(b"path=b\n"), given("a")]), "says about an entry what cannot be read"),
    "words cut off": (tarred([worded(b"99 path=b\n"), given("a")]), "says about an entry what cannot be read"),
    "words that say nothing": (tarred([worded(b"9 path b\n"), given("a")]), "says about an entry what cannot be read"),
    "words of less than nothing": (
        tarred([worded(b"-1 path=b\n\n"), given("a")]),
        "says about an entry what cannot be read",
    ),
    "words that run on": (tarred([worded(b"9 path=bb"), given("a")]), "says about an entry what cannot be read"),
    "words of no letters": (tarred([worded(b"10 path=\xff\n"), given("a")]), "says about an entry what cannot be read"),
    "no words at all": (tarred([worded(b""), given("a")]), "says 0 bytes about an entry"),
    "words of nothing": (tarred([given("x" * 200)])[:1024] + bytes(1024), "does not end as a tar does"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BYTES)
def test_a_tar_that_is_wrong_is_refused(fault: str) -> None:
    """What another program might read on after, or sooner leave."""
    tar, sentence = BYTES[fault]
    assert sentence in refused(*several([tar]))


@pytest.mark.parametrize(("kind", "behind", "sentence"), [
    ("gzip", b"\0", "ends in the middle of its gzip"),
    ("gzip", b"junk" * 5, "is no whole gzip"),
    ("zstd", b"\0", "is no whole zstd"),
    ("zstd", b"junk" * 5, "is no whole zstd"),
    ("gzip", None, "ends in the middle of its gzip"),
    ("zstd", None, "ends in the middle of its zstd"),
    ("", b"junk", "has something behind its end"),
])  # fmt: skip
def test_what_is_sent_is_the_layer_and_nothing_else(kind: str, behind: bytes | None, sentence: str) -> None:
    """Nothing behind what unpacks, and nothing missing of it, though digest and size are right."""
    blobs: Blobs = {}
    data = packed(TAR, kind)
    sent = data[:-3] if behind is None else data + behind
    one = msgspec.structs.replace(layer(TAR, blobs, kind), digest=digest_of(sent), size=len(sent))
    made = kept(image(Base(), [one], CONDUCT, "linux/amd64"), blobs)
    blobs[one.digest] = sent
    assert sentence in refused(made.manifest, blobs)


ROOT, GOOD = several([TAR, tarred([*HOME, given("opt/env/z")])])


@drawn(st.data())
@settings(max_examples=300, deadline=None)
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """Of all blobs, wherever it is: nothing that is reachable goes unread."""
    digest = data.draw(st.sampled_from(sorted(GOOD)))
    at = data.draw(st.integers(0, len(GOOD[digest]) - 1))
    other = bytes([GOOD[digest][at] ^ data.draw(st.integers(1, 255))])
    assert refused(ROOT, {**GOOD, digest: _at(GOOD[digest], at, other)})


@drawn(st.data())
@settings(max_examples=300, deadline=None)
def test_any_tar_is_judged_and_nothing_worse(data: st.DataObject) -> None:
    """Bytes changed before they were hashed: it is valid or refused, with no other end."""
    tar = bytearray(TAR)
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(tar) - 1), st.integers(0, 255)), max_size=4)):
        tar[at] = byte
    root, blobs = several([bytes(tar)], kind="")
    with contextlib.suppress(ImageError):
        validate(root, reading(blobs))


def test_a_bomb_is_unpacked_in_small_pieces() -> None:
    """A layer may be as large as it likes, and a few bytes may become many: neither is ever in memory whole."""
    tar = tarred([given("a", data=bytes(64 * 1024 * 1024))])
    for kind in ("gzip", "zstd"):
        root, blobs = several([tar], kind=kind)
        tracemalloc.start()
        validate(root, reading(blobs), WANTED)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 * 1024 * 1024, kind
