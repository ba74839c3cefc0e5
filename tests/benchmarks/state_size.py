"""Bytes of state a user: in process with 100 retained events each, and in checkpoints of the real score job.

Before the sizes are told, profiles are restored from the bytes that were counted and must take as many bytes again and give the
same answers; the score job's decisions must hold the counts of an oracle.
"""

import argparse
import json
import pathlib
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version

import msgspec
import numpy as np
from backlog import SAMPLE, START_MS, check, ends, produce

from deploy.local.kernels import compile_ahead
from deploy.local.releases import publish, read_folder
from deploy.local.stack import free_settings, settings_as_environment
from deploy.local.submission import submit_score_job
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.broker import start_broker
from deploy.servers.cluster import Cluster
from deploy.servers.topics import make_topics
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.settings import Settings

BAR_BYTES = 12_288
USER_EVENTS = 100
HOUR_MS = 3_600_000
CHECKPOINTS = 3
SECONDS_MAX = 400.0
_SCHEMA = """
id: {field: id, type: integer}
time: {field: ts}
user: user
fields: {amount: {type: decimal, retain: true}, x: {type: float, retain: true}, y: {type: float, retain: true}}
"""
_FEATURES = "\n".join(
    f"- {{name: {template}_{days}, template: {template}, window: {days}d{', value: event.amount' if template != 'count' else ''}}}"
    for days in (1, 7, 30)
    for template in ("count", "mean", "std", "max")
)


def round_of(number: int, users: int) -> Batch:
    """One event of every user."""
    ids = np.arange(users, dtype=np.int64) + number * users
    numbers = np.random.default_rng(number).integers(1, 100_000, (users, 3)).astype(np.float64)
    times = np.full(users, START_MS + number * HOUR_MS, dtype=np.int64)
    return Batch([""] * users, ids, ids, times, [""] * users, {}, numbers, ids)


def bytes_in_process(users: int) -> np.ndarray:
    """Of each user's head and pages."""
    schema = read_schema(_SCHEMA)
    plan = read_features(_FEATURES, schema).plans["user"]
    profiles = Profiles(plan)
    slots = profiles.slots([str(user) for user in range(users)])
    out = np.empty((users, plan.width))
    for number in range(USER_EVENTS):
        batch = round_of(number, users)
        profiles.observe(slots, batch, plan.row_values.of(batch), out)
    saved = profiles.save(slots)
    pages: list[list[tuple[int, bytes]]] = [[] for _ in range(users)]
    for user, seq, page in saved.pages:
        pages[user].append((seq, page))
    check_restored(profiles, list(saved.heads), pages)
    return np.array([len(head) + sum(len(page) for _, page in own) for head, own in zip(saved.heads, pages, strict=True)])


def check_restored(profiles: Profiles, heads: list[bytes], pages: list[list[tuple[int, bytes]]]) -> None:
    """Users restored from their bytes take as many again, and answer the next event as those who were never away.

    The bytes themselves may differ: two words of a head are places in the memory that it was in.
    """
    restored = Profiles(profiles.plan)
    some = range(0, len(heads), max(len(heads) // 50, 1))
    keys = [str(user) for user in some]
    for user in some:
        restored.restore(str(user), heads[user], pages[user])
    again = list(restored.save(restored.slots(keys)).heads)
    batch = round_of(USER_EVENTS, len(heads)).take(list(some))
    answers = []
    for each in (profiles, restored):
        answers.append(np.empty((len(keys), profiles.plan.width)))
        each.observe(each.slots(keys), batch, batch.numbers, answers[-1])
    if [len(head) for head in again] != [len(heads[user]) for user in some]:
        raise AssertionError("restored profiles take another number of bytes")
    if answers[0].tobytes() != answers[1].tobytes() or (answers[0][:, 0] != 24).any() or (answers[0][:, 4] != USER_EVENTS + 1).any():
        raise AssertionError("restored profiles answer otherwise")


def checkpoint_of(users: int, events: int, heap_mb: int) -> dict[str, object]:
    """Size and time of checkpoints of the score job, cards sample, once `events` of so many users are decided."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, Processes() as processes:
        settings = msgspec.structs.replace(free_settings(pathlib.Path(folder)), checkpoint_interval_ms=5_000)
        port = int(settings.bootstrap.rpartition(":")[2])
        processes.add(start_broker(settings.path("kafka"), settings.path("logs"), port, free_ports(1)[0]))
        cluster = Cluster(settings.path("flink"), settings.path("logs"), settings.flink_port, task_heap_mb=heap_mb)
        processes.add(cluster.start_job_manager())
        processes.add(cluster.start_task_manager(1))
        make_topics(settings)
        publish(settings, read_folder(SAMPLE))
        produce_payments(settings, users, events)
        compile_ahead(cluster.environment(), settings.path("logs"))
        job = submit_score_job(cluster, settings.path("logs"), cluster.environment() | settings_as_environment(settings))
        wait_until(lambda: ends(settings, "decisions") >= events, f"{events:,} decisions")
        decided_at_ms = time.time() * 1000
        wait_until(lambda: len(completed(cluster, job, decided_at_ms)) >= CHECKPOINTS, "checkpoints of all of it")
        checkpoints = completed(cluster, job, decided_at_ms)
        check(settings, [str(id % users) for id in range(events)])
    sizes = [each["state_size"] for each in checkpoints]
    took_ms = [each["end_to_end_duration"] for each in checkpoints]
    return {
        "what": "checkpoints of the score job, cards sample; terminals, a fifth as many as users, are in the bytes",
        "users": users,
        "events": events,
        "checkpoints": len(checkpoints),
        "checkpoint_mb": round(statistics.median(sizes) / 1e6, 1),
        "checkpoint_ms": {"median": statistics.median(took_ms), "spread": [min(took_ms), max(took_ms)]},
        "bytes_a_user": round(statistics.median(sizes) / users),
    }


def produce_payments(settings: Settings, users: int, events: int) -> None:
    """Payments 100 ms apart, numbered from 0, of one user after another."""
    encode = msgspec.json.Encoder().encode
    names = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")
    rows = ((id, START_MS + 100 * id, str(id % users), str(id * 7 % (users // 5)), id % 900 + 0.25) for id in range(events))
    produce(settings, "events", [(row[2], encode(dict(zip(names, row, strict=True)))) for row in rows])


def completed(cluster: Cluster, job: str, after_ms: float) -> list[dict]:
    """What Flink says of each completed checkpoint that began after `after_ms`."""
    known = cluster.get(f"/jobs/{job}/checkpoints") or {"history": []}
    return [each for each in known["history"] if each["status"] == "COMPLETED" and each["trigger_timestamp"] > after_ms]


def wait_until(ready: Callable[[], bool], what: str) -> None:
    """Returns once `ready()` holds; asked every second."""
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        time.sleep(1.0)
        assert time.monotonic() < deadline, f"no {what} within {SECONDS_MAX:g} s"


def main() -> int:
    """Reads the command line, measures and prints lines of JSON; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help="in process, 100 events each")
    parser.add_argument("--job-users", type=int, action="append", help="of the score job; may be repeated; default 100,000 and 1,000,000")
    parser.add_argument("--events-a-user", type=int, default=2, help="of the score job")
    parser.add_argument("--heap-mb", type=int, default=6_144, help="of the TaskManager")
    arguments = parser.parse_args()
    sizes = bytes_in_process(arguments.users)
    found = {
        "what": f"state of a user with {USER_EVENTS} retained events of three fields, bytes in head and pages",
        "users": arguments.users,
        "mean": round(float(sizes.mean())),
        "median": round(float(np.median(sizes))),
        "spread": [int(sizes.min()), int(sizes.max())],
        "bar": BAR_BYTES,
        "met": bool(sizes.max() <= BAR_BYTES),
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "flink": version("apache-flink"),
    }
    print(json.dumps(found), flush=True)
    for users in arguments.job_users or (100_000, 1_000_000):
        print(json.dumps(checkpoint_of(users, users * arguments.events_a_user, arguments.heap_mb)), flush=True)
    return 0 if found["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
