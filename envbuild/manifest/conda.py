"""Conda match specs as items: rattler's lenient parser reads them, and what it would misread is refused."""

import re
from functools import lru_cache

import msgspec

from envbuild.document import Scalar
from envbuild.errors import ManifestError
from envbuild.manifest.items import Item, Selector, refuse_credentials

_PYTHON = re.compile(r"(?i:(?P<name>python|pip))(?P<rest>|[ \t]*[=<>!~].*|[ \t]+\S.*)")
_WITH_BUILD = re.compile(r"[=\s]*[0-9][0-9A-Za-z.*]*(\s*=\s*|\s+)[A-Za-z0-9_*^].*")
_MISREAD = re.compile(r"=[<>]|(?<=[A-Za-z0-9_.-])\[[^=\]]*\]")
_CLAUSE = re.compile(r"(?P<op>==|>=|<=|!=|~=|>|<|=)?\s*(?P<version>[0-9][A-Za-z0-9.]*?(?:\.\*)?)")
_BUILD = re.compile(r"[A-Za-z0-9_.*+]+|\^.*\$")
_URL = re.compile(r"[\[,]url=\"([^\"]*)\"")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")


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
    plain = _PYTHON.fullmatch(text)
    if plain and not _WITH_BUILD.fullmatch(plain["rest"].strip()) and not _MISREAD.search(text):
        specifier = python_range(plain["rest"].strip(), node)
        name = plain["name"].lower()
        return Item("conda", name, f"{name}{specifier}", node.place, specifier=specifier, selector=selector)
    found = _parsed(text)
    if isinstance(found, _Misspelt):
        raise ManifestError(found.message, node.place, found.hint)
    if found.url:
        refuse_credentials(found.url, node.place)
    is_python = found.name in {"python", "pip"}
    specifier = python_range(found.version, node) if is_python else _range_if_any(found.version)
    return Item("conda", found.name, found.text, node.place, specifier=specifier, url=found.url, selector=selector)


@lru_cache(maxsize=65536)
def _parsed(text: str) -> _Spec | _Misspelt:
    """Once for each text, however many manifests ask for it."""
    if misread := _MISREAD.search(text):
        return _Misspelt(f"conda misreads '{misread[0]}' in '{text}'", _spelling_of(misread[0]))
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
        raise ManifestError(
            f"'{rest}' is no version of python or pip", node.place, "write it as '=3.11' or '>=3.10,<3.13'"
        )
    return found


def _prefix(clause: str) -> str:
    """`==3.10` of Python is any 3.10: nobody means 3.10.0 alone."""
    version = clause.removeprefix("==")
    return f"{clause}.*" if clause.startswith("==") and version.count(".") <= 1 and "*" not in version else clause


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
