"""What tests of registries share: a login in Docker's config, clients that do not wait long, and images to store."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

from envbuild.image.manifests import digest_of
from envbuild.registry import Line
from envbuild.registry.asking import Retry
from envbuild.registry.blobs import Blob
from envbuild.registry.client import Registry

PAUSES = (0.01, 0.02, 0.03)


@contextmanager
def client(
    server: str, host: Mapping[str, str] | None = None, **line: object
) -> Iterator[tuple[Registry, list[Retry]]]:
    """Of a registry, with what it tells while it tries again."""
    told: list[Retry] = []
    own: dict[str, object] = {"pauses": PAUSES, "seconds": 10, **line}
    with Registry(server, Line(host or {}, **own), told.append) as registry:  # type: ignore[arg-type]
        yield registry, told


def docker_config(folder: Path, **logins: tuple[str, str]) -> dict[str, str]:
    """The variables of a host whose Docker knows these logins, by server."""
    return config_file(folder, {"auths": {server: {"auth": encoded(*login)} for server, login in logins.items()}})


def config_file(folder: Path, content: Mapping[str, object]) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content))
    return {"DOCKER_CONFIG": str(folder), "PATH": os.environ["PATH"]}


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def blob(data: bytes) -> Blob:
    return Blob(digest_of(data), len(data), lambda: closing(BytesIO(data)))
