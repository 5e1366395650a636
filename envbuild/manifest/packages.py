"""One item of `dependencies` or `without`, as a value: what is asked for, and where."""

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from envbuild.document import Scalar
from envbuild.errors import ManifestError, Place

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Manager = Literal["conda", "pip"]

_CONDA = re.compile(
    r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?P<rest>(?:[ \t]+|(?=[=<>!~\[])|$).*)"
)
_MISREAD = re.compile(r"=[<>]|\[[^=\]]*\]")
_CONDA_PYTHON = re.compile(r"(?P<op>==|>=|<=|!=|~=|>|<|=)?\s*(?P<version>[0-9][A-Za-z0-9.]*?(?:\.\*)?)")
_NAMED_PATH = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*@\s*(?P<path>\S.*)")
_ENDINGS = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz")
_SINGLE_EQUALS = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*=\s*(?P<version>[0-9][\w.*]*)")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]+){3}|::1")
_VERSION_CONTROL = ("git+", "hg+", "svn+", "bzr+")


class Item(msgspec.Struct, frozen=True):
    """A requirement of one package. `text` is canonical: equal requests have equal text."""

    manager: Manager
    name: str
    text: str
    where: Place
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    path: str = ""

    @property
    def key(self) -> str:
        return self.name if self.manager == "conda" else f"pip/{self.name}"

    @property
    def wish(self) -> str:
        """What is asked of the package, in the short form that reasons show."""
        return wish(self.specifier, self.extras, self.marker, self.url or self.path)


def wish(specifier: str, extras: tuple[str, ...] = (), marker: str = "", source: str = "") -> str:
    clauses = sorted(filter(None, specifier.split(",")), key=lambda clause: clause.startswith(("<", "!")))
    only_pin = len(clauses) == 1 and not specifier.startswith("===")
    shown = specifier.removeprefix("==") if only_pin else ",".join(clauses)
    asked = source or shown or "*"
    extra = f"[{','.join(extras)}] " if extras else ""
    return f"{extra}{asked}{f'; {marker}' if marker else ''}"


class Requested(msgspec.Struct, frozen=True):
    """The parsed half of an item, the same wherever the text stands."""

    name: str
    text: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def conda_item(node: Scalar) -> Item:
    """A conda match spec; only python and pip are looked into here, the rest is the solver's."""
    match = _CONDA.fullmatch(node.text.strip())
    if not match:
        raise ManifestError(f"'{node.text}' is no conda spec", node.place, "write it as 'name' or 'name >=1.2,<2'")
    name, rest = match["name"].lower(), match["rest"].strip()
    if misread := _MISREAD.match(rest):
        raise ManifestError(f"conda misreads '{misread[0]}' in '{node.text}'", node.place, _spelling_of(misread[0]))
    if name not in {"python", "pip"}:
        return Item("conda", name, f"{name} {rest}".strip(), node.place)
    specifier = conda_version(rest, node)
    return Item("conda", name, f"{name}{specifier}", node.place, specifier=specifier)


def _spelling_of(misread: str) -> str:
    if misread.startswith("["):
        return "conda packages have no extras: name what the extra brings"
    return f"write '{misread[::-1]}'"


def conda_version(rest: str, node: Scalar) -> str:
    """A conda version constraint as PEP 440 writes it: `=3.11` is any 3.11, `3.11` alone means the same here."""
    parts = []
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        match = _CONDA_PYTHON.fullmatch(part)
        if not match:
            raise ManifestError(
                f"'{rest}' is no version of python or pip", node.place, "write it as '=3.11' or '>=3.10,<3.13'"
            )
        parts.append(_conda_part(match["op"] or "=", match["version"]))
    return _specifier(",".join(parts), node)


def _conda_part(operator: str, version: str) -> str:
    starred = version.endswith("*")
    version = version.removesuffix("*").removesuffix(".")
    if operator == "=" or (operator == "==" and (starred or "." not in version.partition(".")[2])):
        return f"=={version}.*"
    if operator == "!=" and starred:
        return f"!={version}.*"
    return f"{operator}{version}"


def _specifier(text: str, node: Scalar) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        raise ManifestError(f"'{text}' is no version range", node.place, "write it as '>=3.10,<3.13'") from None


def python_version(node: Scalar) -> Item:
    """The version that `python:` states, as the same item that a conda `python` makes."""
    specifier = conda_version(node.text, node)
    return Item("conda", "python", f"python{specifier}", node.place, specifier=specifier)


def pip_item(node: Scalar, folder: str) -> Item:
    """One entry of a pip list that asks for a package; paths are taken from the manifest's own folder."""
    text = node.text.strip()
    _refuse_option(text, node.place)
    if path := _path_of(text):
        return _path_item(path, node, folder)
    requested = _requested(text)
    if isinstance(requested, Requested) and requested.url:
        _refuse_url(requested.url, node.place)
    if isinstance(requested, Requested) and requested.name.endswith("-whl"):
        requested = "a wheel is named by its path alone"
    if isinstance(requested, str):
        raise ManifestError(f"'{node.text}': {requested}", node.place, _spelling(text))
    return Item("pip", requested.name, requested.text, node.place, *_rest(requested))


def wish_of(text: str) -> tuple[str, str]:
    """The package's name and the wish, from an item's canonical text."""
    found = _requested(text)
    if isinstance(found, str):
        return normalise(wheel_name(text)), text
    return found.name, wish(found.specifier, found.extras, found.marker, found.url)


def _rest(requested: Requested) -> tuple[str, tuple[str, ...], str, str]:
    return requested.specifier, requested.extras, requested.marker, requested.url


@lru_cache(maxsize=65536)
def _requested(text: str) -> Requested | str:
    """Parse once for each text; an error is its message, since only the caller knows the line."""
    from packaging.requirements import InvalidRequirement, Requirement

    if text.startswith(("http://", "https://")) and (bare := re.split(r"[?#]", text)[0]).endswith(".whl"):
        text = f"{bare.rpartition('/')[2].split('-')[0]} @ {text}"
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return "not a requirement that pip reads"
    return Requested(
        normalise(requirement.name),
        _canonical(requirement),
        str(requirement.specifier),
        tuple(sorted(normalise(extra) for extra in requirement.extras)),
        str(requirement.marker or ""),
        requirement.url or "",
    )


def _canonical(requirement: "Requirement") -> str:
    requirement.name = normalise(requirement.name)
    requirement.extras = {normalise(extra) for extra in requirement.extras}
    return str(requirement)


def wheel_name(path: str) -> str:
    return posixpath.basename(urlsplit(path).path).split("-")[0]


def _path_of(text: str) -> str:
    """The file or folder that this entry names, if it names one."""
    named = _NAMED_PATH.fullmatch(text)
    path = named["path"] if named else text
    if path.startswith("file:"):
        return re.sub(r"^file:(//)?", "", path)
    if "://" in path or path.startswith(_VERSION_CONTROL):
        return ""
    if path.startswith((".", "/", "~")) or path.endswith(_ENDINGS) or ("/" in path and not named and " " not in path):
        return path
    return path if named else ""


def _path_item(path: str, node: Scalar, folder: str) -> Item:
    inside = project_path(path, folder, node.place)
    if not inside.endswith(".whl"):
        raise ManifestError(
            f"'{path}' is not a wheel; folders and source archives are not supported yet",
            node.place,
            "build a wheel of it and name that",
        )
    return Item("pip", _distribution(inside, node.place), inside, node.place, path=inside)


def _distribution(path: str, where: Place) -> str:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    filename = posixpath.basename(path)
    try:
        return parse_wheel_filename(filename)[0]
    except InvalidWheelFilename:
        raise ManifestError(
            f"'{filename}' is no name of a wheel", where, "it is 'NAME-VERSION-PYTHON-ABI-PLATFORM.whl'"
        ) from None


def project_path(path: str, folder: str, where: Place) -> str:
    """A path as written in a file of `folder`, taken from the project's root; it may not leave it."""
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise ManifestError(f"the path '{path}' is absolute", where, "write it relative to this file")
    inside = posixpath.normpath(posixpath.join(folder, path))
    if inside == ".." or inside.startswith("../"):
        raise ManifestError(f"the path '{path}' leaves the project", where, "keep what a project needs inside it")
    return inside


def _refuse_option(text: str, where: Place) -> None:
    if not text:
        raise ManifestError("an empty item", where, "remove it")
    if text.startswith(("-e", "--editable")):
        raise ManifestError("editable installs are not supported yet", where, "build a wheel and name that")
    if text.startswith(("-i", "--index-url")):
        raise ManifestError("an index is not a package", where, "write it as 'pip: {index_url: …}'")
    if text.startswith("-"):
        option = re.split(r"[\s=]", text)[0]
        raise ManifestError(f"the option '{option}' is not read here", where, "remove it")


def refuse_credentials(url: str, where: Place) -> None:
    """A URL in a manifest is committed to git: it may name a user for ssh, but no password anywhere."""
    parts = _split(url, where)
    if parts.password or (parts.username and not parts.scheme.endswith("ssh")):
        raise ManifestError("credentials may not stand in a file", where, "use a netrc file or the host's own settings")


def _split(url: str, where: Place) -> SplitResult:
    """A URL's parts; one that has no host, or one that a program would take for an option, is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise ManifestError(f"'{url}' has no valid host", where, "mend the URL")
    return parts


def _refuse_url(url: str, where: Place) -> None:
    scheme = url.partition(":")[0].lower()
    if scheme not in {"https", "http", "git+https", "git+http", "git+ssh"}:
        raise ManifestError(f"'{scheme}:' URLs are not read", where, "use https, git+https or git+ssh")
    refuse_credentials(url, where)
    if scheme in {"http", "git+http"} and not is_loopback(url):
        raise ManifestError(f"'{url}' is not https", where, "plain http is for loopback only")


def is_loopback(url: str) -> bool:
    return bool(_LOOPBACK.fullmatch(urlsplit(url).hostname or ""))


def _spelling(text: str) -> str:
    if single := _SINGLE_EQUALS.fullmatch(text):
        return f"pip compares with two signs: {single['name']}=={single['version']}"
    if text.startswith(_VERSION_CONTROL):
        return f"name the package: 'NAME @ {text}'"
    return "write it as 'name', 'name>=1.2,<2' or 'name @ https://…'"


class Without(msgspec.Struct, frozen=True):
    """A package that is dropped from what is inherited."""

    key: str
    where: Place


def without(node: Scalar) -> Without:
    manager, _, name = node.text.rpartition("/")
    if not name or manager not in {"", "pip"}:
        hint = "apt packages are not supported yet" if manager == "apt" else "write 'name' or 'pip/name'"
        raise ManifestError(f"'{node.text}' names no package", node.place, hint)
    return Without(f"pip/{normalise(name)}" if manager else name.lower(), node.place)
