"""py-rattler called bare, as a user of it would: what our packages and channels are proved with."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rattler import (
    BuildString,
    ChannelPriority,
    Client,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageCache,
    PackageName,
    RepoDataRecord,
    SourceConfig,
    Subdir,
    ValidationMode,
    Version,
    install,
    solve,
)
from rattler.networking import RetryMiddleware

_SYSTEM = {"__unix": "0", "__linux": "5.10", "__glibc": "2.28"}


class BareRattler:
    """Solve and install with caches below one folder, for this machine if no PLATFORM is named.

    SECONDS is how long one request may take, SYSTEM what the machine is said to have.
    """

    def __init__(
        self,
        folder: Path,
        *,
        platform: str | None = None,
        seconds: int = 20,
        system: Mapping[str, str] = MappingProxyType(_SYSTEM),
    ) -> None:
        self._folder, self._seconds, self._system = folder, seconds, system
        self._platform = Subdir(platform) if platform else Subdir.current()
        self._client = Client([RetryMiddleware(0)], timeout=seconds)

    def solve(self, channels: str | Sequence[str], *specs: str) -> list[RepoDataRecord]:
        """Ask anew each time, so that what the channel holds now is what is seen."""
        gateway = Gateway(
            cache_dir=self._folder / "repodata", client=self._client, default_config=SourceConfig(sharded_enabled=False)
        )
        return asyncio.run(self._solve(gateway, [channels] if isinstance(channels, str) else list(channels), specs))

    def install(
        self,
        records: Sequence[RepoDataRecord],
        prefix: Path,
        *,
        deeply: bool = False,
        run_scripts: bool = False,
    ) -> None:
        """With DEEPLY, first hold each file in the cache against the hash that its package tells."""
        layers: list[Any] = [self._folder / "packages"]
        mode = ValidationMode.full() if deeply else None
        asyncio.run(
            install(
                list(records),
                target_prefix=prefix,
                package_cache=PackageCache.new_layered(layers, validation_mode=mode),
                client=self._client,
                platform=self._platform,
                show_progress=False,
                execute_link_scripts=run_scripts,
            )
        )

    async def _solve(self, gateway: Gateway, channels: list[str], specs: Sequence[str]) -> list[RepoDataRecord]:
        return await solve(
            channels,
            [MatchSpec(spec, strict=False) for spec in specs],
            gateway=gateway,
            platforms=[self._platform, Subdir("noarch")],
            virtual_packages=[
                GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))
                for name, version in self._system.items()
            ],
            channel_priority=ChannelPriority.Strict,
            timeout=timedelta(seconds=self._seconds),
            channel_relations="disabled",
        )


def versions(records: Sequence[RepoDataRecord]) -> list[str]:
    """Name what was chosen, sorted, as in `libfoo 1.0`."""
    return sorted(f"{record.name.normalized} {record.version}" for record in records)
