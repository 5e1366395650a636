"""A mistake of ours: one line for who met it, and the whole story in a file for who mends it."""

import os
import platform
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence

from envbuild.errors import EnvbuildError, redacted
from envbuild.version import __version__

_SECRET_NAMES = re.compile(r"(?i)(PASSWORD|PASSWD|TOKEN|SECRET|CREDENTIAL|API_?KEY)")
_LEAST_SECRET = 6


def bug(error: Exception, arguments: Sequence[str]) -> tuple[EnvbuildError, str]:
    """What to say in a line; and the story itself, where it could not be kept in a file."""
    text = _story(error, arguments)
    what = f"this is a bug in envbuild ({type(error).__name__})"
    try:
        with tempfile.NamedTemporaryFile(  # readable by its owner alone
            "w", prefix="envbuild-bug-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as stream:
            stream.write(text)
    except OSError as failed:
        what = f"{what}; the details could not be kept in a file ({failed.strerror or 'no folder for it'})"
        return EnvbuildError(what, hint="report it, with the lines below"), text
    return EnvbuildError(f"{what}; the details are in {stream.name}", hint="report it, and attach that file"), ""


def _story(error: Exception, arguments: Sequence[str]) -> str:
    head = (
        f"envbuild {__version__}",
        f"Python {sys.version}",
        f"platform {platform.platform()}",
        f"command {_command(arguments)}",
    )
    return _without_secrets("\n".join([*head, "", *traceback.format_exception(error)]))


def _command(arguments: Sequence[str]) -> str:
    """Our part of the command line: what stands after `--` is for another program."""
    own = list(arguments)
    if "--" not in own:
        return shlex.join(["envbuild", *own])
    return f"{shlex.join(['envbuild', *own[: own.index('--')]])} -- …"


def _without_secrets(text: str) -> str:
    for name, value in os.environ.items():
        if len(value) >= _LEAST_SECRET and _SECRET_NAMES.search(name):
            text = text.replace(value, "***")
    return redacted(text)
