"""What is asked of a registry and put there: manifests, tags, blobs, copies, and the parts of an image."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.front import Front
from support.loopback import Loopback, Reply, Request
from support.registered import blob, client
from support.registry import Registry as Real
from support.services import require

from envbuild.errors import BrokenError, DigestError, GoneError, RegistryError
from envbuild.fingerprint import Part
from envbuild.image.manifests import MANIFEST, Manifest, digest_of
from envbuild.registry.blobs import Blob
from envbuild.registry.client import Registry
from envbuild.registry.copying import copy
from envbuild.registry.parts import Parts, parts_tag, put_parts, read_parts

_MIB = 1024 * 1024
_NOWHERE = "sha256:" + "a" * 64
_LAYER = b"a layer of many bytes" * 10_000


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry") as real:
        yield real


@pytest.fixture
def front(real: Real) -> Iterator[Front]:
    with Front(real.server) as front:
        yield front


@pytest.fixture
def registry(front: Front) -> Iterator[Registry]:
    with client(front.address) as (registry, _):
        yield registry


def image(registry: Registry, repository: str, *layers: bytes) -> Manifest:
    """An image of these layers, whose blobs are there."""
    described = []
    for data in (b"{}", *layers):
        registry.push_blob(repository, blob(data))
        described.append({"mediaType": "application/octet-stream", "digest": digest_of(data), "size": len(data)})
    stated = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    return Manifest(json.dumps(stated).encode(), MANIFEST)


def test_what_a_name_stands_for(real: Real, registry: Registry) -> None:
    """By tag and by digest, whole and as a digest alone; what is not there is nothing, and no error."""
    digest = real.push("team/base", "12")
    found = registry.manifest("team/base", "12")
    assert found is not None
    assert found.digest == digest == f"sha256:{hashlib.sha256(found.data).hexdigest()}"
    assert found.is_index
    assert registry.manifest("team/base", digest) == found
    assert registry.head("team/base", "12") == registry.head("team/base", digest) == digest
    for repository, reference in [("team/base", "13"), ("team/base", _NOWHERE), ("other", "12")]:
        assert (registry.manifest(repository, reference), registry.head(repository, reference)) == (None, None)
    assert registry.tags("team/base") == ["12"]
    assert registry.tags("other") == []


def test_a_manifest_is_put_under_several_names(real: Real, front: Front, registry: Registry) -> None:
    """Each is read back; what it stood for before is moved."""
    first, second = (real.push("base", tag, says=tag) for tag in ("1", "2"))
    found = registry.manifest("base", first)
    assert found is not None
    assert registry.put("base", "2", found) == first
    assert registry.put("base", "v3", found) == first
    assert [registry.head("base", tag) for tag in ("1", "2", "v3", second)] == [first] * 3 + [second]
    assert front.count("PUT") == 2


@pytest.mark.parametrize("name", ["", "Team", "../a", "a//b", "a?n=1", "a b", "a\r\nX: y", "-a", "a#b", "ä"])
def test_what_is_no_name_goes_into_no_url(front: Front, registry: Registry, name: str) -> None:
    """Nobody is asked; repositories, tags and digests alike."""
    with pytest.raises(RegistryError, match="is no repository"):
        registry.head(name, "1")
    with pytest.raises(RegistryError, match="is no repository"):
        registry.tags(name)
    with pytest.raises(RegistryError, match="is neither a tag nor a digest"):
        registry.head("a", f"{name}/.." if name != "Team" else "a" * 129)
    with pytest.raises(RegistryError, match="is no digest"):
        registry.has_blob("a", f"sha256:{name}")
    with pytest.raises(RegistryError, match="is no repository"):
        registry.mount("a", _NOWHERE, name or "-")
    assert front.log == []


def test_a_blob_is_sent_once(front: Front, registry: Registry) -> None:
    """What is there is not sent again, and what another repository has is mounted."""
    layer = blob(_LAYER)
    assert registry.push_blob("a", layer)
    assert registry.has_blob("a", layer.digest)
    assert registry.blob("a", layer.digest) == _LAYER
    assert not registry.push_blob("a", layer)
    assert not registry.push_blob("b", layer, source="a")
    assert registry.mount("c/d", layer.digest, "a")
    assert [registry.has_blob(name, layer.digest) for name in ("b", "c/d", "e")] == [True, True, False]
    assert front.count("PATCH") == 1
    assert not registry.mount("e", _NOWHERE, "a")
    assert registry.push_blob("f", blob(b"new"), source="a")
    assert registry.push_blob("f", blob(b""))
    with pytest.raises(GoneError, match=f"has no {front.address}/f@{_NOWHERE}: blob unknown"):
        registry.blob("f", _NOWHERE)


def test_a_blob_has_a_bound(registry: Registry) -> None:
    """What is read whole is small."""
    registry.push_blob("a", blob(_LAYER))
    with pytest.raises(BrokenError, match="answers more than 1,000 bytes"):
        registry.blob("a", digest_of(_LAYER), most=1000)


class _Zeros:
    """As many bytes as are asked for; nobody ever has all of them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int, /) -> bytes:
        piece = bytes(min(size, self._left))
        self._left -= len(piece)
        return piece


def test_large_blobs_are_streamed(real: Real, tmp_path: Path) -> None:
    """Memory does not grow with them, neither on the way there nor from one registry to another."""
    size, hashed = 100 * _MIB, hashlib.sha256()
    for _ in range(100):
        hashed.update(bytes(_MIB))

    @contextmanager
    def zeros() -> Iterator[_Zeros]:
        yield _Zeros(size)

    large = Blob(f"sha256:{hashed.hexdigest()}", size, zeros)
    with Real(tmp_path / "other") as other, client(real.server) as (one, _), client(other.server) as (two, _):
        tracemalloc.start()
        assert one.push_blob("a", large)
        assert two.push_blob("b", Blob(large.digest, size, lambda: one.stream("a", large.digest)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert two.has_blob("b", large.digest)
    assert most < 16 * _MIB


def test_what_is_shorter_than_it_was_said_to_be(real: Real) -> None:
    """It is no fault of the registry's, and nobody waits for it; nor is a file that is not there."""
    layer = blob(_LAYER)
    with client(real.server) as (registry, told):
        with pytest.raises(RegistryError, match="was to have 210,001 bytes, and 1 are missing"):
            registry.push_blob("a", Blob(layer.digest, layer.size + 1, layer.open))
        with pytest.raises(RegistryError, match="cannot be read: No such file"):
            registry.push_blob("a", Blob(layer.digest, layer.size, lambda: Path("/nowhere/at/all").open("rb")))  # noqa: SIM115
        with pytest.raises(BrokenError, match="answers 400"):
            registry.push_blob("a", Blob(_NOWHERE, layer.size, layer.open))
        assert not registry.has_blob("a", layer.digest)
        assert told == []


def test_a_copy_within_a_registry_sends_nothing(real: Real, front: Front, registry: Registry) -> None:
    """All of an index is mounted, and it is there under each name."""
    digest = real.push("team/base", "12")
    assert copy((registry, "team/base", "12"), (registry, "else/where"), ("a", "b")) == digest
    assert sorted(registry.tags("else/where")) == ["a", "b"]
    assert front.count("PATCH") == 0
    found = registry.manifest("else/where", "a")
    assert found is not None
    assert found.digest == digest


def test_a_copy_to_another_registry(real: Real, registry: Registry, tmp_path: Path) -> None:
    """Everything arrives, byte by byte; what is missing at its source is told."""
    digest = registry.put("a", "1", image(registry, "a", _LAYER, b"other"))
    index = real.push("a", "all")
    with Real(tmp_path / "other") as other, client(other.server) as (two, _):
        assert copy((registry, "a", "1"), (two, "b"), ("1", "latest")) == digest
        assert two.blob("b", digest_of(_LAYER)) == _LAYER
        assert copy((registry, "a", "all"), (two, "b"), ("all",)) == index == two.head("b", "all")
        with pytest.raises(GoneError, match="has no a:2"):
            copy((registry, "a", "2"), (two, "b"), ("2",))


def parts(environment: str = "train", content: str = "3.11") -> Parts:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Parts(environment, 7, _NOWHERE, (Part("python", digest, content), Part("setup", digest)))


def test_the_parts_of_an_image(registry: Registry) -> None:
    """Read back as they were, from a small artifact that any registry stores; twice the same is the same."""
    own = parts()
    assert read_parts(registry, "envs/train", own.fingerprint) is None
    digest = put_parts(registry, "envs/train", own)
    assert read_parts(registry, "envs/train", own.fingerprint) == own
    assert put_parts(registry, "envs/train", own) == digest
    scheme, _, number = own.fingerprint.partition(":")
    assert registry.tags("envs/train") == [f"fp-{scheme}-{number}-parts"]


def test_parts_of_something_else_are_not_believed(real: Real, registry: Registry) -> None:
    """A tag that was moved, and one that is no artifact of ours."""
    own, other = parts(), parts(content="3.12")
    put_parts(registry, "a", other)
    found = registry.manifest("a", parts_tag(other.fingerprint))
    assert found is not None
    registry.put("a", parts_tag(own.fingerprint), found)
    with pytest.raises(BrokenError, match=f"holds the parts of {other.fingerprint}"):
        read_parts(registry, "a", own.fingerprint)
    real.push("a", parts_tag(own.fingerprint))
    with pytest.raises(BrokenError, match="holds no parts of an image"):
        read_parts(registry, "a", own.fingerprint)


class _Untold(Loopback):
    """A registry that says no digest, or SAYS what is none."""

    def __init__(self, says: str) -> None:
        self._said = {"Docker-Content-Digest": says} if says else {}
        super().__init__()

    def reply(self, request: Request) -> Reply:
        self.log.append(request)
        said = self._said if request.method == "HEAD" else {}
        return Reply(body=b'{"schemaVersion": 2}', headers={"Content-Type": f"{MANIFEST}; charset=utf-8", **said})


@pytest.mark.parametrize("says", ["", "sha256:1 and more"])
def test_a_digest_that_is_not_said_is_found_from_the_bytes(says: str) -> None:
    """Of a head alone nobody could tell; the type is what the registry says."""
    with _Untold(says) as untold, client(untold.address) as (registry, _):
        assert registry.head("a", "1") == digest_of(b'{"schemaVersion": 2}')
        assert [one.method for one in untold.log] == ["HEAD", "GET"]
        found = registry.manifest("a", "1")
        assert found is not None
        assert (found.media_type, found.is_index) == (MANIFEST, False)
        with pytest.raises(DigestError, match=f"says that .*@{_NOWHERE} is {_NOWHERE}, and sends sha256:"):
            registry.manifest("a", _NOWHERE)
