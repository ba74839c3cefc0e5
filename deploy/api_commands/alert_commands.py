"""`weir alerts`. Each subcommand imports what it needs inside its function."""

import time
from typing import TYPE_CHECKING

import click

from deploy.api_commands.option_values import as_duration_ms, as_text

if TYPE_CHECKING:
    from api.alerts.alert_shapes import ShownAlert
    from api.client.client import Client

_matchers = click.argument("matchers", nargs=-1, required=True, metavar="NAME=VALUE...")


@click.group()
def alerts() -> None:
    """Shows what fires in the running system, and silences what is known."""


@alerts.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(["firing", "resolved"]), help="Only those; may be repeated.")
@click.option("--name", "names", multiple=True, help="Only those of this kind; may be repeated.")
@click.option("--entity", default=None, metavar="TYPE=ID", help="Only those of this entity, such as customer_id=c1.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, the newest first.")
def list_alerts(states: tuple[str, ...], names: tuple[str, ...], entity: str | None, limit: int) -> None:
    """Lists alerts, newest first."""
    wanted = tuple(state for state in ("firing", "resolved") if state in states)
    with _api() as api:
        found = api.alerts.page(wanted, names, None if entity is None else _pair(entity), limit=limit)
    for alert in found.alerts:
        click.echo(_line(alert))
    if found.next is not None:
        click.echo("there are more; a greater --limit shows them")


@alerts.command()
@click.argument("id")
def show(id: str) -> None:
    """Shows the alert ID, as JSON."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.alerts.show(id))))


@alerts.command()
@click.argument("id")
def events(id: str) -> None:
    """Lists all events of the alert ID."""
    with _api() as api:
        cursor = None
        while True:
            page = api.alerts.events(id, cursor, 500)
            for event in page.events:
                click.echo(f"{event.user}  {event.event_id}  revision {event.revision}  loss {event.loss:.2f}")
            cursor = page.next
            if cursor is None:
                return


@alerts.command()
def silences() -> None:
    """Lists the silences that last, of this system and of its Alertmanager."""
    with _api() as api:
        found = api.alerts.silences()
    for one in found.silences:
        words = " ".join(f"{name}={value}" for name, value in one.matchers.items())
        click.echo(f"weir          {one.id}  until {as_text(one.until_ms)}  {words}  ({one.by}: {one.comment})")
    for other in found.alertmanager:
        click.echo(f"alertmanager  {other.id}  until {as_text(other.until_ms)}  {' '.join(other.matchers)}  ({other.by}: {other.comment})")
    if found.alertmanager_fault:
        click.echo(f"warning: {found.alertmanager_fault}", err=True)


@alerts.command()
@_matchers
@click.option("--for", "for_ms", callback=as_duration_ms, required=True, help="How long, such as 2h.")
@click.option("--comment", required=True, help="Why.")
def silence(matchers: tuple[str, ...], for_ms: int, comment: str) -> None:
    """Silences alerts that have each NAME=VALUE: of what they are grouped by, alertname or severity."""
    with _api() as api:
        made = api.alerts.silence(dict(map(_pair, matchers)), int(time.time() * 1_000) + for_ms, comment)
    click.echo(f"silence  {made.id}  until {as_text(made.until_ms)}")


@alerts.command()
@click.argument("id")
def unsilence(id: str) -> None:
    """Ends the silence ID of this system now."""
    with _api() as api:
        api.alerts.unsilence(id)
    click.echo(f"ended    {id}")


def _line(alert: "ShownAlert") -> str:
    group = " ".join(f"{name}={value}" for name, value in alert.group.items())
    muted = f"  ({alert.muted_by})" if alert.muted_by else ""
    return f"{alert.id}  {alert.state:<8}  {alert.severity:<8}  {alert.events:>6} events  {alert.loss:>12.2f}  {alert.name}  {group}{muted}"


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise click.UsageError(f"{text} is no NAME=VALUE, such as customer_id=c1")
    return name, value


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
