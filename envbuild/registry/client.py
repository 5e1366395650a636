"""One registry: everything that may be asked of it, on values that do not change."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from envbuild.errors import RegistryError, SilentError
from envbuild.image.manifests import Manifest
from envbuild.process import Interrupted
from envbuild.registry import blobs, manifests
from envbuild.registry.asking import Asker, Tell, silent
from envbuild.registry.blobs import Blob, Readable
from envbuild.registry.landed import Landed
from envbuild.registry.line import Line

AT_ONCE = 20
Asked = tuple[str, str]


class Registry:
    """Whatever fails is a RegistryError. Many threads may use one; it ends with the block."""

    def __init__(self, server: str, line: Line, tell: Tell = silent, notes: Path | None = None) -> None:
        """In the folder of `notes` stands what was seen where."""
        self.server = server
        self._asker = Asker(server, line, tell)
        self._landed = Landed(server, notes)

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return manifests.manifest(self._asker, repository, reference)

    def head(self, repository: str, reference: str, *, to_write: bool = False) -> str | None:
        """Who is going to write there asks with the same token."""
        return manifests.head(self._asker, repository, reference, to_write=to_write)

    def tags(self, repository: str) -> list[str]:
        return manifests.tags(self._asker, repository)

    def put(self, repository: str, reference: str, manifest: Manifest) -> str:
        return manifests.put(self._asker, repository, reference, manifest)

    def tag(self, repository: str, reference: str, names: Iterable[str], *, moves: bool = True) -> str:
        return manifests.tag(self._asker, repository, reference, names, moves=moves)

    def has_blob(self, repository: str, digest: str) -> bool:
        return blobs.has_blob(self._asker, repository, digest)

    def blob(self, repository: str, digest: str, most: int = 1024 * 1024) -> bytes:
        return blobs.blob(self._asker, repository, digest, most)

    def stream(self, repository: str, digest: str) -> AbstractContextManager[Readable]:
        return blobs.stream(self._asker, repository, digest)

    def mount(self, repository: str, digest: str, source: str) -> bool:
        return blobs.mount(self._asker, repository, digest, source)

    def push_blob(self, repository: str, blob: Blob, source: str = "") -> bool:
        """From a repository that is known to have it, or else from `source`, if that has it."""
        with self._landed.turn(blob.digest) as place:
            is_sent = blobs.push_blob(self._asker, repository, blob, place or source)
            self._landed.note(blob.digest, repository)
        return is_sent

    def ask_all(self, asked: Iterable[Asked], at_once: int = AT_ONCE) -> dict[Asked, str | RegistryError | None]:
        """The digests of many names; what fails for one is its answer. When nobody answers one, nobody asks further."""
        from concurrent.futures import ThreadPoolExecutor

        every = tuple(dict.fromkeys(asked))
        silence: list[SilentError] = []

        def one(pair: Asked) -> str | RegistryError | None:
            if silence:
                return silence[0]
            try:
                return self.head(*pair)
            except SilentError as error:
                silence.append(error)
                return error
            except RegistryError as error:
                return error

        with ThreadPoolExecutor(min(at_once, AT_ONCE), "registry") as pool:
            return dict(zip(every, pool.map(one, every), strict=True))

    def login(self, repository: str) -> dict[str, str] | None:
        """Who we are there, as Docker's engine is told."""
        known = self._asker.login(repository)
        if known is None:
            return None
        stated = {"username": known.user, "password": known.password, "identitytoken": known.identity}
        return {**{key: value for key, value in stated.items() if value}, "serveraddress": self.server}

    def stop(self) -> None:
        """Whoever asks now, or later, is interrupted."""
        self._asker.stop()

    def close(self) -> None:
        self._asker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


class Registries:
    """One client for each registry, made when first asked for. Many threads may use it; it ends with the block."""

    def __init__(self, line: Line, tell: Tell = silent, notes: Path | None = None) -> None:
        self._notes = notes
        self._line = line
        self._tell = tell
        self._known: dict[str, Registry] = {}
        self._lock = Lock()
        self._is_stopped = False

    def of(self, server: str) -> Registry:
        with self._lock:
            if self._is_stopped:
                raise Interrupted
            if server not in self._known:
                self._known[server] = Registry(server, self._line, self._tell, self._notes)
            return self._known[server]

    def stop(self) -> None:
        """End all that is on its way to or from any of them, and begin nothing more."""
        with self._lock:
            self._is_stopped = True
            known = tuple(self._known.values())
        for registry in known:
            registry.stop()

    def close(self) -> None:
        for registry in self._known.values():
            registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
