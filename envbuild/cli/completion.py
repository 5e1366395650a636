"""`envbuild completion`."""

import click

from envbuild.cli.options import Common, with_globals
from envbuild.cli.scripts import SHELLS, script


@click.command("completion")
@click.argument("shell", metavar="bash|zsh|fish|powershell", type=click.Choice(SHELLS))
@with_globals
@click.pass_obj
def command(common: Common, /, *, shell: str) -> int:
    """Print the script that makes Tab complete commands, options, environments, versions, tags and fields.

    \b
    bash, in ~/.bashrc:
      eval "$(envbuild completion bash)"
    zsh, in ~/.zshrc:
      eval "$(envbuild completion zsh)"
    fish, once:
      envbuild completion fish > ~/.config/fish/completions/envbuild.fish
    PowerShell, in $PROFILE:
      envbuild completion powershell | Out-String | Invoke-Expression

    What is offered is asked of the project at that moment, also of one that -C or ENVBUILD_DIR names.

    \b
    Examples:
      envbuild completion bash
      envbuild completion zsh > _envbuild
    """
    common.out(script(shell).rstrip("\n"))
    return 0
