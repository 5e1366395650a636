"""`envbuild graph`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.project import Selection
    from envbuild.resolve import Graph

_FORMATS = ("tree", "dot", "mermaid", "svg", "json")


@click.command("graph")
@selection
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="How to draw it; --json is '--format json'.  [tree]"
)
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", form: str | None) -> int:
    """Show which environments extend which, and which are built from which.

    Of a part of the project: what is selected with all that it needs. What a child extends is drawn with a solid line,
    what an image is built from (base, with, copy) with a dashed one.

    \b
    Examples:
      envbuild graph
      envbuild graph churn/train                        what it needs
      envbuild graph base --with-dependents             what is made from base
      envbuild graph --format svg > environments.svg
    """
    from envbuild.cli.progress import patience

    if common.json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} are two forms")
    common.json = common.json or form == "json"
    project = common.project()
    with patience(common, "reading manifests"):
        graph = project.reader.graph(selection, project.platform)
    common.out(_texts(common)["json" if common.json else form or "tree"](graph))
    return 0


def _texts(common: Common) -> "dict[str, Callable[[Graph], str]]":
    from envbuild.report.drawing import graph_svg
    from envbuild.report.graph import graph_dot, graph_json, graph_mermaid, graph_tree

    return {
        "tree": lambda graph: graph_tree(graph, common.look),
        "dot": graph_dot,
        "mermaid": graph_mermaid,
        "svg": graph_svg,
        "json": graph_json,
    }
