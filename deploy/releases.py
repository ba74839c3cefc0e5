"""A configuration folder read, and put in force while no api runs yet: see `deploy.push` for when one does."""

import contextlib
import pathlib
import time

import msgspec
from confluent_kafka import KafkaException, Message

from features.refusal import Refusal
from pipeline.configuration_folder import compile_texts, read_texts
from pipeline.kafka import Outbox, consumer_of, ends_of, producer_of, read_until
from pipeline.known_releases import DEFINITION, RELEASE, ReleaseRecord, release_key
from pipeline.release import PARTS, content_hash
from pipeline.settings import Settings


def read_folder(folder: pathlib.Path) -> dict[str, str]:
    """The texts of `folder` by part, checked as one release.

    Raises:
        Refusal: a file is missing or does not compile; with file, line and column.
    """
    texts = read_texts(folder)
    compile_texts(texts)
    return texts


def publish(settings: Settings, texts: dict[str, str], replace: bool = True) -> int:
    """Writes `texts` as the next release and gives its id; the id in force when it says the same already.

    Lists and the bypass that are in force and not among `texts` stay. Without `replace`, all that is in force stays: `texts` count
    only where there is no release yet.
    Only for a system whose api does not run, and not twice at once: another writer would take the same id.

    Raises:
        Refusal: the broker does not take it.
    """
    parts = {part: content_hash(text) for part, text in texts.items()}
    newest = _newest(settings)
    if newest is not None:
        parts = {part: hash for part, hash in newest.parts.items() if part not in PARTS} | parts
    if newest is not None and (not replace or newest.parts == parts):
        return newest.id
    record = ReleaseRecord(newest.id + 1 if newest else 1, parts, time.time_ns() // 1_000_000)
    control = settings.topic("control")
    # A broker that has only just come up lets an idempotent producer wait: no news for whoever started it.
    outbox = Outbox(producer_of(settings, log_level=3))
    for part, text in texts.items():
        outbox.send(control, (DEFINITION + parts[part]).encode(), text.encode())
    outbox.send(control, release_key(record.id).encode(), msgspec.json.encode(record))
    try:
        outbox.flush()
    except KafkaException as error:
        raise Refusal(
            "release not written", where=control, expected="an acknowledgement of the broker", got=str(error), remedy="is the broker up?"
        ) from error
    return record.id


def _newest(settings: Settings) -> ReleaseRecord | None:
    found: list[ReleaseRecord] = []

    def take(messages: list[Message]) -> None:
        values = [message.value() for message in messages if (message.key() or b"").startswith(RELEASE.encode())]
        for value in values:
            with contextlib.suppress(ValueError, RecursionError):  # a record that no stage takes for a release either
                found.append(msgspec.json.decode(value or b"", type=ReleaseRecord))

    consumer = consumer_of(settings, "publish", **{"enable.partition.eof": True})
    try:
        read_until(consumer, {}, ends_of(consumer, [settings.topic("control")]), take, lambda: False)
    finally:
        consumer.close()
    return max(found, key=lambda record: record.id, default=None)
