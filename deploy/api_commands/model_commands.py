"""`weir models`. Each subcommand imports what it needs inside its function."""

import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from api.client.client import Client
    from api.models.model_shapes import ComparedModels, Measured, ModelMoved, ShownDrifts

_why = click.option("--reason", default="", help="Why, for the audit log.")
_days = click.option("--days", type=click.IntRange(1), help="So many days of event time; by default all that are kept.")


@click.group()
def models() -> None:
    """Lists, compares, promotes and rolls back models of the running system, and says what has drifted."""


@models.command("list")
def list_models() -> None:
    """Lists the models in force with what they may do."""
    with _api() as api:
        for model in api.models.all().models:
            place = f" {model.place}" if model.place and model.place != model.name else ""
            click.echo(
                f"{model.name:<24} {model.standing + place:<28} {model.model:<30} {len(model.inputs)} inputs  {model.definition[:12]}"
            )


@models.command()
@click.argument("name")
def show(name: str) -> None:
    """Shows the model NAME: what it is, and what it may do."""
    with _api() as api:
        found = next((model for model in api.models.all().models if model.name == name), None)
    if found is None:
        raise click.ClickException(f"the release in force has no model {name}")
    promoted = f", promoted by {found.promoted_by}" if found.promoted_by else ""
    for label, value in (
        ("name", found.name),
        ("standing", f"{found.standing}{f' of {found.place}' if found.place else ''}{promoted}"),
        ("method", found.model),
        ("state of", found.scope or "all events together"),
        ("learns", found.learns),
        ("inputs", ", ".join(found.inputs)),
        ("definition", found.definition),
    ):
        click.echo(f"{label:<12}{value}")


@models.command()
@click.argument("place")
@_days
def compare(place: str, days: int | None) -> None:
    """Compares the models of PLACE, named as in policy.yaml, on events whose outcome is known."""
    with _api() as api:
        say_comparison(api.models.compare(place, days))


def say_comparison(found: "ComparedModels") -> None:
    """Prints models side by side."""
    click.echo(f"{found.events:,} events of known outcome, {found.frauds:,} of them fraud, on {found.days} days; 95% by {found.drawn}")
    for model in found.models:
        click.echo(f"{model.name} ({model.standing})")
        for measure, value in model.measures.items():
            gain = model.gains.get(measure)
            more = f"   more than the champion: {_said(gain, '+')}" if gain is not None and gain.value is not None else ""
            click.echo(f"  {measure:<20} {_said(value):<28}{more}")
        for need in model.needed:
            click.echo(f"  needs: {need}")


@models.command()
def drift() -> None:
    """Says how far inputs, scores and the share of fraud are from those of the 28 days before."""
    with _api() as api:
        say_drift(api.models.drift())


def say_drift(found: "ShownDrifts") -> None:
    """Prints what has drifted, and then what has not."""
    click.echo(f"{_day(found.day_ms)}, of label_rate {_day(found.labels_day_ms)}, against the 28 days before")
    for each in found.drifts:
        values = f"usual {_number(each.usual)}, now {_number(each.now)}"
        index = f"{each.index:.3f} {'>' if each.beyond else '≤'} {each.limit:.3f}"
        click.echo(f"{'drift' if each.beyond else '-':<6} {each.subject:<40} {index:<18} {values:<36} {each.events:,} events")
    if not found.drifts:
        click.echo("nothing was seen on 200 events of the day and as many before it")


@models.command()
@click.argument("name")
@click.option("--override", is_flag=True, help="Promote it although something is needed; say why.")
@_why
def promote(name: str, override: bool, reason: str) -> None:
    """Lets the challenger NAME decide in the place that it challenges."""
    with _api() as api:
        _say(api.models.promote(name, reason, override))


@models.command("roll-back")
@click.argument("place")
@_why
def roll_back(place: str, reason: str) -> None:
    """Lets the model decide in PLACE that did so before the last promotion."""
    with _api() as api:
        _say(api.models.roll_back(place, reason))


def _said(value: "Measured", sign: str = "") -> str:
    if value.value is None:
        return "-"
    interval = "" if value.low is None or value.high is None else f" ({value.low:{sign}.4f} to {value.high:{sign}.4f})"
    return f"{value.value:{sign}.4f}{interval}"


def _day(at_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC):%Y-%m-%d}"


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.5g}"


def _say(found: "ModelMoved") -> None:
    click.echo(f"{found.champion} decides in the place {found.place}, {found.before} did before; release {found.release}")


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
