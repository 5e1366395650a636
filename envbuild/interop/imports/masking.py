"""Credentials are taken out of a source before anything else sees it: what is read, shown and written has none."""

import re
from collections.abc import Iterator

import msgspec

from envbuild.document import Document, Entry, Mapping, Scalar, Sequence, Value, decode, parse
from envbuild.errors import EnvbuildError, ManifestError, Place, raise_all

HIDDEN = "***"
_END = r"\s'\"<>"
_LOGIN = re.compile(
    rf"(?P<scheme>(?:[A-Za-z][A-Za-z0-9+.-]*)?://)"
    rf"(?P<login>[^/{_END}]*|[^/{_END}@:\[]*:(?!\d+(?:[/{_END}]|$))[^{_END}]*?)@"
)
_TOKEN = re.compile(rf"(?P<before>://[^{_END}]*?)/t/[^/{_END}]+(?=/)")
_TELLING = r"(?:[\w.-]*(?:token|secret|passw(?:or)?d|signature|api[_-]?key|credential)[\w.-]*|sig|auth|key)"
_QUERY = re.compile(rf"(?i)(?P<before>://[^{_END}]*[?&]{_TELLING}=)(?!\*\*\*)[^&#{_END}]+")
# A variable that is a secret by its name, whatever it holds.
SECRET_NAME = re.compile(r"(?i)(token|secret|passw(or)?d|passphrase|credential|api_?key|private_?key|access_?key)")
_BARE_LOGIN = re.compile(r"[^/@\s]+:[^/@\s]+@(?!sha256:)(?=[\w-]+[.:/])")
_SSH = re.compile(r"(?i)(?:[a-z]+\+)?ssh://")
_HINT = (
    "keep them under 'secrets' in envbuild.yaml, in a netrc file, or by 'uv auth login' or 'rattler auth login';"
    " '--partial' writes the rest"
)
_OF_GIT = "let git keep them, by a credential helper; '--partial' writes the rest"


def masked(path: str, text: str) -> tuple[str, tuple[EnvbuildError, ...]]:
    """The text without credentials, and where each of them stood; lines stay where they are."""
    problems: list[EnvbuildError] = []
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        plain = without_credentials(line)
        lines.append(plain)
        if plain != line and not line.lstrip().startswith("#"):
            problems.append(hidden(_said(plain), Place(path, number, _column(line, plain))))
    return "\n".join(lines), tuple(problems)


def masked_yaml(path: str, data: bytes) -> tuple[Document, tuple[EnvbuildError, ...]]:
    """The same of YAML; what is written by escapes, or goes over lines, cannot be taken out of its text."""
    text, problems = masked(path, decode(path, data))
    document = parse(path, text.encode())
    raise_all(_escaped(document.root))
    return document, problems


def _escaped(node: Value) -> Iterator[EnvbuildError]:
    for one in _texts(node):
        if without_credentials(one.text) != one.text:
            what = "a URL has credentials, and is written by escapes: they cannot be taken out"
            yield ManifestError(what, one.place, "write the URL as it is, in one line")


def _texts(node: Value) -> Iterator[Scalar]:
    """Keys and values."""
    match node:
        case Scalar():
            yield node
        case Sequence():
            for item in node.items:
                yield from _texts(item)
        case Mapping():
            for entry in node.entries.values():
                yield entry.key
                yield from _texts(entry.value)


def masked_tree(root: Mapping) -> tuple[Mapping, tuple[EnvbuildError, ...]]:
    """The same of what is not kept as a text: each value by what it says, however it is written."""
    problems: list[EnvbuildError] = []
    return _masked_mapping(root, problems), tuple(problems)


def _masked_mapping(node: Mapping, problems: list[EnvbuildError]) -> Mapping:
    entries = {}
    for entry in node.entries.values():
        key = _masked_scalar(entry.key, problems)
        entries[key.text] = Entry(key, _masked_value(entry.value, problems))
    return msgspec.structs.replace(node, entries=entries)


def _masked_value(node: Value, problems: list[EnvbuildError]) -> Value:
    match node:
        case Scalar():
            return _masked_scalar(node, problems)
        case Sequence():
            return msgspec.structs.replace(node, items=tuple(_masked_value(one, problems) for one in node.items))
        case _:
            return _masked_mapping(node, problems)


def _masked_scalar(node: Scalar, problems: list[EnvbuildError]) -> Scalar:
    lines = node.text.split("\n")
    plain = [without_credentials(line) for line in lines]
    problems += (hidden(_said(new), node.place) for new, old in zip(plain, lines, strict=True) if new != old)
    return msgspec.structs.replace(node, text="\n".join(plain)) if plain != lines else node


def without_login(image: str) -> str:
    """The name of an image without the user and the password of its registry."""
    return _BARE_LOGIN.sub("", image, count=1) if "://" not in image else image


def hidden(said: str, where: Place) -> EnvbuildError:
    """That something had credentials, told by what it is without them; what has them in its query is lost with them."""
    if HIDDEN in said:
        what = f"'{said}' is not carried: what its query says is a secret"
        return ManifestError(what, where, "name the package and its version, or a URL without that")
    hint = _OF_GIT if "git+" in said else _HINT
    return ManifestError(f"the credentials of '{said}' are not carried: they may not stand in a file", where, hint)


def without_credentials(text: str) -> str:
    """URLs without user and password, without conda's tokens, and with nothing for what a query keeps secret."""
    if "://" not in text:
        return text
    text = _LOGIN.sub(_without_login, text)
    text = _TOKEN.sub(r"\g<before>", text)
    while (further := _QUERY.sub(rf"\g<before>{HIDDEN}", text)) != text:
        text = further
    return text


def _without_login(match: re.Match[str]) -> str:
    """Who is asked for by ssh is no secret; by which word would be."""
    user = match["login"].partition(":")[0]
    return f"{match['scheme']}{user}@" if _SSH.fullmatch(match["scheme"]) and user else match["scheme"]


def _column(line: str, plain: str) -> int:
    differs = next((at for at, (one, other) in enumerate(zip(line, plain, strict=False)) if one != other), len(plain))
    return line.rfind(" ", 0, differs) + 2


def _said(plain: str) -> str:
    """The URL of a line, else all of it."""
    found = re.search(rf"[A-Za-z][\w+.-]*://[^{_END}]+", plain)
    return found[0] if found else plain.strip()
