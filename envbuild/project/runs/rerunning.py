"""A run, done again: the same command on the same source in the same environment, as far as it was kept."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envbuild.attending.kept import RUNS
from envbuild.attending.run import Ticket
from envbuild.builders.activation import Activation
from envbuild.builders.running import Inside
from envbuild.errors import UsageError
from envbuild.project.activating import activated
from envbuild.project.front import Project
from envbuild.project.recorded import as_recorded
from envbuild.project.runs.containers import contained
from envbuild.project.runs.ran import Runs
from envbuild.project.runs.running import (
    SOURCE,
    Chosen,
    Wish,
    complete,
    contained_ticket,
    facts_of,
    given_variables,
    stated_variables,
)
from envbuild.runs import Run
from envbuild.typed import converted


def again(project: Project, runs: Runs, run: Run, variables: tuple[str, ...]) -> tuple[Chosen, Wish]:
    """What it ran in, and what was said of it."""
    _refuse_no_longer(run, variables)
    record = runs.record(run)
    environment = as_recorded(record, project.workspace.read)
    wish = Wish(
        command=run.command,
        variables=variables,
        experiment=run.experiment,
        seconds=run.timeout,
        again=run.id,
    )
    return Chosen(project, record, environment, record.title), wish


def _refuse_no_longer(run: Run, variables: tuple[str, ...]) -> None:
    """What cannot be the same is not run at all."""
    version = f"'envbuild run {run.title} -- COMMAND'"
    if run.snapshot is None:
        raise UsageError(f"run {run.id} has no snapshot of its source", hint=f"run it anew: {version}")
    if run.masked:
        what = f"a secret stood in the command of run {run.id}, and is not kept"
        raise UsageError(what, hint=f"say it anew: {version}")
    lacking = sorted({*run.given} - {text.partition("=")[0] for text in variables})
    if lacking:
        what = f"run {run.id} was given {', '.join(lacking)}, and values are not kept"
        raise UsageError(what, hint=f"say them again: {' '.join(f'--env {name}=…' for name in lacking)}")


def source(project: Project, runs: Runs, run: Run) -> Path:
    """A copy of its source, of its own."""
    folder = project.workspace.private(RUNS, "work", f"{run.id}-{_fresh()}")
    folder.mkdir(parents=True)
    runs.write_source(run, folder)
    return folder


def _fresh() -> str:
    import uuid

    return uuid.uuid4().hex[:8]


def ticket(project: Project, asked: tuple[Chosen, Wish, Run], folder: Path) -> Ticket:
    one, wish, run = asked
    activation = _activation(project, one, wish.again or 0)
    prefix = str(activation.prefix)
    stated, given = stated_variables(one, prefix), given_variables(wish.variables, project.host)
    env = {**activation.env, **stated, **given}
    begun = Ticket(words=list(wish.command), env=env, facts=facts_of(one, wish, stated))
    found = complete(project, one, msgspec.structs.replace(wish, source=str(folder)), begun)
    return _copied(found, run, folder)


def _copied(begun: Ticket, run: Run, folder: Path) -> Ticket:
    """On the source of then, of which all is known; nothing of the copy stays."""
    snapshot = msgspec.to_builtins(run.snapshot)
    begun.copied = {"snapshot": snapshot, "commit": run.commit, "dirty": run.dirty, "diff": run.diff}
    begun.passing = str(folder)
    return begun


def _activation(project: Project, one: Chosen, number: int) -> Activation:
    hint = f"make it anew: 'envbuild runs env {number} -o DIR', then 'envbuild -C DIR apply'"
    return activated(project, one.record, one.label, hint)


def contained_again(
    project: Project, asked: tuple[Chosen, Wish, Run], folder: Path, say: Callable[[str], None], *, terminal: bool
) -> Ticket:
    """In a container as it was run then, with the copy in the place of the source."""
    one, wish, run = asked
    found = {name: value for name, value in run.inside.items() if name in Inside.__struct_fields__}
    inside = converted(found, Inside)
    mounts = tuple(f"{folder}:{SOURCE}" if text.endswith(f":{SOURCE}") else text for text in inside.mounts)
    stated = tuple(f"{name}={value}" for name, value in stated_variables(one, one.environment.prefix).items())
    inside = msgspec.structs.replace(inside, mounts=mounts, variables=(*stated, *wish.variables))
    made = contained(project, one.record, run.command, inside, say, terminal=terminal)
    begun = contained_ticket(project, one, msgspec.structs.replace(wish, source=str(folder)), inside, made)
    return _copied(begun, run, folder)
