"""Writes entries of lists at a start, while no API runs: those of a configuration folder, and those in releases of older versions."""

from collections.abc import Mapping

from confluent_kafka import Message

from deploy.local.topic_records import read_topic
from foundation.settings import Settings
from patterns.entries import FOLDER, RELEASE, Entry, Placed, carried_over_mark, read_record
from patterns.entry_lists import EntryLists
from patterns.list_changes import Steps, carried_over, check_room, pushed
from patterns.list_text import Values
from pipeline.control.kafka import Outbox

BY = "start"


def read_entries(settings: Settings) -> EntryLists:
    """Reads all lists from the topic.

    Raises:
        KafkaException: the broker does not answer.
    """
    lists = EntryLists()

    def take(message: Message) -> None:
        lists.take(read_record(message.key(), message.value(), message.offset() or 0))

    read_topic(settings, "entries", "entries-reader", take)
    return lists


def send_carried_over(outbox: Outbox, topic: str, lists: EntryLists, values: Mapping[str, Values], release: int) -> None:
    """Sends those of the entries `values` (by list) of release `release` that `lists` lacks, and the record that this was done."""
    for name, each in values.items():
        like = Entry(name, "", by=BY, source=RELEASE, id=f"carry-over:{release}")
        _send(outbox, topic, lists, carried_over(lists.get(name), like, each))
    key, value = carried_over_mark(release)
    outbox.send(topic, key.encode(), value)


def send_pushed(outbox: Outbox, topic: str, lists: EntryLists, values: Mapping[str, Values], id: str) -> None:
    """Sends the changes that give `lists` the `values` (by list), as a push of a configuration folder does.

    Raises:
        Refusal: a list, or all lists together, would have too many entries.
    """
    for name, each in values.items():
        new = sum(lists.get(name).get(value) is None for value in each)
        check_room(lists, name, new)
        _send(outbox, topic, lists, pushed(lists.get(name), Entry(name, "", by=BY, source=FOLDER, id=id), each))


def _send(outbox: Outbox, topic: str, lists: EntryLists, steps: Steps) -> None:
    """Sends the changes and applies them to `lists`, since the broker keeps the order in which records are sent."""
    for change in steps:
        if change is not None:
            key, value = change.record()
            outbox.send(topic, key.encode(), value)
            lists.take(Placed(lists.read_to, change))
