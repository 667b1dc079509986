"""`holdfast completion`: the lines that teach a shell the commands and options of `holdfast`."""

from __future__ import annotations

import click

PROGRAM = "holdfast"
_VARIABLE = "_HOLDFAST_COMPLETE"


# The lone \b keeps click from folding the lines that follow into one.
_HELP = """Print what makes your shell complete `holdfast`.

\b
Put one of these into your shell's start-up file:
  eval "$(holdfast completion bash)"       # ~/.bashrc
  eval "$(holdfast completion zsh)"        # ~/.zshrc
  holdfast completion fish | source        # ~/.config/fish/config.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    completing = get_completion_class(shell)
    assert completing is not None, f"click knows no {shell}"
    root = click.get_current_context().find_root().command
    click.echo(completing(root, {}, PROGRAM, _VARIABLE).source())
