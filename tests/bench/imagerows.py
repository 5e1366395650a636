"""Images beside `docker buildx bake`: the same Dockerfiles, which envbuild renders, on the same engine of our own.

A first build is first for both: what each round builds was never built before, and starts from a base that is there.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from support.engine import Engine
from support.registry import Registry

from .channels import Side
from .process import Place, Run, place

# As much work as a small environment is: to write files, and to unpack or compile them.
_STEP = "dd if=/dev/urandom of=/made bs=1M count=32 2>/dev/null; gzip /made; echo {says} >/said"


@contextmanager
def unchanged(work: Place, images: int) -> Iterator[tuple[Side, Side]]:
    """All of them built before: who says so first?"""
    with _site(work, "unchanged") as site:
        site.write(images, "same")
        bake = site.bake()
        site.project.envbuild("apply", "-j", "2")
        bake()
        yield lambda: site.project.envbuild("apply"), bake


@contextmanager
def first(work: Place, images: int) -> Iterator[tuple[Side, Side]]:
    """None of them built before, and all from one base."""
    rounds = count()
    with _site(work, "first") as site:

        def ours() -> Run:
            site.write(images, f"ours {next(rounds)}")
            site.project.envbuild("lock")
            return site.project.envbuild("apply", "--no-push", "-j", "2")

        def theirs() -> Run:
            site.write(images, f"theirs {next(rounds)}")
            return site.bake()()

        ours()
        theirs()
        yield ours, theirs


class _Site:
    def __init__(self, project: Place, server: str) -> None:
        self.project = project
        self._server = server

    def write(self, images: int, says: str) -> None:
        shutil.rmtree(self.project.folder / "manifests", ignore_errors=True)
        for number in range(images):
            path = self.project.folder / f"manifests/image{number}.yaml"
            path.parent.mkdir(exist_ok=True)
            build = json.dumps([_STEP.format(says=f"{says} {number}")])
            path.write_text(f"image: {{base: '{self._server}/base:1', build: {build}, command: [cat, /said]}}\n")

    def bake(self) -> Side:
        """What stands now, rendered for bake."""
        self.project.envbuild("lock")
        out = self.project.folder / ".bench/rendered"
        shutil.rmtree(out, ignore_errors=True)
        self.project.envbuild("render", "-o", str(out))
        targets = {one.name: {"context": str(one), "tags": [f"theirs/{one.name}:1"]} for one in sorted(out.iterdir())}
        file = self.project.folder / ".bench/images.json"
        file.write_text(json.dumps({"group": {"default": {"targets": [*targets]}}, "target": targets}))
        return lambda: self.project.run("docker", "buildx", "bake", "--file", str(file))


@contextmanager
def _site(work: Place, name: str) -> Iterator[_Site]:
    folder = work.folder / f"images-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with Engine(work.folder / "engine") as engine, Registry(folder / ".registry") as registry:
        reference = f"{registry.server}/base:1"
        engine.docker("tag", engine.base("busybox"), reference)
        engine.docker("push", reference)
        (folder / "envbuild.yaml").write_text(
            f"registry: {registry.server}/team\nbuilder: docker\nplatforms: [linux-64]\n"
        )
        yield _Site(beside(folder, engine), registry.server)


def beside(folder: Path, engine: Engine) -> Place:
    """A folder whose commands find this engine."""
    made = place(folder)
    path = os.pathsep.join((str(Path(sys.executable).parent), engine.docker.environ["PATH"]))
    kept = {key: value for key, value in engine.docker.environ.items() if key != "HOME"}
    return Place(folder, {**made.environment, **kept, "PATH": path})
