"""`envbuild lock`."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, jobs, progress, selection, terminated, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.memo import Moment
    from envbuild.project import Outcome, Prepared, Project, Selection

STALE = 3
_EVERYTHING = "\0"  # what no command line can hold


def _words(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Packages to move, or an empty word for everything, which is asked for by no value alone."""
    for value in values:
        if value != _EVERYTHING and not value.strip():
            what = f"--upgrade '{value}' names no package"
            raise UsageError(what, hint="set the variable that is meant, or write '--upgrade' alone to move everything")
    return tuple(value.replace(_EVERYTHING, "") for value in values)


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
def command(common: Common, /, *, selection: "Selection", upgrades: tuple[str, ...], jobs: int, **how: bool) -> int:
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
    from envbuild.cli.problems import show_notes
    from envbuild.cli.progress import patience, shown_progress
    from envbuild.project import understood

    project = common.project()
    with patience(common, "reading manifests"):
        _refuse_contradiction(upgrades, how)
        chosen, upgrade = understood(project, selection, upgrades)
        prepared = project.to_lock(chosen)
    if how["check"]:
        code = _check(common, prepared)
        if common.moment and chosen.everything and code == 0:
            _remember(project, prepared, common.moment)
        return code
    if how["outdated"]:
        return _outdated(common, project, prepared, jobs)
    with terminated(), shown_progress(common) as shown:
        outcomes = project.lock(prepared, shown.tell, jobs=jobs, upgrade=upgrade, writes=not how["dry_run"])
    _show(common, outcomes, upgrade.packages, moves=how["diff"] or how["dry_run"], dry_run=how["dry_run"])
    if common.verbose and not common.json:
        show_notes(common, chosen)
    return _failures(common, outcomes)


def _refuse_contradiction(upgrades: tuple[str, ...], how: Mapping[str, bool]) -> None:
    """What only looks moves nothing."""
    given = [f"--{name.replace('_', '-')}" for name in ("check", "diff", "dry_run") if how[name]]
    given += ["--upgrade"] if upgrades else []
    if how["outdated"] and given:
        raise click.UsageError(f"--outdated and {given[0]} do not go together")
    if how["check"] and upgrades:
        raise click.UsageError("--check and --upgrade do not go together")


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


def _check(common: Common, prepared: "tuple[Prepared, ...]") -> int:
    from envbuild.report.locks import currency_object, currency_text
    from envbuild.report.plans import document

    if common.json:
        common.out(document(environments=[currency_object(one) for one in prepared]))
    else:
        common.out(currency_text(prepared, common.look))
    return 0 if all(one.locked.current for one in prepared) else STALE


def _remember(project: "Project", prepared: "tuple[Prepared, ...]", moment: "Moment") -> None:
    """Where every lock is current, the next check may say so at once (see `again`)."""
    from envbuild.project.remembering import remember_current
    from envbuild.report.locks import currency_object, currency_text
    from envbuild.report.plans import document

    as_json = document(environments=[currency_object(one) for one in prepared])
    remember_current(project, moment, (currency_text(prepared), as_json))
