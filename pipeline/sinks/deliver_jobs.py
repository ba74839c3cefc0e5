"""Submits all delivering jobs from one process, because each client of Flink takes seconds of CPU time to start."""

import pathlib
import sys
from collections.abc import Callable

import click

from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.control.job_program import write_log
from pipeline.flink.flink_graph import Graph
from pipeline.flink.flink_rest import rest_of
from pipeline.flink.jobs import flink_name, running_jobs
from pipeline.sinks import archive_job, metrics_job
from pipeline.sinks.deliver_graph import submit

JOBS: dict[str, Callable[[Graph, Settings], None]] = {
    metrics_job.NAME: metrics_job.build,
    archive_job.NAME: archive_job.build,
}
"""The function that builds each job, by the job's name."""


def submit_jobs(settings: Settings, checkpoints: dict[str, pathlib.Path]) -> dict[str, str]:
    """Submits every job that does not run yet, and returns the id of each job by its name.

    A job that runs already is not submitted again, since a second one would count every record twice.

    Args:
        checkpoints: the checkpoint that a job starts from, by the job's name; see `deliver_graph.submit`.

    Raises:
        Refusal: Flink does not answer.
    """
    running = running_jobs(rest_of(settings))
    intervals_ms = {name: getattr(settings, f"{name}_interval_ms") for name in JOBS}
    return {
        name: running.get(flink_name(name)) or submit(settings, name, intervals_ms[name], checkpoints.get(name), build)
        for name, build in JOBS.items()
    }


@click.command()
@click.option("--restore", multiple=True, type=(click.Choice(list(JOBS)), click.Path(exists=True, path_type=pathlib.Path)))
def main(restore: tuple[tuple[str, pathlib.Path], ...]) -> None:
    """Submits the jobs that do not run yet and prints the ids of all. With --restore NAME PATH the job NAME starts from that checkpoint."""
    write_log()
    try:
        for name, id in submit_jobs(read_settings(), dict(restore)).items():
            click.echo(f"{name} {id}")
    except Refusal as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
