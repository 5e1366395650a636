"""`envbuild check`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("check")
@selection
@click.option("--strict", is_flag=True, help="Exit with 1 where there are warnings, too.")
@click.option("--rules", is_flag=True, help="List what is looked for: codes, levels and, with -v, why.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", strict: bool, rules: bool) -> int:
    """Check every file of the project, also those that no plan needs: settings, manifests, templates, locks.

    What is wrong is told with file, line and hint, and ends with exit code 1. What is most likely a mistake is a
    warning; what is only worth saying is a note, and notes of one code are told as one unless -v asks for each.
    'check: {ignore: [CODE]}' leaves out either: in a manifest for itself and for all that extends it, in envbuild.yaml
    for the project.

    \b
    Examples:
      envbuild check
      envbuild check -v
      envbuild check 'churn/*'
      envbuild check --strict
      envbuild check --rules
      envbuild check --json
    """
    if rules:
        _list(common)
        return 0
    from envbuild.cli.problems import annotate, source
    from envbuild.cli.progress import patience
    from envbuild.errors import Problems
    from envbuild.project import check
    from envbuild.report.checked import check_json, check_text, safe_source
    from envbuild.report.errors import error_text

    with patience(common, "reading manifests"):
        checked = check(common.project(), selection)
    if common.json:
        common.out(check_json(checked))
    else:
        lines = source(common)
        common.out(check_text(checked, common.look, lines, verbose=common.verbose))
        if checked.errors:
            common.warn(error_text(Problems(checked.errors), common.side_look, safe_source(checked, lines)))
    annotate(common, checked.errors, checked.notes, checked.warnings)
    return 1 if checked.errors or (strict and checked.warnings) else 0


def _list(common: Common) -> None:
    from envbuild.report.checked import rules_json, rules_text

    common.out(rules_json() if common.json else rules_text(common.look, verbose=common.verbose))
