"""completion: the script that makes a shell complete our commands and options."""

import click

EXAMPLES = """\b
Switch it on:
  bash  eval "$(mwaa-local completion bash)"     in ~/.bashrc
  zsh   eval "$(mwaa-local completion zsh)"      in ~/.zshrc, after compinit
  fish  mwaa-local completion fish | source      in ~/.config/fish/config.fish"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "mwaa-local", "_MWAA_LOCAL_COMPLETE")
    # Not source(): that runs bash to look at its version, on a machine that may have none.
    click.echo(script.source_template % script.source_vars())
