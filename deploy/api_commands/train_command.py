"""`weir train`. It imports what it needs inside its functions."""

import pathlib
import sys
import tempfile

import click

from deploy.api_commands.option_values import EXISTING_FILE, EXISTING_FOLDER, FOLDER, labels_of_events


@click.command()
@click.argument("events", type=EXISTING_FILE, nargs=-1)
@click.option("--config", type=EXISTING_FOLDER, help="Configuration folder; needed with EVENTS.")
@labels_of_events
@click.option("--out", type=FOLDER, help="Folder for the models and training.json; needed with EVENTS.")
def train(
    events: tuple[pathlib.Path, ...],
    config: pathlib.Path | None,
    labels: pathlib.Path | None,
    label_column: str,
    label_delay: int,
    out: pathlib.Path | None,
) -> None:
    """Fits the boosted trees of a configuration to recorded EVENTS; without EVENTS, the running system does it on its archive as a job."""
    if not events:
        if config or labels or label_column or out:
            raise click.UsageError("--config, --labels, --label-column and --out can only be used with EVENTS")
        _train_by_job()
        return
    if config is None or out is None:
        raise click.UsageError("give --config and --out with EVENTS")
    if labels and label_column:
        raise click.UsageError("--labels and --label-column cannot be used together")
    from pipeline.training.train_command import said_of, train_files

    for trained in train_files(events, config, out, labels, label_column, label_delay):
        click.echo(said_of(trained.model, trained.report))


def _train_by_job() -> None:
    import msgspec

    from deploy.api_commands.job_commands import waited
    from deploy.api_commands.push import system_api
    from pipeline.training.train_command import said_of

    with system_api() as api:
        job = api.jobs.train()
        click.echo(f"job         {job.id}; it goes on without this command", err=True)
        if waited(api, job.id).state != "done":
            sys.exit(1)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "training.json"
            api.jobs.download(job.id, file)
            for model, report in msgspec.json.decode(file.read_bytes()).items():
                click.echo(said_of(model, report))
