"""The broker of the local stack: topics as they should be, and nothing lost over a restart."""

import os
import pathlib
import uuid

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from score_job_runs import wait_for

from deploy.command import SAMPLES
from deploy.doctor.broker_checks import retention_problem
from deploy.local.releases import publish, read_folder
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.machine.yielding import Yielding
from deploy.servers.broker import start_broker
from deploy.servers.topics import COMPACTED, COMPACTION, RETENTION_MS, STREAMS, make_topics
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.lifecycle.manifest import with_manifest
from patterns.lists import declared
from pipeline.control.kafka import Outbox, consumer_of, ends_of, producer_of
from pipeline.control.kafka_access import connection_of
from pipeline.flink import transactions
from pipeline.flink.transactions import TRANSACTION_MS, transaction_ms_max


@pytest.fixture
def settings(broker: str) -> Settings:
    return Settings(bootstrap=broker, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2)


def records(bootstrap: str, topic: str, partition: int = 0) -> list[tuple[str, bytes]]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False, "fetch.message.max.bytes": 16_777_216}
    )
    try:
        place = TopicPartition(topic, partition, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        found: list[tuple[str, bytes]] = []
        while len(found) < end:
            found += [((m.key() or b"").decode(), m.value() or b"") for m in consumer.consume(100, 0.2) if not m.error()]
        return found
    finally:
        consumer.close()


def test_every_topic_is_made_once_with_its_partitions(settings: Settings) -> None:
    make_topics(settings)
    make_topics(settings)
    there = AdminClient({**connection_of(settings)}).list_topics(timeout=10).topics
    assert {name: len(there[settings.topic(name)].partitions) for name in STREAMS} == dict.fromkeys(STREAMS, 2)
    assert {name: len(there[settings.topic(name)].partitions) for name in COMPACTED} == dict.fromkeys(COMPACTED, 1)
    assert retention_problem(settings) == ""


def test_a_transaction_may_stand_open_as_long_as_topics_are_kept(settings: Settings) -> None:
    """A job that is killed between a checkpoint and its commit has so long to come back."""
    assert transaction_ms_max(settings) == RETENTION_MS


def test_a_broker_that_does_not_say_what_it_allows_is_given_what_all_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "SECONDS_MAX", 0.5)
    assert transaction_ms_max(Settings(bootstrap=f"127.0.0.1:{free_ports(1)[0]}")) == TRANSACTION_MS


def test_doctor_names_a_topic_that_is_kept_too_short(settings: Settings) -> None:
    make_topics(settings)
    entry = ConfigEntry("retention.ms", "3600000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, settings.topic("decisions"), incremental_configs=[entry])
    admin = AdminClient({**connection_of(settings)})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(10)
    assert settings.topic("decisions") + " keep records for less than 7 days" in retention_problem(settings)
    assert str(RETENTION_MS) in retention_problem(settings)


def test_a_compacted_topic_that_an_older_version_made_is_given_the_rules_that_let_records_go(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    admin.create_topics([NewTopic(settings.topic("control"), 1, 1, config={"cleanup.policy": "compact"})])[
        settings.topic("control")
    ].result(10)
    make_topics(settings)
    resource = ConfigResource(ResourceType.TOPIC, settings.topic("control"))

    def are_its_rules() -> bool:
        rules = admin.describe_configs([resource])[resource].result(10)
        return {name: rules[name].value for name in COMPACTION} == COMPACTION

    wait_for(are_its_rules, 20, "the topic keeps its old rules")  # a broker tells of a change when it has read it itself


def test_doctor_names_topics_that_are_missing(settings: Settings) -> None:
    assert settings.topic("events") in retention_problem(settings)


def test_a_snapshot_of_15_megabytes_passes(settings: Settings) -> None:
    make_topics(settings)
    producer = Producer({**connection_of(settings), "message.max.bytes": 16_000_000})
    producer.produce(settings.topic("models"), bytes(15_000_000), "forest")
    assert producer.flush(30) == 0
    assert [(key, len(value)) for key, value in records(settings.bootstrap, settings.topic("models"))] == [("forest", 15_000_000)]


def test_a_release_is_written_whole_and_only_when_it_says_something_new(settings: Settings) -> None:
    make_topics(settings)
    texts = read_folder(SAMPLES / "payments")
    assert publish(settings, texts) == 1
    assert publish(settings, texts) == 1
    changed = texts | {"policy": texts["policy"].replace("0.985", "0.984")}
    assert publish(settings, changed) == 2
    written = records(settings.bootstrap, settings.topic("control"))
    definitions = {key: value.decode() for key, value in written if key.startswith("def:")}
    releases = [(key, msgspec.json.decode(value)) for key, value in written if key.startswith("release:")]
    assert [key for key, _ in releases] == ["release:0000000001", "release:0000000002"]
    for (_, release), said in zip(releases, (texts, changed), strict=True):
        assert {part: definitions[f"def:{hash}"] for part, hash in release["parts"].items()} == with_manifest(
            declared(said), {}, first=True
        )
    assert written[-1][0] == "release:0000000002", "the release comes after all that it names"


def test_a_broker_that_is_killed_keeps_what_it_acknowledged(tmp_path: pathlib.Path) -> None:
    port, controller_port = free_ports(2)
    with Processes() as processes:
        first = processes.add(start_broker(tmp_path, tmp_path / "logs", port, controller_port))
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
        producer = Producer({"bootstrap.servers": f"127.0.0.1:{port}", "acks": "all"})
        for number in range(1_000):
            producer.produce("kept", str(number).encode())
        assert producer.flush(10) == 0
        first.kill()
        processes.forget(first)
        processes.add(start_broker(tmp_path, tmp_path / "logs", port, controller_port))
        assert [int(value) for _, value in records(f"127.0.0.1:{port}", "kept")] == list(range(1_000))


def test_a_second_broker_on_the_same_port_is_refused(broker: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="port cannot be used"):
        start_broker(tmp_path, tmp_path / "logs", int(broker.rpartition(":")[2]), free_ports(1)[0])


@pytest.mark.long
def test_what_nobody_waits_for_gives_way_in_it_and_nothing_else_does(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JDK_JAVA_OPTIONS", raising=False)  # lanes of tests do without the second compiler
    port, controller_port = free_ports(2)
    with Processes() as processes:
        broker = processes.add(start_broker(tmp_path, tmp_path / "logs", port, controller_port))
        Yielding().step([broker])
        found = {(thread / "comm").read_text().strip(): niceness(thread) for thread in pathlib.Path(f"/proc/{broker.pid}/task").iterdir()}
    assert sorted(name for name, nice in found.items() if nice == 19) == ["C1 CompilerThre", "C2 CompilerThre", "kafka-log-clean"]
    assert set(found.values()) == {0, 19}


def niceness(thread: pathlib.Path) -> int:
    return os.getpriority(os.PRIO_PROCESS, int(thread.name))


@pytest.mark.long
def test_a_folder_from_before_keeps_its_records_and_asks_for_a_password_from_then_on(tmp_path: pathlib.Path) -> None:
    port, controller_port = free_ports(2)
    settings = Settings(bootstrap=f"127.0.0.1:{port}", folder=str(tmp_path))
    place = (tmp_path / "kafka", tmp_path / "logs", port, controller_port)
    with Processes() as processes:
        processes.add(start_broker(*place))
        make_topics(settings)
        write(settings, b"before")
    for said in (b"after", b"with another password"):
        secret = tmp_path / "secrets" / "kafka"
        secret.unlink(missing_ok=True)
        with Processes() as processes:
            processes.add(start_broker(*place, secret))
            with pytest.raises(KafkaException):
                AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0}).list_topics(timeout=2)
            write(settings, said)
            consumer = consumer_of(settings, "all")
            [end] = ends_of(consumer, [settings.topic("control")]).values()
            consumer.close()
    assert end == 3


def write(settings: Settings, value: bytes) -> None:
    outbox = Outbox(producer_of(settings))
    outbox.send(settings.topic("control"), b"key", value)
    outbox.flush()
