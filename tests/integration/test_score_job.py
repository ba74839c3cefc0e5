import math
import pathlib
import random

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from score_job_runs import START_MS, TEXTS, cancel, decided, decisions, prepared, produce, produce_events, submitted, wait_for

from features.batch import Batch
from features.decode import Decoder
from pipeline.history import History, Labels
from pipeline.release import compile_release
from pipeline.replay import Replay

RELEASE = compile_release(1, TEXTS)
EVENTS = 6_000
MANY = 80_000


def payments(seed: int, count: int = EVENTS) -> list[dict[str, object]]:
    """In order of (time, id); some times are equal, some events have no shop."""
    draw = random.Random(seed)
    at, events = START_MS, []
    for id in range(count):
        at += draw.choice((0, 1, 500, 9_000))
        shop = f"s{draw.randrange(40)}" if draw.random() < 0.9 else None
        events.append({"id": id, "at": at, "who": f"u{draw.randrange(300)}", "shop": shop, "amount": draw.randrange(1, 99_999) / 100})
    return events


def history_of(events: list[dict[str, object]]) -> History:
    decoder = Decoder(RELEASE.schema)
    return History(Batch.of([decoder.decode(msgspec.json.encode(event), 1 << 50) for event in events], RELEASE.schema))


def positives(events: list[dict[str, object]]) -> list[tuple[dict[str, object], int]]:
    """Every 37th event, with the time its label is known at."""
    return [(event, int(event["at"]) + 3_600_000 + 1_000 * int(event["id"])) for event in events[::37]]


def replayed(events: list[dict[str, object]], folder: pathlib.Path) -> tuple[list[dict[str, object]], list[tuple[str, bytes]]]:
    """The decisions of replay with frozen snapshots, and the snapshots."""
    learned = Replay(RELEASE, history_of(payments(2)), None)
    learned.run(None)
    snapshots = tuple(learned.published.values())
    known = sorted(positives(events), key=lambda pair: pair[1])
    ids = np.array([event["id"] for event, _ in known], np.int64)
    labels = Labels(ids, np.ones(len(known), np.int8), np.array([at for _, at in known], np.int64))
    Replay(RELEASE, history_of(events), labels, frozen=snapshots).run(folder)
    rows = pyarrow.parquet.read_table(folder / "decisions.parquet").to_pylist()
    return rows, [(snapshot.model, snapshot.encode()) for snapshot in snapshots]


def differences(streamed: dict[str, dict[str, object]], expected: list[dict[str, object]]) -> list[str]:
    """Where decisions differ from replay's: bit for bit, but that missing equals missing."""
    found = []
    for row in expected:
        decision = streamed[row["event_id"]]
        pairs = {name: (decision["features"][name], value) for name, value in row["features"].items()}
        pairs |= {f"model.{name}": (decision["models"][name]["score"], row[f"model.{name}"]) for name in ("shape", "own")}
        pairs |= {name: (decision[name], row[name]) for name in ("score", "action", "user", "release")}
        found += [f"{row['event_id']} {name}: {one} and {other}" for name, (one, other) in pairs.items() if not same(one, other)]
    return found


def same(one: object, other: object) -> bool:
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (one, other)]
    return all(missing) or (not any(missing) and one == other)


def label_records(events: list[dict[str, object]]) -> list[tuple[str, bytes]]:
    records = []
    for event, known_at in positives(events):
        label = {"event_id": str(event["id"]), "id_key": event["id"], "event_time": event["at"], "label": 1, "label_time": known_at}
        value = msgspec.json.encode({**label, "user": event["who"]})
        records += [(f"{kind}\0{event[kind]}", value) for kind in ("who", "shop") if event[kind]]
    return records


def fed(broker: str, flink, folder: pathlib.Path, prefix: str, parallelism: int, events: list[dict[str, object]]):
    """Settings of a system whose topics hold `events`, their labels and frozen snapshots; and what replay says of them."""
    settings = prepared(broker, flink, folder, prefix, parallelism=parallelism)
    expected, snapshots = replayed(events, folder) if events else ([], [])
    produce(settings, "models", snapshots)
    produce(settings, "labels-resolved", label_records(events))
    produce_events(settings, events)
    return settings, expected


def by_id(read: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """The first decision on each event; a repeated one must be identical but for when it was made."""
    first: dict[str, dict[str, object]] = {}
    for decision in read:
        stripped = {name: value for name, value in decision.items() if name not in ("processed_at", "latency_ms")}
        assert first.setdefault(str(decision["event_id"]), stripped) == stripped
    return first


@pytest.fixture(scope="module", params=[1, 2])
def served(request, broker: str, flink, tmp_path_factory) -> tuple[dict[str, dict[str, object]], list[dict[str, object]]]:
    """Decisions of the score job over a backlog, by event id, and those of replay."""
    flink.scale(request.param)
    folder = tmp_path_factory.mktemp(f"parity-{request.param}")
    settings, expected = fed(broker, flink, folder, f"parity{request.param}.", request.param, payments(1))
    job = submitted(flink, settings)
    streamed = by_id(decisions(settings, EVENTS))
    cancel(flink, job)  # its slots are the next test's
    return streamed, expected


def test_the_score_job_decides_as_replay_does_bit_for_bit(served) -> None:
    streamed, expected = served
    assert len(streamed) == len(expected) == EVENTS
    assert differences(streamed, expected) == []


def test_labels_were_seen_on_the_way(served) -> None:
    streamed, _ = served
    assert any(decision["features"]["shop_risk"] for decision in streamed.values())


def test_a_planted_error_of_one_cent_is_noticed(served, tmp_path: pathlib.Path) -> None:
    streamed, _ = served
    events = payments(1)
    events[EVENTS // 2]["amount"] = float(events[EVENTS // 2]["amount"]) + 0.01
    planted, _ = replayed(events, tmp_path)
    assert differences(streamed, planted) != []


def test_a_kill_and_a_resume_at_another_parallelism_lose_nothing_and_count_nothing_twice(broker: str, flink, tmp_path) -> None:
    flink.scale(2)
    settings, expected = fed(broker, flink, tmp_path, "killed.", 1, payments(3, MANY))
    job = submitted(flink, settings)
    wait_for(lambda: decided(settings) > MANY // 20, 60, "no decisions before the kill")
    killed_at = decided(settings)
    for process in flink.processes.all[1:]:
        process.kill()
    flink.scale(2)
    wait_for(lambda: decided(settings) > killed_at + MANY // 20, 90, "no decisions after the kill")
    cancel(flink, job)
    assert killed_at < MANY, "the kill came after the end"
    checkpoints = sorted(settings.path("flink", "checkpoints", job).glob("chk-*/_metadata"), key=lambda path: path.stat().st_mtime_ns)
    again = submitted(flink, msgspec.structs.replace(settings, parallelism=2), checkpoints[-1].parent)
    streamed: dict[str, dict[str, object]] = {}

    def every_event_is_decided() -> bool:
        streamed.update(by_id(decisions(settings, decided(settings))))
        return len(streamed) == MANY

    wait_for(every_event_is_decided, 120, "events without a decision")
    cancel(flink, again)
    assert differences(streamed, expected) == []


def test_two_events_of_one_user_a_millisecond_apart_keep_their_order_and_see_each_other(broker: str, flink, tmp_path) -> None:
    flink.scale(2)
    settings, _ = fed(broker, flink, tmp_path, "pairs.", 2, [])
    job = submitted(flink, settings)
    pairs = 1_000
    events = [
        {"id": 2 * pair + second, "at": START_MS + 50 * pair + second, "who": f"p{pair}", "shop": f"s{pair % 7 + 10 * second}", "amount": 1}
        for pair in range(pairs)
        for second in (0, 1)
    ]
    produce_events(settings, events)
    read = decisions(settings, 2 * pairs)
    cancel(flink, job)
    places = {decision["event_id"]: place for place, decision in enumerate(read)}
    counts = {decision["event_id"]: decision["features"]["count_1h"] for decision in read}
    assert len(counts) == len(read) == 2 * pairs
    for pair in range(pairs):
        first, second = str(2 * pair), str(2 * pair + 1)
        assert places[first] < places[second]
        assert (counts[first], counts[second]) == (1.0, 2.0)
