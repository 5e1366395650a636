"""`python -m tests.real [SLUG…]`: how many of the real files load and lock, and for each that does not, why not."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.project import Project, clean_environment
from support.realfiles import Sample, samples
from support.reallocks import RealLocks


def main(arguments: Sequence[str] | None = None) -> int:
    every = samples()
    parser = argparse.ArgumentParser(prog="python -m tests.real", description=__doc__)
    parser.add_argument("slugs", nargs="*", metavar="SLUG", help="these files alone")
    slugs = parser.parse_args(arguments).slugs
    if unknown := sorted(set(slugs) - {one.slug for one in every}):
        parser.error(f"there is no {', '.join(unknown)}")
    chosen = [one for one in every if not slugs or one.slug in slugs]
    with tempfile.TemporaryDirectory(prefix="real-") as folder:
        sys.stdout.write(_report(Path(folder), chosen))
    return 0


def _report(folder: Path, chosen: Sequence[Sample]) -> str:
    refused = _refused(folder / "load", chosen)
    loading = [one for one in chosen if one.slug not in refused]
    unlocked = {slug: why for slug, why in RealLocks(folder / "lock", folder / "uv", loading).outcomes().items() if why}
    lines = [f"{len(chosen)} files: {len(loading)} load, {len(loading) - len(unlocked)} lock"]
    lines += [f"does not load: {slug}: {why}" for slug, why in sorted(refused.items())]
    lines += [f"does not lock: {slug}: {why}" for slug, why in sorted(unlocked.items())]
    return "\n".join(lines) + "\n"


def _refused(folder: Path, chosen: Sequence[Sample]) -> dict[str, str]:
    """The first thing that `check` says of each file that it refuses."""
    project = Project(folder / "project", clean_environment(folder, folder / "uv"))
    for one in chosen:
        one.lay(project.path)
    found: dict[str, str] = {}
    for error in project.json("check", check=None)["errors"]:
        slug = Path(error["path"]).parent.name
        found.setdefault(slug, f"{error['line']}: {error['message']} | {error['hint']}")
    return found


if __name__ == "__main__":
    sys.exit(main())
