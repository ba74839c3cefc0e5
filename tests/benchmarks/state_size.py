"""Bytes of state a user: in process with 100 retained events each, and in checkpoints of the real score job.

Before the sizes are told, profiles are restored from the bytes that were counted and must give the same answers.
"""

import argparse
import json
import pathlib
import platform
import sys
import tempfile
import time

import msgspec
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from score_job import SAMPLE, START_MS, ends, produce

from deploy.broker import start_broker
from deploy.cluster import Cluster
from deploy.ports import free_ports
from deploy.processes import Processes
from deploy.releases import publish, read_folder
from deploy.stack import free_settings, settings_as_environment
from deploy.submission import submit_score_job
from deploy.topics import make_topics
from features.batch import Batch
from features.feature_set import read_features
from features.profile import Profiles
from features.schema import read_schema

BAR_BYTES = 12_288
USER_EVENTS = 100
HOUR_MS = 3_600_000
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
    plan = read_features(_FEATURES, read_schema(_SCHEMA)).plans["user"]
    profiles = Profiles(plan)
    keys = [str(user) for user in range(users)]
    slots = profiles.slots(keys)
    out = np.empty((users, plan.width))
    for number in range(USER_EVENTS):
        profiles.observe(slots, round_of(number, users), out)
    saved = profiles.save(slots)
    sizes = np.array([len(head) for head in saved.heads])
    np.add.at(sizes, [user for user, _, _ in saved.pages], [len(page) for _, _, page in saved.pages])
    check(profiles, saved, users)
    return sizes


def check(profiles: Profiles, saved: tuple, users: int) -> None:
    """A user restored from its bytes answers the next event as the one that was never away."""
    restored = Profiles(profiles.plan)
    some = range(0, users, max(users // 50, 1))
    for user in some:
        restored.restore(str(user), saved.heads[user], [(seq, page) for owner, seq, page in saved.pages if owner == user])
    batch = round_of(USER_EVENTS, users).take(list(some))
    keys = [str(user) for user in some]
    answers = []
    for each in (profiles, restored):
        answers.append(np.empty((len(keys), profiles.plan.width)))
        each.observe(each.slots(keys), batch, answers[-1])
    if answers[0].tobytes() != answers[1].tobytes() or answers[0][0, 0] != 24:
        raise AssertionError("restored profiles answer otherwise")


def checkpoint_of(users: int, events: int, heap_mb: int) -> dict[str, object]:
    """Size and time of a checkpoint of the score job, cards sample, once `events` of so many users are decided."""
    settings = msgspec.structs.replace(free_settings(pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))), checkpoint_interval_ms=5_000)
    with Processes() as processes:
        port = int(settings.bootstrap.rpartition(":")[2])
        processes.add(start_broker(settings.path("kafka"), settings.path("logs"), port, free_ports(1)[0]))
        cluster = Cluster(settings.path("flink"), settings.path("logs"), settings.flink_port, task_heap_mb=heap_mb)
        processes.add(cluster.start_job_manager())
        processes.add(cluster.start_task_manager(1))
        make_topics(settings)
        publish(settings, read_folder(SAMPLE))
        encode = msgspec.json.Encoder().encode
        names = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")
        rows = ((id, START_MS + 100 * id, str(id % users), str(id * 7 % (users // 5)), id % 900 + 0.25) for id in range(events))
        produce(settings, "events", [(row[2], encode(dict(zip(names, row, strict=True)))) for row in rows])
        job = submit_score_job(cluster, settings.path("logs"), cluster.environment() | settings_as_environment(settings))
        while ends(settings, "decisions") < events:
            time.sleep(1.0)
        decided_at_ms = time.time() * 1000
        while True:
            time.sleep(1.0)
            newest = cluster.get(f"/jobs/{job}/checkpoints")["latest"]["completed"]
            if newest and newest["trigger_timestamp"] > decided_at_ms:
                break
    return {
        "users": users,
        "events": events,
        "checkpoint_mb": round(newest["state_size"] / 1e6, 1),
        "checkpoint_ms": newest["end_to_end_duration"],
        "bytes_a_user": round(newest["state_size"] / users),
    }


def main() -> None:
    """Reads the command line, measures and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000, help="in process, 100 events each")
    parser.add_argument("--job-users", type=int, action="append", help="of the score job; may be repeated; default 100,000 and 1,000,000")
    parser.add_argument("--events-a-user", type=int, default=2, help="of the score job")
    parser.add_argument("--heap-mb", type=int, default=6_144, help="of the TaskManager")
    arguments = parser.parse_args()
    sizes = bytes_in_process(arguments.users)
    found = {
        "benchmark": "state_size",
        "users": arguments.users,
        "retained_events": USER_EVENTS,
        "bytes_a_user": {"mean": round(float(sizes.mean())), "max": int(sizes.max())},
        "bar": BAR_BYTES,
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps(found), flush=True)
    for users in arguments.job_users or (100_000, 1_000_000):
        print(json.dumps(checkpoint_of(users, users * arguments.events_a_user, arguments.heap_mb)), flush=True)


if __name__ == "__main__":
    main()
