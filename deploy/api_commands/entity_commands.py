"""`weir entities` and `weir holds`. Each subcommand imports what it needs inside its function."""

import time
from typing import TYPE_CHECKING

import click

from deploy.api_commands.option_values import as_duration_ms

if TYPE_CHECKING:
    from api.client.client import Client

_HOLD_STATES = ("held", "released", "declined", "withdrawn")
_for = click.option("--for", "for_ms", callback=as_duration_ms, default=None, help="How long it holds, such as 7d. Default: for ever.")
_reason = click.option("--reason", default="", help="Why.")


@click.group()
def entities() -> None:
    """Shows what the running system knows of an entity, and says something of it: notes, tags, and an override of its score."""


@entities.command()
@click.argument("kind")
@click.argument("id")
def show(kind: str, id: str) -> None:
    """Shows scores, facts, notes and newest decisions of the entity ID of the type KIND, as JSON."""
    import msgspec

    with _api() as api:
        found = api.profile(kind, id, limit=10)
    if found is None:
        raise click.ClickException(f"nothing is known of {kind} {id}")
    click.echo(msgspec.json.format(msgspec.json.encode(found)))


@entities.command()
@click.argument("kind")
@click.argument("id")
@click.argument("text")
def note(kind: str, id: str, text: str) -> None:
    """Writes the note TEXT on an entity."""
    with _api() as api:
        click.echo(f"note     {api.notes.write(kind, id, text).id}")


@entities.command()
@click.argument("kind")
@click.argument("id")
def notes(kind: str, id: str) -> None:
    """Lists the notes on an entity, newest first."""
    with _api() as api:
        for one in api.notes.of(kind, id, limit=200).notes:
            click.echo(f"{one.id}  {one.by}  {one.text}")


@entities.command("remove-note")
@click.argument("kind")
@click.argument("id")
@click.argument("note")
def remove_note(kind: str, id: str, note: str) -> None:
    """Removes the note NOTE on an entity."""
    with _api() as api:
        click.echo(f"removed  {api.notes.remove(kind, id, note).id}")


@entities.command()
@click.argument("kind")
@click.argument("id")
@click.argument("name")
@_for
@_reason
def tag(kind: str, id: str, name: str, for_ms: int | None, reason: str) -> None:
    """Says that an entity has the tag NAME: a fact of the schema that is true or false, which rules read."""
    _tell(kind, id, name, True, for_ms, reason)


@entities.command()
@click.argument("kind")
@click.argument("id")
@click.argument("name")
@click.argument("score", type=click.FloatRange(0, 1))
@_for
@_reason
def override(kind: str, id: str, name: str, score: float, for_ms: int | None, reason: str) -> None:
    """Sets the score of an entity's events to SCORE, by the number NAME among the schema's facts, see `override` of policy.yaml."""
    _tell(kind, id, name, score, for_ms, reason)


@entities.command("end")
@click.argument("kind")
@click.argument("id")
@click.argument("name")
def end_fact(kind: str, id: str, name: str) -> None:
    """Ends the tag, override or other fact NAME of an entity now."""
    with _api() as api:
        api.end_fact(kind, id, name)
    click.echo(f"ended    {kind} {id}: {name}")


def _tell(kind: str, id: str, name: str, value: bool | float, for_ms: int | None, reason: str) -> None:
    expires = None if for_ms is None else int(time.time() * 1_000) + for_ms
    with _api() as api:
        api.tell(kind, id, name, value, expires=expires, reason=reason)
    click.echo(f"told     {kind} {id}: {name} is {value}")


@click.group()
def holds() -> None:
    """Shows payments that the running system holds, and releases or declines them."""


@holds.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_HOLD_STATES), help="Only those in this state; may be repeated.")
@click.option("--user", default=None, help="Only those of this primary entity.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, the newest first.")
def list_holds(states: tuple[str, ...], user: str | None, limit: int) -> None:
    """Lists holds, newest first."""
    with _api() as api:
        for one in api.holds.page(states, user, limit=limit).holds:
            click.echo(f"{one.id}  {one.state:<9}  {one.user}  {one.event_id}  {one.by}  {one.reason}")


@holds.command("show")
@click.argument("id")
def show_hold(id: str) -> None:
    """Shows the hold ID, and who has taken the message of its end, as JSON."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.holds.get(id))))


@holds.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why.")
def release(id: str, reason: str) -> None:
    """Releases the payment of the hold ID."""
    with _api() as api:
        click.echo(f"released {api.holds.release(id, reason).hold.id}")


@holds.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why.")
def decline(id: str, reason: str) -> None:
    """Declines the payment of the hold ID."""
    with _api() as api:
        click.echo(f"declined {api.holds.decline(id, reason).hold.id}")


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
