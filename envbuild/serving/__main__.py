"""`python -I -S FOLDER-OF-THIS-FILE SERVICE [--host HOST] [--port PORT] [--python PYTHON]`, or with `-m`.

Run by path it sees the standard library and the folder that this package is in, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys


def _alone() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
    sys.path.append(os.path.dirname(os.path.dirname(here)))


if __name__ == "__main__" and not __package__:
    _alone()

from envbuild.serving.place import PlaceError, place_at  # noqa: E402
from envbuild.serving.server import Front, PortError, bound  # noqa: E402
from envbuild.serving.words import log  # noqa: E402


def main(arguments: list[str]) -> int:
    reader = argparse.ArgumentParser("serving", description="Serve what a folder holds.")
    reader.add_argument("folder")
    reader.add_argument("--host", default="127.0.0.1")
    reader.add_argument("--port", type=int, help="0 is any; default: what the folder says")
    reader.add_argument("--python", default="python", help="the Python of the workers")
    asked = reader.parse_args(arguments)
    try:
        place = place_at(asked.folder, os.environ)
        sock = bound(asked.host, place.port if asked.port is None else asked.port)
    except (PlaceError, PortError) as error:
        log(f"{error}\n")
        return 1
    return Front(place, asked.python, os.environ, sock).run(_listening)


def _listening(url: str) -> None:
    os.write(1, f"serving at {url}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
