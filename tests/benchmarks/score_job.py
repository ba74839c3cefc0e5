"""CPU of the score job from Kafka to Kafka: the cards sample, user and terminal, exactly-once state, checkpoint each 10 s.

Counts the CPU time of the TaskManager alone. Two backlogs, so that start-up cancels; one before them warms the JVM up. That
every event has one decision, with the counts of an oracle, is checked before anything is said about speed.
"""

import json
import os
import pathlib
import platform
import tempfile
import time

import msgspec
import numpy as np
from backlog import SAMPLE, START_MS, check, ends, produce

from deploy.local.kernels import compile_ahead
from deploy.local.releases import publish, read_folder
from deploy.local.stack import free_settings, settings_as_environment
from deploy.local.submission import submit_score_job
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.broker import start_broker
from deploy.servers.cluster import Cluster
from deploy.servers.topics import make_topics
from features.schema.batch import Batch
from features.schema.decode import Decoder
from foundation.settings import Settings
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.event_keys import Labels
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History

WARM_UP, SMALL, LARGE = 400_000, 200_000, 1_000_000
USERS, TERMINALS = 50_000, 10_000
BAR = 40_000.0


def events_of(count: int, seed: int) -> list[tuple[str, bytes]]:
    """(user, JSON) of payments 20 ms apart; users by Zipf's law with exponent 1.1."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(np.arange(1, USERS + 1) ** -1.1)
    users = np.searchsorted(weights, random.random(count) * weights[-1])
    terminals, amounts = random.integers(0, TERMINALS, count), np.round(random.lognormal(3.5, 1.0, count), 2)
    encode = msgspec.json.Encoder().encode
    events = []
    for i, (user, terminal, amount) in enumerate(zip(users.tolist(), terminals.tolist(), amounts.tolist(), strict=True)):
        names = {"TRANSACTION_ID": i, "CUSTOMER_ID": str(user), "TERMINAL_ID": str(terminal)}
        events.append((str(user), encode({**names, "TX_DATETIME": START_MS + 20 * i, "TX_AMOUNT": amount})))
    return events


def snapshots_of(texts: dict[str, str]) -> list[tuple[str, bytes]]:
    """Snapshots of all models, learned from a few thousand events with labels at random."""
    release = compile_release(1, texts)
    decoder = Decoder(release.schema)
    batch = Batch.of([decoder.decode(value, 1 << 50) for _, value in events_of(20_000, 9)], release.schema)
    batch.times_ms[:] = START_MS + np.arange(len(batch)) * 60_000
    labels = Labels(batch.id_keys, (np.random.default_rng(1).random(len(batch)) < 0.05).astype(np.int8), batch.times_ms + 60_000)
    replay = Replay(release, History(batch), labels)
    replay.run(None)
    return [(name, snapshot.encode()) for name, snapshot in replay.published.items()]


def cpu_seconds(process: Process) -> float:
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_once(
    cluster: Cluster, task_manager: Process, base: Settings, texts: dict[str, str], models: list[tuple[str, bytes]], count: int
) -> float:
    """CPU seconds of the TaskManager for one backlog, from submission to the last decision."""
    settings = msgspec.structs.replace(base, topic_prefix=f"bench-{count}.")
    make_topics(settings)
    publish(settings, texts)
    produce(settings, "models", models)
    records = events_of(count, 1)
    produce(settings, "events", records)
    before, started = cpu_seconds(task_manager), time.time()
    compile_ahead(cluster.environment(), base.path("logs"))
    job = submit_score_job(cluster, base.path("logs"), cluster.environment() | settings_as_environment(settings))
    while ends(settings, "decisions") < count:
        time.sleep(0.2)
        assert time.time() - started < 300, f"{ends(settings, 'decisions')} of {count} decisions"
    used, wall = cpu_seconds(task_manager) - before, time.time() - started
    print(f"{count:,} events: {used:.1f} s of CPU, {wall:.1f} s from submission", flush=True)
    cluster.rest.ask(f"/jobs/{job}?mode=cancel", 10, "PATCH")
    check(settings, [user for user, _ in records])
    return used


def run() -> dict[str, object]:
    """The measures by name."""
    texts = read_folder(SAMPLE)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
    settings = free_settings(folder)
    with Processes() as processes:
        port = int(settings.bootstrap.rpartition(":")[2])
        processes.add(start_broker(settings.path("kafka"), settings.path("logs"), port, free_ports(1)[0]))
        cluster = Cluster(settings.path("flink"), settings.path("logs"), settings.flink_port)
        processes.add(cluster.start_job_manager())
        task_manager = processes.add(cluster.start_task_manager(1))
        models = snapshots_of(texts)
        used = {count: run_once(cluster, task_manager, settings, texts, models, count) for count in (WARM_UP, SMALL, LARGE)}
    rate = (LARGE - SMALL) / (used[LARGE] - used[SMALL])
    return {
        "benchmark": "score_job",
        "events_per_core_second": round(rate),
        "bar": BAR,
        "us_per_event": round(1e6 / rate, 1),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    print(json.dumps(run()))
