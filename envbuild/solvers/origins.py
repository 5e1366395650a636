"""Whose credentials go where: every URL goes out and comes back through here, and they go to their own origin alone.

A secret of the project stands before what a netrc file says, and that before what rattler and uv have kept.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import combinations
from urllib.parse import urlsplit

from envbuild.errors import SolveError
from envbuild.lock import public_url
from envbuild.solvers.logins import Login, netrc_logins
from envbuild.solvers.mirrors import Mirrors, host_mirrors
from envbuild.solvers.secrets import NO_SECRETS, Secrets
from envbuild.solvers.stores import Stores
from envbuild.urls import URL, host_of, is_below, origin, steps

__all__ = ["Origins", "Signatures", "public_url"]


class Origins:
    """Puts credentials into URLs at the last moment, and takes them out again."""

    def __init__(self, host: Mapping[str, str], secrets: Secrets = NO_SECRETS) -> None:
        self._host = host
        self.secrets = secrets
        self.netrc = netrc_logins(host)
        self.stores = Stores(host)

    @cached_property
    def mirrors(self) -> Mirrors:
        """Read when the first URL is to be asked: what is wrong with them is told then."""
        return host_mirrors(self._host)

    def asked(self, public: str) -> str:
        """Where this host asks for what stands at a URL, as it may be shown."""
        return self.mirrors.forward(public)

    def carried(self, public: str) -> str:
        """Where this host asks; with its login, where uv would take one of another place of that host for it."""
        asked = self.asked(public)
        login = self._at(asked) if self.secrets.shares(asked) else None
        if login and login.secret and login.way == "bearer":
            what = f"{login.shown} is one of several for {urlsplit(asked).netloc}, and uv keeps one token for each host"
            raise SolveError(what, login.where, "use 'as: basic', which most indexes take a token by")
        return login.within(asked) if login and login.secret else asked

    def carried_in(self, line: str) -> str:
        """A line of requirements, with what it names by a URL where this host asks for it."""
        return URL.sub(lambda found: self.carried(found[0]), line)

    def login(self, public: str) -> Login | None:
        """What is wanted where a URL is asked; a secret that is for it and has no value is told."""
        return self._at(self.asked(public))

    def _at(self, url: str) -> Login | None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return None
        if own := self.mirrors.login(url):
            return own
        if named := self.secrets.covering(url):
            return self.secrets.login(named)
        return self.netrc.get(parts.netloc) or self.netrc.get(parts.hostname or "") or self.stores.login(url)

    def url(self, public: str) -> str:
        """A URL as it is asked, with what its host wants; one that needs nothing as it stands."""
        asked = self.asked(public)
        login = self._at(asked)
        return login.within(asked) if login else asked

    def public(self, url: str, named: Iterable[str] = ()) -> str:
        """The URL that is meant by one that was asked, as it may stand in a lock; `named` are those of the request.

        It loses what a login puts into a URL, and nothing else: a secret may be a word of it as well.
        """
        for one in self._shown():
            url = one.without(url)
        return self.mirrors.back(public_url(url), named)

    def hidden(self, text: str) -> str:
        """What a program says, without what it was shown."""
        for one in self._shown():
            text = one.hidden(text)
        return text

    def signatures(self, urls: Iterable[str]) -> "Signatures":
        """What to send to whom, where host and path tell it."""
        places = {place for url in urls for place in self.mirrors.every(url)}
        wanted = {place: self._known(place) for place in places if place.startswith("http")}
        mistaken = {
            url
            for (one, first), (other, second) in combinations(wanted.items(), 2)
            if first != second and _is_mistakable(one, other)
            for url in (one, other)
        }
        return Signatures({url: login for url, login in wanted.items() if login}, frozenset(mistaken))

    def refusal(self, url: str, status: str, shown: Login | None = None) -> SolveError:
        """Who does not take which credentials, or was given none; `shown` is what it was if we know of no other."""
        url = self.asked(url)
        host = host_of(url) or url
        try:
            login = self._at(url) or shown
        except SolveError as missing:
            return missing
        if login is None:
            own = f"'machine {urlsplit(url).hostname} login ... password ...'"
            what = f"{host} wants credentials that it was not given ({status})"
            return SolveError(what, hint=f"keep them in a netrc file: {own}, or under 'secrets' in envbuild.yaml")
        hint = f"mend {login.source}, or name a secret for this host in envbuild.yaml"
        if login.secret:
            hint = f"look at {login.source}: what it holds may be wrong, or old"
        return SolveError(f"{host} does not take {login.shown} ({status})", login.where, hint)

    def _known(self, url: str) -> Login | None:
        """A secret without a value is told when somebody asks there."""
        try:
            return self._at(url)
        except SolveError:
            return None

    def _shown(self) -> list[Login]:
        return [*self.secrets.values(), *self.netrc.values(), *self.stores.kept()]


class Signatures:
    """Headers for requests that are known by their host and path alone, as rattler tells of them.

    Where another port has the same paths, and with a token that stands in the path, the URL itself carries the login.
    """

    def __init__(self, wanted: Mapping[str, Login], mistaken: frozenset[str]) -> None:
        self.carried = frozenset(url for url, login in wanted.items() if login.way == "path" or url in mistaken)
        known = [(*_place(url), wanted[url].header) for url in wanted.keys() - self.carried]
        self._known = sorted(known, key=lambda one: len(one[1]), reverse=True)

    def __bool__(self) -> bool:
        return bool(self._known)

    def headers(self, host: str, path: str) -> dict[str, str] | None:
        asked = steps(path)
        found = (header for own, above, header in self._known if own == host and is_below(asked, above))
        return next(({"Authorization": header} for header in found), None)


def _place(url: str) -> tuple[str, tuple[str, ...]]:
    parts = urlsplit(url)
    return (parts.hostname or "", steps(parts.path))


def _is_mistakable(one: str, other: str) -> bool:
    if origin(one) == origin(other):
        return False
    (first, above), (second, below) = _place(one), _place(other)
    return first == second and (is_below(below, above) or is_below(above, below))
