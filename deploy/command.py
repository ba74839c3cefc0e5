"""The `weir` command. Each subcommand imports what it needs inside its function, so that `weir check` does not wait for Flink."""

import pathlib
import sys
import time
from collections import Counter
from collections.abc import Mapping

import click

from deploy.api_commands.access_commands import audit, tokens
from deploy.api_commands.alert_commands import alerts
from deploy.api_commands.case_commands import cases, inboxes
from deploy.api_commands.entity_commands import entities, holds
from deploy.api_commands.job_commands import export_by_job, jobs
from deploy.api_commands.option_values import EXISTING_FILE, EXISTING_FOLDER, FOLDER, as_duration_ms, as_moment_ms, labels_of_events
from deploy.api_commands.pattern_commands import patterns, run_tests
from deploy.api_commands.rule_report_commands import COMMANDS
from deploy.api_commands.train_command import train
from deploy.api_commands.webhook_commands import webhooks
from deploy.commands.database_commands import database
from foundation.refusal import Refusal

SAMPLES = pathlib.Path(__file__).parent / "samples"
DEMO_CONFIG = SAMPLES / "payments"


class Refusing(click.Group):
    """Prints a `Refusal` as a message and ends with status 2; after Ctrl-C it ends with status 130 and no traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            click.echo(f"weir: {refusal}", err=True)
            sys.exit(2)
        except OSError as error:
            if error.filename is None:  # it is not about a file of the user, so the place in the program helps more
                raise
            click.echo(f"weir: {error.filename}: {error.strerror}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)


@click.group(cls=Refusing, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Weir scores every event of a stream as it happens."""


main.add_command(tokens)
main.add_command(audit)
main.add_command(database)
main.add_command(jobs)
for _each in COMMANDS:
    patterns.add_command(_each)
main.add_command(patterns)
main.add_command(alerts)
main.add_command(webhooks)
main.add_command(cases)
main.add_command(inboxes)
main.add_command(train)
main.add_command(entities)
main.add_command(holds)


@main.command()
@click.option(
    "--profile",
    type=click.Choice(["solo", "embedded", "full"]),
    default="embedded",
    help="solo: no Java and no broker; embedded: the stores are files; full: Cassandra, PostgreSQL, Druid and HDFS are started too.",
)
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder to put in force; by default what was in force before.")
@click.option("--folder", type=FOLDER, help="Folder for data, logs and checkpoints; by default .weir.")
def up(profile: str, config: pathlib.Path | None, folder: pathlib.Path | None) -> None:
    """Starts the whole system on this machine and keeps it running until Ctrl-C."""
    if profile == "solo":
        from deploy.commands.serve import serve_until_interrupted

        serve_until_interrupted(config or DEMO_CONFIG, folder, config is not None)
    else:
        from deploy.commands.up import up_until_interrupted

        up_until_interrupted(config or DEMO_CONFIG, folder, config is not None, profile)


@main.command()
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder to put in force; by default what was in force before.")
@click.option("--folder", type=FOLDER, help="Folder for data, log and state; by default .weir.")
def serve(config: pathlib.Path | None, folder: pathlib.Path | None) -> None:
    """Starts a system without Java and without a broker, as `weir up --profile solo` does, and keeps it running until Ctrl-C."""
    from deploy.commands.serve import serve_until_interrupted

    serve_until_interrupted(config or DEMO_CONFIG, folder, config is not None)


@main.command()
@click.argument("directory", type=EXISTING_FOLDER)
def check(directory: pathlib.Path) -> None:
    """Validates the configuration folder DIRECTORY, says what each rule costs, runs its tests, and warns of what may not be meant."""
    from deploy.machine.system_settings import system_settings
    from features.sets.retention_ends import ended_by_retention
    from patterns.list_text import values_of_lists
    from patterns.rules.softened_score import softened_score
    from pipeline.trial.configuration_folder import read_texts
    from pipeline.trial.rules_read import cost_lines, other_refusals, read_rules
    from pipeline.trial.trial_budget import try_within

    cpu_ms_max = system_settings().compile_cpu_ms_max
    texts = read_texts(directory)
    try:
        release, cost = try_within(texts, cpu_ms_max)
    except Refusal as refusal:
        for other in other_refusals(texts, refusal):
            click.echo(f"weir: {other}", err=True)
        raise
    values_of_lists(texts)
    entity_types = ", ".join(release.features.kinds)
    models = ", ".join(model.name for model in release.models)
    click.echo(f"{directory}: ok: {len(release.features.names)} features over {entity_types}; models {models}{_rules_of(texts)}")
    parts = ", ".join(f"{part} {ms}" for part, ms in cost.parts.items())
    click.echo(f"compiling it and deciding on synthetic events takes {cost.cpu_ms} ms of CPU ({parts}); at most {cpu_ms_max} are allowed")
    steps = ", ".join(f"{step} {ns}" for step, ns in cost.steps_ns.items())
    click.echo(f"an event costs about {sum(cost.steps_ns.values())} ns of CPU in the engine ({steps})")
    rules = read_rules(texts)
    for line in cost_lines(rules.patterns, release.schema):
        click.echo(line)
    for sentence in (*ended_by_retention(release.features), *rules.warnings, *softened_score(texts["policy"], rules.patterns)):
        click.echo(f"warning: {sentence}")
    run_tests(texts, rules.patterns)


def _rules_of(texts: Mapping[str, str]) -> str:
    """How many rules there are of each status, as they would be after a first start."""
    from patterns.rules.manifest import standings_of

    counts = Counter(standing.status for standing in standings_of(texts).values())
    return "; rules: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) if counts else ""


@main.command()
@click.argument("directory", type=EXISTING_FOLDER)
def push(directory: pathlib.Path) -> None:
    """Puts the configuration folder DIRECTORY in force on the running system, or stores it for an approver."""
    from api.client.client import Release
    from deploy.api_commands.push import push as push_texts
    from deploy.local.releases import read_folder
    from deploy.machine.system_settings import system_settings

    published = push_texts(system_settings(), read_folder(directory))
    if isinstance(published, Release):
        click.echo(f"release {published.release} {'is' if published.changed else 'was already'} in force")
    else:
        click.echo("the definitions are stored, and another person has to put them in force with this command:")
        click.echo("weir activate " + " ".join(f"{part}={hash}" for part, hash in published.parts.items()))
    for name, each in published.lists.items():
        if each.changed:
            click.echo(f"list {name}: {each.added} added, {each.removed} removed, {each.updated} updated")


@main.command()
@click.argument("versions", nargs=-1, required=True, metavar="PART=HASH...")
def activate(versions: tuple[str, ...]) -> None:
    """Puts stored definitions in force together, such as policy=4f1c… features=09ab…, as `weir push` prints them."""
    from deploy.api_commands.push import activate as activate_parts
    from deploy.machine.system_settings import system_settings

    parts = dict(version.rpartition("=")[::2] for version in versions)
    if not all(parts.keys()):
        raise click.UsageError("each version needs a part and a hash, such as policy=4f1c…")
    click.echo(f"release {activate_parts(system_settings(), parts).release} is in force")


@main.command()
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


@main.command()
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


@main.command()
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
@click.option("--out", type=click.Path(path_type=pathlib.Path), required=True, help="Parquet file to write.")
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


@main.group()
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


@main.command()
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


@main.command()
@click.option("--for", "span_ms", callback=as_duration_ms, help="How long it runs, such as 60s; by default until Ctrl-C.")
@click.option("--rate", type=click.IntRange(1, 50_000), default=500, show_default=True, help="Payments per second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generated payments.")
@click.option(
    "--profile",
    type=click.Choice(["solo", "embedded"]),
    default="embedded",
    show_default=True,
    help="solo: no Java and no broker; embedded: with a broker and Flink.",
)
def demo(span_ms: int | None, rate: int, seed: int, profile: str) -> None:
    """Starts the system on free ports, sends it payments with some attacks, and shows its decisions."""
    from deploy.demo.demo import run_demo

    run_demo(DEMO_CONFIG, span_ms / 1000 if span_ms else None, rate, seed, profile)


@main.command()
@click.option("--jars", is_flag=True, help="Fetches the servers' jars and compiles the score job's jar.")
@click.option("--test-java", is_flag=True, help="Runs the tests of the score job's Java operators.")
@click.option("--solo", is_flag=True, help="Checks what `weir serve` needs; in its folder that is so by itself.")
def doctor(jars: bool, test_java: bool, solo: bool) -> None:
    """Checks what this machine lacks, and names the command that installs it."""
    from deploy.doctor.doctor import fetch_jars, run_checks, run_java_tests

    if jars:
        fetch_jars()
    elif test_java:
        run_java_tests()
    elif not run_checks(solo):
        sys.exit(1)


@main.command()
def settings() -> None:
    """Lists every setting with its environment variable, its value now and its meaning."""
    from deploy.commands.settings_page import settings_page

    click.echo(settings_page())


@main.command()
@click.argument("name", required=False)
@click.option("--config", type=EXISTING_FOLDER, help="Lists the features of this configuration folder.")
def features(name: str | None, config: pathlib.Path | None) -> None:
    """Lists the templates of features, or describes the template NAME."""
    from deploy.commands.features_page import features_page, template_page, templates_page
    from deploy.local.releases import read_folder
    from pipeline.engine.definitions.release import compile_release

    if config:
        click.echo(features_page(compile_release(1, read_folder(config)).features))
    else:
        click.echo(template_page(name) if name else templates_page())


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("names", nargs=-1, type=click.UNPROCESSED)
def bench(names: tuple[str, ...]) -> None:
    """Runs the benchmarks of a source checkout: those in NAMES, or all."""
    from deploy.commands.bench import run_benchmarks

    sys.exit(run_benchmarks(names))


if __name__ == "__main__":
    main()
