"""Items that our own reading refuses with the right spelling, in that spelling."""

import re

from envbuild.document import Scalar
from envbuild.errors import EnvbuildError
from envbuild.manifest import pip_item
from envbuild.manifest.conda import conda_item

_TURNED = re.compile(r"=([<>])")
_SINGLE_EQUALS = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*=\s*([0-9][\w.*+!]*\s*(?:;.*)?)")
_SCP = re.compile(r"(?:git\+)?(?:ssh://)?(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[A-Za-z~_][\w./~@#=&+-]*)")
_FOLDER = re.compile(r"^(?P<channel>[^\s:]*?)/(?:noarch|(?:linux|osx|win)-[a-z0-9]+)::")


def spelt(said: str, *, in_pip: bool) -> str | None:
    """What was meant, where that is certain; nothing where it is not, or where it would be refused as well."""
    better = _of_pip(said) if in_pip else _of_conda(said)
    if better == said:
        return None
    node = Scalar("", 1, 1, None, better, plain=False)
    try:
        (pip_item(node, "") if in_pip else conda_item(node))
    except EnvbuildError:
        return None
    return better


def _of_pip(said: str) -> str:
    if single := _SINGLE_EQUALS.fullmatch(said):
        return f"{single[1]}=={single[2]}"
    if scp := _SCP.fullmatch(said.removeprefix("-e ").strip()):
        return f"git+ssh://{scp['user']}@{scp['host']}/{scp['path']}"
    return _TURNED.sub(r"\1=", said)


def _of_conda(said: str) -> str:
    """The folder of a platform is none of a channel's name."""
    return _FOLDER.sub(r"\g<channel>::", _TURNED.sub(r"\1=", said))
