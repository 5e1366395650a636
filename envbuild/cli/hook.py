"""`envbuild hook`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("hook")
@click.argument("shell", metavar="direnv|bash|zsh|fish", type=click.Choice(["direnv", "bash", "zsh", "fish"]))
@click.argument("environment", metavar="[ENV[@VERSION]]", required=False)
@with_globals
@click.pass_obj
def command(common: Common, /, *, shell: str, environment: str | None) -> int:
    """Print functions for a shell or for direnv, by which environments are entered without a shell of their own.

    \b
    direnv, in ~/.config/direnv/direnvrc; then 'use envbuild ENV' in .envrc:
      eval "$(envbuild hook direnv)"
    bash, in ~/.bashrc; then 'envbuild_enter ENV', and 'envbuild_leave':
      eval "$(envbuild hook bash)"
    zsh, in ~/.zshrc:
      eval "$(envbuild hook zsh)"
    fish, in ~/.config/fish/config.fish:
      envbuild hook fish | source

    With direnv, an environment that is not as its manifest says is built when its folder is entered, and entered anew
    when its manifests or its lock change. With ENV it is what 'use envbuild ENV' does.

    \b
    Examples:
      envbuild hook direnv
      envbuild hook direnv churn/train
      envbuild hook zsh
    """
    from envbuild.errors import UsageError
    from envbuild.project.entering.hooks import direnv_lines, function

    if environment and shell != "direnv":
        raise UsageError(f"the functions of {shell} are of no environment", hint="leave it out")
    text = direnv_lines(common.project(), environment) if environment is not None else function(shell)
    common.document(text.removesuffix("\n"))
    return 0
