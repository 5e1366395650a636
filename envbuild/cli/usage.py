"""What is wrong with a command line, in our words: click's own are written for another house."""

import re

import click

from envbuild.errors import UsageError
from envbuild.shape import near

_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)")
_NUMBER = re.compile(r"'(?P<value>.*)' is not a valid (?:integer|float)(?: range)?")
_RANGE = re.compile(r"(?P<value>\S+) is not in the range x>=(?P<least>\d+)")


def told(error: click.ClickException) -> UsageError:
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "envbuild"
    what, hint = _words(error)
    return UsageError(what, hint=hint or f"see '{command} --help'")


def _words(error: click.ClickException) -> tuple[str, str]:
    """What to say, and a hint where one can be given."""
    match error:
        case click.NoSuchOption():
            found = near(error.option_name, _options(error))
            hint = f"did you mean '{found}'?" if found else _for_another_program(error)
            return f"there is no option '{error.option_name}'", hint
        case click.MissingParameter():
            return f"{_shown(error)} is missing", ""
        case click.BadParameter():
            return _bad(error)
        case click.BadOptionUsage():
            return f"the option '{error.option_name}' has no value", ""
    message = error.format_message().rstrip(".")
    if extra := _EXTRA.fullmatch(message):
        return f"there is no place for '{extra[1]}'", _for_another_program(error)
    return f"{message[:1].lower()}{message[1:]}", ""


def _for_another_program(error: click.ClickException) -> str:
    """The commands that hand something on want it behind two dashes, which are easily forgotten."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    wants = context and any("-- CMD" in (one.metavar or "") for one in context.command.params)
    return f"write '--' before what is to be run: {context.command_path} ENV -- CMD" if wants and context else ""


def _options(error: click.NoSuchOption) -> list[str]:
    """Every spelling of every option of the command."""
    command = error.ctx.command if error.ctx else None
    named = [one for one in (command.params if command else ()) if isinstance(one, click.Option)]
    return [name for one in named for name in one.opts if name.startswith("--")]


def _bad(error: click.BadParameter) -> tuple[str, str]:
    message, kind = error.message.rstrip("."), error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        value, known = message.split(" is not one of ")[0].strip("'"), [str(one) for one in kind.choices]
        found = near(value, known)
        return f"{_shown(error)} cannot be '{value}'", f"did you mean '{found}'?" if found else _known(known)
    if number := _NUMBER.fullmatch(message):
        return f"{_shown(error)} must be a whole number, not '{number['value']}'", ""
    if least := _RANGE.fullmatch(message):
        return f"{_shown(error)} must be at least {least['least']}, not {least['value']}", ""
    return f"{_shown(error)}: {message}", ""


def _known(words: list[str]) -> str:
    return f"known are: {', '.join(words)}"


def _shown(error: click.BadParameter) -> str:
    """The option or argument as one writes it."""
    if error.param is None:
        return "a value"
    if isinstance(error.param.type, click.Choice) and isinstance(error.param, click.Argument):
        return (error.param.name or "").upper()
    return error.param.get_error_hint(error.ctx or click.Context(click.Command(""))).replace("'", "")
