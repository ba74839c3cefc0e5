"""Hundreds of edits of a list on a real broker: no release, a bounded topic, seen by every process, and none lost by a kill."""

import concurrent.futures
import pathlib
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_process import TEXTS, TOKEN, start_api
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from score_job_runs import wait_for

from deploy.local.entries import read_entries
from deploy.local.releases import publish
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.topics import make_topics
from foundation.content_hash import content_hash
from foundation.settings import Settings
from patterns.lists import DECLARATION, LIST_PREFIX
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.kafka_access import connection_of
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from pipeline.wire.declaration import RELEASE_KEY

EDITORS = 8
ROUNDS = 25
ONLY_BROKER = (ConfigResource.Type.BROKER, "1")


def settings_of(broker: str, folder: pathlib.Path, prefix: str = "lists.") -> Settings:
    api_port, flink_port = free_ports(2)
    return Settings(bootstrap=broker, topic_prefix=prefix, folder=str(folder), api_port=api_port, flink_port=flink_port)


def caller_of(settings: Settings) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{settings.api_port}", headers={"authorization": f"Bearer {TOKEN}"}, timeout=240, trust_env=False
    )


def end_of(settings: Settings, topic: str) -> int:
    consumer = Consumer({**connection_of(settings), "group.id": "ends"})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(settings.topic(topic), 0), timeout=10)[1])
    finally:
        consumer.close()


def records_on(settings: Settings, topic: str = "entries") -> list[tuple[bytes, bytes | None]]:
    """Keys and values that the topic holds now."""
    consumer = Consumer({**connection_of(settings), "group.id": "records", "enable.partition.eof": True})
    consumer.assign([TopicPartition(settings.topic(topic), 0, 0)])
    found = []
    try:
        while True:
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                return found
            found.append((message.key(), message.value()))
    finally:
        consumer.close()


def compact_soon(settings: Settings) -> None:
    """Lets the broker close segments after a second, since only closed ones are compacted, look each second, and wait for nobody."""
    of_topic = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0"}
    topic = (ConfigResource.Type.TOPIC, settings.topic("entries"))
    places = {topic: of_topic, ONLY_BROKER: {"log.cleaner.backoff.ms": "1000"}}
    admin = AdminClient(connection_of(settings))
    for place, rules in places.items():
        entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in rules.items()]
        [future] = admin.incremental_alter_configs([ConfigResource(*place, incremental_configs=entries)]).values()
        future.result(30)


def compacted(settings: Settings, caller: httpx.Client) -> bool:
    """Writes one edit more, which begins a segment a second after the last began, so that the one before can be compacted."""
    caller.post("/v1/lists/blocked:edit", json={"remove": ["last"]})
    caller.post("/v1/lists/blocked:edit", json={"add": ["last"]})
    time.sleep(1)
    return len(records_on(settings)) < 100


def write_release_of_an_older_version(settings: Settings, texts: dict[str, str]) -> None:
    """Release 1, whose lists hold their entries."""
    outbox, control = Outbox(producer_of(settings)), settings.topic("control")
    parts = {part: content_hash(text) for part, text in texts.items()}
    for part, text in texts.items():
        outbox.send(control, (DEFINITION + parts[part]).encode(), text.encode())
    outbox.send(control, release_key(1).encode(), msgspec.json.encode(ReleaseRecord(1, parts)))
    outbox.flush()


def sources(settings: Settings, name: str) -> dict[str, str]:
    """Where each value of a list came from."""
    return {entry.value: entry.source for entry in read_entries(settings).get(name).after()}


@pytest.fixture
def pool() -> Iterator[concurrent.futures.ThreadPoolExecutor]:
    with concurrent.futures.ThreadPoolExecutor(EDITORS) as made:
        yield made


def test_hundreds_of_edits_make_no_release_and_are_seen_by_every_process_and_after_a_kill(
    broker: str, tmp_path: pathlib.Path, pool: concurrent.futures.ThreadPoolExecutor
) -> None:
    one, two = settings_of(broker, tmp_path / "one"), settings_of(broker, tmp_path / "two")
    make_topics(one)
    compact_soon(one)
    assert publish(one, TEXTS | {"list:blocked": "card-1\n"}) == 1
    control = end_of(one, "control")
    expected = {"card-1": ""}

    def edit(editor: int, number: int) -> int:
        value, reason = f"editor-{editor}", f"round {number}"
        body = {"remove": [value]} if number % 3 == 2 else {"add": [{"value": value, "reason": reason}]}
        answer = first.post("/v1/lists/blocked:edit", json=body)
        assert (answer.status_code, answer.json()["release"]) == (200, 1), answer.text
        return int(answer.json()["version"])

    def seen_by(caller: httpx.Client, version: int) -> bool:
        page = caller.get("/v1/lists/blocked").json()
        return page.get("version", -1) >= version and {entry["value"]: entry["reason"] for entry in page["entries"]} == expected

    def edit_all(number: int) -> None:
        version = max(pool.map(edit, range(EDITORS), [number] * EDITORS))
        for editor in range(EDITORS):
            expected.pop(f"editor-{editor}", None)
            if number % 3 != 2:
                expected[f"editor-{editor}"] = f"round {number}"
        assert seen_by(first, version)
        wait_for(lambda: seen_by(second, version), 20, f"round {number} is not seen by the other process")

    with Processes() as processes, caller_of(one) as first, caller_of(two) as second:
        api = processes.add(start_api(one))
        processes.add(start_api(two, name="another-api"))
        for number in range(ROUNDS):
            edit_all(number)
        assert end_of(one, "control") == control
        assert first.get("/v1/releases").json()["releases"][0]["id"] == 1
        assert end_of(one, "entries") >= EDITORS * ROUNDS
        wait_for(lambda: compacted(one, first), 60, "the topic of entries is not compacted")
        expected["last"] = ""
        version = int(first.get("/v1/lists").json()["lists"][0]["version"])
        api.kill()
        processes.forget(api)
        processes.add(start_api(one))
        assert seen_by(first, version)
        edit_all(ROUNDS)
    assert {entry.value for entry in read_entries(one).get("blocked").after()} == set(expected)


def test_a_start_carries_over_what_releases_held_and_then_writes_what_the_folder_says(broker: str, tmp_path: pathlib.Path) -> None:
    settings = settings_of(broker, tmp_path, "carried-by-a-start.")
    make_topics(settings)
    write_release_of_an_older_version(settings, TEXTS | {"list:blocked": "a\nb\n", "list:allowed": "# none\nd\n"})
    assert publish(settings, TEXTS, replace=False) == 1
    assert (sources(settings, "blocked"), sources(settings, "allowed")) == ({"a": "release", "b": "release"}, {"d": "release"})
    assert publish(settings, TEXTS | {"list:blocked": "b\nc\n"}) == 2
    assert sources(settings, "blocked") == {"a": "release", "b": "folder", "c": "folder"}
    assert publish(settings, TEXTS | {"list:blocked": "c\n"}) == 2
    assert (sources(settings, "blocked"), sources(settings, "allowed")) == ({"a": "release", "c": "folder"}, {"d": "release"})
    end = end_of(settings, "entries")
    assert publish(settings, TEXTS | {"list:blocked": "c\n"}) == 2
    assert end_of(settings, "entries") == end


@pytest.mark.long
def test_api_processes_carry_over_once_and_put_in_force_a_release_without_entries(broker: str, tmp_path: pathlib.Path) -> None:
    settings = [settings_of(broker, tmp_path / name, "carried-by-the-api.") for name in ("one", "two")]
    make_topics(settings[0])
    text = "".join(f"card-{number}\n" for number in range(5_000))
    without_entries = {part: "" if part.startswith(LIST_PREFIX) else text for part, text in TEXTS.items()}
    write_release_of_an_older_version(settings[0], without_entries | {"list:blocked": text})
    with Processes() as processes, caller_of(settings[0]) as one, caller_of(settings[1]) as two:
        for number, each in enumerate(settings):
            processes.add(start_api(each, name=f"api-{number}"))
        for caller in (one, two):
            assert caller.get("/v1/lists").json()["lists"][0]["entries"] == 5_000
            wait_for(lambda caller=caller: caller.get("/v1/lists").json()["release"] > 1, 20, "the release still holds entries")
    written = read_entries(settings[0])
    assert (written.count, written.carried_over, len(records_on(settings[0]))) == (5_000, True, 5_001)
    newest = [value for key, value in records_on(settings[0], "control") if key.startswith(RELEASE_KEY.encode()) and value][-1]
    assert msgspec.json.decode(newest, type=ReleaseRecord).parts["list:blocked"] == content_hash(DECLARATION)
