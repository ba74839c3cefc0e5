"""weir export --served: what the archive holds and what only the topics hold yet, together, each once."""

import pathlib
import uuid

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.command import main
from deploy.local.releases import publish
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, consumer_of, producer_of
from pipeline.control.kafka_access import connection_of
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, decode_decision, encode_decisions, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord, Kind

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture
def settings(broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Settings:
    made = Settings(bootstrap=broker, topic_prefix=f"a{uuid.uuid4().hex[:8]}.", partitions=2, archive_url=(tmp_path / "archive").as_uri())
    make_topics(made)
    publish(made, TEXTS)
    for name in ("bootstrap", "topic_prefix", "archive_url"):
        monkeypatch.setenv("WEIR_" + name.upper(), getattr(made, name))
    return made


def decision(number: int) -> bytes:
    fields = {"event_id": str(number), "revision": 0, "event_time": START_MS + number * HOUR_MS, "user": f"u{number % 7}"}
    fields |= {"entities": {}, "score": number / 7, "action": "review", "reasons": [], "event": {"amount": 1.5}}
    fields |= {"features": {"count_1h": number / 3}, "models": {"own": {"score": 0.1, "snapshot": None}}, "release": 1, "flags": []}
    return msgspec.json.encode(fields)


def send(settings: Settings, topic: str, values: list[bytes]) -> None:
    outbox = Outbox(producer_of(settings))
    for value in values:
        outbox.send(settings.topic(topic), value[:16], value)
    outbox.flush()


def put(settings: Settings, kind: Kind, rows: list[ArchivedRecord]) -> None:
    """A file of `rows`, which are all of one day, as Flink's sink leaves it."""
    store = open_archive(settings.archive_place())
    decisions = [decode_decision(row.value) for row in rows] if kind == "decisions" else []
    day = day_of(decisions[0].event_time if decisions else rows[0].at_ms)
    folder = f"{store.root}/{folder_of(kind, day)}"
    store.files.create_dir(folder, recursive=True)
    with store.files.open_output_stream(f"{folder}/part-{uuid.uuid4().hex}.parquet") as file:
        file.write(encode_decisions(rows, decisions) if decisions else encode_records(rows))


def archive_topic(settings: Settings, topic: Kind, gone: int, left_out: int) -> None:
    """Archives each partition but its last `left_out` records and one before; then the topic forgets its first `gone`."""
    consumer = consumer_of(settings, "test")
    for partition in range(settings.partitions):
        place = TopicPartition(settings.topic(topic), partition, 0)
        end = consumer.get_watermark_offsets(place, timeout=10)[1]
        consumer.assign([place])
        for message in consumer.consume(end, 10):
            offset, value = message.offset(), message.value()
            if offset < end - left_out and offset != end - left_out - 2:
                put(settings, topic, [ArchivedRecord(partition, offset, message.timestamp()[1], b"", value)])
    consumer.close()
    admin = AdminClient({**connection_of(settings)})
    for future in admin.delete_records([TopicPartition(settings.topic(topic), part, gone) for part in range(settings.partitions)]).values():
        future.result()


def exported(tmp_path: pathlib.Path, *arguments: str) -> tuple[pa.Table, str]:
    out = tmp_path / f"{uuid.uuid4().hex}.parquet"
    shown = CliRunner().invoke(main, ["export", "--served", "--out", str(out), *arguments])
    assert shown.exit_code == 0, shown.output
    return pyarrow.parquet.read_table(out), shown.output


def test_decisions_come_from_the_archive_and_from_the_topic_each_once(settings: Settings, tmp_path: pathlib.Path) -> None:
    send(settings, "decisions", [decision(number) for number in range(60)])
    send(settings, "labels", [msgspec.json.encode({"event_id": str(n), "label": n % 2, "label_time": START_MS}) for n in range(60)])
    whole, _ = exported(tmp_path)
    archive_topic(settings, "decisions", gone=10, left_out=4)
    archive_topic(settings, "labels", gone=10, left_out=4)
    again, said = exported(tmp_path)
    assert again.equals(whole)
    assert again["label"].null_count == 0
    assert "rows        60 " in said
    assert "repeats dropped 0" in said
    some, _ = exported(tmp_path, "--from", str(START_MS + 10 * HOUR_MS), "--to", str(START_MS + 50 * HOUR_MS))
    assert some.equals(whole.slice(10, 40))


def test_a_topic_that_is_shorter_than_its_archive_is_read_whole(settings: Settings, tmp_path: pathlib.Path) -> None:
    send(settings, "decisions", [decision(number) for number in range(10)])
    for number in range(100, 103):
        put(settings, "decisions", [ArchivedRecord(part, number, START_MS, b"", decision(number)) for part in (0, 1)])
    table, _ = exported(tmp_path)
    assert table["event_id"].to_pylist() == [str(number) for number in [*range(10), 100, 101, 102]]


def test_a_topic_made_anew_hides_nothing_behind_archived_offsets(settings: Settings, tmp_path: pathlib.Path) -> None:
    """Its offsets begin at 0 again, as the archived ones did."""
    for number in range(5):
        put(settings, "decisions", [ArchivedRecord(part, number, START_MS, b"", decision(10 * part + number)) for part in (0, 1)])
    send(settings, "decisions", [decision(number) for number in range(20, 80)])
    table, _ = exported(tmp_path)
    assert table["event_id"].to_pylist() == [str(number) for number in [*range(5), *range(10, 15), *range(20, 80)]]


def test_of_a_decision_in_the_archive_and_again_in_the_topic_the_archived_one_wins(settings: Settings, tmp_path: pathlib.Path) -> None:
    send(settings, "decisions", [decision(number) for number in range(10)])
    archive_topic(settings, "decisions", gone=1, left_out=0)
    send(settings, "decisions", [decision(number).replace(b'"review"', b'"block"') for number in range(3)])
    table, said = exported(tmp_path)
    assert "repeats dropped 3" in said
    assert table["action"].to_pylist() == ["review"] * 10


def test_an_archive_that_cannot_be_reached_is_a_refusal(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_ARCHIVE_URL", "hdfs://127.0.0.1:1/weir/archive")
    shown = CliRunner().invoke(main, ["export", "--served", "--out", str(tmp_path / "out.parquet")])
    assert shown.exit_code == 2
    assert "no answer from the archive" in shown.output
