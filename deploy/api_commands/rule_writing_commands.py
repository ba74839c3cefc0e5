"""`weir patterns` for somebody who writes a rule. Each subcommand imports what it needs inside its function."""

import pathlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from api.client.client import Client


@click.command("try")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path))
def try_rule(file: pathlib.Path) -> None:
    """Checks the rule in FILE beside the definitions in force and runs its tests; nothing is stored. Ends with status 1 if one fails."""
    from foundation.text_bytes import decode_text

    with _api() as api:
        found = api.patterns.test(file.stem, decode_text(file.read_bytes(), str(file)))
    for each in found.tests:
        click.echo(f"passed      {each.name}" if each.passed else f"failed      {each.name} (line {each.line}): {each.problem}")
    click.echo(f"cost        {found.cost_ns} ns of CPU an event at most, of {found.cost_ns_max}")
    click.echo(f"state       {found.state_bytes} bytes for each key, of {found.state_bytes_max}")
    for sentence in found.warnings:
        click.echo(f"warning: {sentence}")
    if not all(each.passed for each in found.tests):
        sys.exit(1)


@click.command()
@click.argument("word", default="")
@click.option("--schema", is_flag=True, help="Prints the JSON Schema of a rule's file, for editors.")
def vocabulary(word: str, schema: bool) -> None:
    """Lists the names, lists and functions that conditions may read beside the release in force; with WORD those that hold it."""
    import msgspec

    with _api() as api:
        found = api.patterns.vocabulary()
    if schema:
        click.echo(msgspec.json.format(msgspec.json.encode(found.file)))
        return
    names = [(each.name, each.type, each.about) for each in found.names]
    others = [*((each, "list", "") for each in found.lists), *((each, "function", "") for each in found.functions)]
    for name, kind, about in (each for each in (*names, *others) if word in each[0]):
        click.echo(f"{name:<40} {kind:<12} {about}".rstrip())


@click.command()
@click.argument("id")
def moves(id: str) -> None:
    """Says which verbs lead the rule ID on from its status, and what is in the way of whoever asks."""
    with _api() as api:
        found = api.patterns.moves(id)
    click.echo(f"{found.pattern}  {found.status}")
    for each in found.moves:
        click.echo(f"  {each.verb:<10} {'possible' if each.possible else each.why}")


COMMANDS = (try_rule, vocabulary, moves)


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
