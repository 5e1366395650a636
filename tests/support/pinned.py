"""Pins of packages that a test made, as a lock would have them."""

from pathlib import Path

from envbuild.lock import Pin
from envbuild.solvers.rattler import Rattler

from .condapkg import Archive, Package, archive


def pinned(package: Package | Archive, channel: str, **other: str) -> Pin:
    """Pin what a channel has of a package; OTHER fields are not what they should be."""
    made = archive(package) if isinstance(package, Package) else package
    record = made.record
    fields = {
        "manager": "conda",
        "name": record["name"],
        "version": record["version"],
        "url": f"{channel}/{made.subdir}/{made.filename}",
        "sha256": record["sha256"],
        "build": record["build"],
        "md5": record["md5"],
    }
    return Pin(
        **(fields | other),
        dependencies=tuple(record["depends"]),
        number=record["build_number"],
        site=record.get("python_site_packages_path", ""),
    )


def rattler_in(folder: Path, **variables: str) -> Rattler:
    """Give one whose home, caches and variables are those of a test."""
    return Rattler({"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), **variables})
