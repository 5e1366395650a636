"""Channels of conda packages: which a manifest names, and where each of them is, whoever asks."""

import re
from collections.abc import Iterator

from envbuild.document import Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, ResolveError
from envbuild.manifest import is_loopback, refuse_credentials

_ALIAS = "https://conda.anaconda.org"
_ANACONDA = "https://repo.anaconda.com"
_DEFAULTS = ("pkgs/main", "pkgs/r")
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*(/[A-Za-z0-9][\w.+-]*)*")
_URL = re.compile(r"(https?://[^/\s?#\"'\\]+|file://)(/[^\s?#\"'\\]*)?")
_PLATFORM = re.compile(r"/(noarch|(linux|osx|win)-[a-z0-9]+)$")


def channel_url(name: str) -> str:
    """Where a channel is: a URL as it stands, `pkgs/main` at Anaconda, any other name among the public channels."""
    bare = _PLATFORM.sub("", name.strip().rstrip("/"))
    if "://" in bare:
        return bare
    return f"{_ANACONDA if bare.startswith('pkgs/') else _ALIAS}/{bare}"


def expanded(stated: tuple[str, ...]) -> Iterator[str]:
    """`defaults` stands for two channels, and `nodefaults` for none."""
    every = (one for name in stated for one in (_DEFAULTS if name == "defaults" else (name,)))
    yield from dict.fromkeys(name for name in every if name != "nodefaults")


def channel_problems(stated: Value | None, insecure: tuple[str, ...]) -> Iterator[EnvbuildError]:
    """What stands in a list of channels and is none, each at its line."""
    for node in stated.items if isinstance(stated, Sequence) else ():
        if isinstance(node, Scalar) and (problem := _problem(node, insecure)):
            yield problem


def _problem(node: Scalar, insecure: tuple[str, ...]) -> EnvbuildError | None:
    name = node.text.strip()
    if name.startswith("file://") and _URL.fullmatch(name):
        return None
    try:
        refuse_credentials(name, node.place)
    except EnvbuildError as error:
        return error
    if name == "local" or not (_URL if "://" in name else _NAME).fullmatch(name):
        hint = "write a name such as 'conda-forge', or a URL: https://HOST/CHANNEL, file:///FOLDER"
        return ResolveError(f"'{node.text}' is no channel", node.place, hint)
    host = name.partition("://")[2].partition("/")[0]
    if name.lower().startswith("http:") and not is_loopback(name) and host not in insecure:
        hint = f"use https, or name the host: 'insecure_indexes: [{host}]'"
        return ResolveError(f"the channel '{name}' is not https", node.place, hint)
    return None
