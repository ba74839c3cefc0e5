"""Reads a configuration folder and puts it in force while no API runs; `deploy.api_commands.push` does so on a running system."""

import contextlib
import pathlib
import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import KafkaException, Message

from deploy.local.entries import read_entries, send_carried_over, send_pushed
from deploy.local.topic_records import read_topic
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, read_manifest, with_manifest
from patterns.list_text import values_of_lists
from patterns.lists import declared
from pipeline.control.kafka import Outbox, producer_of
from pipeline.control.known_releases import DEFINITION, KnownReleases, ReleaseRecord, release_key
from pipeline.engine.definitions.part_names import PARTS
from pipeline.trial.configuration_folder import compile_texts, read_texts


def read_folder(folder: pathlib.Path) -> dict[str, str]:
    """Reads the texts of `folder`, by part, and compiles them as one release.

    Raises:
        Refusal: a file is missing or does not compile; the refusal has the file, line and column.
    """
    texts = read_texts(folder)
    compile_texts(texts)
    return texts


def publish(settings: Settings, texts: dict[str, str], replace: bool = True) -> int:
    """Publishes `texts` as the next release and gives its id, or that of the release in force if it has the same texts.

    Entries of lists go to their own topic, as with `weir push`; those that a release of an older version holds are carried over once.
    Lists and the kill switch that are in force and not among `texts` stay. Without `replace` everything in force stays, and `texts` are
    used only if there is no release yet.

    Call it only while no API runs, and not twice at the same time, because two writers would take the same id.

    Raises:
        Refusal: the broker does not take the release.
    """
    known = _known(settings)
    newest = known.record(max(known.ids())) if known.ids() else None
    _write_entries(settings, known, newest, texts if replace or newest is None else {})
    if newest is not None and not replace:
        return newest.id
    texts = _with_rules(known, newest, declared(texts))
    parts = {part: content_hash(text) for part, text in texts.items()}
    if newest is not None:
        parts = {part: hash for part, hash in newest.parts.items() if part not in PARTS} | parts
    if newest is not None and newest.parts == parts:
        return newest.id
    record = ReleaseRecord(newest.id + 1 if newest else 1, parts, time.time_ns() // 1_000_000)
    control = settings.topic("control")
    outbox = _outbox(settings)
    for part, text in texts.items():
        outbox.send(control, (DEFINITION + parts[part]).encode(), text.encode())
    outbox.send(control, release_key(record.id).encode(), msgspec.json.encode(record))
    _flush(outbox, "release", control)
    return record.id


def _with_rules(known: KnownReleases, newest: ReleaseRecord | None, texts: Mapping[str, str]) -> dict[str, str]:
    """Returns `texts` with the rules in force that they do not name, and with the manifest of all rules."""
    if newest is None:
        return with_manifest(texts, {}, first=True)
    rules = {part: hash for part, hash in newest.parts.items() if part == MANIFEST or part.startswith(PATTERN_PREFIX)}
    kept = known.texts(rules)
    return with_manifest(kept | dict(texts), read_manifest(kept.get(MANIFEST, "{}")), first=False)


def _write_entries(settings: Settings, known: KnownReleases, newest: ReleaseRecord | None, texts: Mapping[str, str]) -> None:
    """Writes the entries of lists; it is called before the release is written, so that no list is in force without its entries."""
    lists, outbox, topic = read_entries(settings), _outbox(settings), settings.topic("entries")
    if not lists.carried_over:
        held = {part: known.text(hash) or "" for part, hash in newest.parts.items()} if newest is not None else {}
        send_carried_over(outbox, topic, lists, values_of_lists(held), newest.id if newest is not None else 0)
    send_pushed(outbox, topic, lists, values_of_lists(texts), f"start:{content_hash(str(sorted(texts.items())))[:16]}")
    _flush(outbox, "entries", topic)


def _outbox(settings: Settings) -> Outbox:
    # A broker that has just started lets an idempotent producer wait; a message about it would not help the user.
    return Outbox(producer_of(settings, log_level=3))


def _flush(outbox: Outbox, what: str, topic: str) -> None:
    try:
        outbox.flush()
    except KafkaException as error:
        raise Refusal(
            f"the {what} could not be written",
            where=topic,
            expected="an acknowledgement of the broker",
            got=str(error),
            remedy="check in broker.log whether the broker is up",
        ) from error


def _known(settings: Settings) -> KnownReleases:
    known = KnownReleases()

    def take(message: Message) -> None:
        with contextlib.suppress(ValueError, RecursionError):  # every stage passes over such a record too
            known.take((message.key() or b"").decode(), message.value())

    read_topic(settings, "control", "publish", take)
    return known
