"""What every command takes: the global options, before and after its name, and the values they come to."""

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

import click

if TYPE_CHECKING:
    from envbuild.memo import Moment
    from envbuild.project import Project, Selection
    from envbuild.report.terminal import Look

F = TypeVar("F", bound=Callable[..., Any])


_USUAL_WIDTH = 80


class Common:
    """The global options as one command sees them; what stands after the command wins."""

    def __init__(self) -> None:
        self.directory = "."
        self.quiet = False
        self.verbose = False
        self.json = False
        self.color: bool | None = None
        self.progress = "auto"
        self.interrupted = ""
        self.said: set[str] = set()
        self.began = time.time()
        self.moment: Moment | None = None

    @property
    def in_github(self) -> bool:
        return os.environ.get("GITHUB_ACTIONS") == "true"

    def project(self) -> "Project":
        from envbuild.project import Project

        return Project.load(self.directory)

    @property
    def look(self) -> "Look":
        """How the answer is to look, on standard output."""
        return self._look(sys.stdout)

    @property
    def side_look(self) -> "Look":
        """How progress and errors are to look, on standard error."""
        return self._look(sys.stderr)

    def _look(self, stream: TextIO) -> "Look":
        from envbuild.report.terminal import Look

        aloud = stream.isatty()
        colour = aloud and os.environ.get("TERM") != "dumb" if self.color is None else self.color
        return Look(_width(stream) if aloud else None, colour)

    def out(self, text: str) -> None:
        """What was asked for."""
        click.echo(self._safe(text, json=self.json), color=True)  # what is coloured was coloured for this stream

    def document(self, text: str) -> None:
        """A file's content that was asked for, as it is."""
        click.echo(text, color=True)

    @staticmethod
    def command(text: str) -> None:
        """For the runner of a CI alone: every line is a command of its own."""
        click.echo(text, err=True, color=True)

    def _safe(self, text: str, *, json: bool = False) -> str:
        """Nothing that came from data may be a command for the CI whose log this is."""
        if not self.in_github:
            return text
        from envbuild.report.terminal import harmless

        return harmless(text, json=json)

    def warn(self, text: str) -> None:
        """What went wrong is said, however quiet it is to be."""
        click.echo(self._safe(text), err=True, color=True)

    def say(self, text: str) -> None:
        """Progress and everything else that is not the answer."""
        if not self.quiet:
            click.echo(self._safe(text), err=True, color=True)


def _width(stream: TextIO) -> int:
    """How wide the terminal is that this stream leads to, which need not be that of standard output."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        common = context.ensure_object(Common)
        source = context.get_parameter_source(parameter.name or "")
        said = source is click.core.ParameterSource.COMMANDLINE
        if said or (source is click.core.ParameterSource.ENVIRONMENT and name not in common.said):
            setattr(common, name, value)
            common.said |= {name} if said else set()

    return keep


def _set_color(context: click.Context, parameter: click.Parameter, value: str) -> None:
    common = context.ensure_object(Common)
    if context.get_parameter_source(parameter.name or "") is not click.core.ParameterSource.DEFAULT:
        common.color = {"always": True, "never": False, "auto": None}[value]
    elif common.color is None:
        common.color = False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


_GLOBAL = (
    click.option(
        "-C", "directory", metavar="DIR", envvar="ENVBUILD_DIR", default=".", expose_value=False,
        callback=_set("directory"), help="Work on the project in DIR.",
    ),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set("quiet"), help="No progress."),
    click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_set("verbose"), help="Say more."),
    click.option("--json", "as_json", is_flag=True, expose_value=False, callback=_set("json"), help="Print JSON."),
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", expose_value=False,
        callback=_set_color, help="Colour the output.",
    ),
)  # fmt: skip


progress = click.option(
    "--progress", type=click.Choice(["auto", "tty", "plain", "quiet", "jsonl"]), default="auto", expose_value=False,
    envvar="ENVBUILD_PROGRESS", callback=_set("progress"),
    help="How progress is shown on standard error; auto: drawn on a terminal, else as lines.",
)  # fmt: skip


def with_globals(function: F) -> F:
    for option in reversed(_GLOBAL):
        function = option(function)
    return function


jobs = click.option(
    "-j", "--jobs", type=click.IntRange(1), envvar="ENVBUILD_JOBS", default=min(4, os.cpu_count() or 1),
    show_default="number of processors, at most 4", help="How many to work on at a time.",
)  # fmt: skip
locked = click.option(
    "--locked", is_flag=True, envvar="ENVBUILD_LOCKED", help="Refuse, with exit code 3, when a lock is not current."
)
no_refresh = click.option(
    "--no-refresh", is_flag=True, help="Decide by files, locks and records alone; do not look at what was built."
)
refresh = click.option(
    "--refresh", is_flag=True, help="Look at all that was built: also every digest and every tag in registries."
)


def _checked_tags(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """What no image can be called is refused before anything is done."""
    if value:
        from envbuild.errors import RenderError, UsageError
        from envbuild.render.tags import checked_tag

        for one in value:
            try:
                checked_tag(one)
            except RenderError as error:
                raise UsageError(error.message, hint=error.hint) from None
    return tuple(dict.fromkeys(value))


def _outputs(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[Any, ...]:
    if not value:
        return ()
    from envbuild.project.wishes import output

    return tuple(map(output, dict.fromkeys(value)))


def further_tags(*names: str, help: str, required: bool = False) -> Callable[[F], F]:  # noqa: A002 - click's own word
    return click.option(*names, metavar="TAG", multiple=True, callback=_checked_tags, help=help, required=required)


platforms = click.option(
    "--platform", "platforms", metavar="PLATFORM", multiple=True, envvar="ENVBUILD_PLATFORM",
    help="Build images for this platform alone; 'publish' joins what several machines have built.",
)  # fmt: skip
_IMAGES = (
    click.option("--no-push", is_flag=True, help="Keep images on this machine; push nothing."),
    click.option(
        "--output", "outputs", metavar="FORM:PATH", multiple=True, callback=_outputs,
        help="Also write images to oci:DIR, oci-archive:FILE or docker-archive:FILE.",
    ),
    platforms,
    further_tags("--also-tag", "also", help="A further tag for every image."),
    click.option("--atomic", is_flag=True, help="Name and record nothing unless everything was made."),
    click.option("--push-jobs", "pushers", type=click.IntRange(1), default=4, help="How many to push at a time."),
    click.option(
        "--builder", metavar="NAME", default="", envvar="BUILDX_BUILDER", help="A builder of buildx, by its name."
    ),
    click.option("--sbom", is_flag=True, help="Attest what is in images; the builder fetches a scanner for that."),
    click.option("--docker-context", metavar="NAME", default="", help="A Docker context, by its name."),
)  # fmt: skip


def imaging(function: F) -> F:
    """What is said of images for this once, handed on as one value."""

    @functools.wraps(function)
    def with_wishes(*args: Any, **options: Any) -> Any:
        from envbuild.project.wishes import Wishes

        push = not options.pop("no_push")
        stated = {name: options.pop(name) for name in Wishes.__struct_fields__ if name not in {"push", "joins"}}
        return function(*args, wishes=Wishes(push=push, **stated), **options)

    for option in reversed(_IMAGES):
        with_wishes = option(with_wishes)
    return cast("F", with_wishes)


class TagType(click.ParamType[tuple[str, str]]):
    """`key=value`."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail(f"'{value}' is not KEY=VALUE", param, ctx)
        return key, text


_SELECTION = (
    click.argument("patterns", metavar="[ENV]...", nargs=-1),
    click.option(
        "--tag", "tags", type=TagType(), metavar="KEY=VALUE", multiple=True,
        help="Only those with this tag; several must all be there.",
    ),
    click.option("--exclude", metavar="ENV", multiple=True, help="Leave these out, whatever else selects them."),
    click.option("--with-dependents", is_flag=True, help="Also all that extend these or are built from them."),
    click.option("--with-dependencies", is_flag=True, help="Also all that these extend or are built from."),
)  # fmt: skip


def selection(function: F) -> F:
    """Which environments a command is about: names, globs, groups and tags, handed on as one Selection."""

    @functools.wraps(function)
    def with_selection(*args: Any, **options: Any) -> Any:
        from envbuild.project import Selection

        stated = {name: options.pop(name) for name in Selection.__struct_fields__}
        return function(*args, selection=Selection(**stated), **options)

    for option in reversed(_SELECTION):
        with_selection = option(with_selection)
    return cast("F", with_selection)


def refuse_everything(selection: "Selection") -> None:
    """For a command that tells much of each environment: which one is meant has to be said."""
    if selection.everything:
        from envbuild.errors import UsageError

        raise UsageError("say which environments: ENV or --tag", hint="name one, or write '**' for all of them")


@contextmanager
def terminated() -> Iterator[None]:
    """A request to end is an interrupt: what runs is ended and cleared before we go."""
    import signal

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
