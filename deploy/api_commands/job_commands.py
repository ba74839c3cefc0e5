"""`weir jobs`. Each subcommand imports what it needs inside its function."""

import datetime
import pathlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from api.client.client import Client
    from api.jobs.job_shapes import Job, JobProgress
    from foundation.settings import Settings


@click.group()
def jobs() -> None:
    """Lists, shows, cancels and waits for jobs of the running system, and fetches their results."""


@jobs.command("list")
@click.option("--state", "states", multiple=True, help="queued, running, done, failed, cancelled or expired; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many, the newest first.")
def list_jobs(states: tuple[str, ...], limit: int) -> None:
    """Lists the newest jobs of all callers."""
    with _api() as api:
        for job in api.jobs.page(states, all=True, limit=limit).jobs:
            click.echo(f"{job.id}  {job.kind:<10} {job.state:<10} {job.by:<20} {_time(job.asked_at_ms)}  {_done(job.progress)}".rstrip())


@jobs.command()
@click.argument("id")
def show(id: str) -> None:
    """Shows the job ID as JSON."""
    import msgspec

    with _api() as api:
        click.echo(msgspec.json.format(msgspec.json.encode(api.jobs.get(id))))


@jobs.command()
@click.argument("id")
def cancel(id: str) -> None:
    """Cancels the job ID."""
    with _api() as api:
        job = api.jobs.cancel(id)
    click.echo(f"{job.id} {'is asked to stop' if job.state == 'running' else 'is cancelled'}")


@jobs.command()
@click.argument("id")
def wait(id: str) -> None:
    """Waits until the job ID has ended, and shows its progress; ends with status 1 unless it is done."""
    with _api() as api:
        sys.exit(0 if waited(api, id).state == "done" else 1)


@jobs.command()
@click.argument("id")
@click.option("--out", type=click.Path(path_type=pathlib.Path, dir_okay=False), required=True, help="File to write, or to replace.")
def download(id: str, out: pathlib.Path) -> None:
    """Writes the file that the job ID made, once its SHA-256 has been checked."""
    with _api() as api:
        api.jobs.download(id, out)
    click.echo(f"written     {out}")


def export_by_job(settings: "Settings", out: pathlib.Path, from_ms: int | None, to_ms: int | None) -> None:
    """Exports the running system's decisions by a job of the system, and writes the file to `out`; ends with status 1 if the job fails."""
    from deploy.api_commands.push import api_of
    from pipeline.training.table_file import format_of

    with api_of(settings) as api:
        job = api.jobs.export(from_ms, to_ms, form=format_of(out))
        click.echo(f"job         {job.id}; it goes on without this command", err=True)
        job = waited(api, job.id)
        if job.state != "done":
            sys.exit(1)
        api.jobs.download(job.id, out)
    click.echo(f"written     {out}")


def waited(api: "Client", id: str, err: bool = False) -> "Job":
    """Waits until the job has ended, shows its progress, and says how it ended; `err`: beside what the command prints."""

    def show_progress(progress: "JobProgress") -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{_done(progress)}", err=True, nl=False)

    job = api.jobs.wait(id, show_progress)
    if sys.stderr.isatty():
        click.echo(err=True)
    counted = {name: value for name, value in (job.result or {}).items() if isinstance(value, int | float | str)}
    found = job.problem["detail"] if job.problem else ", ".join(f"{name} {value}" for name, value in counted.items())
    click.echo(f"{job.state:<11} {found}".rstrip(), err=err)
    return job


def _done(progress: "JobProgress") -> str:
    share = f" of {progress.total:,} {progress.unit} ({progress.done / progress.total:.0%})" if progress.total else f" {progress.unit}"
    return f"{progress.done:,}{share}" if progress.done or progress.total else ""


def _time(at_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _api() -> "Client":
    from deploy.api_commands.push import system_api

    return system_api()
