"""Channels as they are now: read once, kept on disk, and shared by every solve of a process."""

import functools
import hashlib
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import (
    CondaRequest,
    Pin,
    Request,
    package_record,
    spec_fields,
    spec_name,
    split_spec,
    virtual_packages,
)
from envbuild.solvers.archives import KINDS, fetch
from envbuild.solvers.logins import Login
from envbuild.solvers.rattler import Answer, Rattler, system_error

if TYPE_CHECKING:
    from rattler import Gateway, GenericVirtualPackage, MatchSpec, RepoDataRecord

_plain_md5 = functools.partial(hashlib.md5, usedforsecurity=False)
SOLVE_SECONDS = 600
NOARCH = "noarch"
_LISTS = ("repodata.json.zst", "repodata.json", "repodata_shards.msgpack.zst")


class Asked(msgspec.Struct, frozen=True):
    """One question for rattler: for a platform, of these channels, with what stays if it can."""

    request: Request
    conda: CondaRequest
    roots: tuple[str, ...]
    kept: tuple[Pin, ...] = ()


class View:
    """Looks at channels through one gateway; whoever asks waits, and others may ask meanwhile."""

    def __init__(self, rattler: Rattler, requests: Iterable[Request]) -> None:
        """`requests` are all that will be asked: whose credentials go where is known before the first.

        `pins` are the records of the channels that were read, by their URLs and by what those are in a lock.
        """
        self.pins: dict[tuple[str, str], Pin] = {}
        self._rattler = rattler
        self._gateway: Gateway | None = None
        self.origins = rattler.origins
        self._signatures = rattler.origins.signatures({url for one in requests if one.conda for url in one.conda.urls})
        self._looked_at: set[tuple[str, str]] = set()
        self._passing: tempfile.TemporaryDirectory[str] | None = None

    def stop(self) -> None:
        self._rattler.stop()

    def close(self) -> None:
        if self._passing:
            self._passing.cleanup()

    def solve(self, asked: Asked) -> "list[RepoDataRecord]":
        conda, platform = asked.conda, asked.request.platform
        urls = msgspec.structs.replace(conda, roots=asked.roots).urls

        async def ask() -> "list[RepoDataRecord]":
            return await self._solve(asked)

        return self._had(urls, (platform, NOARCH), ask)

    def _had(
        self, channels: Iterable[str], platforms: Iterable[str], ask: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """What is answered, by the first of each channel's mirrors that answers."""
        from rattler.exceptions import GatewayError

        while True:
            places = {url: self.origins.asked(url) for url in channels}
            self._open(channels, platforms)
            try:
                return self._rattler.call(ask)
            except GatewayError as error:
                words, every = str(error), " ".join(places.values())
                is_named = any((urlsplit(place).netloc or place) in words for place in places.values())
                if not self.origins.mirrors.turned(places, words if is_named else every):
                    raise

    def names(self, channels: Iterable[str], *platforms: str) -> set[str]:
        """Every package that channels have for a platform."""
        from rattler import Subdir

        channels, subdirs = tuple(channels), [Subdir(one) for one in platforms]

        async def ask() -> set[str]:
            found = await self._made().names(self._urls(channels), subdirs, channel_relations="disabled")
            return {name.normalized for name in found}

        return self._had(channels, platforms, ask)

    def records(self, channels: Iterable[str], name: str, *platforms: str) -> "list[RepoDataRecord]":
        """All that channels have of one package, the newest last."""
        from rattler import Subdir

        channels, subdirs = tuple(channels), [Subdir(one) for one in platforms]

        async def ask() -> "list[RepoDataRecord]":
            urls = self._urls(channels)
            found = await self._made().query(urls, subdirs, [name], recursive=False, channel_relations="disabled")
            return sorted(
                (record for records in found for record in records), key=lambda one: (one.version, one.build_number)
            )

        return self._had(channels, platforms, ask)

    def hashes(self, pin: Pin) -> tuple[str, str]:
        """The sha256 and md5 of a package that has only one of them, or none, in its channel."""
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            data = fetch(self._rattler, pin, Path(folder), lambda _: None)
            with data.open("rb") as first, data.open("rb") as again:
                sha256, md5 = hashlib.file_digest(first, "sha256"), hashlib.file_digest(again, _plain_md5)
        return sha256.hexdigest(), md5.hexdigest()

    def _made(self) -> "Gateway":
        from rattler import Gateway, SourceConfig

        if self._gateway is None:
            # A file of shards may name other addresses: a signature goes by host and path, and a path is told on.
            is_anybody = not (self._signatures or self._signatures.carried)
            config = SourceConfig(bz2_enabled=False, sharded_enabled=is_anybody)
            client = self._rattler.made_client(self._rattler.seconds, signatures=self._signatures)
            self._gateway = Gateway(cache_dir=self._cache(), client=client, default_config=config)
        return self._gateway

    def cache_error(self, error: Exception) -> OSError | None:
        """What is wrong with the folder of the cache, where it is not the channel that failed."""
        return None if "file://" in str(error) else system_error(error, self._rattler.cache)

    def _cache(self) -> Path:
        """A cache keeps the URLs of what was read: those with credentials only as long as this is used."""
        if not self._signatures.carried:
            return self._rattler.cache / "repodata"
        self._passing = tempfile.TemporaryDirectory(prefix="envbuild-", ignore_cleanup_errors=True)
        return Path(self._passing.name)

    def _url(self, public: str) -> str:
        asked = self.origins.asked(public)
        return self.origins.url(public) if asked in self._signatures.carried else asked

    def _urls(self, channels: Iterable[str]) -> list[str]:
        return [self._url(public) for public in channels]

    def _open(self, channels: Iterable[str], platforms: Iterable[str]) -> None:
        """Before rattler asks, it is known that what opens a channel goes to nobody else."""
        for public in channels:
            asked, login = self.origins.asked(public), self.origins.login(public)
            if login and asked in self._signatures.carried:
                self._refuse_telling(asked, login, platforms)

    def _refuse_telling(self, public: str, login: Login, platforms: Iterable[str]) -> None:
        """What stands in a URL must not be told to who is next."""
        if login.way == "bearer":
            what = f"{public} has the paths of another port of its host, and {login.shown} could go there"
            raise SolveError(what, login.where, "use 'as: basic', or read the two channels in different projects")
        for folder in platforms if login.way == "path" else ():
            if (public, folder) in self._looked_at:
                continue
            is_file = public.endswith(KINDS)
            for way in ("",) if is_file else (f"/{folder}/{name}" for name in _LISTS):
                if away := self._rattler.hops.away(f"{login.within(public)}{way}"):
                    what = f"{urlsplit(public).netloc} sends on to {urlsplit(away).netloc}, which would be told"
                    hint = "name the channel where it is, or send the secret 'as: bearer'"
                    raise SolveError(f"{what} {login.shown}: it stands in the path", login.where, hint)
            self._looked_at.add((public, folder))

    async def _solve(self, asked: Asked) -> "list[RepoDataRecord]":
        from rattler import ChannelPriority, Subdir, solve

        priorities = {
            "strict": ChannelPriority.Strict,
            "flexible": ChannelPriority.Flexible,
            "disabled": ChannelPriority.Disabled,
        }
        request, conda = asked.request, asked.conda
        return await solve(
            [self._url(url) for url in conda.channels],
            [self._spec(root) for root in (*asked.roots, *_names(asked.roots))],
            gateway=self._made(),
            platforms=[Subdir(request.platform), Subdir(NOARCH)],
            virtual_packages=_virtual(request),
            channel_priority=priorities[conda.priority],
            locked_packages=[_record(pin) for pin in asked.kept],
            constraints=[self._spec(one) for one in conda.constraints],
            timeout=timedelta(seconds=SOLVE_SECONDS),
            channel_relations="disabled",  # a channel's own file could name others
        )

    def _spec(self, text: str) -> "MatchSpec":
        """A spec whose channel is named as the list of channels names it."""
        from rattler import MatchSpec

        channel, bare = split_spec(text)
        if url := spec_fields(text).get("url"):
            bare = bare.replace(url, self._url(url))
        return MatchSpec(f"{self._url(channel)}::{bare}" if channel else bare, strict=False)


def _names(roots: Iterable[str]) -> list[str]:
    """What is asked for by no channel's name, once more in any version.

    A gateway gives only what a spec fits; and which channel is the first that has a package, which its order goes by,
    is seen where all versions are.
    """
    return sorted({spec_name(root) for root in roots if not (split_spec(root)[0] or spec_fields(root).get("url"))})


def _virtual(request: Request) -> "list[GenericVirtualPackage]":
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version

    found = []
    for name, value in virtual_packages(request.platform, {**request.host, **request.system}).items():
        version, build = ("1", value) if name == "__archspec" else (value, "0")
        found.append(GenericVirtualPackage(PackageName(name), Version(version), BuildString(build)))
    return found


def _record(pin: Pin) -> "RepoDataRecord":
    """A pin as the solver knows packages of a channel, so that it can stay."""
    from rattler import RepoDataRecord

    folder, _, file = pin.url.rpartition("/")
    return RepoDataRecord(package_record(pin), file, pin.url, folder.rpartition("/")[0] + "/")
