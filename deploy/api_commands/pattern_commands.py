"""`weir patterns`. Each subcommand imports what it needs inside its function."""

import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from deploy.api_commands.option_values import as_moment_ms

if TYPE_CHECKING:
    from api.client.client import Client
    from api.patterns.rule_shapes import RuleInForce
    from patterns.language.pattern import Pattern

VERBS = {
    "shadow": "Lets the rule ID watch without acting.",
    "pause": "Stops the rule ID; it keeps its place.",
    "retire": "Ends the rule ID for good.",
}
_FILE = click.Path(exists=True, dir_okay=False, path_type=pathlib.Path)
_why = click.option("--reason", default="", help="Why, for the audit log.")
_override = click.option("--override", is_flag=True, help="Let it act although it does not keep the bounds of its promotion; say why.")


@click.group()
def patterns() -> None:
    """Tests rules of a folder; lists, uploads, approves and moves those of the running system."""


@patterns.command("test")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=pathlib.Path))
def test_rules(directory: pathlib.Path) -> None:
    """Runs the tests of the rules in the configuration folder DIRECTORY; ends with status 1 if one fails."""
    from pipeline.trial.configuration_folder import read_texts
    from pipeline.trial.rules_read import read_rules

    texts = read_texts(directory)
    run_tests(texts, read_rules(texts).whole())


def run_tests(texts: Mapping[str, str], rules: "Mapping[str, Pattern]") -> None:
    """Runs the tests of `rules`, says which failed, and ends with status 1 if one did."""
    from pipeline.trial.rule_tests import run_rule_tests

    outcomes = run_rule_tests(texts, rules)
    failed = [outcome for outcome in outcomes if outcome.problem]
    for outcome in failed:
        click.echo(f"weir: {outcome.place.at(1, 1)}: test failed: {outcome.test}: {outcome.problem}", err=True)
    if outcomes:
        click.echo(f"tests of rules: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    without = [id for id, rule in rules.items() if not rule.tests]
    if outcomes and without:
        click.echo(f"rules without a test: {', '.join(without)}")
    if failed:
        sys.exit(1)


@patterns.command("list")
def list_rules() -> None:
    """Lists the rules in force with their status, action and title."""
    with _api() as api:
        for rule in api.patterns.all().patterns:
            status = f"canary {rule.share:.0%}" if rule.status == "canary" else rule.status
            click.echo(f"{rule.id:<32} {status:<12} {rule.severity:<9} {rule.action or '-':<8} {rule.hash[:12]}  {rule.title}")


@patterns.command()
@click.argument("id")
def show(id: str) -> None:
    """Prints the text of the rule ID that is in force."""
    with _api() as api:
        found = api.text(f"patterns/{id}")
    if found is None:
        raise click.ClickException(f"the release in force has no rule {id}")
    click.echo(found.text, nl=False)


@patterns.command()
@click.argument("files", type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path), nargs=-1, required=True)
def upload(files: tuple[pathlib.Path, ...]) -> None:
    """Uploads the rules in FILES, all or none; a rule's id is the name of its file."""
    from api.definitions.definition_shapes import KeptParts
    from foundation.text_bytes import decode_text

    texts = {file.stem: decode_text(file.read_bytes(), str(file)) for file in files}
    with _api() as api:
        found = api.patterns.upload(texts)
    if isinstance(found, KeptParts):
        for id in texts:
            click.echo(f"waits       {id}  {found.parts[f'pattern:{id}']}: another person has to approve it")
        return
    click.echo(f"release     {found.release}{'' if found.changed else ', as before'}")
    for id, said in found.remarks.items():
        state = f", and {said.state_bytes} bytes of state for each {' and '.join(said.state_of)}" if said.state_of else ""
        click.echo(f"rule {id} costs an event at most {said.cost_ns} ns of CPU{state}")
        for sentence in said.warnings:
            click.echo(f"warning: {sentence}")


@patterns.command()
@click.argument("id")
def versions(id: str) -> None:
    """Lists the versions of the rule ID, newest first, with the releases that had them."""
    with _api() as api:
        for version in api.versions(f"patterns/{id}"):
            releases = ", ".join(map(str, version.releases)) or "none"
            click.echo(f"{version.hash}  {version.by:<20} releases: {releases}")


@patterns.command()
@click.argument("id")
@click.argument("old")
@click.argument("new", required=False)
def diff(id: str, old: str, new: str | None) -> None:
    """Prints what has changed in the rule ID from the version OLD to NEW, by default the one in force."""
    with _api() as api:
        click.echo(api.diff(f"patterns/{id}", old, new).diff, nl=False)


@patterns.command()
@click.argument("id")
@click.argument("hash")
@_why
def approve(id: str, hash: str, reason: str) -> None:
    """Approves the version HASH of the rule ID, which somebody else has stored."""
    with _api() as api:
        _say(api.patterns.approve(id, hash, reason))


@patterns.command("roll-back")
@click.argument("id")
@click.argument("hash")
@_why
def roll_back(id: str, hash: str, reason: str) -> None:
    """Gives the rule ID the text HASH that it had before."""
    with _api() as api:
        _say(api.patterns.roll_back(id, hash, reason))


@patterns.command()
@click.argument("id")
@click.option("--share", type=click.FloatRange(0.0, 1.0, min_open=True), help="Share of the entities; at first 0.05.")
@_why
@_override
def canary(id: str, share: float | None, reason: str, override: bool) -> None:
    """Lets the rule ID act for a share of the entities, always the same ones. Its text has to be approved."""
    with _api() as api:
        _say(api.patterns.move(id, "canary", share, reason, override))


@patterns.command()
@click.argument("id")
@_why
@_override
def activate(id: str, reason: str, override: bool) -> None:
    """Lets the rule ID act for all. Its text has to be approved."""
    with _api() as api:
        _say(api.patterns.move(id, "activate", reason=reason, override=override))


@patterns.command()
@click.argument("id")
def remove(id: str) -> None:
    """Removes the rule ID, which is a draft or retired."""
    with _api() as api:
        api.patterns.remove(id)
    click.echo(f"removed     {id}")


@patterns.command()
@click.argument("rule")
@click.argument("event")
@click.option("--user", help="Id of the event's primary entity, where several have this event id.")
@click.option("--events", type=_FILE, multiple=True, help="File of events; may be given several times. The running system is not asked.")
@click.option(
    "--config", type=click.Path(exists=True, file_okay=False, path_type=pathlib.Path), help="Configuration folder, with --events."
)
@click.option("--facts", type=_FILE, help="JSON Lines file of facts, with --events.")
@click.option("--entries", type=_FILE, help="JSON Lines file of entries of lists, with --events.")
def explain(
    rule: str,
    event: str,
    user: str | None,
    events: tuple[pathlib.Path, ...],
    config: pathlib.Path | None,
    facts: pathlib.Path | None,
    entries: pathlib.Path | None,
) -> None:
    """Says why the rule RULE matched the event EVENT, or did not.

    The running system explains a decision by the text that decided and by what its decisions keep. With --events and --config the engine
    decides the events of files again, as a replay does, and then all values are known.
    """
    from deploy.commands.explained import explain_files, lines_of

    if bool(events) != (config is not None) or (not events and (facts or entries)):
        raise click.UsageError("give --events and --config together; --facts and --entries go with them")
    if config is not None:
        found = explain_files(rule, event, user, config, events, facts, entries)
    else:
        with _api() as api:
            found = api.patterns.why(rule, event, user)
    for line in lines_of(found):
        click.echo(line)


@patterns.command()
@click.argument("rule")
@click.argument("key")
@click.argument("second", required=False)
@click.option("--threshold", help="Name of one threshold; all of the rule without it.")
def thresholds(rule: str, key: str, second: str | None, threshold: str | None) -> None:
    """Says what the learned thresholds of RULE are for the entity KEY, and why, as of its newest event.

    Where a threshold is that of a pair, KEY is the id of its first entity, and SECOND that of the other one.
    """
    with _api() as api:
        found = api.patterns.thresholds(rule, key, threshold, second)
    for each in found.thresholds:
        click.echo(f"{each.name}: {each.said}")
        if each.event_id is not None:
            snapshot = "no snapshot yet" if each.snapshot is None else f"snapshot {each.snapshot}"
            click.echo(f"  as of event {each.event_id}; release {each.release}, {snapshot}")


@patterns.command()
@click.argument("rules", nargs=-1)
@click.option("--without", multiple=True, help="Id of a rule that is paused for the trial; may be repeated.")
@click.option("--from", "from_ms", callback=as_moment_ms, help="First event time that counts (inclusive); earlier events warm up.")
@click.option("--to", "to_ms", callback=as_moment_ms, help="End of the event times that count (exclusive).")
@click.option("--value", help="Number of the event that is summed where decisions differ; by default the only decimal of the schema.")
@click.option("--json", "as_json", is_flag=True, help="Prints all figures as JSON.")
def backtest(
    rules: tuple[str, ...], without: tuple[str, ...], from_ms: int | None, to_ms: int | None, value: str | None, as_json: bool
) -> None:
    """Tries RULES on the archive of the running system: files of rules, or ids of rules that the system has, such as one in shadow."""
    from deploy.api_commands.backtest_commands import Asked, backtest_by_job

    with _api() as api:
        backtest_by_job(api, Asked(rules, without, from_ms, to_ms, value), as_json)


def _add_move(verb: str, help: str) -> None:
    @patterns.command(verb, help=help)
    @click.argument("id")
    @_why
    def move(id: str, reason: str) -> None:
        with _api() as api:
            _say(api.patterns.move(id, verb, reason=reason))


for _verb, _help in VERBS.items():
    _add_move(_verb, _help)


def _say(found: "RuleInForce") -> None:
    rule = found.pattern
    share = f" for {rule.share:.0%} of the entities" if rule.status == "canary" else ""
    approved = f", approved by {rule.approved_by}" if rule.approved_by else ""
    click.echo(f"{rule.id}  {rule.status}{share}{approved}; release {found.release}{'' if found.changed else ', as before'}")


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
