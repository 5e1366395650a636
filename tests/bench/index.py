"""A package index as a folder of small wheels, as PEP 503 says: the same bytes for the same names.

Unlike the index of the tests it lets clients keep its pages for a while, as public indexes do: with a warm cache, uv's
own speed is measured and not that of a server.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.wheels import wheel_bytes

from .fleet import Package

_MODULE = f'"""One module of a package that holds nothing."""\n\nVALUES = {[*range(100)]}\n'


def write(folder: Path, packages: Iterable[Package], modules: int = 1) -> None:
    """Write `folder/simple/NAME/` for each package, with a wheel of so many modules for each version."""
    for package in packages:
        page = folder / "simple" / package.name
        page.mkdir(parents=True, exist_ok=True)
        links = [_write_wheel(page, package, version, modules) for version in package.versions]
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{''.join(links)}</body></html>\n")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the index, good until the block ends; the folder may be filled meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the parent's
        """Say nothing: the terminal is for the table."""


def _write_wheel(page: Path, package: Package, version: str, modules: int) -> str:
    folder = package.name.replace("-", "_")
    parts = {f"{folder}/part_{number:03}.py": _MODULE for number in range(1, modules)}
    file, data = wheel_bytes(package.name, version, requires=package.requires, modules=parts)
    (page / file).write_bytes(data)
    return f'<a href="{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a><br>\n'
