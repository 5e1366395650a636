"""What a shell is answered when Tab is pressed: the words that may stand where the cursor is.

Everything is read off the commands' own click objects, so a new command is completed as soon as it exists. What an
argument or an option's value means is told by its type, else by its metavar: ENV, ENV@VERSION, FIELD, DIR, FILE.
"""

import os
import re
from typing import NamedTuple

import click

from envbuild.cli import offers
from envbuild.cli.app import COMMANDS, app
from envbuild.cli.nested import Nested
from envbuild.cli.offers import Began
from envbuild.cli.options import TagType
from envbuild.cli.shells import Answer, Words

_ASSIGNMENT = re.compile(r"\w+=")
_COMMAND_FOLLOWS = re.compile(r"-- CMD\b")
_ENVIRONMENT = re.compile(r"\bENV\b")
_VERSIONED = re.compile("@")
_RUN = re.compile(r"\bRUN\b")
_MODEL = re.compile(r"\bMODEL\b")
_MANIFEST_OPTIONS = {"--extends"}
_PATTERN_OPTIONS = {"--exclude"}
_FOLDERS = re.compile(r"\b(DIR|FOLDER)\b")
_FILES = re.compile(r"\b(FILE|PATH)\b")


class Position(NamedTuple):
    """Where the cursor is: in which command, after which arguments and options, before what; `literal` behind `--`."""

    command: click.Command
    arguments: list[str]
    given: set[str]
    directory: str
    option: click.Option | None = None
    rest: int = 0
    literal: bool = False
    began: Began | None = None


def completed(before: list[str], current: str, began: Began | None = None) -> Answer:
    """What may stand at the cursor; `before` are whole words, the program among them."""
    assigned = dict(one.split("=", 1) for one in _assignments(before))
    directory = assigned.get("ENVBUILD_DIR") or os.environ.get("ENVBUILD_DIR") or "."
    start = len(_assignments(before)) + 1
    position = _walked(before[start:], Position(app, [], set(), directory, began=began), start)
    if position.rest:
        return Answer("command", [], rest=position.rest)
    if position.option:
        return _values(position.option, position, current)
    if current.startswith("-") and not position.literal:
        attached = current.startswith("--") and "=" in current
        return _attached(position, current) if attached else Answer("words", _options(position))
    if isinstance(position.command, click.Group):
        below = position.command.subcommands if isinstance(position.command, Nested) else COMMANDS
        return Answer("words", list(below.items()))
    argument = _argument(position.command, len(position.arguments))
    return _values(argument, position, current) if argument else Answer("words", [])


def _assignments(words: list[str]) -> list[str]:
    """`NAME=value` before the program, as it is written for one command alone."""
    count = next((at for at, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    return words[:count]


def _walked(words: list[str], position: Position, start: int) -> Position:
    """As click reads the words before the cursor; what it would refuse is passed over."""
    for at, word in enumerate(words):
        if position.option:
            position = _taken(position, position.option, word)._replace(option=None)
        elif position.literal or not word.startswith("-") or word == "-":
            position = _entered(position, word)
        elif word == "--":
            if _COMMAND_FOLLOWS.search(_metavars(position.command)):
                return position._replace(rest=start + at + 1)
            position = position._replace(literal=True)
        else:
            position = _with_option(position, word)
    return position


def _metavars(command: click.Command) -> str:
    return " ".join(parameter.metavar or "" for parameter in command.params)


def _entered(position: Position, word: str) -> Position:
    """A command's name, or an argument of the command."""
    if not isinstance(position.command, click.Group):
        return position._replace(arguments=[*position.arguments, word])
    found = position.command.get_command(click.Context(position.command), word)
    return position._replace(command=found) if found else position._replace(command=click.Command(word))


def _with_option(position: Position, word: str) -> Position:
    """An option with its value attached, before its value, or without any; short ones may stand together."""
    name, equals, value = word.partition("=")
    if word.startswith("--"):
        option = _option(position.command, name)
        if option is None or option.is_flag or equals:
            return _taken(position, option, value)
        return position._replace(option=option)
    for at in range(1, len(word)):
        option = _option(position.command, f"-{word[at]}")
        if option is None:
            return position
        if not option.is_flag:
            rest = word[at + 1 :]
            return _taken(position, option, rest) if rest else position._replace(option=option)
        position = _taken(position, option, "")
    return position


def _taken(position: Position, option: click.Option | None, value: str) -> Position:
    if option is None:
        return position
    directory = value if option.name == "directory" else position.directory
    used = set() if option.multiple else set(option.opts)
    return position._replace(given=position.given | used, directory=directory)


def _option(command: click.Command, name: str) -> click.Option | None:
    every = (one for one in command.params if isinstance(one, click.Option))
    return next((one for one in every if name in (*one.opts, *one.secondary_opts)), None)


def _argument(command: click.Command, at: int) -> click.Argument | None:
    for argument in (one for one in command.params if isinstance(one, click.Argument)):
        if argument.nargs < 0 or at < argument.nargs:
            return argument
        at -= argument.nargs
    return None


def _options(position: Position) -> Words:
    """Each option by its long name, where it has one, but those that were given already."""
    context = click.Context(position.command)
    return [
        (name, option.help or "")
        for option in position.command.get_params(context)
        if isinstance(option, click.Option) and not option.hidden and not position.given & set(option.opts)
        for name in [max(option.opts, key=len), *option.secondary_opts]
    ]


def _attached(position: Position, current: str) -> Answer:
    """`--option=value`, as one word."""
    name, _, value = current.partition("=")
    option = _option(position.command, name)
    if option is None or option.is_flag:
        return Answer("words", [])
    found = _values(option, position, value)
    return found._replace(words=[(f"{name}={word}", about) for word, about in found.words], prefix=f"{name}=")


def _values(parameter: click.Parameter, position: Position, current: str) -> Answer:
    """What an argument or the value of an option may be."""
    kind, metavar = parameter.type, parameter.metavar or ""
    if isinstance(kind, click.Choice):
        return Answer("words", [(str(choice), "") for choice in kind.choices])
    if isinstance(kind, click.Path):
        return Answer("files" if kind.file_okay else "folders", [])
    if isinstance(kind, click.File):
        return Answer("files", [])
    words = _words(parameter, position, current)
    if words is None and _FOLDERS.search(metavar):
        return Answer("folders", [])
    if words is None and _FILES.search(metavar):
        return Answer("files", [])
    return Answer("words", _own(parameter, position, current) if words is None else words)


def _words(parameter: click.Parameter, position: Position, current: str) -> Words | None:
    """Words that the project has; None where the value is no such word."""
    metavar, project = parameter.metavar or "", (position.directory, position.began)
    if isinstance(parameter.type, TagType):
        return offers.tags(*project)
    if _MANIFEST_OPTIONS & set(parameter.opts):
        return [*offers.manifests(position.directory), *offers.lent(position.directory, current)]
    if _PATTERN_OPTIONS & set(parameter.opts):
        return offers.patterns(*project)
    if _ENVIRONMENT.search(metavar):
        return _environments(parameter, position, current)
    if _RUN.search(metavar):
        return offers.runs(position.directory)
    if _MODEL.search(metavar):
        return offers.models(position.directory, versions=bool(_VERSIONED.search(metavar)))
    if "LABEL" in metavar and len(position.arguments) == 1:
        return offers.labels(position.directory, position.arguments[0].partition("@")[0])
    if "FIELD" in metavar and position.arguments:
        return offers.fields(*project, position.arguments[0])
    return None


def _environments(parameter: click.Parameter, position: Position, current: str) -> Words:
    project, metavar = (position.directory, position.began), parameter.metavar or ""
    name, at, _ = current.partition("@")
    if name and at and _VERSIONED.search(metavar):
        return offers.versions(*project, name)
    if at and not name:
        return offers.groups(*project) if parameter.nargs < 0 or parameter.multiple else []
    given = set(position.arguments) if parameter.nargs < 0 else set()
    found = [*offers.environments(*project), *offers.lent(position.directory, current)]
    return [word for word in found if word[0] not in given]


def _own(parameter: click.Parameter, position: Position, current: str) -> Words:
    """What a type or a parameter offers by itself, in click's way."""
    found = parameter.shell_complete(click.Context(position.command), current)
    return [(str(item.value), item.help or "") for item in found if item.type == "plain"]
