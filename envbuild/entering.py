"""What entering an environment does to the variables of a process, once it is known what an environment changes.

Loaded before anything else is, where an environment is known to stand; so this room needs nothing but Python's own.
"""

import json
import os
import re
from _blake2 import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Before = str | None
    Texts = dict[str, tuple[str | None, Before]]
    Lists = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]

UNDO = "ENVBUILD_ACTIVE"
_NOTE_CHARACTERS = 100_000
# What other environments and Python's launchers say of themselves, which would not be true of ours.
_FOREIGN = re.compile(
    r"PYTHONHOME|__PYVENV_LAUNCHER__|CONDA_(PREFIX(_\d+)?|STACKED_\d+|SHLVL|DEFAULT_ENV|PROMPT_MODIFIER)|PIXI_(IN_SHELL|PROMPT)"
)


def given(environ: "Mapping[str, str]") -> "dict[str, str]":
    """The variables that we were started with; where no locale is set, Python itself adds one for its children."""
    found = dict(environ)
    try:
        with open("/proc/self/environ", "rb") as stream:  # noqa: PTH123 - pathlib takes longer to load
            if b"\0LC_CTYPE=" not in b"\0" + stream.read():
                found.pop("LC_CTYPE", None)
    except OSError:
        pass
    return found


def foreign(host: "Iterable[str]") -> "list[str]":
    return [name for name in host if _FOREIGN.fullmatch(name)]


def applied(texts: "Texts", lists: "Lists", host: "Mapping[str, str]") -> "dict[str, str]":
    found = dict(host)
    for name, (ours, _) in texts.items():
        keep(found, name, ours)
    for name, (first, last) in lists.items():
        inherited = found.get(name, os.defpath if name == "PATH" else "")
        found[name] = os.pathsep.join(filter(None, (*first, inherited, *last)))
    return found


def keep(found: "dict[str, str]", name: str, value: str | None) -> None:
    if value is None:
        found.pop(name, None)
    else:
        found[name] = value


def noted(label: str, texts: "Texts", lists: "Lists") -> "dict[str, str]":
    """In plain ASCII, whatever bytes the host's values have: who prints it sees nothing active."""
    digests = {name: [digest(ours), before] for name, (ours, before) in texts.items()}
    text = json.dumps({"label": label, "texts": digests, "lists": lists}, sort_keys=True, separators=(",", ":"))
    parts = [text[at : at + _NOTE_CHARACTERS] for at in range(0, len(text), _NOTE_CHARACTERS)]
    return {f"{UNDO}_{at}" if at else UNDO: part for at, part in enumerate(parts)}


def digest(value: str | None) -> str | None:
    if value is None:
        return None
    return blake2b(value.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
