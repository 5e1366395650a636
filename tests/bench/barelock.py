"""The least that a lock of conda packages takes, as a script: rattler solves, and an explicit list is written.

`python barelock.py CHANNEL DIR PLATFORM SPEC...` keeps what the channel says below DIR, and writes DIR/explicit.txt.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from rattler import (
    BuildString,
    ChannelPriority,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    SourceConfig,
    Subdir,
    Version,
    solve,
)

_SYSTEM = {"__unix": "0", "__linux": "5.10", "__glibc": "2.28"}
SOURCES = SourceConfig(bz2_enabled=False)


async def main(channel: str, folder: Path, platform: str, specs: list[str]) -> None:
    gateway = Gateway(cache_dir=folder / "repodata", default_config=SOURCES)
    records = await solved(gateway, channel, platform, specs)
    lines = sorted(f"{record.url}#{(record.md5 or b'').hex()}\n" for record in records)
    (folder / "explicit.txt").write_text("".join(["@EXPLICIT\n", *lines]))


async def solved(gateway: Gateway, channel: str, platform: str, specs: Iterable[str]) -> list[RepoDataRecord]:
    return await solve(
        [channel],
        [MatchSpec(spec, strict=False) for spec in specs],
        gateway=gateway,
        platforms=[Subdir(platform), Subdir("noarch")],
        virtual_packages=[
            GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))
            for name, version in _SYSTEM.items()
        ],
        channel_priority=ChannelPriority.Strict,
        channel_relations="disabled",
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]))
