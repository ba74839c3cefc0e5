"""What `weir backtest` and `weir patterns backtest` do beside the backtest itself."""

import pathlib
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from api.client.client import Client


def config_of(rules: pathlib.Path) -> pathlib.Path:
    """Returns the configuration folder in whose ``patterns`` the file or folder `rules` stands.

    Raises:
        click.UsageError: it stands in none.
    """
    for folder in (rules.resolve(), *rules.resolve().parents):
        if folder.name == "patterns" and (folder.parent / "schema.yaml").is_file():
            return folder.parent
    raise click.UsageError("give --config: RULES does not stand in the patterns/ of a configuration folder")


class Asked(NamedTuple):
    """Says what is tried, and on which events; see `api.client.client_jobs.ClientJobs.backtest`."""

    rules: tuple[str, ...]
    without: tuple[str, ...]
    from_ms: int | None
    to_ms: int | None
    value: str | None


def backtest_by_job(api: "Client", asked: Asked, as_json: bool) -> None:
    """Lets the system try the rules of `asked`, each a file or the id of a rule that it has, and prints what came out.

    It ends with status 1 if the job does not get to its end.
    """
    import msgspec

    from deploy.api_commands.job_commands import waited
    from foundation.text_bytes import decode_text
    from pipeline.backtest.backtest_command import say
    from pipeline.backtest.figures import Figures

    files = [pathlib.Path(rule) for rule in asked.rules if rule.endswith(".yaml")]
    patterns = {file.stem: decode_text(file.read_bytes(), str(file)) for file in files}
    in_force = {rule.id: rule.hash for rule in api.patterns.all().patterns}
    named = [rule for rule in asked.rules if not rule.endswith(".yaml")]
    for id in named:
        if id not in in_force:
            raise click.ClickException(f"the release in force has no rule {id}; give the file of its text, such as {id}.yaml")
    job = api.jobs.backtest(patterns, {id: in_force[id] for id in named}, asked.without, asked.from_ms, asked.to_ms, asked.value)
    click.echo(f"job         {job.id}; it goes on without this command", err=True)
    if waited(api, job.id, err=as_json).state != "done":
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "backtest.json"
        api.jobs.download(job.id, file)
        click.echo(say(msgspec.json.decode(file.read_bytes(), type=Figures), as_json))
