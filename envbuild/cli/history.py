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
    """List the versions of environments, newest first; also of one whose manifest is gone, by its name.

    \b
    Examples:
      envbuild history churn/train
      envbuild history 'churn/*'
      envbuild history churn/train --json
    """
    from envbuild.project import histories
    from envbuild.report.plans import document
    from envbuild.report.records import histories_text, record_object

    refuse_everything(selection)
    found = histories(common.project(), selection)
    if common.json:
        common.out(document(records=[record_object(record) for records in found.values() for record in records]))
    else:
        common.out(histories_text(found))
    return 0
