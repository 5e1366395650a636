"""Source packages of R on loopback: laid out as CRAN is, and as GitHub hands out repositories."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from http import HTTPStatus

from .loopback import Login, Loopback, Reply, Request

_CONTRIB = "/src/contrib"


class Cran(Loopback):
    """Packages of plain R, each of which has a function `says`; SNAPSHOT is the folder that they lie in."""

    def __init__(self, *, snapshot: str = "", token: str = "") -> None:
        self._files: dict[str, bytes] = {}
        self._newest: dict[str, str] = {}
        self._snapshot = f"/{snapshot}" if snapshot else ""
        super().__init__(login=Login(f"Bearer {token}") if token else None)

    def add(self, name: str, version: str, *, imports: str = "", code: str = "") -> None:
        """Offer a version, the newest so far; what was the newest goes into the archive."""
        contrib = f"{self._snapshot}{_CONTRIB}"
        for path in [one for one in self._files if one.startswith(f"{contrib}/{name}_")]:
            self._files[f"{contrib}/Archive/{name}/{path.rpartition('/')[2]}"] = self._files.pop(path)
        self._files[f"{contrib}/{name}_{version}.tar.gz"] = source(name, version, imports=imports, code=code)
        imported = f"Imports: {imports}\n" if imports else ""
        self._newest[name] = f"Package: {name}\nVersion: {version}\n{imported}NeedsCompilation: no\n"
        self._files[f"{contrib}/PACKAGES"] = "\n".join(self._newest.values()).encode()

    def add_file(self, path: str, data: bytes) -> str:
        """Serve these bytes there, and give the URL."""
        self._files[path] = data
        return f"{self.url}{path}"

    def answer(self, request: Request) -> Reply:
        found = self._files.get(request.path)
        return Reply(HTTPStatus.NOT_FOUND) if found is None else Reply(body=found)


def source(name: str, version: str, *, imports: str = "", code: str = "", top: str = "") -> bytes:
    """Write a source archive; TOP is its folder there, where that is not called by the package's name."""
    imported = f"Imports: {imports}\n" if imports else ""
    says = f'says <- function() paste("{name}", "{version}")\n{code}\n'
    files = {
        "DESCRIPTION": f"Package: {name}\nVersion: {version}\nTitle: Of a Test\nDescription: Says its name.\n"
        f"Author: nobody\nMaintainer: nobody <nobody@example.com>\nLicense: CC0\n{imported}",
        "NAMESPACE": "".join(f"import({one.split(' ')[0]})\n" for one in imports.split(", ") if one) + "export(says)\n",
        "R/says.R": says,
    }
    return archive({f"{top or name}/{path}": text for path, text in files.items()})


def archive(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(made.getvalue(), mtime=0)
