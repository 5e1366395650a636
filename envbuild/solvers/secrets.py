"""The project's secrets: which of them is for whom, and its value, which is read when somebody asks there."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild import registry
from envbuild.errors import LoginError, Place, SolveError
from envbuild.settings import Settings
from envbuild.settings.secrets import Secret
from envbuild.solvers.logins import Login
from envbuild.urls import nearest, origin

_TOKEN_USER = "__token__"  # as package indexes call who has nothing but a token  # noqa: S105
_LONGEST = 64 * 1024


class Named(msgspec.Struct, frozen=True):
    """A secret with its name, and the place that names it."""

    name: str
    secret: Secret
    where: Place | None

    @property
    def source(self) -> str:
        return f"the variable {self.secret.env}" if self.secret.env else f"the file {self.secret.file}"


class Secrets:
    """Values are kept by nobody else, and only where they are asked for."""

    def __init__(self, settings: Settings, host: Mapping[str, str], root: Path) -> None:
        self._named = [Named(name, one, settings.place_in("secrets", name)) for name, one in settings.secrets.items()]
        self._host = host
        self._root = root
        self._read: dict[str, Login] = {}

    @property
    def variables(self) -> frozenset[str]:
        """Those that hold secrets, and that no other program needs to see."""
        return frozenset(one.secret.env for one in self._named if one.secret.env)

    @property
    def files(self) -> list[tuple[Named, Path]]:
        """Those that are kept in files, each with its own."""
        return [(one, self._path(one.secret.file)) for one in self._named if one.secret.file]

    def kept(self, name: str) -> Secret:
        """Where one that a build is shown is kept, by its whole path."""
        named = next(one for one in self._named if one.name == name)
        self.login(named)  # one that has no value is told
        file = named.secret.file
        return named.secret if file is None else msgspec.structs.replace(named.secret, file=str(self._path(file)))

    def value(self, name: str) -> str:
        """As it is kept; that there is none is told."""
        return self._value(next(one for one in self._named if one.name == name))

    def covering(self, url: str) -> Named | None:
        """The secret that is for a URL: of several the one whose place is nearest."""
        owners = dict(self.places())
        place = nearest(owners, url)
        return None if place is None else owners[place]

    def opening(self, url: str) -> registry.Login | None:
        """The login that a registry is shown for what lies at a URL."""
        named = self.covering(url)
        if named is None:
            return None
        if named.secret.way != "basic":
            what = f"a registry is shown a user and a password, and the secret '{named.name}' is sent otherwise"
            raise LoginError(what, named.where, "remove 'as', or name registries under another secret")
        login = self.login(named)
        return registry.Login(f"the secret '{named.name}'", login.user, login.password)

    def shares(self, url: str) -> bool:
        """Whether several secrets are for one host, each for a place of its own."""
        return len({one.name for place, one in self.places() if origin(place) == origin(url)}) > 1

    def places(self) -> Iterator[tuple[str, Named]]:
        yield from ((place, one) for one in self._named for place in one.secret.places)

    def login(self, named: Named) -> Login:
        """Its value; that there is none is told by name and source."""
        if named.name not in self._read:
            self._read[named.name] = _login(named, self._value(named))
        return self._read[named.name]

    def missing(self) -> list[Named]:
        """Those that have no value here."""
        return [one for one in self._named if not self.has(one)]

    def has(self, named: Named) -> bool:
        try:
            self.login(named)
        except SolveError:
            return False
        return True

    def values(self) -> list[Login]:
        """What was read so far."""
        return list(self._read.values())

    def _value(self, named: Named) -> str:
        if name := named.secret.env:
            text, why = self._host.get(name, ""), f"the variable {name} is not set"
        else:
            text, why = _contents(self._path(named.secret.file or ""), named.source)
        value = text.rstrip("\r\n")
        if not value:
            raise SolveError(f"the secret '{named.name}' has no value: {why}", named.where, _mend(named))
        if not value.isprintable():
            what = f"the secret '{named.name}' is not one line of text"
            raise SolveError(what, named.where, f"look at {named.source}: it is to hold the value alone")
        return value

    def _path(self, stated: str) -> Path:
        home = self._host.get("HOME") or "/"
        return Path(home, stated[2:]) if stated.startswith("~/") else self._root / stated


def _contents(path: Path, source: str) -> tuple[str, str]:
    """What a file holds, or why it holds nothing; who would wait for what a pipe may bring is not kept waiting."""
    if path.exists() and not path.is_file():
        return "", f"{source} is none"
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST + 1)
            return ("", f"{source} is too large") if len(data) > _LONGEST else (data.decode(), f"{source} is empty")
    except OSError as error:
        return "", f"{source} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return "", f"{source} holds no text"


def _mend(named: Named) -> str:
    return f"set {named.secret.env}" if named.secret.env else "put the value into it, and nothing else"


def _login(named: Named, value: str) -> Login:
    """`USER:PASSWORD` is both where no user is named; a token alone is of nobody by name."""
    stated, source = named.secret, named.source
    user, colon, password = value.partition(":")
    if stated.way != "basic":
        return Login(value, source, "", stated.way, named.name, named.where)
    if stated.user or not colon:
        return Login(value, source, stated.user or _TOKEN_USER, "basic", named.name, named.where)
    return Login(password, source, user, "basic", named.name, named.where)


NO_SECRETS = Secrets(Settings(), {}, Path("/"))
