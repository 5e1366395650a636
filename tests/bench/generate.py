"""Writes a synthetic project: `python -m tests.bench.generate DIR --environments N --depth D --width W --packages P`.

The same options write the same bytes. With `--built` the project is then locked and applied by envbuild itself, against
an index of tiny wheels (`DIR/.bench/index`) served on loopback meanwhile; its port is any free one, and since the
ground manifest names it, only `--index-url`, with a server of the caller's own, gives equal bytes there. The store is
`DIR/.bench/store`. A project of the same options that is built already is left as it is. See `fleet` for what is in a
project, and for why most environments share their content.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import bake, fleet, index
from .fleet import Manifest, Shape
from .process import CommandError, place


def write(folder: Path, shape: Shape) -> None:
    """Write the manifests, and nothing that envbuild makes of them."""
    made: set[Path] = set()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "envbuild.yaml").write_text("builder: local\n")
    for manifest in fleet.manifests(shape):
        path = folder / "manifests" / f"{manifest.name}.yaml"
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_text("".join(_lines(manifest, shape)))


def build(folder: Path, shape: Shape, modules: int) -> None:
    """Write the manifests and make of them what a project looks like after its last `apply`."""
    own = folder / ".bench" / "index"
    index.write(own, fleet.packages(shape), modules)
    with nullcontext(shape.index_url) if shape.index_url else index.served(own) as url:
        write(folder, replace(shape, index_url=url))
        project = place(folder)
        for verb in ("lock", "apply"):
            seconds = project.envbuild(verb).seconds
            sys.stderr.write(f"{folder.name}: {verb}, {shape.environments:,} environments: {seconds:.1f} s\n")


def _lines(manifest: Manifest, shape: Shape) -> Iterator[str]:
    yield "# Made by tests/bench/generate.\n"
    if manifest.abstract:
        yield "abstract: true\n"
    yield f"description: {manifest.description}\n"
    if manifest.tags:
        yield f"tags: {{{', '.join(f'{key}: {value}' for key, value in manifest.tags.items())}}}\n"
    if manifest.name == fleet.GROUND:
        yield f'\npython:\n  version: "{shape.python}"\n'
        yield f"pip:\n  index_url: {shape.index_url}\n" if shape.index_url else ""
    if manifest.extends:
        yield "\nextends:\n" + _items(manifest.extends, 2)
    yield "\ndependencies:\n  - pip:\n" + _items(manifest.packages, 6)
    if manifest.without:
        yield "without:\n" + _items(manifest.without, 2)
    yield "\nvariables:\n" + "".join(f'  {name}: "{value}"\n' for name, value in manifest.variables.items())


def _items(values: tuple[str, ...], indent: int) -> str:
    return "".join(f"{' ' * indent}- {value}\n" for value in values)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.generate", description="Write a synthetic project.")
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--environments", type=_positive, required=True, help="how many real ones")
    parser.add_argument("--depth", type=_positive, default=Shape.depth, help="levels of abstract parents")
    parser.add_argument("--width", type=_positive, default=Shape.width, help="parents on each level above the ground")
    parser.add_argument("--packages", type=_positive, default=Shape.packages, help="pip packages each names itself")
    parser.add_argument("--kinds", type=_positive, default=Shape.kinds, help="how many distinct contents")
    parser.add_argument("--seed", type=int, default=Shape.seed)
    parser.add_argument("--python", default=".".join(platform.python_version_tuple()[:2]), metavar="VERSION")
    parser.add_argument("--index-url", default="", metavar="URL")
    parser.add_argument("--modules", type=_positive, default=1, help="modules in each wheel of the index")
    parser.add_argument("--bake", action="store_true", help=f"write the same fleet as DIR/{bake.FILE} too")
    parser.add_argument("--built", action="store_true", help="lock and apply it with envbuild")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main() -> int:
    options = vars(_options().parse_args())
    folder, built, modules = options.pop("folder"), options.pop("built"), options.pop("modules")
    targets, shape = options.pop("bake"), Shape(**options)
    begun, done = folder / ".bench" / "options.json", folder / ".bench" / "built"
    if not _begin(begun, {**asdict(shape), "modules": modules}):
        sys.stderr.write(f"{folder} holds something else: name an empty folder\n")
        return 1
    if done.exists():
        return 0
    try:
        build(folder, shape, modules) if built else write(folder, shape)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if targets:
        bake.write(folder / bake.FILE, shape)
    if built:
        done.touch()
    return 0


def _begin(record: Path, options: dict[str, Any]) -> bool:
    """Whether the folder is empty, or holds this very project, which may then be finished or used again."""
    folder, text = record.parent.parent, json.dumps(options)
    if record.exists():
        return record.read_text() == text
    if folder.exists() and any(folder.iterdir()):
        return False
    record.parent.mkdir(parents=True)
    record.write_text(text)
    return True


if __name__ == "__main__":
    sys.exit(main())
