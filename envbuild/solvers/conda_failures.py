"""What rattler says when it fails, told as a problem of the manifest: where, what, how; its own words below."""

import re
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import EnvbuildError, Place, SolveError, redacted
from envbuild.lock import conda_items, spec_name, split_spec, virtual_packages
from envbuild.resolve import Environment, channel_url
from envbuild.shape import near
from envbuild.solvers.channel_failures import channel_failure
from envbuild.solvers.channels import NOARCH, Asked, View
from envbuild.solvers.conda_words import headless, mentioned, roots, tree
from envbuild.solvers.foreign import PLATFORMS, exported

if TYPE_CHECKING:
    from envbuild.manifest import Item

_MISSING = re.compile(r"No candidates were found for (?P<spec>[^\n]+?)\.?(?:\n|$)")
_DEEP = re.compile(r"would require\W+(?P<spec>[^\n,]+?(?:,[^ \n]+)*), for which no candidates were found")
_VIRTUAL = re.compile(r"(?P<name>__[a-z0-9_]+)(?P<spec> [^\n]*?)?, for which no candidates were found")
_EXCLUDED = re.compile(
    r"─ (?P<name>[a-z0-9_]\S*) (?P<version>[^\n]+?) is excluded because due to strict channel priority"
    r"[^\n]*from: '(?P<url>[^']+)'"
)
_ELSEWHERE = re.compile(r"─ (?P<name>[a-z0-9_]\S*) [^\n]*is excluded because candidate not in requested channel")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_REQUIREMENT = {"__cuda": "cuda", "__glibc": "libc", "__linux": "linux", "__osx": "macos", "__archspec": "archspec"}
_SHOWN = 5


class CondaFailure:
    """One failed question: what was asked, of whom, and what rattler said."""

    def __init__(self, error: Exception, asked: Asked, environment: Environment, view: View) -> None:
        self._words = redacted(view.origins.hidden(headless(str(error))))
        self._error = error
        self._asked = asked
        self._environment = environment
        self._view = view
        stated = conda_items(environment, asked.request.platform)
        limits = (item for package in environment.constraints.on(asked.request.platform) for item in package.items)
        self._items: dict[str, list[Item]] = {}
        for item in (*stated, *(item for item in limits if item.manager == "conda")):
            self._items.setdefault(item.name, []).append(item)
        self._stated = stated

    def told(self) -> EnvbuildError:
        from rattler.exceptions import GatewayError

        if isinstance(self._error, GatewayError):
            if system := self._view.cache_error(self._error):
                what = f"what channels list cannot be kept: {system.strerror}: {system.filename}"
                return SolveError(what, hint="set ENVBUILD_CACHE to a folder that can be written, and has space")
            return channel_failure(self._words, self._asked, self._environment, self._view)
        found = self._too_long() or self._virtual() or self._missing() or self._in_another() or self._priority()
        return found or self._contradiction()

    def _too_long(self) -> SolveError | None:
        if "has been cancelled" not in self._words:
            return None
        what = f"no set of packages was found for {self._platform} in time"
        return SolveError(what, Place(self._environment.path), "ask for narrower versions of the packages you name")

    def _virtual(self) -> SolveError | None:
        """What the platform itself is asked to offer; of several possible answers the least."""
        found = [(one["name"], (one["spec"] or "").strip()) for one in _VIRTUAL.finditer(self._words)]
        if not found:
            return None
        name, wanted = min((one for one in found if one[0] == found[0][0]), key=lambda one: _numbers(one[1]))
        request, key = self._asked.request, _REQUIREMENT.get(name, "")
        offered = virtual_packages(request.platform, {**request.host, **request.system}).get(name)
        needed = wanted.split()[-1] if key == "archspec" else wanted
        what = f"packages for {self._platform} need {key or name.strip('_')} {needed}".strip()
        told = f"{what}, and it is locked for {offered or 'none'}"
        number = _NUMBER.search(needed)
        value = needed if key == "archspec" else f'"{number[0]}"' if number else '"..."'
        hint = f"say what there is: 'system_requirements: {{{key}: {value}}}', or ask for an older version"
        return SolveError(self._with_words(told), self._where(), hint if key else "ask for another version")

    def _priority(self) -> SolveError | None:
        """What a channel of less priority has, and a channel before it hides, if it would help."""
        found = _EXCLUDED.search(self._words)
        if not found or self._asked.conda.priority != "strict" or not self._would_fit("flexible"):
            return None
        name, url = found["name"], redacted(found["url"]).rstrip("/")
        what = f"{name} {found['version']} is in {url}, and a channel before it has {name}, too"
        hint = f"write '{self._called(url)}::{name}', or 'channel_priority: flexible' in envbuild.yaml"
        return SolveError(self._with_words(what), self._where(name), hint)

    def _would_fit(self, priority: str) -> bool:
        from rattler.exceptions import GatewayError, SolverError

        conda = msgspec.structs.replace(self._asked.conda, priority=priority)
        try:
            self._view.solve(msgspec.structs.replace(self._asked, conda=conda))
        except (GatewayError, SolverError):
            return False
        return True

    def _in_another(self) -> SolveError | None:
        """A spec that names a channel, and that channel has no such package."""
        found = _ELSEWHERE.search(self._words)
        items = self._items.get(found["name"], []) if found else []
        named = next(((item, channel) for item in items if (channel := split_spec(item.text)[0])), None)
        if found is None or named is None:
            return None
        item, channel = named
        has = [
            url for url in self._asked.conda.channels if self._view.records([url], item.name, self._platform, NOARCH)
        ]
        what = f"the channel {self._called(channel)} has no {item.name} that fits, for {self._platform}"
        other = f"write '{self._called(has[0])}::{item.name}'" if has and has != [channel] else "name another channel"
        return SolveError(what, item.where, other)

    def _missing(self) -> SolveError | None:
        """What no channel has: the package, that version, that build."""
        found = _MISSING.search(self._words) or _DEEP.search(self._words)
        if found is None:
            return None
        if foreign := exported(self._stated, self._platform, self._view, self._asked.conda.channels):
            return foreign
        asked = found["spec"].strip()
        name = spec_name(asked)
        records = self._view.records(self._asked.conda.channels, name, self._platform, NOARCH)
        if not records:
            return self._unknown(name)
        from rattler import MatchSpec

        if any(MatchSpec(asked, strict=False).matches(one) for one in records):
            return None  # it is there, and something else that is asked for is in its way
        return self._no_version(name, asked, [(str(one.version), str(one.build)) for one in records])

    def _unknown(self, name: str) -> SolveError:
        what = f"no package is named '{name}' {self._among()}"
        if name not in self._items:
            what = self._with_words(f"{what}: another package asks for it")
            return SolveError(what, self._where(), "name the channel that has it")
        return SolveError(what, self._where(name), self._hint_for(name))

    def _hint_for(self, name: str) -> str:
        """Whether the channels have anything for the platform, which other one has it, what else is called so."""
        channels = self._asked.conda.channels
        if not self._names(self._platform, *channels):
            return f"leave {self._platform} out of 'platforms', or name a channel that has packages for it"
        has = [one for one in PLATFORMS if one != self._platform and name in self._names(one, *channels)]
        if has:
            system = has[0].partition("-")[0]
            if system == self._platform.partition("-")[0]:
                return f"leave {self._platform} out of 'platforms': there is one for {', '.join(has)}"
            return f"write 'sel({system}): {name}', or other 'platforms': there is one for {', '.join(has)}"
        if found := near(name, self._names(self._platform, *channels) | self._names(NOARCH, *channels)):
            return f"did you mean '{found}'?"
        empty = [url for url in channels if not self._names(self._platform, url) | self._names(NOARCH, url)]
        if empty:
            return f"check the name of the channel {empty[0]}: it has nothing for {self._platform}"
        return "check the spelling of its name, and which channel has it"

    def _names(self, platform: str, *channels: str) -> set[str]:
        from rattler.exceptions import GatewayError

        try:
            return self._view.names(channels, platform)
        except GatewayError:  # a hint may fail
            return set()

    def _no_version(self, name: str, asked: str, found: list[tuple[str, str]]) -> SolveError:
        wish = " ".join(asked.split()[1:]) or "*"
        what = f"{name} has no version {wish} {self._among()}"
        if name not in self._items:
            what = self._with_words(f"{what}: another package asks for it")
        words = asked.partition("[")[0].split()
        builds = list(
            dict.fromkeys(build for version, build in reversed(found) if words[2:] and _same(version, words[1]))
        )
        if builds:
            what = f"{name} {words[1].lstrip('=')} has no build {words[2]} {self._among()}"
            return SolveError(what, self._where(name), f"choose among its builds: {', '.join(builds[:_SHOWN])}")
        newest = list(dict.fromkeys(version for version, _ in reversed(found)))
        return SolveError(what, self._where(name), f"choose among the newest: {', '.join(newest[:_SHOWN])}")

    def _contradiction(self) -> SolveError:
        """All lines that asked for what rattler names."""
        named = [item for name in mentioned(self._words) for item in self._items.get(name, ())]
        items = sorted(named, key=lambda item: item.where)
        lines = ", ".join(f"{item.text} at {item.where}" for item in items)
        where = items[0].where if items else Place(self._environment.path)
        hint = f"ask for less in one of: {lines}" if lines else "look at what the solver says above"
        return SolveError(self._with_words(f"no set of packages fits on {self._platform}"), where, hint)

    @property
    def _platform(self) -> str:
        return self._asked.request.platform

    def _among(self) -> str:
        return f"for {self._platform} in {', '.join(map(self._called, self._asked.conda.channels))}"

    def _called(self, url: str) -> str:
        """A channel as the manifest calls it."""
        return next((name for name in self._environment.channels if channel_url(name) == url), url)

    def _where(self, name: str = "") -> Place:
        """The line that asks for a package; else the first that rattler names."""
        named = (name, *roots(self._words))
        first = next((self._items[one][0] for one in named if one in self._items), None)
        return first.where if first else Place(self._environment.path)

    def _with_words(self, what: str) -> str:
        return "\n".join([what, *(f"    {line}" for line in tree(self._words))])


def _numbers(spec: str) -> tuple[int, ...]:
    found = _NUMBER.search(spec)
    return tuple(map(int, found[0].split("."))) if found else ()


def _same(version: str, asked: str) -> bool:
    plain = asked.lstrip("=").removesuffix(".*")
    return version == plain or version.startswith(f"{plain}.")
