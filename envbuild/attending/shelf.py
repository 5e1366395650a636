"""Contents by their SHA-256 below one folder: each is written once, whole, and is never changed."""

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

try:  # OpenSSL's takes longer to load than a small content takes to hash
    from _sha2 import sha256  # type: ignore[import-not-found]
except ImportError:  # before Python 3.12
    from _sha256 import sha256  # type: ignore[import-not-found]

_BLOCK = 1 << 20
_AS_FILES, _AS_LASTING = 0o644, 0o444


class Shelf:
    """A `lasting` one is on the disk before anything names what is put there, and who uses that cannot change it."""

    def __init__(self, folder: str, *, lasting: bool = False) -> None:
        self._folder = folder
        self._lasting = lasting

    def path(self, digest: str) -> str:
        return f"{self._folder}/{digest[:2]}/{digest[2:]}"

    def has(self, digest: str) -> bool:
        return os.path.exists(self.path(digest))  # noqa: PTH110 - no pathlib: it takes longer to load than is left

    def put(self, data: bytes) -> str:
        digest: str = sha256(data).hexdigest()
        if not self.has(digest):
            beside = self._beside()
            with open(beside, "wb") as stream:  # noqa: PTH123 - as above
                stream.write(data)
                self._settle(stream)
            self._place(beside, digest)
        return digest

    def put_file(self, path: str) -> str:
        """A copy is made while it is read, so that what is kept is what was hashed."""
        import hashlib

        beside, found = self._beside(), hashlib.sha256()
        try:
            with open(path, "rb") as source, open(beside, "wb") as sink:  # noqa: PTH123 - as above
                while block := source.read(_BLOCK):
                    found.update(block)
                    sink.write(block)
                self._settle(sink)
            self._place(beside, found.hexdigest())
        except BaseException:
            with contextlib.suppress(FileNotFoundError):  # what was to be read could not be opened
                os.unlink(beside)  # noqa: PTH108 - as above
            raise
        return found.hexdigest()

    def put_linked(self, path: str, digest: str) -> None:
        """What is known to have this digest, and is kept elsewhere as it is: no room for it is needed twice."""
        beside = self._beside()
        try:
            os.link(path, beside)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            self.put_file(path)
        else:
            self._place(beside, digest)

    def _settle(self, stream: "IO[bytes]") -> None:
        if self._lasting:
            stream.flush()
            os.fsync(stream.fileno())

    def _beside(self) -> str:
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103 - as above
        return f"{self._folder}/.{os.getpid()}-{os.urandom(8).hex()}"

    def _place(self, beside: str, digest: str) -> None:
        os.chmod(beside, _AS_LASTING if self._lasting else _AS_FILES)  # noqa: PTH101 - as above
        os.makedirs(f"{self._folder}/{digest[:2]}", exist_ok=True)  # noqa: PTH103 - as above
        os.replace(beside, self.path(digest))  # noqa: PTH105 - as above
