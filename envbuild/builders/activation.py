"""What an environment does to the variables of a process, and how all of it is undone again.

Activating notes what it changes, so that the next activation, in a shell within a shell, begins where the first one
began: the inner environment never shows anything of the outer one. The note is in one variable, or in several where it
is long, for a system bounds each. It holds no value that an environment sets, but what tells whether that still stands.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from envbuild import census
from envbuild.builders.sourcing import kept_variables, scripts_of, sourced
from envbuild.document import PREFIX
from envbuild.entering import UNDO, applied, digest, foreign, keep, noted
from envbuild.process import Programs
from envbuild.resolve import Variable
from envbuild.typed import converted

NAME = "ENVBUILD_ENVIRONMENT"
_NOTE = re.compile(rf"{UNDO}(_\d+)?")
_PROMPTS = ("PS1", "PROMPT")

# What Python's own environments say of themselves, which conda's are not.
_OF_VENV = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")

Before = str | None
Texts = dict[str, tuple[str | None, Before]]
Lists = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


class Changes(msgspec.Struct, frozen=True):
    """Variables that are set (None: taken away), each with what it was before; what is put at the ends of others."""

    label: str
    texts: Texts
    lists: Lists


class _Note(msgspec.Struct, frozen=True):
    """What is kept of changes: of what was set a digest, of what was there before all of it."""

    label: str
    texts: Texts
    lists: Lists


class Activation(msgspec.Struct, frozen=True):
    """A process in an environment: where that lies, all its variables, and which of them are our doing."""

    prefix: Path
    env: dict[str, str]
    changes: Changes


def activated(
    variables: tuple[Variable, ...], prefix: Path, host: Mapping[str, str], programs: Programs | None = None
) -> dict[str, str]:
    """The variables of a process that runs in a prefix; they tell no name, so that no build can ask for it.

    Scripts of packages have their say where there are programs to run them with.
    """
    changes = _changes("", variables, prefix, host, programs)
    return applied(changes.texts, changes.lists, host)


def entered(
    name: str, label: str, variables: tuple[Variable, ...], prefix: Path, host: Mapping[str, str], programs: Programs
) -> Activation:
    """The same for a person: the process knows the environment's name, and the way back."""
    changes = _changes(label, variables, prefix, host, programs)
    own = {"CONDA_DEFAULT_ENV": name} if census.is_of_conda(str(prefix)) else {"VIRTUAL_ENV_PROMPT": label}
    told = {NAME: name, **own}
    texts = {**changes.texts, **{key: (value, host.get(key)) for key, value in told.items()}}
    changes = msgspec.structs.replace(changes, texts=texts)
    return Activation(prefix, {**applied(texts, changes.lists, host), **_written(changes)}, changes)


def stages(name: str, label: str, variables: tuple[Variable, ...], prefix: Path) -> tuple[Changes, Changes]:
    """What entering changes for a host that nobody knows yet: before scripts of packages are run, and after them."""
    own = {"CONDA_DEFAULT_ENV": name} if census.is_of_conda(str(prefix)) else {"VIRTUAL_ENV_PROMPT": label}
    told: Texts = {key: (value, None) for key, value in {NAME: name, **own}.items()}
    first = _changes(label, () if scripts_of(prefix) else variables, prefix, {}, None)
    if not scripts_of(prefix):
        return msgspec.structs.replace(first, texts={**first.texts, **told}), Changes(label, {}, {})
    last = _stated(Changes(label, {}, {}), variables, prefix, {})
    return first, msgspec.structs.replace(last, texts={**last.texts, **told})


def notes(env: Mapping[str, str]) -> dict[str, str]:
    """The variables by which it is undone again."""
    return {name: value for name, value in env.items() if _NOTE.fullmatch(name)}


def also_set(activation: Activation, name: str, value: str) -> Activation:
    """One more variable, undone with the others."""
    texts = {**activation.changes.texts, name: (value, activation.env.get(name))}
    changes = msgspec.structs.replace(activation.changes, texts=texts)
    return Activation(activation.prefix, {**activation.env, name: value, **_written(changes)}, changes)


def undone(host: Mapping[str, str]) -> dict[str, str]:
    """The variables as they were before an environment was entered; what was changed since then by hand stays."""
    found = {name: value for name, value in host.items() if not _NOTE.fullmatch(name)}
    note = _read(host)
    if note is None:
        return found
    for name, (first, last) in note.lists.items():
        keep(found, name, _without(found.get(name, ""), first, last) or None)
    for name, (ours, before) in note.texts.items():
        if digest(found.get(name)) == ours or name == "PATH":
            keep(found, name, before)
    for name in found.keys() & set(_PROMPTS):
        found[name] = found[name].removeprefix(f"({note.label}) ")
    return found


def _changes(
    label: str, variables: tuple[Variable, ...], prefix: Path, host: Mapping[str, str], programs: Programs | None
) -> Changes:
    """What is of the prefix itself, then of its packages, and last of the manifest."""
    texts: Texts = {name: (None, host[name]) for name in foreign(host)}
    changes = Changes(label, texts, {"PATH": ((str(prefix / "bin"),), ())})
    if not census.is_of_conda(str(prefix)):
        texts["VIRTUAL_ENV"] = (str(prefix), host.get("VIRTUAL_ENV"))
        return _stated(changes, variables, prefix, host)
    texts |= {name: (None, host[name]) for name in _OF_VENV if name in host}
    own = {"CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": str(prefix), "CONDA_SHLVL": "1"}
    for name, value in {**own, **kept_variables(prefix)}.items():
        if value is None:
            texts[name] = (None, host.get(name))
        else:
            changes = _stated(changes, (Variable(name, value),), prefix, host)
    if programs:
        before = applied(texts, changes.lists, host)
        changes = _moved(changes, before, sourced(prefix, before, programs), host)
    return _stated(changes, variables, prefix, host)


def _stated(changes: Changes, variables: tuple[Variable, ...], prefix: Path, host: Mapping[str, str]) -> Changes:
    """Variables as a manifest states them, on top of what is changed already; the prefix's own programs stay first."""
    for variable in variables:
        name = variable.name
        first, last = _placed(variable.prepend, prefix), _placed(variable.append, prefix)
        before, after = changes.lists.pop(name, ((), ()))
        kept = changes.texts.get(name, (None, None))[0]
        if variable.value is None and (first or last) and kept is None:
            changes.lists[name] = ((*before, *first) if name == "PATH" else (*first, *before), (*after, *last))
        else:
            value = _placed((kept or "" if variable.value is None else variable.value,), prefix)
            front = before if name == "PATH" else ()
            changes.texts[name] = (os.pathsep.join((*front, *first, *value, *last)), host.get(name))
    return changes


def _moved(changes: Changes, before: Mapping[str, str], after: Mapping[str, str], host: Mapping[str, str]) -> Changes:
    """What scripts changed. To PATH they add at its ends, and so it stays a list, to which more may be added."""
    for name in before.keys() | after.keys():
        value = after.get(name)
        if value == before.get(name):
            continue
        ends = _ends(value or "", host.get(name, os.defpath)) if name == "PATH" else None
        if ends:
            changes.lists[name] = ends
        else:
            changes.lists.pop(name, None)
            changes.texts[name] = (value, host.get(name))
    return changes


def _ends(value: str, inherited: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """What stands before and after the list that was there."""
    first, found, last = f":{value}:".partition(f":{inherited}:")
    if not found or not inherited:
        return None
    return tuple(filter(None, first.split(":"))), tuple(filter(None, last.split(":")))


def _placed(texts: tuple[str, ...], prefix: Path) -> tuple[str, ...]:
    """Texts of a manifest, once it is known where the environment lies; an empty one adds nothing."""
    return tuple(text.replace(PREFIX, str(prefix)) for text in texts if text)


def _without(value: str, first: tuple[str, ...], last: tuple[str, ...]) -> str:
    """A list of paths without what was put at its ends: each once, from its own side."""
    entries = value.split(os.pathsep)
    for one in _entries(first):
        if one in entries:
            entries.remove(one)
    entries.reverse()
    for one in _entries(last):
        if one in entries:
            entries.remove(one)
    return os.pathsep.join(reversed(entries))


def _entries(texts: tuple[str, ...]) -> list[str]:
    return [entry for text in texts for entry in text.split(os.pathsep)]


def _written(changes: Changes) -> dict[str, str]:
    return noted(changes.label, changes.texts, changes.lists)


def _read(host: Mapping[str, str]) -> _Note | None:
    """What another activation wrote; anything else is nobody's."""
    parts, at = [host.get(UNDO, "")], 1
    while part := host.get(f"{UNDO}_{at}"):
        parts.append(part)
        at += 1
    try:
        return converted(json.loads("".join(parts)), _Note)
    except (ValueError, RecursionError):
        return None
