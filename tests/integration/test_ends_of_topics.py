"""Where a topic ends for whoever waits for its last record: the marker behind a transaction has an offset, and is none."""

import pathlib

import pytest
from confluent_kafka import Producer, TopicPartition
from score_job_runs import wait_for

from api.kafka.following import Following
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.control.kafka import consumer_of
from pipeline.control.kafka_access import connection_of
from pipeline.score_job.flink_start import GROUP, backlog_of, ends_of_records

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: str, tmp_path: pathlib.Path) -> Settings:
    made = Settings(folder=tmp_path, bootstrap=broker, topic_prefix=f"t{abs(hash(tmp_path))}.", partitions=1)
    make_topics(made)
    return made


def transact(settings: Settings, topic: str, *keys: str, commit: bool = True) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": f"{settings.topic_prefix}{topic}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for key in keys:
        producer.produce(settings.topic(topic), b"{}", key)
    producer.flush(30)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


@pytest.mark.parametrize("commit", [True, False])
def test_the_end_of_a_backlog_is_its_last_record_and_not_the_marker_of_a_transaction(settings: Settings, commit: bool) -> None:
    transact(settings, "events", "a", "b", commit=commit)
    consumer = consumer_of(settings, GROUP, **{"enable.partition.eof": True, "isolation.level": "read_uncommitted"})
    place = TopicPartition(settings.topic("events"), 0)
    wait_for(lambda: consumer.get_watermark_offsets(place, 30) == (0, 3), 30, "the marker of the transaction is not on the topic")
    assert ends_of_records(consumer, settings.topic("events")) == {0: 2}
    assert backlog_of(consumer, settings.topic("events")) == {0: (0, 2)}
    consumer.close()


def test_a_process_of_the_api_reads_the_control_topic_to_its_end_where_that_is_a_marker(settings: Settings) -> None:
    transact(settings, "control", "def:a", "release:1")
    following = Following(connection_of(settings), settings.topic("control"), "control", lambda records: None)
    assert [key for key, _ in following.read_to(following.assign(from_end=False))] == ["def:a", "release:1"]
    following.close()
