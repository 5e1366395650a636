"""The least that conda packages and wheels in a prefix take, as a script: rattler links what it has in its cache.

`python bareinstall.py CHANNEL CACHE PREFIX UV...` installs every package of a channel, a folder that has one version of
each, and then runs uv with the words that follow.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rattler import BuildString, PackageCache, PackageRecord, RepoDataRecord, install


async def main(channel: Path, cache: Path, prefix: Path) -> None:
    await install(list(_records(channel)), prefix, package_cache=PackageCache(cache), show_progress=False)


def _records(channel: Path) -> Iterator[RepoDataRecord]:
    for path in channel.glob("*/repodata.json"):
        for name, said in json.loads(path.read_bytes())["packages.conda"].items():
            record = PackageRecord(
                name=said["name"],
                version=said["version"],
                build=BuildString(said["build"]),
                build_number=said["build_number"],
                subdir=said["subdir"],
                md5=bytes.fromhex(said["md5"]),
                sha256=bytes.fromhex(said["sha256"]),
                depends=said["depends"],
                constrains=said["constrains"],
            )
            yield RepoDataRecord(record, name, (path.parent / name).as_uri(), f"{channel.as_uri()}/")


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:4])))
    subprocess.run(sys.argv[4:], check=True)
