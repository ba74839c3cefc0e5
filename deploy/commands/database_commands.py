"""`weir database`. What a subcommand needs is imported inside it."""

import click


@click.group()
def database() -> None:
    """The relational store: definitions, tokens and the audit log."""


@database.command("carry-over")
def carry_over() -> None:
    """Takes in what earlier versions kept in files or in Cassandra, once. `weir up` does so by itself.

    Elsewhere it is run while no api process runs. What is carried over stays where it was.
    """
    from deploy.local.carrying_over import carry_over_earlier
    from deploy.machine.system_settings import system_settings

    said: list[str] = []
    carry_over_earlier(system_settings(), said.append)
    click.echo("\n".join(said) or "there is nothing to carry over, or it was carried over before")
