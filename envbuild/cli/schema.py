"""`envbuild schema`."""

import json

import click

from envbuild.cli.options import Common, with_globals


@click.command("schema")
@click.argument("kind", metavar="[manifest|settings]", type=click.Choice(["manifest", "settings"]), default="manifest")
@with_globals
@click.pass_obj
def command(common: Common, /, *, kind: str) -> int:
    """Print the JSON Schema of a manifest, or of envbuild.yaml, for editors.

    It needs no project. An editor with a YAML language server uses it to complete and check keys while one types; its
    setting for custom tags wants !override, !reset and !raw.

    \b
    Examples:
      envbuild schema > .manifest.schema.json
      envbuild schema settings > .envbuild.schema.json
    """
    from envbuild.manifest import manifest_schema
    from envbuild.settings import settings_schema

    schema = manifest_schema() if kind == "manifest" else settings_schema()
    common.out(json.dumps(schema, indent=2, ensure_ascii=False))
    return 0
