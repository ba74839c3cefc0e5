"""The `weir` command. Each subcommand imports what it needs inside its function, so that `weir check` does not wait for Flink."""

import pathlib
import sys
from collections import Counter
from collections.abc import Mapping

import click

from deploy.api_commands.access_commands import audit, tokens
from deploy.api_commands.alert_commands import alerts
from deploy.api_commands.case_commands import cases, inboxes
from deploy.api_commands.entity_commands import entities, holds
from deploy.api_commands.job_commands import jobs
from deploy.api_commands.model_commands import models
from deploy.api_commands.option_values import EXISTING_FOLDER, FOLDER, as_duration_ms
from deploy.api_commands.pattern_commands import patterns, run_tests
from deploy.api_commands.rule_report_commands import COMMANDS
from deploy.api_commands.rule_writing_commands import COMMANDS as WRITING_COMMANDS
from deploy.api_commands.train_command import train
from deploy.api_commands.webhook_commands import webhooks
from deploy.commands.console_link import console
from deploy.commands.database_commands import database
from deploy.history_commands import HISTORY_COMMANDS
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
@click.version_option(package_name="weir", message="%(package)s %(version)s")
def main() -> None:
    """Weir scores every event of a stream as it happens."""


main.add_command(tokens)
main.add_command(audit)
main.add_command(console)
main.add_command(database)
main.add_command(jobs)
for _each in (*COMMANDS, *WRITING_COMMANDS):
    patterns.add_command(_each)
main.add_command(patterns)
main.add_command(models)
main.add_command(alerts)
main.add_command(webhooks)
main.add_command(cases)
main.add_command(inboxes)
main.add_command(train)
for _each in HISTORY_COMMANDS:
    main.add_command(_each)
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
    from patterns.lifecycle.softened_score import softened_score
    from patterns.list_text import values_of_lists
    from pipeline.engine.definitions.learned_bins import learned_bins
    from pipeline.trial import river_models
    from pipeline.trial.configuration_folder import read_texts
    from pipeline.trial.detector_state import state_lines
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
    for line in (*state_lines(release), *river_models.cost_lines(release), *cost_lines(rules.patterns, release.schema)):
        click.echo(line)
    of_models = learned_bins(release.models).values()
    for sentence in (*ended_by_retention(release.features), *of_models, *rules.warnings, *softened_score(texts["policy"], rules.patterns)):
        click.echo(f"warning: {sentence}")
    run_tests(texts, rules.patterns)


def _rules_of(texts: Mapping[str, str]) -> str:
    """How many rules there are of each status, as they would be after a first start."""
    from patterns.lifecycle.manifest import standings_of

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
    from pipeline.engine.definitions.release import compile_release
    from pipeline.trial.river_models import cost_lines

    texts = read_folder(directory)
    published = push_texts(system_settings(), texts)
    for line in cost_lines(compile_release(1, texts)):
        click.echo(line)
    if isinstance(published, Release):
        for sentence in published.warnings:
            click.echo(f"warning: {sentence}")
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
@click.option("--kernels", is_flag=True, help="Compiles the kernels, which is done by whoever needs them first otherwise.")
@click.option("--test-java", is_flag=True, help="Runs the tests of the score job's Java operators.")
@click.option("--solo", is_flag=True, help="Checks what `weir serve` needs; in its folder that is so by itself.")
def doctor(jars: bool, kernels: bool, test_java: bool, solo: bool) -> None:
    """Checks what this machine lacks, and names the command that installs it."""
    if kernels:  # before anything is imported that has kernels, which one process would compile then
        from deploy.local.kernels import compile_here

        compile_here()
        return
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
