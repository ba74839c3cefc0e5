"""Figures of ``/metrics`` about the checkpoints of Flink's jobs: how old the newest one of each is, and how many have failed."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import TypeVar

import httpx
import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
ANSWER_SECONDS_MAX = 2.0
Shape = TypeVar("Shape")


class _Job(msgspec.Struct):
    jid: str
    name: str
    state: str


class _Overview(msgspec.Struct):
    jobs: list[_Job]


class _Counts(msgspec.Struct):
    failed: int = 0


class _Completed(msgspec.Struct):
    latest_ack_timestamp: int
    end_to_end_duration: int


class _Latest(msgspec.Struct):
    completed: _Completed | None = None


class Checkpoints(msgspec.Struct):
    """What Flink says of the checkpoints of one run of a job."""

    counts: _Counts
    latest: _Latest


class CheckpointFigures(Collector):
    """Is registered where the counters are. It asks Flink every `LOOK_SECONDS`, and never when it is asked; a solo system has no figures.

    Args:
        url: of Flink's REST interface; '' for a system without Flink.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._found: Mapping[str, Checkpoints] = {}

    async def run(self, client: httpx.AsyncClient) -> None:
        """Runs for as long as the process lives, where there is a Flink; `client` asks it."""
        while self._url:
            try:
                self._found = await checkpoints_of(client, self._url)
            except (httpx.HTTPError, msgspec.DecodeError) as error:
                log.info("the figures of checkpoints are old: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The figures as of the last look."""
        newest = GaugeMetricFamily("weir_checkpoint_completed_seconds", "When the newest checkpoint was complete.", labels=("job",))
        took = GaugeMetricFamily("weir_checkpoint_took_seconds", "How long the newest checkpoint took.", labels=("job",))
        failed = CounterMetricFamily("weir_checkpoints_failed", "Checkpoints that failed since the start of the job.", labels=("job",))
        for name, found in self._found.items():
            failed.add_metric((name,), found.counts.failed)
            if found.latest.completed is not None:
                newest.add_metric((name,), found.latest.completed.latest_ack_timestamp / 1_000)
                took.add_metric((name,), found.latest.completed.end_to_end_duration / 1_000)
        yield from (newest, took, failed)


async def checkpoints_of(client: httpx.AsyncClient, url: str) -> dict[str, Checkpoints]:
    """The checkpoints of each job that runs, by its name.

    Raises:
        httpx.HTTPError: Flink does not answer.
        msgspec.DecodeError: it answers with something else.
    """
    overview = await _read(client, f"{url}/jobs/overview", _Overview)
    running = [job for job in overview.jobs if job.state == "RUNNING"]
    return {job.name: await _read(client, f"{url}/jobs/{job.jid}/checkpoints", Checkpoints) for job in running}


async def _read(client: httpx.AsyncClient, url: str, shape: type[Shape]) -> Shape:
    answer = await client.get(url, timeout=ANSWER_SECONDS_MAX)
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=shape)
