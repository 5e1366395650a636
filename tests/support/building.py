"""Builds by buildx for tests: a folder with a Dockerfile, the log of its build, and what is said meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from envbuild.builders.buildx import Buildx, Built
from envbuild.builders.order import Order
from envbuild.builders.unbuilt import Unbuilt, UnbuiltError
from envbuild.process import Programs

from .engine import Client


class Workshop:
    """In FOLDER, with the engine of a client; HOST are further variables of whoever builds."""

    def __init__(self, folder: Path, client: Client, **host: str) -> None:
        self.context = folder / "context"
        self.context.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self.said: list[str] = []
        self.programs = Programs()
        self.host = {**client.environ, **host}

    def order(self, dockerfile: str, **more: Any) -> Order:
        path = self.context / "Dockerfile"
        path.write_text(dockerfile)
        return Order(**{"context": self.context, "dockerfile": path, "output": "none", **more})

    def build(self, dockerfile: str, say: Callable[[str], None] | None = None, **more: Any) -> Built:
        buildx = Buildx(self.programs, self.host)
        return buildx.build(self.order(dockerfile, **more), self.log, say or self.said.append)

    def fail(self, dockerfile: str, **more: Any) -> Unbuilt:
        """Give why a build fails, which it has to."""
        try:
            self.build(dockerfile, **more)
        except UnbuiltError as error:
            return error.unbuilt
        raise AssertionError(f"it was built:\n{self.log.read_text()}")

    @property
    def lines(self) -> list[str]:
        return self.log.read_text().split("\n")[:-1]
