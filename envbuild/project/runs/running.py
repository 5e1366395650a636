"""What is to be run in an environment, as its manifest and a command line say it: made into a ticket, and attended."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from envbuild.attending.command import Care, attended
from envbuild.attending.kept import OBJECTS, RUNS
from envbuild.attending.run import TIMED_OUT, Running, Ticket
from envbuild.attending.snapshot import SourceError
from envbuild.attending.terminal import UnstartedError
from envbuild.builders.running import Container, Inside
from envbuild.document import PREFIX, Scalar, Sequence
from envbuild.errors import ProcessError, UsageError, WorkspaceError
from envbuild.manifest import Run
from envbuild.process import not_run
from envbuild.project.front import Project
from envbuild.project.recorded import as_recorded
from envbuild.record import Record
from envbuild.resolve import Environment, resolved_text
from envbuild.settings import Settings
from envbuild.shape import near

SNAPSHOT_MIB, OUTPUTS_MIB = 300, 5_000
SOURCE = "/envbuild/source"  # where a source folder is in a container


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one run; `command` is what stands behind `--`, for a script its arguments."""

    command: tuple[str, ...] = ()
    script: str = ""
    source: str = ""
    variables: tuple[str, ...] = ()
    gpus: str = "auto"
    experiment: str = ""
    seconds: float | None = None
    keeps_snapshot: bool = True
    again: int | None = None


class Chosen(NamedTuple):
    """The record that it runs in, and whose that is; the environment as it is said now or was then; its label."""

    project: Project
    record: Record
    environment: Environment
    label: str

    @property
    def prefix(self) -> Path:
        return Path(self.record.reference)


def chosen(project: Project, name: str, version: str) -> Chosen:
    """`run:` is no part of what is built: without a version it is what the manifest says now."""
    record = project.built(name, version or "latest")
    environment = as_recorded(record, project.workspace.read) if version else project.one(name)
    return Chosen(project, record, environment, record.title if version else name)


def words(one: Chosen, wish: Wish, prefix: str) -> list[str]:
    """What is said on the command line, else what `run:` says."""
    run = one.environment.keys.run
    refuse_nothing(run, wish, one.label)
    arguments = [_placed(text, prefix) for text in run.arguments]
    if wish.script:
        return ["python", wish.script, *(wish.command or arguments)]
    if wish.command:
        return list(wish.command)
    if isinstance(run.command, str):
        text = _placed(run.command, prefix)
        return ["/bin/sh", "-c", *([f'{text.rstrip()} "$@"', "sh", *arguments] if arguments else [text])]
    return [*(_placed(text, prefix) for text in run.command or ()), *arguments]


def refuse_nothing(run: Run, wish: Wish, label: str) -> None:
    if wish.script or wish.command or run.command is not None:
        return
    hint = f"write it after '--': envbuild run {label} -- COMMAND; or as 'run: {{command: …}}' in the manifest"
    raise UsageError("nothing says what to run", hint=hint)


def stated_variables(one: Chosen, prefix: str) -> dict[str, str]:
    """Those that are set for a run by its manifest."""
    return {name: _placed(value, prefix) for name, value in one.environment.keys.run.env.items() if value is not None}


def given_variables(texts: tuple[str, ...], host: Mapping[str, str]) -> dict[str, str]:
    """`NAME=VALUE`, or `NAME` for the own value, if there is one."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals or name in host:
            found[name] = value if equals else host[name]
    return found


def _placed(text: str, prefix: str) -> str:
    return text.replace(PREFIX, prefix)


def source_of(project: Project, wish: Wish) -> str:
    """The folder that is named, else the one that we are in, if it is of the project."""
    if wish.source:
        folder = Path(wish.source)
        if not folder.is_dir():
            raise UsageError(f"there is no folder '{wish.source}'", hint="name the source folder with --source")
        return str(folder.resolve())
    here = Path.cwd()
    return str(here) if here.is_relative_to(project.root.resolve()) else ""


def refuse_missing_script(wish: Wish) -> None:
    if not wish.script:
        return
    folder = Path(wish.source or ".")
    if Path(wish.script).is_absolute():
        raise UsageError(f"'{wish.script}' is an absolute path", hint="write it as it is in the source folder")
    if not (folder / wish.script).is_file():
        close = near(Path(wish.script).name, sorted(path.name for path in folder.glob("*.py")))
        where = f" in '{wish.source}'" if wish.source else ""
        hint = f"did you mean '{close}'?" if close else "write its path from the source folder on"
        raise UsageError(f"there is no script '{wish.script}'{where}", hint=hint)


def ticket(project: Project, one: Chosen, wish: Wish) -> Ticket:
    """In the prefix of this machine."""
    activation = one.project.activation(one.record.environment, one.label.partition("@")[2])
    prefix = str(activation.prefix)
    stated, given = stated_variables(one, prefix), given_variables(wish.variables, project.host)
    env = {**activation.env, **stated, **_of_gpus(wish.gpus), **given}
    return complete(project, one, wish, Ticket(
        words=words(one, wish, prefix), env=env, facts=facts_of(one, wish, stated),
    ))  # fmt: skip


def contained_ticket(project: Project, one: Chosen, wish: Wish, inside: Inside, made: Container) -> Ticket:
    """In a container; the command in it is what is remembered."""
    prefix = one.environment.prefix
    facts = facts_of(one, wish, stated_variables(one, prefix))
    shown = {name: value for name, value in msgspec.structs.asdict(inside).items() if value and name != "variables"}
    more = {
        "command": words(one, wish, prefix),
        "image": True,
        "inside": msgspec.to_builtins(shown),
        "container": made.name,
    }
    begun = Ticket(words=made.started, ending=made.ending, env=project.host, facts={**facts, **more})
    return complete(project, one, wish, begun)


def complete(project: Project, one: Chosen, wish: Wish, begun: Ticket) -> Ticket:
    """With where all is kept, and what is not to be."""
    project.workspace.private(RUNS, OBJECTS)
    begun.record = record_of(one)
    secrets = project.origins.secrets
    source = source_of(project, wish)
    begun.root = str(project.root)
    begun.folder = source if wish.source else ""
    begun.source = source if wish.keeps_snapshot else ""
    begun.snapshot_mib, begun.outputs_mib = limits_of(project.settings)
    begun.seconds = wish.seconds
    begun.secret_names = tuple(sorted(secrets.variables))
    begun.secret_files = tuple(str(path) for _, path in secrets.files)
    begun.facts = {"command": begun.words, **begun.facts, "timeout": wish.seconds, "again": wish.again}
    if begun.folder:
        begun.env = {**begun.env, "PWD": begun.folder}
    return begun


def facts_of(one: Chosen, wish: Wish, stated: Mapping[str, str]) -> dict[str, object]:
    """What is known before it runs."""
    given = sorted({text.partition("=")[0] for text in wish.variables})
    return {
        "environment": one.record.environment,
        "version": one.record.version,
        "fingerprint": one.record.fingerprint,
        "builder": one.record.builder,
        "reference": one.record.reference,
        "experiment": wish.experiment,
        "env": sorted({*stated, *given}),
        "given": given,
    }


def record_of(one: Chosen) -> bytes:
    """With the manifest as it is said at that time: what `run:` says is no part of what was built."""
    at = msgspec.structs.replace(one.environment, path=one.record.manifest_path)
    return msgspec.json.encode(msgspec.structs.replace(one.record, manifest=resolved_text(at)))


def _of_gpus(gpus: str) -> dict[str, str]:
    """How programs that use CUDA are told which GPUs they may see."""
    if gpus == "none":
        return {"CUDA_VISIBLE_DEVICES": ""}
    named, is_named, these = gpus.partition("device=")
    listed = these if is_named and not named else ",".join(map(str, range(int(gpus)))) if gpus.isdecimal() else ""
    return {"CUDA_VISIBLE_DEVICES": listed} if listed or gpus == "0" else {}


def begin(found: Ticket, hint: Callable[[], str] = str) -> Running:
    """Recorded as running; what cannot be is told, and nothing was run."""
    try:
        return Running(found)
    except SourceError as error:
        raise WorkspaceError(error.message, hint=error.hint) from None
    except OSError as error:
        raise unstarted(found, error, hint) from None


def attend(running: Running, found: Ticket, hint: Callable[[], str] = str) -> int:
    try:
        return running.attend()
    except OSError as error:
        raise unstarted(found, error, hint) from None


def unrecorded(found: Ticket, hint: Callable[[], str]) -> int:
    """The same, of which nothing is remembered."""
    try:
        outcome = attended(found.words, found.env, Care(None, found.seconds, found.ending))
    except OSError as error:
        raise unstarted(found, error, hint) from None
    return TIMED_OUT if outcome.timed_out else outcome.code


def unstarted(found: Ticket, error: OSError, hint: Callable[[], str] = str) -> ProcessError | WorkspaceError:
    """Why the command could not be run; or what we ourselves could not write."""
    if isinstance(error, UnstartedError):
        plain = OSError(error.errno, error.strerror, error.filename)
        return not_run(found.words, plain, found.env, hint)
    at = f": {error.filename}" if error.filename else ""
    hint_of_ours = "check the folder '.envbuild' and the space on its disk, or say '--no-history'"
    return WorkspaceError(f"the run cannot be recorded: {error.strerror}{at}", hint=hint_of_ours)


def mounts_of(project: Project, environment: Environment) -> Iterator[str]:
    """Those that `run:` states, each from the folder of the manifest that does."""
    listed = environment.node("run", "mounts")
    for item in listed.items if isinstance(listed, Sequence) else ():
        source, colon, rest = item.text.partition(":") if isinstance(item, Scalar) else ("", "", "")
        whole = source if source.startswith("~") else str(project.workspace.at(item.path).parent / source)
        yield f"{whole}{colon}{rest}"


def limits_of(settings: Settings) -> tuple[int, int]:
    limits = settings.runs
    return (
        SNAPSHOT_MIB if limits.snapshot_mib is None else limits.snapshot_mib,
        OUTPUTS_MIB if limits.outputs_mib is None else limits.outputs_mib,
    )
