"""What rattler says when it fails, told as a problem of the manifest: where, what, how; its own words below."""

import re

from envbuild.errors import EnvbuildError, Place, SolveError, redacted
from envbuild.lock import conda_items, spec_name, virtual_packages
from envbuild.resolve import Environment, channel_url
from envbuild.shape import near
from envbuild.solvers.channel_failures import channel_failure
from envbuild.solvers.channels import NOARCH, Asked, View

_HEAD = re.compile(r"^Cannot solve the request because of: ")
_ROOT = re.compile(
    r"^(?:[├└]─ )?(?P<name>[a-z0-9_][a-z0-9_.-]*) [^\n]*(?:cannot be installed|can be installed)", re.MULTILINE
)
_MISSING = re.compile(r"No candidates were found for (?P<spec>[^\n]+?)\.?(?:\n|$)")
_DEEP = re.compile(r"would require\W+(?P<spec>[^\n,]+?), for which no candidates were found")
_VIRTUAL = re.compile(r"(?P<name>__[a-z0-9_]+)(?P<spec> [^\n,]*?)?, for which no candidates were found")
_EXCLUDED = re.compile(
    r"(?P<name>\S+) (?P<version>\S+) is excluded because due to strict channel priority[^\n]*from: '(?P<url>[^']+)'"
)
_OTHERS = ("linux-64", "osx-arm64", "osx-64", "win-64", "linux-aarch64")
_REQUIREMENT = {"__cuda": "cuda", "__glibc": "libc", "__linux": "linux", "__osx": "macos", "__archspec": "archspec"}
_SHOWN = 5


class CondaFailure:
    """One failed question: what was asked, of whom, and what rattler said."""

    def __init__(self, error: Exception, asked: Asked, environment: Environment, view: View) -> None:
        self._words = redacted(_HEAD.sub("", str(error)).strip())
        self._error = error
        self._asked = asked
        self._environment = environment
        self._view = view
        items = conda_items(environment, asked.request.platform)
        self._items = {name: [one for one in items if one.name == name] for name in {one.name for one in items}}

    def told(self) -> EnvbuildError:
        from rattler.exceptions import GatewayError

        if isinstance(self._error, GatewayError):
            return channel_failure(self._words, self._asked, self._environment, self._view)
        found = self._too_long() or self._virtual() or self._priority() or self._missing()
        return found or self._contradiction()

    def _too_long(self) -> SolveError | None:
        if "has been cancelled" not in self._words:
            return None
        what = f"no set of packages was found for {self._platform} in time"
        return SolveError(what, Place(self._environment.path), "ask for narrower versions of the packages you name")

    def _virtual(self) -> SolveError | None:
        """What the platform itself is asked to offer."""
        found = _VIRTUAL.search(self._words)
        if not found:
            return None
        name, wanted = found["name"], (found["spec"] or "").strip()
        request = self._asked.request
        offered = virtual_packages(request.platform, {**request.host, **request.system}).get(name)
        key = _REQUIREMENT.get(name, "")
        shown = f"{key or name.strip('_')} {wanted}".strip()
        told = f"it is locked for {key or name} {offered}" if offered else "it is locked for none"
        what = f"packages for {self._platform} need {shown}, and {told}"
        hint = f"say what there is: 'system_requirements: {{{key}: \"...\"}}', or ask for an older version"
        return SolveError(self._with_words(what), self._where(), hint if key else "ask for another version")

    def _priority(self) -> SolveError | None:
        """What a channel of less priority has, and a channel before it hides."""
        found = _EXCLUDED.search(self._words)
        if not found or self._asked.conda.priority != "strict":
            return None
        name, url = found["name"], redacted(found["url"]).rstrip("/")
        what = f"{name} {found['version']} is in {url}, and a channel before it has {name}, too"
        hint = f"write '{self._called(url)}::{name}', or 'channel_priority: flexible' in envbuild.yaml"
        return SolveError(self._with_words(what), self._where(name), hint)

    def _missing(self) -> SolveError | None:
        """What no channel has: the package, that version, that build."""
        found = _MISSING.search(self._words)
        asked = found["spec"].strip() if found else ""
        if not asked:
            deep = _DEEP.search(self._words)
            asked = deep["spec"].strip() if deep else ""
        if not asked:
            return None
        name, own = spec_name(asked), self._asked.conda.channels
        records = self._view.records(own, name, self._platform, NOARCH)
        if not records:
            return self._unknown(name)
        return self._no_version(name, asked, [(str(one.version), str(one.build)) for one in records])

    def _unknown(self, name: str) -> SolveError:
        own = self._asked.conda.channels
        known = self._view.names(own, self._platform, NOARCH)
        what = f"no package is named '{name}' {self._among()}"
        hint = f"did you mean '{found}'?" if (found := near(name, known)) else self._elsewhere(name)
        if name not in self._items:
            what, hint = self._with_words(f"{what}: another package asks for it"), "name the channel that has it"
        return SolveError(what, self._where(name), hint)

    def _elsewhere(self, name: str) -> str:
        """Which other platform has it; or that a channel has nothing at all for this one."""
        for url in self._asked.conda.channels:
            if not self._view.names([url], self._platform, NOARCH):
                return f"{url} has nothing for {self._platform}: check its name"
        has = [one for one in _OTHERS if one != self._platform and name in self._names(one)]
        if has:
            system = has[0].partition("-")[0]
            return f"there is one for {', '.join(has)}: write 'sel({system}): {name}', or other 'platforms'"
        return "check the spelling of its name, and which channel has it"

    def _names(self, platform: str) -> set[str]:
        from rattler.exceptions import GatewayError

        try:
            return self._view.names(self._asked.conda.channels, platform)
        except GatewayError:  # a hint may fail
            return set()

    def _no_version(self, name: str, asked: str, found: list[tuple[str, str]]) -> SolveError:
        wish = " ".join(asked.split()[1:]) or "*"
        what = f"{name} has no version {wish} {self._among()}"
        words = asked.partition("[")[0].split()
        if words[2:] and (foreign := self._exported(name, words[1].lstrip("="), words[2])):
            what = f"{name} {words[1].lstrip('=')} has no build {words[2]} for {self._platform}"
            return SolveError(what, self._where(name), foreign)
        newest = list(dict.fromkeys(version for version, _ in reversed(found)))
        builds = list(
            dict.fromkeys(build for version, build in reversed(found) if words[2:] and _same(version, words[1]))
        )
        if builds:
            return SolveError(what, self._where(name), f"choose among its builds: {', '.join(builds[:_SHOWN])}")
        shown = ", ".join(newest[:_SHOWN])
        return SolveError(what, self._where(name), f"choose among the newest: {shown}")

    def _exported(self, name: str, version: str, build: str) -> str:
        """A file that was exported on another platform has its builds, which are nowhere else."""
        for platform in _OTHERS:
            if platform != self._platform and self._has(name, version, build, platform):
                return f"exported on {platform}: leave the builds out, as 'conda env export --no-builds' does"
        return ""

    def _has(self, name: str, version: str, build: str, platform: str) -> bool:
        from rattler.exceptions import GatewayError

        try:
            records = self._view.records(self._asked.conda.channels, name, platform)
        except GatewayError:  # a hint may fail
            return False
        return any((str(one.version), str(one.build)) == (version, build) for one in records)

    def _contradiction(self) -> SolveError:
        """All lines that asked for what rattler names."""
        named = list(dict.fromkeys(found["name"] for found in _ROOT.finditer(self._words)))
        items = [item for name in named for item in self._items.get(name, ())]
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
        if name in self._items:
            return self._items[name][0].where
        named = (found["name"] for found in _ROOT.finditer(self._words))
        first = next((self._items[one][0] for one in named if one in self._items), None)
        return first.where if first else Place(self._environment.path)

    def _with_words(self, what: str) -> str:
        lines = [line.rstrip() for line in self._words.splitlines() if line.strip()]
        return "\n".join([what, *(f"    {line}" for line in lines)])


def _same(version: str, asked: str) -> bool:
    bare = asked.lstrip("=").removesuffix(".*")
    return version == bare or version.startswith(f"{bare}.")
