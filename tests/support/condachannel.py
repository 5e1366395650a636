"""A conda channel in a folder, and the same folder over HTTP on loopback with what goes wrong there.

The records are written by us, not by an indexer: purls stand in no package, and some channels have fewer hashes.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext
from typing import Any
from urllib.parse import quote

from .condapkg import Archive, Package, archive, zst
from .loopback import Login, Loopback, Reply, Request

HASHES = ("md5", "sha256")

Fault = Callable[[Reply, str, int], Reply]  # a sound reply, its path, and which time it is -> what goes out


class Channel:
    """A folder, published anew whenever it changes; SAYS goes into the `info` of its repodata."""

    def __init__(
        self,
        folder: Path,
        *packages: Package | Archive,
        hashes: Collection[str] = HASHES,
        zst: bool = True,
        says: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self._hashes, self._zst, self._says = hashes, zst, dict(says or {})
        self._records: dict[str, dict[str, dict[str, Any]]] = {"noarch": {}}
        self.add(*packages)

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def add(self, *packages: Package | Archive) -> None:
        """Offer packages; one of an equal file name is replaced."""
        for one in packages:
            made = archive(one) if isinstance(one, Package) else one
            left_out = {*HASHES} - {*self._hashes}
            record = {key: value for key, value in made.record.items() if key not in left_out}
            self._records.setdefault(made.subdir, {})[made.filename] = record
            path = self.folder / made.subdir / made.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.data)
        self._publish()

    def remove(self, filename: str) -> None:
        """Take a package off the list and away."""
        path = self.path(filename)
        del self._records[path.parent.name][filename]
        path.unlink()
        self._publish()

    def path(self, filename: str) -> Path:
        """Where a package lies, to be damaged for instance."""
        (subdir,) = (subdir for subdir, records in self._records.items() if filename in records)
        return self.folder / subdir / filename

    def _publish(self) -> None:
        for subdir, records in self._records.items():
            write_repodata(self.folder / subdir, records, with_zst=self._zst, says=self._says)


def write_repodata(
    folder: Path,
    records: Mapping[str, Mapping[str, Any]],
    *,
    with_zst: bool = True,
    says: Mapping[str, Any] | None = None,
) -> None:
    """List records by file name as `repodata.json` of a platform's folder, and as `.zst` beside it."""
    whole = {
        "info": {"subdir": folder.name, **(says or {})},
        "packages": {name: record for name, record in records.items() if not name.endswith(".conda")},
        "packages.conda": {name: record for name, record in records.items() if name.endswith(".conda")},
        "removed": [],
        "repodata_version": 1,
    }
    text = json.dumps(whole, separators=(",", ":"), sort_keys=True).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "repodata.json").write_bytes(text)
    if with_zst:
        (folder / "repodata.json.zst").write_bytes(zst(text))


@dataclass
class _Switched:
    pattern: str
    fault: Fault
    times: int | None
    asked: dict[str, int] = field(default_factory=dict)

    def spoil(self, reply: Reply, request: Request) -> Reply:
        """A HEAD is answered as the next GET will be, and is no time of its own."""
        time = self.asked.get(request.path, 0) + 1
        if request.method == "GET":
            self.asked[request.path] = time
        return reply if self.times and time > self.times else self.fault(reply, request.path, time)


class ServedChannel(Loopback):
    """A channel's folder over HTTP; with MAX_AGE a client may use what it has for so many seconds."""

    def __init__(
        self,
        folder: Path,
        *,
        auth: tuple[str, str] | None = None,
        login: Login | None = None,
        max_age: int = 0,
        tls: SSLContext | None = None,
    ) -> None:
        self._folder, self._max_age = folder, max_age
        self._faults: list[_Switched] = []
        super().__init__(auth=auth, login=login, tls=tls)

    def fault(self, pattern: str, fault: Fault, *, times: int | None = None) -> None:
        """From now on spoil what is asked by a path like PATTERN, as in "*.conda"; each path only so many TIMES."""
        self._faults.append(_Switched(pattern, fault, times))

    def mend(self) -> None:
        self._faults.clear()

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/")
        reply = self._sound(path)
        for one in self._faults:
            if fnmatchcase(path, one.pattern):
                reply = one.spoil(reply, request)
        return self._cached(reply, request) if reply.status == HTTPStatus.OK else reply

    def _sound(self, path: str) -> Reply:
        found = self._folder / path
        return Reply(body=found.read_bytes()) if found.is_file() else Reply(HTTPStatus.NOT_FOUND)

    def _cached(self, reply: Reply, request: Request) -> Reply:
        tag = f'"{hashlib.sha256(reply.body).hexdigest()}"'
        age = f"public, max-age={self._max_age}" if self._max_age else "no-cache"
        headers = {"ETag": tag, "Cache-Control": age, **reply.headers}
        if request.headers.get("if-none-match") == tag:
            return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
        return replace(reply, headers=headers)


def cut(reply: Reply, _path: str, _time: int) -> Reply:
    """Announce all and hang up before the last third."""
    return replace(reply, lost=-(-len(reply.body) // 3))


def shortened(reply: Reply, _path: str, _time: int) -> Reply:
    """Serve the first two thirds as if they were all, as a half-made mirror does."""
    return replace(reply, body=reply.body[: len(reply.body) * 2 // 3])


def wrong_bytes(reply: Reply, _path: str, _time: int) -> Reply:
    """Serve as many bytes, the last of them another."""
    return replace(reply, body=reply.body[:-1] + bytes([reply.body[-1] ^ 1])) if reply.body else reply


def instead(body: bytes) -> Fault:
    """Serve this, whatever was asked for: a login page, another package."""
    return lambda _reply, _path, _time: Reply(body=body)


def changing(*bodies: bytes) -> Fault:
    """Serve another body each time, and the last one from then on."""
    return lambda _reply, _path, time: Reply(body=bodies[min(time, len(bodies)) - 1])


def failing(status: int) -> Fault:
    return lambda _reply, _path, _time: Reply(status, b"not now")


def silent(seconds: float) -> Fault:
    """Say nothing for so long, then all."""
    return lambda reply, _path, _time: replace(reply, silence=seconds)


def trickling(seconds: float) -> Fault:
    """Take so long for the body, so that something always comes."""
    return lambda reply, _path, _time: replace(reply, trickle=seconds)


def redirected(url: str) -> Fault:
    """Send to the same path at another address."""
    return lambda _reply, path, _time: Reply(HTTPStatus.FOUND, headers={"Location": url + quote(path)})
