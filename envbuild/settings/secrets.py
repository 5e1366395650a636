"""The secrets of a project: where their values are, and whom they are for; what is wrong with either."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal

import msgspec

from envbuild.document import Mapping, Scalar, Sequence, Value, scalars
from envbuild.errors import EnvbuildError, SettingsError
from envbuild.manifest import Word, about, is_loopback, is_variable
from envbuild.urls import Spot, climbs, parts_of, spot

_SENT_TO = re.compile(r"https?://([\w.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?(/[^\s?#\"'\\@]*)?", re.ASCII | re.IGNORECASE)
# What programs look for under these names is no secret, and they would not find it any more.
_READ = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|TERM|TZ|LANG|LANGUAGE|LC_\w+|TMPDIR|TEMP|TMP|IFS|ENV|BASH_ENV|DISPLAY"
    r"|LD_\w+|DYLD_\w+|PYTHON[A-Z]\w*|VIRTUAL_ENV|CONDA_PREFIX|XDG_\w+|MANPATH|PKG_CONFIG_PATH"
    r"|(?:HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE|NETRC|SSH_AUTH_SOCK"
    r"|GIT_(?:DIR|SSH|SSH_COMMAND|ASKPASS|CONFIG\w*)|DOCKER_(?:HOST|CONFIG)|RATTLER_AUTH_FILE"
    r"|ENVBUILD_(?:STORE|STATE|CACHE|DIR|MIRRORS|JOBS|LOCKED|PROGRESS|YES|HOOK|ACTIVE|ENVIRONMENT)|UV_(?:CACHE_DIR|CREDENTIALS_DIR|INDEX|DEFAULT_INDEX|INDEX_URL|EXTRA_INDEX_URL)|PIP_INDEX_URL",
    re.IGNORECASE | re.ASCII,
)


class Secret(msgspec.Struct, frozen=True, rename={"places": "for", "way": "as"}):
    """Where a secret's value comes from, and who is shown it; the value itself is never written anywhere.

    Without `for` it is for builds of images alone.
    """

    SHAPES: ClassVar = (("env", "for?", "user?", "as?"), ("file", "for?", "user?", "as?"))

    env: Annotated[Word | None, about("The variable that holds it.")] = None
    file: Annotated[Word | None, about("The file that holds it.")] = None
    places: Annotated[
        tuple[Word, ...], about("URLs of hosts, channels, indexes or registries that it is sent to.")
    ] = ()
    user: Annotated[Word | None, about("Whose password it is.")] = None
    way: Annotated[Literal["basic", "bearer", "path"], about("How it is sent; 'path' is conda's /t/TOKEN/.")] = "basic"


def secret_problems(stated: Value | None, insecure: Iterable[Value | None]) -> Iterator[EnvbuildError]:
    """Whom secrets are for: each of it is one place, and no two are for the same."""
    plain = {node.text.lower() for listed in insecure if listed for node in scalars(listed)}
    owners: dict[Spot, str] = {}
    for name, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if not isinstance(entry.value, Mapping):
            continue
        yield from (*_sources(entry.value), *_ways(entry.value))
        places = entry.value.get("for")
        for node in scalars(places) if places else ():
            problem = _place_problem(node, plain) or _owned(node, name, owners)
            if problem:
                yield problem
            else:
                owners[spot(node.text)] = name


def _owned(node: Scalar, name: str, owners: dict[Spot, str]) -> EnvbuildError | None:
    """Places are compared by where they lead, however they are written."""
    owner = owners.get(spot(node.text))
    if owner == name:
        return SettingsError(f"'{node.text}' is named twice", node.place, "remove it")
    if owner:
        return SettingsError(f"'{node.text}' is sent '{owner}' already", node.place, "name it under one of them")
    return None


def _sources(secret: Mapping) -> Iterator[EnvbuildError]:
    """A variable is hidden from all other programs, and what it holds from all that is said."""
    env, file = secret.get("env"), secret.get("file")
    if isinstance(env, Scalar) and env.text and not is_variable(env.text):
        yield SettingsError(
            f"'{env.text}' cannot name a variable", env.place, "use letters, digits and '_', no digit first"
        )
    elif isinstance(env, Scalar) and _READ.fullmatch(env.text):
        what = f"the variable {env.text} is what other programs read, and holds no secret"
        yield SettingsError(what, env.place, "keep the secret in a variable of its own")
    if isinstance(file, Scalar) and not file.text.startswith("/"):
        inside = file.text.removeprefix("~/")
        if inside.startswith("~") or ".." in inside.split("/"):
            yield SettingsError(f"'{file.text}' leaves the project", file.place, "write it absolute, or inside")


def _ways(secret: Mapping) -> Iterator[EnvbuildError]:
    way, user = secret.get("as"), secret.get("user")
    if isinstance(way, Scalar) and way.text in {"bearer", "path"} and user:
        yield SettingsError(f"'as: {way.text}' sends no user", user.place, "remove it, or send it 'as: basic'")
    elif isinstance(user, Scalar) and ":" in user.text:
        yield SettingsError("the name of a user has no ':'", user.place, "write the name alone")
    places = secret.get("for")
    if isinstance(places, Sequence) and not places.items:
        hint = "name the URLs it is for, or remove 'for': it is for builds of images then"
        yield SettingsError("this secret is sent to nobody", places.place, hint)
    for node in (way, user):
        if node and not places:
            yield SettingsError("this secret is sent to nobody", node.place, "name the URLs it is for: 'for: [URL]'")


def _place_problem(node: Scalar, plain: set[str]) -> EnvbuildError | None:
    host = node.text.partition("://")[2].partition("/")[0].lower()
    if not _SENT_TO.fullmatch(node.text) or not parts_of(node.text):
        what = f"'{node.text}' is no place that a secret can be sent to"
        return SettingsError(what, node.place, "write its URL: https://HOST, or https://HOST/PATH")
    if climbs(node.text):
        what = f"'{node.text}' leads elsewhere than it says"
        return SettingsError(what, node.place, "write it without '.' and '..' in its path")
    if node.text.lower().startswith("http:") and not is_loopback(node.text) and host not in plain:
        hint = f"use https, or name the host: 'insecure_indexes: [{host}]'"
        return SettingsError(f"'{node.text}' is not https: anybody on the way could read the secret", node.place, hint)
    return None
