"""A repository of Maven's packages on loopback: jars with a class each, and what they need."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Sequence
from http import HTTPStatus
from ssl import SSLContext

from .loopback import Loopback, Reply, Request

_JAVA_8 = 52


class Maven(Loopback):
    """As it is asked: by the paths of POMs and jars, and of their digests."""

    def __init__(self, *, auth: tuple[str, str] | None = None, tls: SSLContext | None = None) -> None:
        self._files: dict[str, bytes] = {}
        super().__init__(auth=auth, tls=tls)

    def add(self, coordinates: str, klass: str = "", needs: Sequence[str] = ()) -> None:
        """Offer GROUP:ARTIFACT:VERSION with a class, which needs other packages."""
        group, artifact, version = coordinates.split(":")
        place = f"/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}"
        self._put(f"{place}.pom", _pom(coordinates, needs).encode())
        self._put(f"{place}.jar", _jar(klass or f"{group}.{artifact.title()}"))

    def _put(self, path: str, data: bytes) -> None:
        self._files[path] = data
        self._files[f"{path}.sha1"] = hashlib.sha1(data, usedforsecurity=False).hexdigest().encode()

    def answer(self, request: Request) -> Reply:
        found = self._files.get(request.path)
        return Reply(HTTPStatus.NOT_FOUND) if found is None else Reply(body=found)


def _pom(coordinates: str, needs: Sequence[str]) -> str:
    needed = "".join(f"<dependency>{_elements(one)}</dependency>" for one in needs)
    head = '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    return f"{head}{_elements(coordinates)}<dependencies>{needed}</dependencies></project>\n"


def _elements(coordinates: str) -> str:
    named = zip(("groupId", "artifactId", "version"), coordinates.split(":"), strict=True)
    return "".join(f"<{name}>{text}</{name}>" for name, text in named)


def _jar(klass: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as jar:
        jar.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "Manifest-Version: 1.0\n")
        jar.writestr(zipfile.ZipInfo(f"{klass.replace('.', '/')}.class"), class_file(klass))
    return made.getvalue()


def class_file(name: str) -> bytes:
    """Write a class that has nothing, as a compiler would."""
    pool = b""
    for one in (name.replace(".", "/"), "java/lang/Object"):
        text = one.encode()
        pool += struct.pack(">BH", 1, len(text)) + text
    pool += struct.pack(">BHBH", 7, 1, 7, 2)
    head = struct.pack(">IHHH", 0xCAFEBABE, 0, _JAVA_8, 5)
    return head + pool + struct.pack(">HHHHHHH", 0x21, 3, 4, 0, 0, 0, 0)
