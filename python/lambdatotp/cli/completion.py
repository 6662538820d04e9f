"""`lambdatotp completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

WHERE = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(WHERE)))
def completion(shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    Examples:
      eval "$(lambdatotp completion bash)"        # in ~/.bashrc
      eval "$(lambdatotp completion zsh)"         # in ~/.zshrc
      lambdatotp completion fish | source         # in ~/.config/fish/config.fish
    """
    root = click.get_current_context().find_root().command
    completes = get_completion_class(shell)
    if completes is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(completes(root, {}, "lambdatotp", "_LAMBDATOTP_COMPLETE").source())
