"""Commands about what was recorded: files and the archive are decided on again, exported and compacted, and records are sent again.

Each imports what it needs inside its function, so that other commands do not wait for it.
"""

import pathlib
import sys
import time

import click

from deploy.api_commands.job_commands import export_by_job
from deploy.api_commands.option_values import EXISTING_FILE, EXISTING_FOLDER, FOLDER, as_duration_ms, as_moment_ms, labels_of_events


@click.command()
@click.argument("events", type=EXISTING_FILE, nargs=-1)
@click.option("--archived", is_flag=True, help="Replays the events and labels of the archive in place of EVENTS.")
@click.option("--from", "from_ms", callback=as_moment_ms, help="First arrival (inclusive), such as 2026-11-23T00:00:00Z, with --archived.")
@click.option("--to", "to_ms", callback=as_moment_ms, help="End of the arrivals (exclusive), with --archived.")
@click.option(
    "--follow",
    metavar="DECISIONS",
    help="Decides archived events again, each by the release and snapshots of its decision, and says what differs. "
    "DECISIONS is 'archive', the folder or URL of another archive, or a JSON Lines file of decisions.",
)
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder; needed without --follow.")
@labels_of_events
@click.option("--facts", type=EXISTING_FILE, help="JSON Lines file of facts: kind, entity, name, value, since and perhaps expires.")
@click.option("--entries", type=EXISTING_FILE, help="JSON Lines file of entries of lists: list, value and perhaps expires.")
@click.option("--out", type=FOLDER, help="Folder for decisions.parquet, or with --follow for differences.jsonl.")
@click.option(
    "--order", type=click.Choice(["time", "arrival"]), default="time", show_default=True, help="Order in which events are scored."
)
def replay(
    events: tuple[pathlib.Path, ...],
    archived: bool,
    from_ms: int | None,
    to_ms: int | None,
    follow: str | None,
    config: pathlib.Path | None,
    labels: pathlib.Path | None,
    label_column: str,
    label_delay: int,
    facts: pathlib.Path | None,
    entries: pathlib.Path | None,
    out: pathlib.Path | None,
    order: str,
) -> None:
    """Scores recorded EVENTS (Parquet, JSON Lines or CSV), or those of the archive, with the live engine; Java is not needed."""
    from deploy.machine.system_settings import system_settings
    from pipeline.replay.replay_command import replay_archived, replay_files

    if follow is not None:
        if archived or events or config or labels or label_column or facts or entries or from_ms is not None or to_ms is not None:
            raise click.UsageError("--follow reads everything that it needs from the archive; only --out can be used with it")
        follow_archived(follow, out)
        return
    if config is None:
        raise click.UsageError("give --config or --follow")
    if archived == bool(events):
        raise click.UsageError("give either EVENTS or --archived")
    if archived and (labels or label_column or facts or entries):
        raise click.UsageError("--labels, --label-column, --facts and --entries can only be used with EVENTS")
    if archived:
        replay_archived(system_settings(), config, from_ms, to_ms, out, order)
        return
    if from_ms is not None or to_ms is not None:
        raise click.UsageError("--from and --to can only be used with --archived")
    if labels and label_column:
        raise click.UsageError("--labels and --label-column cannot be used together")
    replay_files(events, config, labels, label_column, label_delay, out, order, facts, entries)


def follow_archived(decisions: str, out: pathlib.Path | None) -> None:
    """Follows recorded decisions, and ends the process with status 1 if any differs."""
    from deploy.machine.system_settings import system_settings
    from pipeline.follow.follow_command import follow_recorded

    if not follow_recorded(system_settings(), decisions, out).is_same:
        sys.exit(1)


@click.command()
@click.argument("rules", type=click.Path(exists=True, path_type=pathlib.Path))
@click.argument("events", type=EXISTING_FILE, nargs=-1)
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder; by default that in whose patterns/ RULES stands.")
@click.option("--archived", is_flag=True, help="Replays the events and labels of the archive instead of EVENTS.")
@click.option("--without", multiple=True, help="Id of a rule that is paused for the trial; may be repeated.")
@labels_of_events
@click.option("--facts", type=EXISTING_FILE, help="JSON Lines file of facts; as for replay.")
@click.option("--entries", type=EXISTING_FILE, help="JSON Lines file of entries of lists; as for replay.")
@click.option("--from", "from_ms", callback=as_moment_ms, help="First event time that counts (inclusive); earlier events warm up.")
@click.option("--to", "to_ms", callback=as_moment_ms, help="End of the event times that count (exclusive).")
@click.option("--days", type=click.IntRange(min=1), help="Only the last so many days of the events count, in place of --from.")
@click.option("--value", help="Number of the event that is summed where decisions differ; by default the only decimal of the schema.")
@click.option("--json", "as_json", is_flag=True, help="Prints all figures as JSON.")
def backtest(
    rules: pathlib.Path,
    events: tuple[pathlib.Path, ...],
    config: pathlib.Path | None,
    archived: bool,
    without: tuple[str, ...],
    labels: pathlib.Path | None,
    label_column: str,
    label_delay: int,
    facts: pathlib.Path | None,
    entries: pathlib.Path | None,
    from_ms: int | None,
    to_ms: int | None,
    days: int | None,
    value: str | None,
    as_json: bool,
) -> None:
    """Says what RULES, a file or a folder of files, would have changed at recorded EVENTS; they need not be in force or uploaded."""
    from deploy.api_commands.backtest_commands import config_of
    from deploy.machine.system_settings import system_settings
    from pipeline.backtest.backtest_command import Counted, Given, backtest_archived, backtest_files, candidate_of, say

    if archived == bool(events):
        raise click.UsageError("give either EVENTS or --archived")
    if archived and (labels or label_column or facts or entries):
        raise click.UsageError("--labels, --label-column, --facts and --entries can only be used with EVENTS")
    if labels and label_column:
        raise click.UsageError("--labels and --label-column cannot be used together")
    if days is not None and from_ms is not None:
        raise click.UsageError("--days and --from cannot be used together")
    tried = candidate_of(config or config_of(rules), [rules], without)
    counted = Counted(from_ms, to_ms, days, value)
    if archived:
        figures = backtest_archived(tried.both, system_settings(), counted)
    else:
        figures = backtest_files(tried, Given(events, labels, label_column, label_delay, facts, entries), counted)
    click.echo(say(figures, as_json))


@click.command()
@click.option("--replayed", type=EXISTING_FILE, multiple=True, help="Recorded events (Parquet, JSON Lines or CSV) to replay.")
@click.option("--served", is_flag=True, help="Exports the decisions and labels of the running system.")
@click.option("--job", "by_job", is_flag=True, help="Lets the system do it as a job, with --served; only its API has to be reached.")
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder, with --replayed.")
@click.option("--labels", type=EXISTING_FILE, help="File with event_id, label, label_time and perhaps user, with --replayed.")
@click.option("--label-column", default="", help="Column of the events that holds the label; it is removed before the event is scored.")
@click.option("--label-delay", callback=as_duration_ms, help="Time from event to label, with --label-column; by default 7d.")
@click.option("--facts", type=EXISTING_FILE, help="JSON Lines file of facts, with --replayed; as for replay.")
@click.option("--from", "from_ms", callback=as_moment_ms, help="First event time (inclusive), such as 2026-11-23T00:00:00Z, with --served.")
@click.option("--to", "to_ms", callback=as_moment_ms, help="End of the event times (exclusive), with --served.")
@click.option("--out", type=click.Path(path_type=pathlib.Path), required=True, help="File to write: JSON Lines for .jsonl, else Parquet.")
@click.option("--overwrite", is_flag=True, help="Replaces the file if it exists.")
def export(
    replayed: tuple[pathlib.Path, ...],
    served: bool,
    by_job: bool,
    config: pathlib.Path | None,
    labels: pathlib.Path | None,
    label_column: str,
    label_delay: int | None,
    facts: pathlib.Path | None,
    from_ms: int | None,
    to_ms: int | None,
    out: pathlib.Path,
    overwrite: bool,
) -> None:
    """Writes training data: the features as they were at each event, the scores, and the labels with their times."""
    from deploy.machine.system_settings import system_settings
    from pipeline.training.export_command import export_replayed, export_served
    from pipeline.training.training_file import check_free

    if served == bool(replayed):
        raise click.UsageError("give either --replayed or --served")
    if by_job and not served:
        raise click.UsageError("--job can only be used with --served")
    if served and (config or labels or label_column or label_delay is not None or facts):
        raise click.UsageError("--config, --labels, --label-column, --label-delay and --facts can only be used with --replayed")
    if by_job:
        check_free(out, overwrite)
        return export_by_job(system_settings(), out, from_ms, to_ms)
    if served:
        return export_served(system_settings(), out, from_ms, to_ms, overwrite)
    if config is None or from_ms is not None or to_ms is not None:
        raise click.UsageError("--replayed needs --config; --from and --to can only be used with --served")
    if (labels and label_column) or (label_delay is not None and not label_column):
        raise click.UsageError("--labels and --label-column cannot be used together; --label-delay needs --label-column")
    return export_replayed(replayed, config, labels, label_column, label_delay or 7 * 86_400_000, out, overwrite, facts)


@click.group()
def archive() -> None:
    """Lists or compacts the archive of events, decisions and labels."""


@archive.command("list")
def archive_list() -> None:
    """Lists the files, rows and bytes in the archive for each kind of record and day."""
    from deploy.machine.system_settings import system_settings
    from pipeline.sinks.archive_command import list_archive

    click.echo(list_archive(system_settings()))


@archive.command("compact")
def archive_compact() -> None:
    """Merges the files of each kind of record and day that has ended; it can be stopped and run again at any time."""
    from deploy.machine.system_settings import system_settings
    from pipeline.sinks.archive_command import compact_archive

    compact_archive(system_settings(), click.echo, time.time() * 1_000)


@click.command()
@click.argument("topic", type=click.Choice(["dead-letters", "late"]), required=False)
@click.option("--reason", default="", help="Only records whose reason contains this text, such as 'missing field'.")
@click.option(
    "--from-log",
    "log_of",
    type=EXISTING_FOLDER,
    help="Writes all that the log of the solo system in this folder holds into Kafka, so that `weir up` begins with its history.",
)
@click.option("--dry-run", is_flag=True, help="Counts the records that would be sent, by reason or topic, and sends nothing.")
def redrive(topic: str | None, reason: str, log_of: pathlib.Path | None, dry_run: bool) -> None:
    """Sends refused or late records again, if the definitions in force accept them now; or carries the log of a solo system into Kafka."""
    from deploy.machine.system_settings import system_settings

    if (topic is None) == (log_of is None):
        raise click.UsageError("give either TOPIC or --from-log")
    if log_of is not None:
        from deploy.commands.growing import carry_into_kafka

        if reason:
            raise click.UsageError("--reason can only be used with TOPIC")
        return click.echo(carry_into_kafka(system_settings(), log_of, dry_run))
    from pipeline.replay.redrive import redrive as redrive_topic
    from pipeline.replay.redrive import report

    click.echo(report(redrive_topic(system_settings(), str(topic), reason, dry_run), dry_run))
    return None


HISTORY_COMMANDS = (replay, backtest, export, archive, redrive)
