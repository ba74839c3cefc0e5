"""weir export --served when Kafka has forgotten: what is archived, what is in both, and what is only in Kafka, each once."""

import pathlib
import uuid

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.command import main
from deploy.releases import publish
from deploy.topics import make_topics
from pipeline.kafka import Outbox, producer_of
from pipeline.settings import Settings
from pipeline.topic_values import records_of
from stores.archive import open_archive
from stores.archive_encoding import day_of, decode_decision, encode_decisions, encode_records, folder_of
from stores.archive_rows import DAY_MS, ArchivedRecord, Kind

START_MS = 1_700_006_400_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(bootstrap=broker, topic_prefix=f"a{uuid.uuid4().hex[:8]}.", partitions=2, archive_url=(tmp_path / "archive").as_uri())
    make_topics(made)
    publish(made, TEXTS)
    for name in ("bootstrap", "topic_prefix", "archive_url"):
        monkeypatch.setenv("WEIR_" + name.upper(), getattr(made, name))
    return made


def decision(number: int, **changes: object) -> dict[str, object]:
    fixed = {"event_id": str(number), "revision": 0, "event_time": START_MS + number * 3_600_000, "user": f"u{number % 7}"}
    parts = {"entities": {}, "score": number / 1_000, "action": "review", "release": 1, "features": {"count_1h": number / 3}}
    return fixed | parts | changes


def label(number: int, value: int) -> dict[str, object]:
    return {"event_id": str(number), "label": value, "label_time": START_MS + number * 3_600_000 + DAY_MS, "user": f"u{number % 7}"}


def send(settings: Settings, topic: str, values: list[dict[str, object]]) -> None:
    outbox = Outbox(producer_of(settings))
    for value in values:
        outbox.send(settings.topic(topic), str(value["user"]).encode(), msgspec.json.encode(value))
    outbox.flush()


def keep(settings: Settings, kind: Kind) -> None:
    """Archives what the topic has, in one file a day."""
    archive = open_archive(settings.archive_place())
    days: dict[str, list[ArchivedRecord]] = {}
    for batch in records_of(settings, kind):
        for offset, at_ms, value in zip(batch.offsets, batch.at_ms, batch.values, strict=True):
            time_ms = decode_decision(value).event_time if kind == "decisions" else at_ms
            days.setdefault(day_of(time_ms), []).append(ArchivedRecord(batch.partition, offset, at_ms, b"", value))
    for day, rows in days.items():
        folder = f"{archive.root}/{folder_of(kind, day)}"
        archive.files.create_dir(folder, recursive=True)
        with archive.files.open_output_stream(f"{folder}/part-{uuid.uuid4().hex}.parquet") as out:
            decisions = kind == "decisions"
            out.write(encode_decisions(rows, [decode_decision(row.value) for row in rows]) if decisions else encode_records(rows))


def forget(settings: Settings, kind: Kind) -> None:
    """Kafka deletes what the topic has."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    ends = [TopicPartition(settings.topic(kind), partition, -1) for partition in range(settings.partitions)]
    for future in admin.delete_records(ends).values():
        future.result()


@pytest.fixture
def all_of_it(settings: Settings) -> Settings:
    """Decisions 0 to 199 in the archive alone, 200 to 249 in both, 250 to 299 in Kafka alone, with a repeat; labels likewise."""
    send(settings, "decisions", [decision(number) for number in range(200)])
    send(settings, "labels", [label(10, 1), label(20, 0)])
    keep(settings, "decisions")
    keep(settings, "labels")
    forget(settings, "decisions")
    forget(settings, "labels")
    send(settings, "decisions", [decision(number) for number in range(200, 250)])
    keep(settings, "decisions")
    send(settings, "labels", [label(210, 1), label(20, 1)])
    send(settings, "decisions", [decision(number) for number in range(250, 300)] + [decision(7, score=0.99)])
    return settings


def exported(tmp_path: pathlib.Path, *arguments: str) -> tuple[Result, pa.Table]:
    result = CliRunner().invoke(main, ["export", "--served", "--out", str(tmp_path / "training.parquet"), *arguments])
    assert result.exit_code == 0, result.output
    return result, pyarrow.parquet.read_table(tmp_path / "training.parquet")


def test_archived_decisions_and_later_ones_are_exported_once_with_their_labels(all_of_it: Settings, tmp_path: pathlib.Path) -> None:
    result, table = exported(tmp_path)
    assert "repeats dropped 1" in result.output
    assert table["event_id"].to_pylist() == [str(number) for number in range(300)]
    assert table["score"].to_pylist() == [number / 1_000 for number in range(300)]
    assert table["feature.count_1h"].to_pylist() == [number / 3 for number in range(300)]
    given = {id: one for id, one in zip(table["event_id"].to_pylist(), table["label"].to_pylist(), strict=True) if one is not None}
    assert given == {"10": 1, "20": 1, "210": 1}


def test_a_span_of_event_time_bounds_what_is_exported_wherever_it_is(all_of_it: Settings, tmp_path: pathlib.Path) -> None:
    first, last = (str(START_MS + number * 3_600_000) for number in (190, 260))
    _, table = exported(tmp_path, "--from", first, "--to", last)
    assert table["event_id"].to_pylist() == [str(number) for number in range(190, 260)]


def test_topics_that_were_made_anew_hide_nothing_behind_archived_offsets(settings: Settings, tmp_path: pathlib.Path) -> None:
    """Their offsets begin at 0 again, as the archived ones did."""
    send(settings, "decisions", [decision(number) for number in range(20)])
    keep(settings, "decisions")
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    for future in admin.delete_topics([settings.topic("decisions")], operation_timeout=30).values():
        future.result()
    make_topics(settings)
    send(settings, "decisions", [decision(number) for number in range(20, 40)])
    _, table = exported(tmp_path)
    assert table["event_id"].to_pylist() == [str(number) for number in range(40)]
