"""`envbuild show`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, with_globals

if TYPE_CHECKING:
    from envbuild.project import Project, Shown


@click.command("show")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.option("--resolved", is_flag=True, help="Show the manifest after inheritance: whole, and needing no parents.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, resolved: bool) -> int:
    """Show an environment: what its manifest says now, or with @VERSION what was built then.

    \b
    Examples:
      envbuild show churn/train
      envbuild show churn/train@3
      envbuild show churn/train@latest --json
      envbuild show churn/train --resolved
    """
    from envbuild.errors import redacted
    from envbuild.project.versions import parted
    from envbuild.report.plans import document
    from envbuild.report.terminal import clean
    from envbuild.resolve import resolved_text

    name, version = parted(environment)
    project = common.project()
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
    found = project.recorded(name, version) if version else project.now(name)
    if common.json:
        common.out(document(environment=_object(found)))
    else:
        _text(common, found, project)
    return 0


def _object(found: "Shown") -> dict[str, Any]:
    from envbuild.report.records import package_object

    return {
        "name": found.name,
        "fingerprint": found.fingerprint,
        "version": found.version,
        "reference": found.reference,
        "builder": found.builder,
        "packages": [package_object(package) for package in found.packages],
    }


def _text(common: Common, found: "Shown", project: "Project") -> None:
    from envbuild.report.records import table
    from envbuild.report.terminal import one_line

    state = f"version {found.version}" if found.version else "not built yet"
    common.out(f"{found.name}  {state}")
    rows = (
        ("description", found.description),
        ("fingerprint", found.fingerprint or "known after locking"),
        ("builder", found.builder),
        ("reference", found.reference or ""),
        ("project", str(project.root)),
    )
    for label, value in rows:
        if value:
            common.out(f"  {label.ljust(12)}{one_line(value)}")
    if found.packages:
        common.out(table(("  package", "version"), [(f"  {name}", version) for _, name, version in found.packages]))
