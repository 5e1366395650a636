"""The build backend that travels inside every sdist of `wheels`: it zips the finished tree, and needs nothing else."""

import zipfile
from pathlib import Path


def build_wheel(
    wheel_directory: str,
    config_settings: object = None,  # noqa: ARG001 - PEP 517 gives the names and the number of arguments
    metadata_directory: object = None,  # noqa: ARG001
) -> str:
    tree = Path("tree")
    (facts,) = tree.glob("*.dist-info/WHEEL")
    tag = next(line for line in facts.read_text(encoding="utf-8").splitlines() if line.startswith("Tag: "))
    filename = f"{facts.parent.stem}-{tag.removeprefix('Tag: ')}.whl"
    with zipfile.ZipFile(Path(wheel_directory, filename), "w") as archive:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(path.relative_to(tree).as_posix()), path.read_bytes())
    return filename
