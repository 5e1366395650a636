"""The files of a project that go with what leaves it: only such as are what they were when a version was made."""

from collections.abc import Iterator
from pathlib import Path

from envbuild.builders import makes_images
from envbuild.document import Scalar, parse
from envbuild.errors import EnvbuildError, Note, Place, WorkspaceError
from envbuild.fingerprint import Folder, Part, folder_of
from envbuild.interop.exports.manifest_pieces import Piece
from envbuild.lock import read_lock
from envbuild.manifest import Keys, path_of
from envbuild.names import FILE
from envbuild.project import Project
from envbuild.settings import Settings, settings
from envbuild.shape import rewrite_marked
from envbuild.workspace.folders import PACKAGE, WHOLE


class Files:
    """Copied from where they stand in the project to the same paths below another root."""

    def __init__(self, project: Project, target: Path) -> None:
        self._project = project
        self._target = target
        self._folders = project.folders

    def problems(self, piece: Piece) -> Iterator[EnvbuildError]:
        """What is not there any more as it was, by its name; everything else is copied."""
        for part in piece.parts:
            if part.stem == "file":
                yield from self._guarded(piece, part.name.removeprefix("file/"), part)
        for path, sha256 in self._linked(piece).items():
            yield from self._guarded(piece, path, Part(f"file/{path}", sha256))
        for path in self._besides(piece):
            yield from self._guarded(piece, path, None)

    def _guarded(self, piece: Piece, path: str, part: Part | None) -> Iterator[EnvbuildError]:
        try:
            self._copy(piece, path, part)
        except EnvbuildError as error:
            yield error if not piece.version else _gone(piece, path)

    def _copy(self, piece: Piece, path: str, part: Part | None) -> None:
        where, folder = piece.environment.where_itself, folder_of(part)
        if folder and not folder.editable:
            for name, digest in folder.files.items():
                self._file(piece, f"{path}/{name}" if path != "." else name, digest)
        elif self._project.workspace.is_folder(path):
            self._folders.copy(path, self._target / path, where, counting=PACKAGE if folder else WHOLE)
        else:
            self._file(piece, path, part.digest if part else "")

    def _file(self, piece: Piece, path: str, digest: str) -> None:
        where = piece.environment.where_itself
        found = self._folders.copy_file(path, self._target / path, where)
        if digest:
            if digest.removeprefix("x ") != found.removeprefix("x "):
                raise WorkspaceError(f"'{path}' was changed", where, "restore it")
            (self._target / path).chmod(0o755 if digest.startswith("x ") else 0o644)

    @staticmethod
    def _linked(piece: Piece) -> dict[str, str]:
        """Archives of a folder that 'find_links' names, by what the lock says of them."""
        lock = read_lock(piece.environment.path, piece.lock) if piece.lock else None
        pins = (pin for one in (lock.pins.values() if lock else ()) for pin in one.pip)
        return {pin.url: pin.sha256 for pin in pins if "://" not in pin.url}

    @staticmethod
    def _besides(piece: Piece) -> tuple[str, ...]:
        """What has no part of its own: a base that is a folder, certificates."""
        known = {part.name.removeprefix("file/") for part in piece.parts} | piece.sources.keys()
        bundle = _settings(piece).ca_bundle
        found = dict.fromkeys([bundle] if bundle and not bundle.startswith("/") else [])

        def noted(kind: str, node: Scalar) -> Scalar:
            if kind in {"file", "base"} and (path := path_of(kind, node)):
                found[path] = None
            return node

        if makes_images(piece.environment.builder):
            rewrite_marked(piece.environment.body, Keys, "path", noted)
        return tuple(path for path in found if path not in known)

    def notes(self, piece: Piece) -> Iterator[Note]:
        """What is in the folder, and was not held against anything; and what never is in one."""
        where = Place(piece.title)
        for part in piece.parts:
            folder: Folder | None = folder_of(part)
            if folder and folder.editable:
                path = part.name.removeprefix("file/")
                yield Note(
                    "files", f"{path} is editable: its code is that of now", where, "see that it is what you mean"
                )
        besides = ", ".join(self._besides(piece))
        if besides and piece.version:
            yield Note("files", f"{besides}: taken as it is now, for no record says what it was", where, "compare it")
        for name, secret in sorted(_settings(piece).secrets.items()):
            if secret.file:
                yield Note(
                    "secrets",
                    f"the secret '{name}' is read from '{secret.file}', which stays here",
                    where,
                    "supply it there",
                )


def _settings(piece: Piece) -> Settings:
    text = piece.sources.get(FILE, "")
    return settings(parse(FILE, text.encode())) if text else Settings()


def _gone(piece: Piece, path: str) -> WorkspaceError:
    what = f"'{path}' is not as it was in {piece.title}, and no record has its bytes"
    return WorkspaceError(what, piece.environment.where_itself, "restore that file as it was, and export again")
