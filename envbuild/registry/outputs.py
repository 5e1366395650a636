"""Images into files: a folder or an archive in the form of OCI, or one that `docker load` takes.

The same image makes the same bytes. Each is whole or absent: a folder names an image when all of it is there, and an
archive has its name when it is written.
"""

import fcntl
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from envbuild.errors import BrokenError, BuildError, DigestError, Place, WorkspaceError
from envbuild.image.manifests import DIGEST, Manifest, content
from envbuild.lock import image_name
from envbuild.registry.blobs import Blob
from envbuild.registry.checking import Checked
from envbuild.registry.copying import Source, parts, reached
from envbuild.registry.layouts import INDEX, MARK, REF_NAME, Layout
from envbuild.typed import converted, from_json
from envbuild.workspace.writing import hint_of, replace

_MARKED = b'{"imageLayoutVersion":"1.0.0"}'
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CONTAINERD_NAME = "io.containerd.image.name"
_BLOBS = "blobs/sha256"
_NEW = ".new-"
_PIECE = 1024 * 1024
_AGAIN = "build it again"


class _Named(msgspec.Struct, frozen=True):
    annotations: Mapping[str, Any] | None = None


class _Names(msgspec.Struct, frozen=True):
    """As far as what stands in an index has to be as it should."""

    manifests: tuple[_Named, ...] | None = None


class _UnwrittenError(Exception):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error


def write_layout(source: Source, root: Manifest, folder: Path, name: str) -> None:
    """Beside the images that a folder has; one of the same name is replaced, of which only the name goes."""
    with _told(folder):
        _refuse_other(folder)
        (folder / _BLOBS).mkdir(parents=True, exist_ok=True)
        with _work_folder(folder) as work:
            for blob in parts(source, root):
                _store(blob, folder / _BLOBS / _hex(blob.digest), work)
        _enter(folder, root, name)


def write_oci_archive(source: Source, root: Manifest, file: Path, name: str) -> None:
    """The folder that would hold this image alone, as a tar."""
    _write_tar(file, {MARK: _MARKED, INDEX: _index(root, {REF_NAME: name})}, parts(source, root))


def write_docker_archive(
    source: Source, root: Manifest, file: Path, names: Sequence[str], without: Collection[str] = ()
) -> None:
    """As `docker save` writes it: engines of either store find what they look for, and layers stay as they are.

    `without` are blobs that are left out: layers that the engine has already, if it does not ask for them again.
    """
    one = _only(source, root)
    stated = content(one, one.digest)
    if stated.config is None:
        raise BrokenError(f"{one.digest} is no image", hint=_AGAIN)
    layers = [f"{_BLOBS}/{_hex(layer.digest)}" for layer in stated.layers]
    listed = [{"Config": f"{_BLOBS}/{_hex(stated.config.digest)}", "Layers": layers, "RepoTags": [*names]}]
    in_full = image_name(names[0]) if names else None
    named = {_CONTAINERD_NAME: f"{in_full.name}:{in_full.tag}"} if in_full else {}
    heads = {MARK: _MARKED, INDEX: _index(one, named)}
    _write_tar(file, {**heads, "manifest.json": _json(listed)}, parts(source, one, without))


def _only(source: Source, root: Manifest) -> Manifest:
    """The image of an index that has no other; what is attested of it stays behind."""
    images = [one for one in reached(source, root) if _is_image(one)]
    if len(images) == 1:
        return images[0]
    hint = "choose a platform with '--platform', or write an 'oci-archive:FILE'"
    raise BuildError(f"a file for 'docker load' holds one image, and this is an index of {len(images)}", hint=hint)


def _is_image(manifest: Manifest) -> bool:
    stated = content(manifest, manifest.digest)
    return stated.config is not None and not any("in-toto" in one.media_type for one in stated.layers)


def _refuse_other(folder: Path) -> None:
    """What is neither empty nor a layout is somebody's, and stays theirs."""
    strays = [one for one in folder.iterdir() if not _is_ours(one.name)] if folder.exists() else []
    if strays and not (folder / MARK).exists():  # looked for last: who writes meanwhile begins with it
        hint = "name an OCI layout, an empty folder, or one that is not there yet"
        raise WorkspaceError(f"is no OCI layout: it has no '{MARK}', and is not empty", Place(str(folder)), hint)
    if (folder / MARK).is_file() and (folder / MARK).read_bytes() and not Layout(folder).is_known:
        what = "is an OCI layout of a version that is not known"
        raise WorkspaceError(what, Place(str(folder)), "name another folder")


def _is_ours(name: str) -> bool:
    """What a writer leaves that was killed."""
    return name == "blobs" or name.startswith(_NEW)


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Where blobs are until they are whole. Whoever is alone takes away what writers that were killed have left."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # others write, or these are files that cannot be locked
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob(f"{_NEW}*"):
                shutil.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_NEW) as work:
            yield Path(work)
        os.fsync(handle)
    finally:
        os.close(handle)


def _store(blob: Blob, target: Path, work: Path) -> None:
    if _is_sound(blob, target):
        return
    new = work / target.name
    with new.open("wb") as stream:
        _copy(blob, stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(0o644)
    new.replace(target)


def _is_sound(blob: Blob, target: Path) -> bool:
    """What is there is not sent again, and not believed either."""
    try:
        with target.open("rb") as stream:
            checked = Checked(stream, blob.digest, blob.size, str(target), _AGAIN)
            while checked.read(_PIECE):
                pass
    except (OSError, DigestError):
        return False
    return not target.is_symlink()


def _copy(blob: Blob, stream: IO[bytes]) -> None:
    with blob.open() as opened:
        checked = Checked(opened, blob.digest, blob.size, "what was to be written", _AGAIN)
        while piece := checked.read(_PIECE):
            _write(piece, stream)


def _write(piece: bytes, stream: IO[bytes]) -> None:
    """What fails here is no fault of where it comes from."""
    try:
        stream.write(piece)
    except OSError as error:
        raise _UnwrittenError(error) from None


def _enter(folder: Path, root: Manifest, name: str) -> None:
    """One after the other: whoever adds a name knows of all that were added before."""
    with (folder / MARK).open("a+b") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not os.fstat(mark.fileno()).st_size:
            mark.write(_MARKED)
            mark.flush()
            os.fsync(mark.fileno())
        stands = _standing(folder / INDEX)
        others = [one for one in stands.get("manifests") or [] if _name_of(one) != name]
        every = sorted([*others, _entry(root, {REF_NAME: name})], key=_name_of)
        replace(folder / INDEX, _json({**stands, "manifests": every}))


def _standing(path: Path) -> dict[str, Any]:
    try:
        found = from_json(path.read_bytes(), dict[str, Any])
        converted(found, _Names)
    except FileNotFoundError:
        return {"mediaType": _INDEX_TYPE, "schemaVersion": 2}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenError(f"{path} cannot be read", hint="remove the folder, and write it again") from None
    return found


def _name_of(entry: Mapping[str, Any]) -> str:
    return str((entry.get("annotations") or {}).get(REF_NAME, ""))


def _entry(root: Manifest, annotations: Mapping[str, str]) -> dict[str, Any]:
    stated = {"annotations": annotations} if annotations else {}
    return {**stated, "digest": root.digest, "mediaType": root.media_type, "size": len(root.data)}


def _index(root: Manifest, annotations: Mapping[str, str]) -> bytes:
    return _json({"manifests": [_entry(root, annotations)], "mediaType": _INDEX_TYPE, "schemaVersion": 2})


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _write_tar(file: Path, heads: Mapping[str, bytes], blobs: Iterable[Blob]) -> None:
    """What names the image first, so that who reads from a pipe knows what comes."""
    with _told(file), _beside(_place(file)) as stream:
        for path, data in heads.items():
            stream.write(_header(path, len(data)) + data + _padding(len(data)))
        for folder in ("blobs", _BLOBS):
            stream.write(_header(folder, 0, tarfile.DIRTYPE, 0o755))
        for blob in blobs:
            stream.write(_header(f"{_BLOBS}/{_hex(blob.digest)}", blob.size))
            _copy(blob, stream)
            stream.write(_padding(blob.size))
        stream.write(bytes(2 * tarfile.BLOCKSIZE))


def _header(path: str, size: int, kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> bytes:
    one = tarfile.TarInfo(path)
    one.size, one.type, one.mode = size, kind, mode
    return one.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def _place(file: Path) -> Path:
    """What a link leads to is written, and the link stays; nothing takes the place of what is no file."""
    place = Path(os.path.realpath(file))
    if place.exists() and not place.is_file() and not place.is_dir():
        hint = "name a file, and read it from there"
        raise WorkspaceError("is a device or a pipe, which no image is written to", Place(str(file)), hint)
    return place


@contextmanager
def _beside(file: Path) -> Iterator[IO[bytes]]:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(new).chmod(0o644)
        Path(new).replace(file)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, _UnwrittenError) as failed:
        error = failed.error if isinstance(failed, _UnwrittenError) else failed
        raise WorkspaceError(f"cannot be written: {error.strerror}", Place(str(target)), hint_of(error)) from None


def _hex(digest: str) -> str:
    """What is no digest becomes no path."""
    if not DIGEST.fullmatch(digest):
        raise DigestError(f"'{digest}' is no digest that is known", hint=_AGAIN)
    return digest.removeprefix("sha256:")
