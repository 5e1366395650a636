"""`envbuild lock`."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click
import msgspec

from envbuild.cli.options import Common, jobs, progress, selection, terminated, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.memo import Moment
    from envbuild.project import Outcome, Prepared, Project, Selection, Upgrade

STALE = 3
_EVERYTHING = "\0"  # what no command line can hold


def _words(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Packages to move, or an empty word for everything, which is asked for by no value alone."""
    for value in values:
        if value != _EVERYTHING and not value.strip():
            what = f"--upgrade '{value}' names no package"
            raise UsageError(what, hint="set the variable that is meant, or write '--upgrade' alone to move everything")
    return tuple(value.replace(_EVERYTHING, "") for value in values)


class _Asked(msgspec.Struct, frozen=True):
    """The options of the command, but for those that select."""

    upgrades: tuple[str, ...]
    check: bool
    outdated: bool
    diff: bool
    dry_run: bool
    jobs: int


@click.command("lock")
@selection
@click.option("--check", is_flag=True, help="Only say whether locks are current; exit with 3 when one is not.")
@click.option(
    "--upgrade",
    "upgrades",
    is_flag=False,
    flag_value=_EVERYTHING,
    multiple=True,
    callback=_words,
    metavar="[PKG]",
    help="Move everything to the newest versions that fit, or only PKG and what must move with it.",
)
@click.option("--outdated", is_flag=True, help="Only say what could move, and move nothing.")
@click.option("--diff", is_flag=True, help="Show what was added, removed and moved.")
@click.option("--dry-run", is_flag=True, help="Solve and show, but write nothing.")
@jobs
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", **options: Any) -> int:
    """Pin every package of the selected environments, for every platform that they name.

    Writes locks/NAME.conda-lock.yml, to be committed. A lock that still satisfies its manifest is not touched.

    \b
    Examples:
      envbuild lock
      envbuild lock churn/train
      envbuild lock --check                 no network, nothing written
      envbuild lock --upgrade 'churn/*'     everything, in these
      envbuild lock --upgrade numpy         numpy, and what must move with it
      envbuild lock --upgrade --dry-run     what would move
      envbuild lock --outdated              what could move, and nothing moves
    """
    from envbuild.cli.progress import patience
    from envbuild.project import understood

    asked = _Asked(**options)
    project = common.project()
    with patience(common, "reading manifests"):
        _refuse_contradiction(asked)
        chosen, upgrade = understood(project, selection, asked.upgrades)
        prepared = project.to_lock(chosen)
    if asked.check:
        return _check(common, project, chosen, prepared)
    if asked.outdated:
        return _outdated(common, project, prepared, asked.jobs)
    return _lock(common, project, chosen, prepared, asked, upgrade)


def _refuse_contradiction(asked: _Asked) -> None:
    """What only looks moves nothing."""
    stated = {"--check": asked.check, "--diff": asked.diff, "--dry-run": asked.dry_run, "--upgrade": asked.upgrades}
    given = [name for name, said in stated.items() if said]
    if asked.outdated and given:
        raise click.UsageError(f"--outdated and {given[0]} do not go together")
    if asked.check and asked.upgrades:
        raise click.UsageError("--check and --upgrade do not go together")


def _lock(
    common: Common,
    project: "Project",
    chosen: "Selection",
    prepared: "tuple[Prepared, ...]",
    asked: _Asked,
    upgrade: "Upgrade",
) -> int:
    from envbuild.cli.problems import show_notes
    from envbuild.cli.progress import shown_progress

    with terminated(), shown_progress(common) as shown:
        outcomes = project.lock(prepared, shown.tell, jobs=asked.jobs, upgrade=upgrade, writes=not asked.dry_run)
    _show(common, outcomes, upgrade.packages, moves=asked.diff or asked.dry_run, dry_run=asked.dry_run)
    if common.verbose and not common.json:
        show_notes(common, chosen)
    return _failures(common, outcomes)


def _outdated(common: Common, project: "Project", prepared: "tuple[Prepared, ...]", jobs: int) -> int:
    from envbuild.cli.progress import shown_progress
    from envbuild.report.outdated import outdated_object, outdated_text
    from envbuild.report.plans import document, error_object

    with terminated(), shown_progress(common) as shown:
        outcomes = project.outdated(prepared, shown.tell, jobs=jobs)
    if not common.json:
        common.out(outdated_text(outcomes, common.look))
        return _failures(common, outcomes)
    errors = [error_object(problem) for one in outcomes if one.error for problem in one.error.problems]
    told = {"errors": errors} if errors else {}
    common.out(document(environments=[*map(outdated_object, outcomes)], **told))
    return _failures(common, outcomes)


def _show(common: Common, outcomes: "list[Outcome]", packages: frozenset[str], *, moves: bool, dry_run: bool) -> None:
    from envbuild.report.locks import outcome_object, outcomes_text
    from envbuild.report.plans import document, error_object

    if not common.json:
        text = partial(outcomes_text, outcomes, common.look, packages, moves=moves, dry_run=dry_run)
        common.out(text(verbose=bool(common.verbose)))
        return
    row = partial(outcome_object, moves=moves, upgraded=bool(packages))
    problems = [one for outcome in outcomes if outcome.error for one in outcome.error.problems]
    told = {"errors": [error_object(problem) for problem in problems]} if problems else {}
    common.out(document(environments=[*map(row, outcomes)], **told))


def _failures(common: Common, outcomes: "list[Outcome]") -> int:
    from envbuild.cli.problems import annotate
    from envbuild.errors import raise_all

    errors = [outcome.error for outcome in outcomes if outcome.error]
    if not common.json:
        raise_all(errors)
    annotate(common, errors)
    return 1 if errors else 0


def _check(common: Common, project: "Project", chosen: "Selection", prepared: "tuple[Prepared, ...]") -> int:
    _show_currency(common, prepared)
    if not all(one.locked.current for one in prepared):
        return STALE
    if common.moment and chosen.everything:
        _remember(project, prepared, common.moment)
    return 0


def _show_currency(common: Common, prepared: "tuple[Prepared, ...]") -> None:
    from envbuild.report.locks import currency_object, currency_text
    from envbuild.report.plans import document

    if common.json:
        common.out(document(environments=[currency_object(one) for one in prepared]))
    else:
        common.out(currency_text(prepared, common.look))


def _remember(project: "Project", prepared: "tuple[Prepared, ...]", moment: "Moment") -> None:
    """Where every lock is current, the next check may say so at once (see `again`)."""
    from envbuild.project.remembering import remember_current
    from envbuild.report.locks import currency_object, currency_text
    from envbuild.report.plans import document

    as_json = document(environments=[currency_object(one) for one in prepared])
    remember_current(project, moment, (currency_text(prepared), as_json))
