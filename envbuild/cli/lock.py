"""`envbuild lock`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, jobs, progress, selection, terminated, with_globals

if TYPE_CHECKING:
    from envbuild.project import Outcome, Prepared, Selection

STALE = 3


@click.command("lock")
@selection
@click.option("--check", is_flag=True, help="Only say whether locks are current; exit with 3 when one is not.")
@click.option("--upgrade", is_flag=True, help="Move every package to the newest version that fits.")
@jobs
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", check: bool, upgrade: bool, jobs: int) -> int:
    """Pin every package of the selected environments, for every platform that they name.

    Writes locks/NAME.conda-lock.yml, to be committed. A lock that still satisfies its manifest is not touched.

    \b
    Examples:
      envbuild lock
      envbuild lock churn/train
      envbuild lock --upgrade 'churn/*'
      envbuild lock --check                 no network, nothing written
    """
    from envbuild.cli.progress import patience, shown_progress
    from envbuild.report.plans import document, error_object
    from envbuild.report.records import outcome_object, outcomes_text

    project = common.project()
    with patience(common, "reading manifests"):
        prepared = project.to_lock(selection)
    if check:
        return _check(common, prepared)
    with terminated(), shown_progress(common) as shown:
        outcomes = project.lock(prepared, shown.tell, jobs=jobs, upgrade=upgrade)
    if common.json:
        problems = [one for outcome in outcomes if outcome.error for one in outcome.error.problems]
        errors = [error_object(problem) for problem in problems]
        told = {"errors": errors} if errors else {}
        common.out(document(environments=[outcome_object(outcome) for outcome in outcomes], **told))
    else:
        common.out(outcomes_text(outcomes))
    return _failures(common, outcomes)


def _failures(common: Common, outcomes: "list[Outcome]") -> int:
    from envbuild.cli.problems import annotate
    from envbuild.errors import raise_all

    errors = [outcome.error for outcome in outcomes if outcome.error]
    if not common.json:
        raise_all(errors)
    annotate(common, errors)
    return 1 if errors else 0


def _check(common: Common, prepared: "tuple[Prepared, ...]") -> int:
    from envbuild.report.plans import document
    from envbuild.report.records import currency_object, currency_text

    if common.json:
        common.out(document(environments=[currency_object(one) for one in prepared]))
    else:
        common.out(currency_text(prepared, common.look))
    return 0 if all(one.locked.current for one in prepared) else STALE
