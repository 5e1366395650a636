"""`envbuild check`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("check")
@selection
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection") -> int:
    """Check every file of the project, also those that no plan needs: settings, manifests, templates, locks.

    What is wrong is told with file, line and hint, and ends with exit code 1. What is only worth saying is a note;
    notes of one kind are told as one, and -v tells each. 'check: {ignore: [KIND]}' in a manifest or in envbuild.yaml
    leaves notes of a kind out.

    \b
    Examples:
      envbuild check
      envbuild check -v
      envbuild check 'churn/*'
      envbuild check --json
    """
    from envbuild.cli.problems import annotate, source
    from envbuild.cli.progress import patience
    from envbuild.errors import Problems
    from envbuild.project import check
    from envbuild.report.errors import error_text
    from envbuild.report.looking import check_json, check_text

    with patience(common, "reading manifests"):
        checked = check(common.project(), selection)
    if common.json:
        common.out(check_json(checked))
    else:
        common.out(check_text(checked, common.look, source(common), verbose=common.verbose))
        if checked.errors:
            common.warn(error_text(Problems(checked.errors), common.side_look, source(common)))
    annotate(common, checked.errors, checked.notes)
    return 1 if checked.errors else 0
