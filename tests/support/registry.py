"""A real image registry on loopback, and small images to put into it."""

import hashlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .loopback import basic
from .services import registry_program

_SECONDS = 20
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# Who may enter a registry that asks, and the hash of the password, for nothing here can make one.
LOGIN = ("robot", "sesame-5e1f")
_HTPASSWD = "robot:$2y$04$abcdefghijklmnopqrstuusGYsrn49xT3PA4fnooDs5ysv6AGVfkm"
_had: set[int] = set()


class Registry:
    """Debian's docker-registry, with its files in FOLDER; it ends with the block.

    A private one lets in LOGIN alone, and AUTH is what another one is told of who is let in.
    SERVER is the address of one before.
    """

    def __init__(
        self, folder: Path, *, private: bool = False, auth: dict[str, Any] | None = None, server: str = ""
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = server or f"127.0.0.1:{_new_port()}"
        self.is_private = private
        self._headers = {"Authorization": basic(*LOGIN)} if private else {}
        config = folder / "config.yml"
        config.write_text(json.dumps({**self._settings(folder), **_auth(folder, auth, private=private)}))
        program = registry_program()
        assert program is not None
        self._process = subprocess.Popen(
            [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def _settings(self, folder: Path) -> dict[str, Any]:
        storage = {"filesystem": {"rootdirectory": str(folder / "blobs")}, "delete": {"enabled": True}}
        http = {"addr": self.server, "secret": "of the tests"}
        return {"version": 0.1, "log": {"level": "error"}, "storage": storage, "http": http}

    def push(self, repository: str, tag: str, *, says: str = "", **starts: Mapping[str, Any]) -> str:
        """Put an image of no layers there, as an index; its digest. SAYS makes it another image.

        It is for amd64, or for the architectures of STARTS, each with what its configuration says of containers.
        """
        entries = [self._entry(repository, says, *one) for one in (starts or {"amd64": {}}).items()]
        return self._put(repository, tag, _INDEX, self._manifest(_INDEX, manifests=entries))

    def _entry(self, repository: str, says: str, architecture: str, starts: Mapping[str, Any]) -> dict[str, Any]:
        platform = {"architecture": architecture, "os": "linux"}
        config = json.dumps({**platform, "author": says, **({"config": starts} if starts else {})}).encode()
        manifest = self._manifest(_MANIFEST, config={"mediaType": _CONFIG, **self._blob(repository, config)}, layers=[])
        digest = self._put(repository, f"sha256:{hashlib.sha256(manifest).hexdigest()}", _MANIFEST, manifest)
        return {"mediaType": _MANIFEST, "digest": digest, "size": len(manifest), "platform": platform}

    def delete(self, repository: str, digest: str) -> None:
        """A manifest, with every name that stands for it."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}").close()

    @staticmethod
    def _manifest(kind: str, **content: Any) -> bytes:
        return json.dumps({"schemaVersion": 2, "mediaType": kind, **content}).encode()

    def _blob(self, repository: str, data: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        with self._ask("POST", f"/v2/{repository}/blobs/uploads/") as reply:
            place = reply.headers["Location"]
        joint = "&" if "?" in place else "?"
        with self._ask("PUT", f"{place}{joint}digest={digest}", data, "application/octet-stream"):
            return {"digest": digest, "size": len(data)}

    def _put(self, repository: str, tag: str, kind: str, manifest: bytes) -> str:
        with self._ask("PUT", f"/v2/{repository}/manifests/{tag}", manifest, kind) as reply:
            return str(reply.headers["Docker-Content-Digest"])

    def _ask(self, method: str, path: str, data: bytes = b"", kind: str = "") -> Any:
        url = path if path.startswith("http://") else f"http://{self.server}{path}"
        headers = {**self._headers, **({"Content-Type": kind} if kind else {})}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - loopback's
        return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310 - loopback's

    def _wait(self) -> None:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            try:
                self._ask("GET", "/v2/").close()
            except urllib.error.HTTPError as error:
                error.close()
                return
            except urllib.error.URLError:
                time.sleep(0.05)
            else:
                return
        self.close()
        raise TimeoutError("the registry does not answer")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def _new_port() -> int:
    """None that a registry of this worker had before: an engine still knows what was there."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        if port not in _had:
            _had.add(port)
            return port


def _auth(folder: Path, other: dict[str, Any] | None, *, private: bool) -> dict[str, Any]:
    if not private:
        return {"auth": other} if other else {}
    path = folder / "htpasswd"
    path.write_text(f"{_HTPASSWD}\n")
    return {"auth": {"htpasswd": {"realm": "private", "path": str(path)}}}
