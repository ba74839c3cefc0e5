"""The card payments, their labels and snapshots as records of topics. For tests only."""

from collections.abc import Iterable, Iterator

import msgspec

from detectors.snapshot import Snapshot
from features.schema.batch import Batch
from pipeline.tables.event_files import History


def event_records(events: Batch) -> Iterator[tuple[str, bytes]]:
    """The payments as a bank would send them, keyed by the customer; ids are whole numbers, as in the file."""
    columns = (events.ids, events.times_ms.tolist(), events.users, events.entities["TERMINAL_ID"], events.numbers[:, 0].tolist())
    for id, at, customer, terminal, cents in zip(*columns, strict=True):
        event = {"TRANSACTION_ID": int(id), "TX_DATETIME": at, "CUSTOMER_ID": int(customer), "TERMINAL_ID": int(terminal)}
        yield customer, msgspec.json.encode(event | {"TX_AMOUNT": cents / 100})


def label_records(history: History) -> Iterator[tuple[str, bytes]]:
    """The label of every event for both of its keys, in the order in which they become known."""
    events, labels = history.batch, history.labels
    assert labels is not None and labels.id_keys.tolist() == events.id_keys.tolist()
    columns = (events.ids, events.times_ms.tolist(), events.users, events.entities["TERMINAL_ID"])
    known = (labels.labels.tolist(), labels.times_ms.tolist())
    for id, at, customer, terminal, label, known_at in zip(*columns, *known, strict=True):
        told = {"event_id": id, "id_key": int(id), "event_time": at, "label": label, "label_time": known_at, "user": customer}
        value = msgspec.json.encode(told)
        yield f"CUSTOMER_ID\0{customer}", value
        yield f"TERMINAL_ID\0{terminal}", value


def snapshot_records(snapshots: Iterable[Snapshot]) -> list[tuple[str, bytes]]:
    """Snapshots as the learn job writes them."""
    return [(snapshot.model, snapshot.encode()) for snapshot in snapshots]
