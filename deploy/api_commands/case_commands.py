"""`weir cases` and `weir inboxes`. Each subcommand imports what it needs inside its function."""

import datetime
import json
import pathlib
import sys
import tempfile
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from api.cases.case_shapes import ShownCase, ShownCaseEntry
    from api.client.client import Client

_STATES = ("open", "claimed", "snoozed", "closed")
_text = click.option("--text", default="", help="What is said with it; it stands in the timeline.")
_seen = click.option("--seen", type=int, default=None, help="The version that you have seen; a newer one is not changed.")


@click.group()
def cases() -> None:
    """Works on cases of the running system: the queue, claims, notes, verdicts, and their end."""


@cases.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only those in this state; may be repeated.")
@click.option("--inbox", "inboxes", multiple=True, help="Only those of this inbox; may be repeated.")
@click.option("--holder", default=None, help="Only those that this caller holds.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, by priority.")
def list_cases(states: tuple[str, ...], inboxes: tuple[str, ...], holder: str | None, limit: int) -> None:
    """Lists cases, those of the greatest priority first."""
    with _api() as api:
        for one in api.cases.page(states or ("open", "claimed", "snoozed"), inboxes, holder=holder, limit=limit).cases:
            _say(one)


@cases.command()
@click.argument("id")
def show(id: str) -> None:
    """Shows the case ID as JSON, and the newest of its timeline."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.cases.get(id))))
        for entry in api.cases.timeline(id, limit=50).entries:
            click.echo(_line(entry))


@cases.command("open")
@click.argument("typology")
@click.argument("entity_id")
@_text
def open_case(typology: str, entity_id: str, text: str) -> None:
    """Opens a case of TYPOLOGY about the entity ENTITY_ID."""
    with _api() as api:
        _say(api.cases.open(typology, entity_id, text))


@cases.command("next")
@click.option("--inbox", "inboxes", multiple=True, help="Only of this inbox; may be repeated.")
def next_case(inboxes: tuple[str, ...]) -> None:
    """Claims the best case that is free."""
    with _api() as api:
        _say(api.cases.next(inboxes))


@cases.command()
@click.argument("id")
@_seen
def claim(id: str, seen: int | None) -> None:
    """Claims the case ID, or holds it for longer."""
    with _api() as api:
        _say(api.cases.claim(id, seen))


@cases.command()
@click.argument("id")
def release(id: str) -> None:
    """Ends the claim of the case ID."""
    with _api() as api:
        _say(api.cases.release(id))


@cases.command()
@click.argument("id")
@click.argument("to")
def assign(id: str, to: str) -> None:
    """Says that the caller TO is to work on the case ID; '' is anybody."""
    with _api() as api:
        _say(api.cases.assign(id, to))


@cases.command()
@click.argument("id")
@click.argument("text")
def note(id: str, text: str) -> None:
    """Notes TEXT on the case ID."""
    with _api() as api:
        _say(api.cases.note(id, text))


@cases.command()
@click.argument("id")
@click.argument("word", type=click.Choice(["fraud", "legitimate", "unsure"]))
@click.option("--reason", default="", help="One of the taxonomy in cases.yaml.")
@click.option("--input", "inputs", multiple=True, help="What the typology requires, as NAME=VALUE; may be repeated.")
@click.option("--event", "events", multiple=True, help="Only on this event, as USER/ID; may be repeated. Default: on all events.")
@click.option("--close", is_flag=True, help="Close the case with it.")
@_text
@_seen
def verdict(
    id: str, word: str, reason: str, inputs: tuple[str, ...], events: tuple[str, ...], close: bool, text: str, seen: int | None
) -> None:
    """Gives a verdict on the case ID. It can be undone for a minute."""
    import msgspec

    from api.cases.case_shapes import GivenVerdict

    named = [dict(zip(("user", "event_id"), event.rsplit("/", 1), strict=False)) for event in events]
    body: dict[str, object] = {"verdict": word, "reason": reason, "inputs": dict(map(_input, inputs)), "close": close, "text": text}
    try:
        given = msgspec.convert(body | ({"events": named} if named else {}), GivenVerdict)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None
    with _api() as api:
        answer = api.cases.decide(id, given, seen)
    for one in answer.verdicts:
        click.echo(f"verdict     {one.id}  {one.verdict}  {f'{one.user}/{one.event_id}' if one.event_id else 'all events'}")
    _say(answer.case)


@cases.command()
@click.argument("word", type=click.Choice(["fraud", "legitimate", "unsure"]))
@click.argument("ids", nargs=-1, required=True)
@click.option("--reason", default="", help="One of the taxonomy in cases.yaml.")
@click.option("--input", "inputs", multiple=True, help="What the typologies require, as NAME=VALUE; may be repeated.")
@click.option("--close", is_flag=True, help="Close the cases with it.")
@_text
def verdicts(word: str, ids: tuple[str, ...], reason: str, inputs: tuple[str, ...], close: bool, text: str) -> None:
    """Gives one verdict on many cases, and says what came of each; ends with status 1 unless it is given on all."""
    from deploy.api_commands.job_commands import waited

    with _api() as api, tempfile.TemporaryDirectory() as folder:
        job = waited(api, api.jobs.verdicts(ids, word, reason, dict(map(_input, inputs)), close, text).id, err=True)
        if job.state != "done":
            sys.exit(1)
        file = pathlib.Path(folder, "verdicts.jsonl")
        api.jobs.download(job.id, file)
        items = [json.loads(line) for line in file.read_text().splitlines()]
    for item in items:
        click.echo(f"{item['case']}  {item.get('verdict') or item['problem']}")
    sys.exit(0 if all(item.get("verdict") for item in items) else 1)


@cases.command()
@click.argument("id")
@click.argument("verdict")
def undo(id: str, verdict: str) -> None:
    """Takes the verdict VERDICT on the case ID back within its minute."""
    with _api() as api:
        _say(api.cases.undo(id, verdict).case)


@cases.command()
@click.argument("id")
@click.option("--for", "length", default=None, help="How long, such as 8h or 2d.")
@click.option("--events", type=click.IntRange(1), default=None, help="Until so many further events have joined.")
@click.option("--loss", type=float, default=None, help="Until so much further loss has joined.")
@_text
def snooze(id: str, length: str | None, events: int | None, loss: float | None, text: str) -> None:
    """Lets the case ID sleep for a time, or until it escalates."""
    from api.cases.case_shapes import Snoozing
    from foundation.document import read_document

    length_ms = None if length is None else read_document(length, "--for").duration_ms()
    with _api() as api:
        until_ms = None if length_ms is None else int(datetime.datetime.now().timestamp() * 1_000) + length_ms
        _say(api.cases.snooze(id, Snoozing(until_ms, events, loss, text)))


@cases.command()
@click.argument("id")
@_text
@_seen
def close(id: str, text: str, seen: int | None) -> None:
    """Closes the case ID; without a verdict it needs a text."""
    with _api() as api:
        _say(api.cases.close(id, text, seen))


@cases.command()
@click.argument("id")
@_text
def reopen(id: str, text: str) -> None:
    """Opens the closed case ID again."""
    with _api() as api:
        _say(api.cases.reopen(id, text))


@cases.command()
@click.argument("id")
@click.argument("inbox")
@_text
def move(id: str, inbox: str, text: str) -> None:
    """Moves the case ID to INBOX."""
    with _api() as api:
        _say(api.cases.move(id, inbox, text))


@cases.command()
def quality() -> None:
    """Shows how well and how fast cases were reviewed in the last 30 days, as JSON."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.cases.quality())))


@click.group()
def inboxes() -> None:
    """Says who may see the cases of an inbox in the running system."""


@inboxes.command("list")
def list_inboxes() -> None:
    """Lists the inboxes with what waits in them."""
    with _api() as api:
        for one in api.cases.inboxes().inboxes:
            who = f"roles {', '.join(one.roles) or 'none'}; members {', '.join(one.members) or 'none'}" if one.is_restricted else "for all"
            days = "" if one.backlog_days is None else f"  {one.backlog_days:g} days"
            click.echo(f"{one.name:<20}  {one.open:>6} open  {one.unclaimed:>6} free{days}  {who}")


@inboxes.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="Callers with this role may; may be repeated.")
@click.option("--member", "members", multiple=True, help="The caller of this name may; may be repeated.")
def restrict(name: str, roles: tuple[str, ...], members: tuple[str, ...]) -> None:
    """Lets only these callers, and admins, see the cases of the inbox NAME."""
    from api.cases.case_shapes import GivenInbox

    with _api() as api:
        api.cases.restrict(name, GivenInbox(list(roles), list(members)))
    click.echo(f"restricted  {name}")


@inboxes.command()
@click.argument("name")
def unrestrict(name: str) -> None:
    """Lets whoever may read cases see those of the inbox NAME."""
    with _api() as api:
        api.cases.unrestrict(name)
    click.echo(f"for all     {name}")


def _input(text: str) -> tuple[str, str | float | bool]:
    """Takes NAME=VALUE apart; true, false and numbers are such."""
    name, _, value = text.partition("=")
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _say(case: "ShownCase") -> None:
    """Prints a case in one line."""
    state = f"{case.state} by {case.holder}" if case.holder else case.state
    verdict = f"  {case.verdict}" if case.verdict else ""
    about = f"{case.entity['kind']} {case.entity['id']}"
    click.echo(
        f"{case.id}  {state:<18}  {case.priority:>12.2f}  {case.events:>6} events  {case.inbox}  {case.typology}  {about!r}{verdict}"
    )


def _line(entry: "ShownCaseEntry") -> str:
    at = datetime.datetime.fromtimestamp(entry.at_ms / 1_000, datetime.UTC).isoformat(" ", "seconds")
    if entry.event is not None:
        return f"{at}  event  {entry.event.event_id!r} of {entry.event.user!r}: {entry.event.action}"
    return f"{at}  {entry.what}  {entry.by or 'the system'}{f': {entry.text!r}' if entry.text else ''}"


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
