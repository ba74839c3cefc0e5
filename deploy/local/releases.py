"""A configuration folder read, and put in force while no api runs yet: see `deploy.commands.push` for when one does."""

import contextlib
import pathlib
import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import KafkaException, Message

from deploy.local.entries import read_entries, send_carried_over, send_pushed
from deploy.local.topic_records import read_topic
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.list_text import values_of_lists
from patterns.lists import declared
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.known_releases import DEFINITION, KnownReleases, ReleaseRecord, release_key
from pipeline.engine.release import PARTS, content_hash
from pipeline.trial.configuration_folder import compile_texts, read_texts


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

    Entries of lists go to their own topic, as `weir push` writes them; those that the release in force holds, since an older version
    made it, go there once. Lists and the bypass that are in force and not among `texts` stay. Without `replace`, all that is in force
    stays: `texts` count only where there is no release yet.
    Only for a system whose api does not run, and not twice at once: another writer would take the same id.

    Raises:
        Refusal: the broker does not take it.
    """
    known = _known(settings)
    newest = known.record(max(known.ids())) if known.ids() else None
    _write_entries(settings, known, newest, texts if replace or newest is None else {})
    texts = declared(texts)
    parts = {part: content_hash(text) for part, text in texts.items()}
    if newest is not None:
        parts = {part: hash for part, hash in newest.parts.items() if part not in PARTS} | parts
    if newest is not None and (not replace or newest.parts == parts):
        return newest.id
    record = ReleaseRecord(newest.id + 1 if newest else 1, parts, time.time_ns() // 1_000_000)
    control = settings.topic("control")
    outbox = _outbox(settings)
    for part, text in texts.items():
        outbox.send(control, (DEFINITION + parts[part]).encode(), text.encode())
    outbox.send(control, release_key(record.id).encode(), msgspec.json.encode(record))
    _flush(outbox, "release", control)
    return record.id


def _write_entries(settings: Settings, known: KnownReleases, newest: ReleaseRecord | None, texts: Mapping[str, str]) -> None:
    """Before the release, so that no list is in force without its entries."""
    lists, outbox, topic = read_entries(settings), _outbox(settings), settings.topic("entries")
    if not lists.carried_over:
        held = {part: known.text(hash) or "" for part, hash in newest.parts.items()} if newest is not None else {}
        send_carried_over(outbox, topic, lists, values_of_lists(held), newest.id if newest is not None else 0)
    send_pushed(outbox, topic, lists, values_of_lists(texts), f"start:{content_hash(str(sorted(texts.items())))[:16]}")
    _flush(outbox, "entries", topic)


def _outbox(settings: Settings) -> Outbox:
    # A broker that has only just come up lets an idempotent producer wait: no news for whoever started it.
    return Outbox(producer_of(settings, log_level=3))


def _flush(outbox: Outbox, what: str, topic: str) -> None:
    try:
        outbox.flush()
    except KafkaException as error:
        raise Refusal(
            f"{what} not written", where=topic, expected="an acknowledgement of the broker", got=str(error), remedy="is the broker up?"
        ) from error


def _known(settings: Settings) -> KnownReleases:
    known = KnownReleases()

    def take(message: Message) -> None:
        with contextlib.suppress(ValueError, RecursionError):  # a record that no stage takes in either
            known.take((message.key() or b"").decode(), message.value())

    read_topic(settings, "control", "publish", take)
    return known
