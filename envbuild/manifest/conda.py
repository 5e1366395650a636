"""Conda match specs as items: rattler's lenient parser reads them, and what it would misread is refused."""

import re
from functools import lru_cache

import msgspec

from envbuild.document import Scalar
from envbuild.errors import ManifestError, Place
from envbuild.manifest.items import Item, Selector, is_loopback, refuse_credentials, refuse_length

_PYTHON = re.compile(r"(?i:(?P<name>python|pip))(?P<rest>|[ \t]*[=<>!~\[].*|[ \t]+\S.*)")
_CLAUSES = re.compile(r"(?:[=<>!~]*\s*[0-9][0-9A-Za-z.]*(?:\.\*)?\s*(?:,\s*|$))*")
_ANY_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"\],]+")
_MISREAD = re.compile(r"=[<>]|(?<=[A-Za-z0-9_.-])\[[^=\]]*\]")
_CLAUSE = re.compile(r"(?P<op>==|>=|<=|!=|~=|>|<|=)?\s*(?P<version>[0-9][A-Za-z0-9.]*?(?:\.\*)?)")
_GLUED_STAR = re.compile(r"[=<>!~\s]*[0-9.]*[0-9]\*")  # `3.1*` is also 3.10
_EXACT = re.compile(r"==([^*,|]+)")
_CUT_SHORT = re.compile(r"(?P<spec>[^=<>!~]+=\s*[0-9][0-9.]*)\.")  # conda takes `5.4.` for `5.4`
_BUILD = re.compile(r"[A-Za-z0-9_.*+]+|\^.*\$")
_URL = re.compile(r"[\[,]url=\"([^\"]*)\"")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_NUMBER = r"(?:0|[1-9][0-9]{0,7})(?:\.(?:0|[1-9][0-9]{0,7}))*"
_COMMON = re.compile(
    rf"(?P<name>{_NAME.pattern})"
    rf"(?: ?(?P<range>(?:[<>!]=|==|[<>]){_NUMBER}(?:,(?:[<>!]=|[<>]){_NUMBER})*)| ?=(?P<prefix>{_NUMBER}))?"
)


class _Spec(msgspec.Struct, frozen=True):
    """What a spec says, the same wherever its text stands."""

    name: str
    text: str
    version: str = ""
    url: str = ""


class _Misspelt(msgspec.Struct, frozen=True):
    message: str
    hint: str


def conda_item(node: Scalar, selector: Selector = "") -> Item:
    """A conda match spec; of python and pip the version is known as PyPI's tools know it."""
    text = node.text.strip()
    refuse_length(text, node.place)
    if misread := _MISREAD.search(text):
        raise ManifestError(f"conda misreads '{misread[0]}' in '{text}'", node.place, _spelling_of(misread[0]))
    plain = _PYTHON.fullmatch(text)
    if plain and _CLAUSES.fullmatch(plain["rest"].strip()):
        specifier = python_range(plain["rest"].strip(), node)
        name = plain["name"].lower()
        return Item("conda", name, f"{name}{specifier}", node.place, specifier=specifier, selector=selector)
    for url in _ANY_URL.findall(text):
        _refuse_url(url, node.place)
    found = _parsed(text)
    if isinstance(found, _Misspelt) and plain:
        raise _no_python(plain["rest"].strip(), node)
    if isinstance(found, _Misspelt):
        raise ManifestError(found.message, node.place, found.hint)
    specifier = _range_if_any(found.version)
    if plain and ((found.version and not specifier) or _GLUED_STAR.match(plain["rest"])):
        raise _no_python(plain["rest"].strip(), node)
    return Item(
        "conda",
        found.name,
        found.text,
        node.place,
        specifier=specifier,
        url=found.url,
        selector=selector,
        version=found.version,
    )


def _refuse_url(url: str, where: Place) -> None:
    if url.lower().startswith("file:///"):
        return
    refuse_credentials(url, where)
    if url.lower().startswith("http://") and not is_loopback(url):
        raise ManifestError(f"'{url}' is not https", where, "use https: plain http is for loopback only")


def _no_python(rest: str, node: Scalar) -> ManifestError:
    hint = "write it as '=3.11' or '>=3.10,<3.13'"
    return ManifestError(f"'{rest}' is no version of python or pip", node.place, hint)


@lru_cache(maxsize=65536)
def _parsed(text: str) -> _Spec | _Misspelt:
    """Once for each text, however many manifests ask for it."""
    if text.startswith((".", "/", "~")) or text.endswith("="):
        return _Misspelt(f"'{text}' is no conda spec", "write it as 'name' or 'name >=1.2,<2'")
    if text.startswith("sel("):
        return _Misspelt(f"'{text}' is a key in quotes", "write it as '- sel(linux): name', without quotes")
    if cut := _CUT_SHORT.fullmatch(text):
        text = cut["spec"]
    if common := _COMMON.fullmatch(text):
        version = common["range"] or (f"{common['prefix']}.*" if common["prefix"] else "")
        return _Spec(common["name"], f"{common['name']} {version}".strip(), version)
    return _read(text)


def _read(text: str) -> _Spec | _Misspelt:
    """What is not as plain as nearly all specs are: to load rattler takes as long as to read hundreds of manifests."""
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    try:
        spec = MatchSpec(re.sub(r"^defaults::", "pkgs/main::", text), strict=False)
        shown, version, build = str(spec), str(spec.version or ""), spec.build or ""
        name = str(getattr(spec.name, "normalized", spec.name)).lower()
    except (InvalidMatchSpecError, ValueError):
        return _Misspelt(f"'{text}' is no conda spec", "write it as 'name' or 'name >=1.2,<2'")
    if not _NAME.fullmatch(name) or "\n" in text:
        return _Misspelt(f"'{text}' is no conda spec", "write it as 'name' or 'name >=1.2,<2'")
    if spec.subdir:
        return _Misspelt(f"'{text}' names a platform's folder", f"write 'sel(linux): {name}', or 'platforms'")
    if spec.namespace or spec.condition or spec.extras:
        return _Misspelt(f"'{text}' says more than a package and its version", "write it as 'channel::name >=1.2'")
    if build and not _BUILD.fullmatch(build):
        return _Misspelt(f"'{build}' in '{text}' is no build string", "join versions with ',': 'name >=1.2,<2'")
    url = _URL.search(shown)
    return _Spec(name, shown, version, url[1] if url else "")


def _spelling_of(misread: str) -> str:
    if misread.startswith("["):
        return "conda packages have no extras: name what the extra brings"
    return f"write '{misread[::-1]}'"


def python_version(node: Scalar) -> Item:
    """The version that `python:` states, as the same item that a conda `python` makes."""
    specifier = python_range(node.text, node)
    return Item("conda", "python", f"python{specifier}", node.place, specifier=specifier)


def python_range(rest: str, node: Scalar) -> str:
    """A conda version constraint as PEP 440 writes it: `=3.11` is any 3.11, `3.11` alone means the same here."""
    clauses = [_clause(piece.strip(), default="=") for piece in rest.split(",") if piece.strip()]
    clauses = [_prefix(clause) if clause else None for clause in clauses]
    found = None if None in clauses else _specifier(",".join(filter(None, clauses)))
    if found is None:
        raise _no_python(rest, node)
    return found


def _prefix(clause: str) -> str:
    """`==3.10` of Python is any 3.10: nobody means 3.10.0 alone."""
    version = clause.removeprefix("==")
    return f"{clause}.*" if clause.startswith("==") and version.count(".") <= 1 and "*" not in version else clause


def excludes(pin: str, other: str) -> bool:
    """Whether one conda version spec names a single version, and another one does not admit it."""
    exact = _EXACT.fullmatch(pin)
    if not exact or not other:
        return False
    from rattler import Version, VersionSpec

    return not VersionSpec(other).matches(Version(exact[1]))


@lru_cache(maxsize=4096)
def _range_if_any(version: str) -> str:
    """The range of a conda version spec where PEP 440 can say it: only then can it be compared with others."""
    if not version or "|" in version:
        return ""
    clauses = [_clause(piece.strip(), default="==") for piece in version.split(",") if piece.strip() != "*"]
    return "" if None in clauses else _specifier(",".join(filter(None, clauses))) or ""


def _clause(text: str, default: str) -> str | None:
    match = _CLAUSE.fullmatch(text)
    if not match:
        return None
    operator, version = match["op"] or default, match["version"]
    starred = version.endswith("*")
    version = version.removesuffix(".*")
    if operator == "=" or (operator == "==" and starred):
        return f"=={version}.*"
    if operator == "!=" and starred:
        return f"!={version}.*"
    return f"{operator}{version}"


def _specifier(text: str) -> str | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return None
