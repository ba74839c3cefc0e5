"""Two users' events with one id in the same millisecond at the same shop are two events: there, too."""

import pathlib
import random

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from imitation import Imitation

from features.schema.event import id_key_of
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.event_keys import Labels
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

pytestmark = pytest.mark.slow

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
USERS = 6
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
labels: {negative_after: 1d}
lateness: 6h
retention: 30d
""",
    "features": """
- {name: shop_count_1d, template: count, entity: shop, window: 1d}
- {name: shop_sum_1d, template: sum, value: event.amount, entity: shop, window: 1d}
- {name: shop_least_1d, template: min, value: event.amount, entity: shop, window: 1d}
- {name: shop_amounts_1d, template: distinct, value: event.amount, entity: shop, window: 1d}
- {name: shop_last, template: sum, value: event.amount, entity: shop, window: {last: 3}}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 2d, delay: 1h}}
- {name: shop_risk_now, template: label_count, entity: shop, window: 2d}
- {name: own_sum_1d, template: sum, value: event.amount, window: 1d}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
Row = dict[str, object]


def payments(rounds: int, text_ids: bool = False) -> list[Row]:
    """In each round some users pay in the same millisecond, under the same id, many of them at the same shop."""
    draw, rows = random.Random(3), []
    for number in range(rounds):
        for user in sorted(draw.sample(range(USERS), draw.randrange(1, 5))):
            amount = draw.randrange(9_999) / 100
            row = {"id": number, "at": START_MS + number // 2 * 600_000, "who": f"u{user}", "shop": f"s{draw.randrange(2)}"}
            rows.append(row | {"amount": amount, "bad": amount > 80})
    return [row | {"id": f"payment-number-{row['id']:05}"} for row in rows] if text_ids else rows


def of_its_own(row: Row) -> Row:
    """The same payment under an id that no other user has; such ids sort as id and user do."""
    if isinstance(row["id"], str):
        return row | {"id": f"{row['id']}-{row['who']}"}
    return row | {"id": int(str(row["id"])) * USERS + int(str(row["who"])[1:])}


def event_of(row: Row, **more: object) -> bytes:
    return msgspec.json.encode({name: row[name] for name in ("id", "at", "who", "shop", "amount")} | more)


def resolved(row: Row, texts: dict[str, str]) -> dict[str, object]:
    integer = compile_release(1, texts).schema.id_type == "integer"
    time_ms = int(str(row["at"]))
    return {
        "event_id": str(row["id"]),
        "id_key": id_key_of(str(row["id"]), integer),
        "event_time": time_ms,
        "label": int(bool(row["bad"])),
        "label_time": time_ms + HOUR_MS,
        "user": row["who"],
    }


def texts_of(text_ids: bool) -> dict[str, str]:
    return TEXTS | {"schema": TEXTS["schema"].replace("type: integer", "type: string")} if text_ids else TEXTS


def replayed(rows: list[Row], release: Release, folder: pathlib.Path) -> pa.Table:
    folder.mkdir()
    (folder / "events.jsonl").write_bytes(b"\n".join(event_of(row) for row in rows))
    integer = release.schema.id_type == "integer"
    keys = np.array([id_key_of(str(row["id"]), integer) for row in rows], np.int64)
    times_ms = np.array([row["at"] for row in rows], np.int64)
    labels = Labels(keys, np.array([row["bad"] for row in rows], np.int8), times_ms + HOUR_MS, [str(row["who"]) for row in rows])
    order = np.argsort(labels.times_ms, kind="stable")
    labels = Labels(labels.id_keys[order], labels.labels[order], labels.times_ms[order], [str(rows[at]["who"]) for at in order])
    Replay(release, read_history([folder / "events.jsonl"], release.schema), labels).run(folder)
    return pyarrow.parquet.read_table(folder / "decisions.parquet").drop_columns(["event_id"])


@pytest.mark.parametrize("text_ids", [False, True])
def test_a_replay_counts_each_of_them_at_the_shop(text_ids: bool, tmp_path: pathlib.Path) -> None:
    rows = payments(300, text_ids)
    release = compile_release(1, texts_of(text_ids))
    random.Random(4).shuffle(rows)
    shared = replayed(rows, release, tmp_path / "shared")
    assert shared.equals(replayed([of_its_own(row) for row in rows], release, tmp_path / "own"))
    assert max(decision["shop_risk_now"] for decision in shared["features"].to_pylist()) > 5


def features_of(job: Imitation, first: int = 0) -> list[tuple[object, ...]]:
    return [(decision["user"], decision["revision"], decision["features"], decision["flags"]) for decision in job.decisions()[first:]]


def run(job: Imitation, rows: list[Row], texts: dict[str, str], seed: int = 5) -> None:
    """Payments with their labels, and now and then a late one, one again, a correction or a retraction of an earlier one."""
    draw = random.Random(seed)
    for at, row in enumerate(rows):
        job.events([event_of(row)])
        earlier = rows[max(0, at - draw.randrange(1, 12))]
        what = draw.choice(["nothing", "nothing", "label", "label", "again", "correct", "retract"])
        if what == "label":
            job.labels([("shop", str(earlier["shop"]), resolved(earlier, texts))], user_kind="who")
        elif what == "again":
            job.events([event_of(earlier)])
        elif what == "correct":
            job.events([event_of(earlier | {"amount": draw.randrange(9_999) / 100}, op="correct")])
        elif what == "retract":
            job.events([event_of(earlier, op="retract")])
        if draw.random() < 0.05:
            job.checkpoint()


@pytest.mark.parametrize("text_ids", [False, True])
def test_labels_repeats_corrections_and_retractions_in_the_stages_find_the_one_that_they_name(text_ids: bool) -> None:
    texts = texts_of(text_ids)
    rows = payments(120, text_ids)
    jobs = []
    for each in (rows, [of_its_own(row) for row in rows]):
        job = Imitation()
        job.release(1, texts)
        run(job, each, texts)
        jobs.append(job)
    assert features_of(jobs[0]) == features_of(jobs[1])
    assert [job.out.get("X", []) for job in jobs] == [[], []]  # a retraction that comes twice is a duplicate
