"""`envbuild history`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, refuse_everything, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("history")
@selection
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection") -> int:
    """List the versions of environments, newest first, and what changed from one to the next.

    Of many reasons the first are shown; -v shows all. A commit with + had changes that were not committed. One whose
    manifest is gone is found by its name.

    \b
    Examples:
      envbuild history churn/train
      envbuild history churn/train -v
      envbuild history 'churn/*'
      envbuild history churn/train --json
    """
    import datetime as dt

    from envbuild.cli.progress import patience
    from envbuild.project.versions import histories
    from envbuild.report.plans import document
    from envbuild.report.stories import histories_text, history_object

    refuse_everything(selection)
    with patience(common, "reading manifests"):
        found = histories(common.project(), selection)
    if common.json:
        common.out(document(records=[history_object(one) for every in found.values() for one in every]))
    else:
        common.out(histories_text(found, dt.datetime.now(dt.UTC), common.look, verbose=common.verbose))
    return 0
