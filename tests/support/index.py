"""A package index on loopback: PEP 503 pages over HTTP with hashes, Python bounds and PEP 658 metadata.

What the index holds now is what a client sees: an answer may not be used again without asking, and each index has an
address of its own, so that a cache never mistakes one for another.
"""

import base64
import hashlib
import io
import secrets
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from functools import partial
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from .wheels import WheelOptions, wheel_bytes


@dataclass(frozen=True)
class _Reply:
    status: HTTPStatus
    body: bytes = b""
    kind: str = "application/octet-stream"


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


class Index:
    """Start to serve at once; `requests` lists the paths asked for, refused ones too, as in `/simple/alpha/`."""

    def __init__(self, *, auth: tuple[str, str] | None = None) -> None:
        self.requests: list[str] = []
        self._auth = auth
        self._files: dict[str, _File] = {}
        self._root = f"/{secrets.token_hex(4)}"
        self._server = _Server(("127.0.0.1", 0), partial(_Connection, self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self._root}/simple/"

    @property
    def url_with_credentials(self) -> str:
        user, password = (quote(part, safe="") for part in self._auth or ("", ""))
        return self.url.replace("//", f"//{user}:{password}@", 1)

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

    def reply(self, path: str, authorization: str | None) -> _Reply:
        wanted = unquote(urlsplit(path).path).removeprefix(self._root)
        self.requests.append(wanted)
        if self._auth and authorization != _basic(*self._auth):
            return _Reply(HTTPStatus.UNAUTHORIZED)
        folder, _, filename = wanted.removeprefix("/").partition("/")
        if folder == "files":
            return self._file(filename)
        return self._page(filename.removesuffix("/")) if folder == "simple" else _Reply(HTTPStatus.NOT_FOUND)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _page(self, project: str) -> _Reply:
        files = list(self._files.values())
        if project:
            anchors = [file.anchor for file in files if file.project == project]
        else:
            anchors = [_anchor(name, {"href": f"{name}/"}) for name in sorted({file.project for file in files})]
        if project and not anchors:
            return _Reply(HTTPStatus.NOT_FOUND)
        page = "\n".join(["<!DOCTYPE html>", "<html><body>", *anchors, "</body></html>", ""])
        return _Reply(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")

    def _file(self, filename: str) -> _Reply:
        file = self._files.get(filename.removesuffix(".metadata"))
        if file is None:
            return _Reply(HTTPStatus.NOT_FOUND)
        body = file.metadata if filename.endswith(".metadata") else file.data
        return _Reply(HTTPStatus.NOT_FOUND) if body is None else _Reply(HTTPStatus.OK, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for the connections, and none is left to the garbage collector

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent on a client that hangs up: it may have what it needs."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    timeout = 10

    def __init__(self, index: Index, *connection: Any) -> None:
        self._index = index
        super().__init__(*connection)

    def do_GET(self) -> None:
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        self._send(with_body=False)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - named by http.server
        pass

    def _send(self, *, with_body: bool) -> None:
        reply = self._index.reply(self.path, self.headers["Authorization"])
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-cache")
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.end_headers()
        if with_body:
            self.wfile.write(reply.body)


def _anchor(text: str, attributes: dict[str, str]) -> str:
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(text)}</a><br>"


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


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
