"""`envbuild diff`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("diff")
@click.argument("first", metavar="ENV[@VERSION]")
@click.argument("second", metavar="[ENV[@VERSION]]", required=False, default="")
@with_globals
@click.pass_obj
def command(common: Common, /, *, first: str, second: str) -> int:
    """Say what differs between A and B: packages, fields of the manifests, parts of the content.

    A and B are NAME, which is what the manifest says now, NAME@VERSION, NAME@latest or NAME@LABEL. A alone is compared
    with what its manifest says now: NAME its latest version, NAME@VERSION that one. -v shows what the parts hold.

    \b
    Examples:
      envbuild diff churn/train              what was built last, and now
      envbuild diff churn/train@1 churn/train@latest
      envbuild diff churn/train churn/report
      envbuild diff churn/train --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project.comparing import compared
    from envbuild.report.differences import difference_json, difference_text

    with patience(common, "reading manifests"):
        found = compared(common.project(), first, second)
    common.out(difference_json(found) if common.json else difference_text(found, common.look, verbose=common.verbose))
    return 0
