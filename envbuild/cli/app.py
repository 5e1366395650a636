"""The group of all commands, and the one place where errors become exit codes."""

import importlib
import keyword
import os
import sys
from typing import Any

import click

from envbuild.cli import streams
from envbuild.cli.options import Common, with_globals
from envbuild.cli.problems import tell
from envbuild.errors import EnvbuildError, UsageError
from envbuild.memo import Moment
from envbuild.version import __version__

COMMANDS = {
    "init": "Make a project of a folder.",
    "new": "Write the manifest of a new environment.",
    "clone": "Write the manifest of an environment like another one.",
    "import": "Write the manifest of what another tool's file or environment says.",
    "plan": "Say what apply would build, and which line caused it.",
    "apply": "Build what changed, and remember it.",
    "register": "Record definitions as versions, without building them.",
    "label": "Let words stand for versions.",
    "publish": "Make one image of what several machines have built.",
    "promote": "Give the image of a version further tags.",
    "pull": "Get an image into this machine's engine.",
    "verify": "Rebuild an image from its lock, and compare.",
    "why": "Say why one environment would be built.",
    "lock": "Pin every package of the selected environments.",
    "render": "Show or write what templates make of environments.",
    "run": "Run a command in an environment.",
    "runs": "Tell of what was run: environment, source, log, outputs.",
    "models": "Keep models by name and version, and say what they came from.",
    "shell": "Open a shell in an environment.",
    "kernel": "Install a kernel for Jupyter that starts an environment.",
    "hook": "Print what a shell or direnv is told once, to enter environments.",
    "serve": "Answer over HTTP with a script and its models.",
    "test": "Run the tests of what was built.",
    "list": "List environments.",
    "graph": "Show what extends what, and what is built from what.",
    "explain": "Say where each value of an environment came from.",
    "check": "Check every file of the project.",
    "schema": "Print the JSON Schema of manifests, for editors.",
    "show": "Show an environment, or one of its versions.",
    "history": "List the versions of an environment, and what changed between them.",
    "diff": "Compare two environments or versions.",
    "export": "Write an environment or a version in another tool's format.",
    "logs": "Show the log of a build.",
    "doctor": "Check what envbuild needs of this machine.",
    "completion": "Print the script that lets Tab complete.",
}
_NAMELESS = {"models"}  # no module is called like that
USAGE = 64
INTERRUPTED = 130


class InterruptError(Exception):
    """Ctrl-C, taken before click answers it with an empty line, which is one too many for who reads JSON lines."""


class Commands(click.Group):
    """Finds a command's module by its name, and imports no other."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            raise InterruptError from error

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = f"{name}_" if keyword.iskeyword(name) or name in _NAMELESS else name
        command: click.Command = importlib.import_module(f"envbuild.cli.{module}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from envbuild.shape import nearest

            raise UsageError(f"there is no command '{args[0]}'", hint=nearest(args[0], COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start: 'envbuild init', then 'envbuild plan' and 'envbuild apply'.",
)
@click.version_option(__version__, message="envbuild %(version)s")
@with_globals
def app() -> None:
    """Software environments from YAML manifests: planned, locked, rebuilt only when their content changed.

    \b
    Examples:
      envbuild plan                       what would be built, and why
      envbuild apply 'churn/*'            build these
      envbuild run churn/train -- python train.py
    """


def run(arguments: list[str], moment: Moment | None = None) -> int:
    """`moment` is the file system's time before any of this was loaded, where a plan may be remembered."""
    common = Common()
    common.moment = moment
    common.json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
    try:
        return _run(arguments, common)
    except BrokenPipeError:
        return streams.left()
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug never shows a traceback
        if isinstance(error, OSError) and _is_of_writing(error):
            return streams.unwritten(error)
        return _bug(error, common, arguments)


def _is_of_writing(error: OSError) -> bool:
    """Whether it was met where answers are written, and not at any other file."""
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    return at is not None and at.tb_frame.f_code in {click.echo.__code__, _run.__code__}


def _run(arguments: list[str], common: Common) -> int:
    try:
        code = app.main(arguments, prog_name="envbuild", obj=common, standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _usage(error, common)
    except (InterruptError, KeyboardInterrupt, click.Abort):
        gap = "\n" if sys.stderr.isatty() else ""  # the terminal shows ^C where the cursor was
        told = common.interrupted or "interrupted: nothing half-made was left, and what was finished is kept"
        common.warn(f"{gap}{told}")
        return INTERRUPTED
    except FileNotFoundError:
        if _has_a_folder():
            raise
        tell(common, UsageError("the folder you are in is gone", hint="change into one that is there"))
        return USAGE
    except EnvbuildError as error:
        tell(common, error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _has_a_folder() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109 - Path.cwd() is the same call
    except FileNotFoundError:
        return False


def _usage(error: click.ClickException, common: Common) -> int:
    from envbuild.cli.usage import told

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
    else:
        tell(common, told(error))
    return USAGE


def _bug(error: Exception, common: Common, arguments: list[str]) -> int:
    """One line, as any error is told; the story itself only where there was no place to keep it."""
    from envbuild.cli.bugs import bug
    from envbuild.written import clean

    told, story = bug(error, arguments)
    try:
        tell(common, told)
        if story:
            common.warn(clean(story).rstrip("\n"))
    except Exception:  # noqa: BLE001 - what is broken may be what tells of it
        os.write(2, f"{told}\n{story}".encode(errors="backslashreplace"))
    return 1
