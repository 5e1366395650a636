"""What uv says when it fails, told as a problem of the manifest: where, what, how; below it uv's own words."""

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from envbuild.errors import Place, SolveError
from envbuild.lock import Request, root_items
from envbuild.manifest import Item, normalise
from envbuild.resolve import Environment
from envbuild.solvers.names import meant

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_UNKNOWN = re.compile(rf"(?P<name>{_NAME}) was not found in the (?:package registry|provided package locations|cache)")
_WANTED = re.compile(rf"you require (?P<name>{_NAME})")
_NO_VERSION = re.compile(
    rf"Because (?:there (?:is|are) no versions? of|only(?: the following versions of)?) (?P<name>{_NAME})"
    r"(?P<rest>(?:(?!we can conclude|depend).)*)we can conclude that your requirements"
)
_PYTHON = re.compile(
    r"requested Python version \((?P<python>[^)]*)\) does not satisfy Python(?P<wanted>\S+) and "
    rf"(?:all versions of )?(?P<name>{_NAME})(?:==(?P<version>\S+))? depends? on Python"
)
_NO_FILE = re.compile(rf"(?P<name>{_NAME})==(?P<version>\S+) has no (?:usable )?wheels")
_FILES = re.compile(r"Wheels are available .* on the following platforms?: (?P<platforms>.+)")
_CREDENTIALS = re.compile(r"(?P<code>401 Unauthorized|403 Forbidden)")
_STATUS = re.compile(r"HTTP status \w+ error \((?P<status>[^)]+)\)")
_URL = re.compile(r"https?://[^\s`)]+")

# What stands among the causes of a failed request; what it means, and what to do.
_NETWORK = (
    ("dns error", "the host {host} is not known", "check the URL of the index, and the network"),
    ("connection refused", "nothing answers at {host}", "check the URL of the index, and that it is up"),
    ("timed out", "{host} does not answer in time", "try again, or give it more seconds in UV_HTTP_TIMEOUT"),
    ("certificate", "the certificate of {host} is not trusted", "name its authority as 'ca_bundle' in envbuild.yaml"),
    ("corrupt message", "{host} does not speak https", "check the URL of the index: http or https"),
)


_EXTRA = re.compile(
    rf"The package `(?P<name>{_NAME})(?:==(?P<version>\S+))?` does not have an extra named `(?P<extra>\S+)`"
)
_NOISE = re.compile(r"^(warning: (Requirements file|The package) |Resolved ).*\n?", re.MULTILINE)


def unknown_extras(told: str, request: Request, environment: Environment) -> Iterator[SolveError]:
    """Extras that the manifest itself asks for and that are none: uv warns of them, and leaves them out."""
    items = {normalise(one.name): one for one in root_items(environment, request.platform) if one.name}
    for found in _EXTRA.finditer(told):
        item = items.get(normalise(found["name"]))
        if item and found["extra"] in map(normalise, item.extras):
            what = f"{item.name} {found['version'] or ''}".rstrip() + f" has no extra '{found['extra']}'"
            yield SolveError(what, item.where, "remove it, or mend its spelling")


class Failure:
    """One failed question: what was asked, and what uv wrote."""

    def __init__(self, errors: str, request: Request, environment: Environment, known: Iterable[str]) -> None:
        self._words = re.sub(r"^(error|warning): ", "", _NOISE.sub("", errors).strip(), flags=re.MULTILINE)
        self._text = " ".join(self._words.split())
        self._request = request
        self._environment = environment
        self._known = known
        self._roots = {normalise(one.name): one for one in root_items(environment, request.platform) if one.name}

    def told(self, newest: Callable[[str], str]) -> SolveError:
        """`newest` gives the newest version that the index has of a package, where one is asked for that is not."""
        return (
            self._refused()
            or self._unreachable()
            or self._unknown()
            or self._no_version(newest)
            or self._other_python()
            or self._no_file()
            or self._contradiction()
        )

    def _refused(self) -> SolveError | None:
        found = _CREDENTIALS.search(self._text)
        if not found:
            return None
        what = f"{self._index()} wants other credentials than it was given ({found['code']})"
        return SolveError(what, self._index_place(), "keep them in a netrc file, or in the host's own settings")

    def _unreachable(self) -> SolveError | None:
        if "No solution" in self._text or not (found := _URL.search(self._text)):
            return None
        host = urlsplit(found[0]).netloc.rpartition("@")[2] or "the index"
        what, hint = self._cause(host)
        return SolveError(self._with_words(what), self._index_place(), hint)

    def _cause(self, host: str) -> tuple[str, str]:
        if found := _STATUS.search(self._text):
            hint = "wait a while, and try again" if found["status"][:1] in "45" else "check the URL of the index"
            return f"{host} answers {found['status']}", hint
        for sign, what, hint in _NETWORK:
            if sign in self._text.lower():
                return what.format(host=host), hint
        return f"{host} is no index that can be read", "check the URL of the index, and the network"

    def _unknown(self) -> SolveError | None:
        found = _UNKNOWN.search(self._text)
        if not found:
            return None
        name = normalise(found["name"])
        near = meant(name, self._known)
        hint = f"did you mean '{near}'?" if near else "check the spelling of its name, and which index has it"
        what = f"no package is named '{name}' in {self._index()}"
        if item := self._roots.get(name):
            return SolveError(what, item.where, hint)
        root = self._required()
        asking = f": {_asking(name, self._text) or 'another package'} asks for it"
        where = root.where if root else Place(self._environment.path)
        return SolveError(self._with_words(f"{what}{asking}"), where, hint if near else _hint_of(root))

    def _no_version(self, newest: Callable[[str], str]) -> SolveError | None:
        """What the manifest itself asks for, and no version of it is."""
        found = _NO_VERSION.search(self._text)
        item = self._roots.get(normalise(found["name"])) if found and "you require" in found["rest"] else None
        if not item:
            return None
        version = newest(item.name)
        hint = f"the newest is {version}" if version else "ask for a version that there is"
        return SolveError(f"{item.name} has no version {item.wish} in {self._index()}", item.where, hint)

    def _other_python(self) -> SolveError | None:
        found = _PYTHON.search(self._text)
        if not found:
            return None
        python, name = found["python"].removeprefix(">="), normalise(found["name"])
        item = self._roots.get(name) or self._required()
        what = f"{name} {found['version'] or ''}".strip() + f" needs Python {found['wanted']}, and {python} is locked"
        where = item.where if item else Place(self._environment.path)
        return SolveError(self._with_words(what), where, "ask for another version of it, or of python")

    def _no_file(self) -> SolveError | None:
        found = _NO_FILE.search(self._text)
        if not found:
            return None
        item = self._roots.get(normalise(found["name"])) or self._required()
        there = _FILES.search(self._text)
        others = f": there are wheels for {there['platforms'].replace('`', '')}" if there else ""
        hint = f"ask for another version, or take the platform out of 'platforms'{others}"
        where = item.where if item else Place(self._environment.path)
        what = f"{found['name']} {found['version']} has no wheel for {self._request.platform}"
        return SolveError(self._with_words(what), where, hint)

    def _contradiction(self) -> SolveError:
        """All lines that asked for what uv names."""
        named = [item for name, item in self._roots.items() if _names(name, self._text)]
        lines = ", ".join(f"{item.name} {item.wish} at {item.where}" for item in named)
        where = named[0].where if named else Place(self._environment.path)
        hint = f"ask for less in one of: {lines}" if lines else "look at what uv says above"
        return SolveError(self._with_words(f"no set of packages fits on {self._request.platform}"), where, hint)

    def _required(self) -> Item | None:
        """What the manifest asks for and the explanation ends with."""
        found = [self._roots.get(normalise(one["name"])) for one in _WANTED.finditer(self._text)]
        return next((item for item in found if item), None)

    def _index(self) -> str:
        return self._request.index_url or "the index"

    def _index_place(self) -> Place:
        """The line that names the index, if a manifest does."""
        node = self._environment.node("pip", "index_url")
        return node.place if node else Place(self._environment.path)

    def _with_words(self, what: str) -> str:
        lines = [line.rstrip() for line in self._words.splitlines() if line.strip()]
        return "\n".join([what, *(f"    {line}" for line in lines)])


def _asking(name: str, text: str) -> str:
    """Who depends on a package, by uv's account."""
    found = re.search(rf"(?:all versions of )?({_NAME})(?:==\S+)? depends? on {re.escape(name)}(?![\w-])", text)
    return found[1] if found else ""


def _hint_of(root: Item | None) -> str:
    if root is None:
        return "name the index that has it"
    return f"ask for another version of {root.name}, or name the index that has what it needs"


def _names(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None
