"""`weir patterns` that tell what rules did, and silence their alerts. Each subcommand imports what it needs inside its function."""

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from api.client.client import Client
    from api.patterns.rule_shapes import HiddenByException, RuleReport, ShownSnooze


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--days", type=click.IntRange(1), help="So many days of event time; by default as far back as counts are kept.")
def report(ids: tuple[str, ...], days: int | None) -> None:
    """Tells what each rule ID did, or would have done, since its text is what it is; of at most 100 rules."""
    with _api() as api:
        for found in api.patterns.reports(ids, days).reports:
            for line in report_lines(found):
                click.echo(line)


@click.command()
@click.argument("id", required=False)
def exceptions(id: str | None) -> None:
    """Lists the exceptions of the rule ID, or of all rules, by how often they hid a match."""
    with _api() as api:
        for each in api.patterns.exceptions(id).exceptions:
            click.echo(_hidden(each))


@click.command()
@click.argument("id")
@click.option("--for", "length", required=True, help="How long, such as 8h; at most 90d.")
@click.option("--comment", required=True, help="Why.")
@click.option("--by", multiple=True, metavar="FIELD=VALUE", help="Only alerts of events with this value; may be given three times.")
def snooze(id: str, length: str, comment: str, by: tuple[str, ...]) -> None:
    """Silences the alerts of the rule ID for a while; what it does to events goes on."""
    if any("=" not in each for each in by):
        raise click.UsageError("write --by as FIELD=VALUE")
    fields = dict(each.split("=", 1) for each in by)
    with _api() as api:
        click.echo(_snooze(api.patterns.snooze(id, length, comment, fields)))


@click.command()
@click.argument("id")
def snoozes(id: str) -> None:
    """Lists the snoozes of the rule ID, newest first, also those that are over."""
    with _api() as api:
        for each in api.patterns.snoozes(id).snoozes:
            click.echo(_snooze(each))


@click.command()
@click.argument("id")
@click.argument("snooze_id", metavar="SNOOZE")
def lift(id: str, snooze_id: str) -> None:
    """Ends SNOOZE of the rule ID, so that its alerts come again."""
    with _api() as api:
        click.echo(_snooze(api.patterns.lift(id, snooze_id)))


COMMANDS = (report, exceptions, snooze, snoozes, lift)
"""What `weir patterns` has beside that which changes rules."""


def report_lines(found: "RuleReport") -> Iterator[str]:
    """The lines that say a report."""
    share = "" if found.share is None else f", {found.share:.4%} of them"
    yield f"{found.pattern}  {found.version}  {found.status}"
    yield f"{'events':<12}{found.events:,} from {_moment(found.from_ms)} to {_moment(found.to_ms)}"
    yield f"{'matches':<12}{found.matches:,}{share}; {found.acted:,} acted"
    yield f"{'decided':<12}{found.decided:,}; {found.alone:,} where no other rule that acts matched"
    if found.actions:
        got = ", ".join(f"{count:,} {action}" for action, count in found.actions.items())
        asks = f"; it asks for {found.asks}: {found.changed:,} would change" if found.asks else ""
        yield f"{'got':<12}{got}{asks}"
    labels = found.labels
    precision = "no label yet" if labels.precision is None else f"precision {labels.precision:.2%}"
    yield f"{'labels':<12}{labels.fraud:,} fraud, {labels.good:,} good; {precision}"
    reviewed = found.reviewed
    if reviewed.precision is not None:
        false = f"{reviewed.false_positive_rate:.2%} false positives"
        yield f"{'reviewed':<12}{reviewed.fraud:,} fraud, {reviewed.legitimate:,} legitimate; precision {reviewed.precision:.2%}, {false}"
    for day in found.days:
        yield f"  {_moment(day.day_ms)[:10]}  {day.matches:,} of {day.events:,}"
    for other in found.overlaps:
        yield f"{'overlap':<12}{other.pattern}: {other.both:,}, {other.share:.1%} of the matches"
    for hidden in found.hidden:
        yield f"{'hidden':<12}{_hidden(hidden)}"
    if found.entries:
        yield f"{'entries':<12}" + ", ".join(f"{count:,} {state}" for state, count in found.entries.items())
    for trip in found.budget_trips:
        budget = f"{trip.matches:,} within {trip.per_ms / 1000:g} s"
        yield f"{'budget':<12}{budget} exceeded at {_moment(trip.event_time)}; {trip.outcome or 'open'}"
    for need in found.promotion.needed:
        yield f"{'needed':<12}{need}"


def _hidden(each: "HiddenByException") -> str:
    said = f"  {each.owner}: {each.reason}, until {each.expires}" if each.owner is not None else "  (of an earlier text)"
    return f"{each.hidden:>8,}  {each.pattern} exception {each.exception + 1}{said}"


def _snooze(each: "ShownSnooze") -> str:
    fields = " ".join(f"{name}={value}" for name, value in sorted(each.fields.items())) or "all alerts"
    state = "holds" if each.holds else f"lifted by {each.lifted_by}" if each.lifted_by else "over"
    return f"{each.id}  {state:<12} until {_moment(each.until_ms)}  {fields}  {each.by}: {each.comment}"


def _moment(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
