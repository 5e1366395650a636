"""Credentials are taken out of a source before anything else sees it: what is read, shown and written has none."""

import re
from collections.abc import Iterator

from envbuild.errors import EnvbuildError, ManifestError, Place

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
            said = next(_urls(plain), plain.strip())
            problems.append(hidden(said, Place(path, number, _column(line, plain))))
    return "\n".join(lines), tuple(problems)


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


def _urls(text: str) -> Iterator[str]:
    yield from (match[0] for match in re.finditer(rf"[A-Za-z][\w+.-]*://[^{_END}]+", text))
