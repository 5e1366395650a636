"""`envbuild show`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, with_globals

if TYPE_CHECKING:
    from envbuild.project import Project


@click.command("show")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.option("--resolved", is_flag=True, help="Show the manifest after inheritance: whole, and needing no parents.")
@click.option("--image", is_flag=True, help="Show the image: platforms, layers, Dockerfile, labels, how it starts.")
@click.option("--layers", is_flag=True, help="With --image: what each layer holds, and how many others have it, too.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, resolved: bool, image: bool, layers: bool) -> int:
    """Show an environment: what its manifest says now, or with @VERSION what was built then.

    \b
    Examples:
      envbuild show churn/train
      envbuild show churn/train@3
      envbuild show churn/train@latest --json
      envbuild show churn/train --resolved
      envbuild show serving/web@latest --image
      envbuild show serving/web --image --layers
    """
    from envbuild.errors import UsageError, redacted
    from envbuild.project.shown import recorded, shown_now
    from envbuild.project.versions import parted
    from envbuild.report.plans import document
    from envbuild.report.records import shown_object, shown_text
    from envbuild.resolve import resolved_text
    from envbuild.written import clean

    name, version = parted(environment)
    project = common.project()
    if image and resolved:
        raise UsageError("'--image' shows an image, '--resolved' a manifest", hint="leave out one of them")
    if layers and not image:
        raise UsageError("'--layers' are those of an image", hint="say '--image --layers'")
    if image:
        return _image(common, project, name, version, layers=layers)
    if version:
        name = project.named(name)
    if resolved:
        one = None if version else project.one(name)
        name = one.name if one else name
        text = redacted(resolved_text(one) if one else project.record(name, version).manifest)
        if common.json:
            common.out(document(environment={"name": name, "manifest": text}))
        else:
            common.document(clean(text).rstrip("\n"))
        return 0
    found = recorded(project, name, version) if version else shown_now(project, name)
    if common.json:
        common.out(document(environment=shown_object(found)))
    else:
        common.out(shown_text(found, str(project.root), common.look))
    return 0


def _image(common: Common, project: "Project", name: str, version: str, *, layers: bool) -> int:
    from envbuild.cli.progress import patience
    from envbuild.project.distributing.pictured import pictured
    from envbuild.project.distributing.recalled import recalled
    from envbuild.project.distributing.sharing import fleet
    from envbuild.report.pictured import image_json, image_text

    with patience(common, "asking the registry"):
        found = pictured(project, recalled(project, name, version))
        known = fleet(project) if layers else None
    common.out(image_json(found, known) if common.json else image_text(found, common.look, known))
    return 0
