"""A package index on loopback: PEP 503 pages over HTTP with hashes, Python bounds and PEP 658 metadata.

What the index holds now is what a client sees: an answer may not be used again without asking, and each index has an
address of its own, so that a cache never mistakes one for another.
"""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from html import escape
from http import HTTPStatus
from typing import Unpack
from urllib.parse import quote

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from .loopback import Login, Loopback, Reply, Request
from .wheels import WheelOptions, wheel_bytes

_ASK_AGAIN = {"Cache-Control": "no-cache"}


@dataclass(frozen=True)
class _File:
    project: str
    filename: str
    data: bytes
    metadata: bytes | None

    @property
    def anchor(self) -> str:
        attributes = {"href": f"../../files/{quote(self.filename)}#sha256={_sha256(self.data)}"}
        if self.metadata is not None:
            requires_python = message_from_bytes(self.metadata)["Requires-Python"]
            attributes |= {"data-requires-python": requires_python} if requires_python else {}
            is_wheel = self.filename.endswith(".whl")
            attributes |= {"data-core-metadata": f"sha256={_sha256(self.metadata)}"} if is_wheel else {}
        return _anchor(self.filename, attributes)


class Index(Loopback):
    def __init__(self, *, auth: tuple[str, str] | None = None, login: Login | None = None) -> None:
        self._files: dict[str, _File] = {}
        super().__init__(auth=auth, login=login)

    @property
    def url(self) -> str:
        return f"{super().url}/simple/"

    def add(self, name: str, version: str, **options: Unpack[WheelOptions]) -> str:
        """Make a wheel, offer it, and give its file name."""
        return self.add_file(*wheel_bytes(name, version, **options))

    def add_file(self, filename: str, data: bytes) -> str:
        """Offer these bytes, sound or not; a file of the same name is replaced."""
        is_wheel = filename.endswith(".whl")
        project = parse_wheel_filename(filename)[0] if is_wheel else parse_sdist_filename(filename)[0]
        metadata = _wheel_metadata(data) if is_wheel else _sdist_metadata(data)
        self._files[filename] = _File(project, filename, data, metadata)
        return filename

    def answer(self, request: Request) -> Reply:
        folder, _, filename = request.path.removeprefix("/").partition("/")
        if folder == "files":
            return self._file(filename)
        return self._page(filename.removesuffix("/")) if folder == "simple" else Reply(HTTPStatus.NOT_FOUND)

    def _page(self, project: str) -> Reply:
        files = list(self._files.values())
        if project:
            anchors = [file.anchor for file in files if file.project == project]
        else:
            anchors = [_anchor(name, {"href": f"{name}/"}) for name in sorted({file.project for file in files})]
        if project and not anchors:
            return Reply(HTTPStatus.NOT_FOUND)
        page = "\n".join(["<!DOCTYPE html>", "<html><body>", *anchors, "</body></html>", ""])
        headers = _ASK_AGAIN | {"Content-Type": "text/html; charset=utf-8"}
        return Reply(HTTPStatus.OK, page.encode(), headers)

    def _file(self, filename: str) -> Reply:
        file = self._files.get(filename.removesuffix(".metadata"))
        if file is None:
            return Reply(HTTPStatus.NOT_FOUND)
        body = file.metadata if filename.endswith(".metadata") else file.data
        return Reply(HTTPStatus.NOT_FOUND) if body is None else Reply(HTTPStatus.OK, body, _ASK_AGAIN)


def _anchor(text: str, attributes: dict[str, str]) -> str:
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(text)}</a><br>"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _wheel_metadata(data: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            paths = [path for path in archive.namelist() if path.endswith(".dist-info/METADATA")]
            return archive.read(paths[0]) if paths else None
    except zipfile.BadZipFile:
        return None


def _sdist_metadata(data: bytes) -> bytes | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            facts = [entry for entry in archive if entry.name.count("/") == 1 and entry.name.endswith("/PKG-INFO")]
            content = archive.extractfile(facts[0]) if facts else None
            return content.read() if content else None
    except tarfile.TarError:
        return None
