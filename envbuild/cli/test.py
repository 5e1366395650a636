"""`envbuild test`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, refuse_everything, selection, terminated, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("test")
@selection
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection") -> int:
    """Run the tests of environments on what was built last; nothing is built, and nothing recorded.

    They are what their manifests say under 'test' now. Exit code 1 where one fails.

    \b
    Examples:
      envbuild test churn/train
      envbuild test 'churn/*' -v            each test, also those that pass
      envbuild test churn/train --json
    """
    from envbuild.cli.problems import annotate, tell
    from envbuild.project.testing import tested
    from envbuild.report.tests import tests_json, tests_sum, tests_text

    refuse_everything(selection)
    project = common.project()
    found = []
    with terminated():
        for one in tested(project, selection, lambda name, text: common.say(f"{name}: {text}")):
            found.append(one)
            if not common.json:
                common.out(tests_text(one, common.look, verbose=common.verbose))
                for error in one.errors:
                    tell(common, error)
    errors = [error for one in found for error in one.errors]
    if common.json:
        common.out(tests_json(found))
    else:
        common.out(tests_sum(found, common.look))
        annotate(common, errors)
    return 1 if errors else 0
