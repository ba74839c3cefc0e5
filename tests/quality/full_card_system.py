"""The system of `weir up --profile full`, started over a backlog of card payments. For tests only."""

import collections
import contextlib
import pathlib
import shutil
import time
from collections.abc import Iterator

import msgspec
from card_records import event_records, label_records, snapshot_records
from card_system import delivered, produce
from card_truth import TEXTS, Truth
from druid_segments import running_tasks, segments_served, stop_supervisor
from full_system import FullSystem
from score_job_runs import wait_for

from deploy.commands.up import with_servers
from deploy.local.stack import Stack, free_settings
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.broker import start_broker
from deploy.servers.store_servers import SERVERS
from deploy.servers.topics import make_topics
from foundation.settings import Settings

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
KEPT_DAYS = 4_000
"""Of event metrics: Druid drops what is older, by event time, and the payments are of 2018."""
READ_MS_MAX = 5_000
"""That the api waits for Cassandra: what is asked here is what it reads, not how soon on cores that others share."""
SECONDS_MAX = 600.0
IDS_AT_ONCE = 1_000
PAUSE_SECONDS = 2.0
"""Asking costs the stores and this process a part of the cores."""
JOBS = ("weir-archive", "weir-metrics", "weir-score")


class FullCardSystem(FullSystem):
    """The running system, and how long it took.

    Args:
        truth: the payments that it was given.
        took: seconds by step, from the start of the score job on.
    """

    def __init__(self, stack: Stack, truth: Truth) -> None:
        super().__init__(stack)
        self.events = truth.history.batch
        self.from_ms = int(self.events.times_ms.min()) // DAY_MS * DAY_MS
        self.to_ms = (int(self.events.times_ms.max()) // DAY_MS + 1) * DAY_MS
        self.took: dict[str, float] = {}

    def jobs(self) -> dict[str, dict]:
        """Flink's jobs by name."""
        answer = self.stack.cluster.get("/jobs/overview")
        assert isinstance(answer, dict)
        assert len({job["name"] for job in answer["jobs"]}) == len(answer["jobs"])
        return {job["name"]: job for job in answer["jobs"]}

    def wait_until_everywhere(self) -> None:
        """Returns once each store has as many as there are payments, and no process had to be started again."""
        count = len(self.events)
        began_ms = self._began_ms()
        lacking = {
            "Cassandra": lambda: delivered(self.settings),
            "Druid": lambda: sum(self.by_day_and_action().values()),
            "archive": self._archived_of_both,
        }
        while lacking:
            held = {name: holds() for name, holds in lacking.items()}
            self.took |= {name: time.time() - began_ms / 1000 for name, number in held.items() if number >= count}
            lacking = {name: holds for name, holds in lacking.items() if name not in self.took}
            assert self.stack.keep_running() == []
            assert time.time() - began_ms / 1000 < SECONDS_MAX, f"of {count} payments {held}"
            time.sleep(PAUSE_SECONDS)

    def by_day_and_action(self) -> collections.Counter[tuple[int, str]]:
        """Decisions in Druid by day of event time, ms since the epoch, and by action."""
        groups = self.groups(self.from_ms, self.to_ms, granularity="day", group_by="action")
        return collections.Counter({(group["time"], group["dimensions"]["action"]): group["count"] for group in groups})

    def kept(self) -> list[bytes]:
        """The decision on each payment as Cassandra has it, in the order of the payments; each has to be there."""
        began, values = time.monotonic(), []
        for first in range(0, len(self.events), IDS_AT_ONCE):
            ids = self.events.ids[first : first + IDS_AT_ONCE]
            found = self.decisions(ids)
            values += [found[id].value for id in ids]
        self.took["read from Cassandra"] = time.monotonic() - began
        self.took["decided"] = (max(msgspec.json.decode(value)["processed_at"] for value in values) - self._began_ms()) / 1000
        return values

    def hand_over_in_druid(self) -> None:
        """Returns once the task that has read all rows has ended, and the historical serves every hour that has any."""
        began, hours = time.monotonic(), len({at // HOUR_MS for at in self.events.times_ms.tolist()})
        stop_supervisor(self.settings, "suspend")
        wait_for(lambda: not running_tasks(self.settings), SECONDS_MAX, "the task has not ended")
        wait_for(lambda: segments_served(self.settings) >= hours, SECONDS_MAX, "segments are not served")
        self.took[f"{segments_served(self.settings)} segments made and loaded"] = time.monotonic() - began

    def _began_ms(self) -> int:
        return self.jobs()["weir-score"]["start-time"]

    def _archived_of_both(self) -> int:
        return min(self.rows_in_files(kind) for kind in ("events", "decisions"))


@contextlib.contextmanager
def full_card_system(folder: pathlib.Path, truth: Truth) -> Iterator[FullCardSystem]:
    """Started as `weir up` does, on topics that hold all payments; gives it once every store has everything.

    What is in `folder` goes at the end; logs stay.
    """
    settings = with_servers(free_settings(folder, metrics_kept_days=KEPT_DAYS, store_timeout_ms=READ_MS_MAX))
    fill_topics(settings, truth)
    try:
        with Stack(settings, TEXTS, print, servers=tuple(SERVERS)) as stack:
            system = FullCardSystem(stack, truth)
            try:
                system.wait_until_everywhere()
                yield system
            finally:
                system.close()
    finally:
        for name in ("kafka", "flink", *SERVERS):
            shutil.rmtree(settings.path(name), ignore_errors=True)


def fill_topics(settings: Settings, truth: Truth) -> None:
    """Payments, their labels, and the snapshots to score with, written while nothing but the broker runs.

    The learn job runs too later on; what it publishes is never newer than these snapshots, so that they stay in force.
    """
    with Processes() as processes:
        port = int(settings.bootstrap.rpartition(":")[2])
        processes.add(start_broker(settings.path("kafka"), settings.path("logs"), port, free_ports(1)[0]))
        make_topics(settings)
        produce(settings, "models", snapshot_records(truth.snapshots))
        produce(settings, "labels-resolved", label_records(truth.history))
        produce(settings, "events", event_records(truth.history.batch))


def days_and_actions(values: list[bytes]) -> collections.Counter[tuple[int, str]]:
    """Decisions by day of event time and by action."""
    decisions = map(msgspec.json.decode, values)
    return collections.Counter((decision["event_time"] // DAY_MS * DAY_MS, decision["action"]) for decision in decisions)
