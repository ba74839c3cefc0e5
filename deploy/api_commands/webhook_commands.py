"""`weir webhooks`. Each subcommand imports what it needs inside its function."""

import time
from typing import TYPE_CHECKING, Literal

import click

from deploy.api_commands.option_values import as_moment_ms, as_text

if TYPE_CHECKING:
    from api.client.client import Client
    from api.webhooks.webhook_shapes import ShownWebhook

_STATES = ("pending", "delivered", "dead", "gone")
_ENDED: tuple[Literal["dead", "gone", "delivered"], ...] = ("dead", "gone", "delivered")
_signing = click.option("--signing", type=click.Choice(["ed25519", "secret"]), default="ed25519", help="How messages are signed.")


@click.group()
def webhooks() -> None:
    """Names receivers of alerts in the running system, tests them, and sends again what they did not take."""


@webhooks.command("list")
def list_webhooks() -> None:
    """Lists all webhooks with what waits for them."""
    with _api() as api:
        for webhook in api.webhooks.all().webhooks:
            waiting = f"{webhook.waiting} wait" if webhook.waiting else "nothing waits"
            failing = f"  (failing since {as_text(webhook.failing_since_ms)})" if webhook.failing_since_ms is not None else ""
            why = f"  ({webhook.why})" if webhook.why else failing
            condition = f"  if {webhook.filter}" if webhook.filter else ""
            click.echo(f"{webhook.id}  {webhook.state:<8}  {waiting:<14}  {webhook.url}{condition}{why}")


@webhooks.command()
@click.argument("url")
@click.option("--description", default="", help="What the receiver is for.")
@click.option("--type", "types", multiple=True, help="A type of messages, such as alert.opened or alert.*; may be repeated. Default: all.")
@click.option("--filter", "condition", default="", help="A condition over the alert, such as 'alert.loss > 100.0'. Default: every message.")
@click.option("--thin", is_flag=True, help="Send ids alone; the receiver asks for the rest.")
@_signing
def add(url: str, description: str, types: tuple[str, ...], condition: str, thin: bool, signing: str) -> None:
    """Makes a webhook that messages are sent to at URL, and prints by what their signatures are verified."""
    from api.webhooks.webhook_shapes import NewWebhook

    new = NewWebhook(
        url=url,
        description=description,
        types=list(types),
        filter=condition,
        form="thin" if thin else "full",
        signing="secret" if signing == "secret" else "ed25519",
    )
    with _api() as api:
        _say_keys(api.webhooks.make(new))


@webhooks.command()
@click.argument("id")
def remove(id: str) -> None:
    """Removes the webhook ID with all its deliveries."""
    with _api() as api:
        api.webhooks.remove(id)
    click.echo(f"removed     {id}")


@webhooks.command()
@click.argument("id")
def test(id: str) -> None:
    """Sends a message of the type webhook.test to the webhook ID."""
    with _api() as api:
        api.webhooks.test(id)
    click.echo("written; see weir webhooks deliveries")


@webhooks.command()
@click.argument("id")
@_signing
def rotate(id: str, signing: str) -> None:
    """Adds a key to the webhook ID, whose messages then have one signature a key."""
    with _api() as api:
        _say_keys(api.webhooks.rotate(id, "secret" if signing == "secret" else "ed25519"))


@webhooks.command("drop-older-keys")
@click.argument("id")
def drop_older_keys(id: str) -> None:
    """Drops all keys of the webhook ID but the newest."""
    with _api() as api:
        _say_keys(api.webhooks.drop_older_keys(id))


@webhooks.command()
@click.option("--webhook", default=None, help="Only those to this webhook.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only those in this state; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, the newest first.")
def deliveries(webhook: str | None, states: tuple[str, ...], limit: int) -> None:
    """Lists deliveries, newest first."""
    with _api() as api:
        for one in api.webhooks.deliveries(webhook, states, limit=limit).deliveries:
            click.echo(f"{one.number:>8}  {one.webhook}  {one.state:<9}  {one.attempts:>2} attempts  {one.type:<16}  {one.key}")


@webhooks.command()
@click.argument("webhook")
@click.argument("number", type=int)
def delivery(webhook: str, number: int) -> None:
    """Shows the delivery NUMBER to WEBHOOK with its attempts, as JSON."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.webhooks.delivery(webhook, number))))


@webhooks.command("send-again")
@click.argument("webhook")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--from", "from_ms", callback=as_moment_ms, help="In place of NUMBERS: first time (inclusive), such as 2026-11-23T00:00:00Z.")
@click.option("--to", "to_ms", callback=as_moment_ms, help="End of the time (exclusive); by default now.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_ENDED), default=["dead"], show_default=True, help="Only those, by time."
)
def send_again(webhook: str, numbers: tuple[int, ...], from_ms: int | None, to_ms: int | None, states: tuple[str, ...]) -> None:
    """Sends deliveries to WEBHOOK again, by their NUMBERS or by the time of their messages; each keeps the id of its message."""
    if bool(numbers) == (from_ms is not None):
        raise click.UsageError("give either NUMBERS or --from")
    with _api() as api:
        if from_ms is None:
            sent = api.webhooks.send_again(webhook, numbers)
        else:
            chosen = tuple(state for state in _ENDED if state in states)
            sent = api.webhooks.send_again_since(webhook, from_ms, to_ms or int(time.time() * 1_000) + 1, chosen)
    click.echo(f"sent again  {sent}")


def _say_keys(webhook: "ShownWebhook") -> None:
    click.echo(f"webhook     {webhook.id}")
    for key in webhook.keys:
        click.echo(f"{key.signing:<11} {key.public or key.secret or 'a secret that was shown when it was made'}")


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
