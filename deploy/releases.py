"""A configuration folder put in force: its definitions and one release record on the control topic."""

import pathlib

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from features.refusal import Refusal
from pipeline.release import PARTS, compile_release, content_hash
from pipeline.settings import Settings

_SECONDS_MAX = 30.0


class Record(msgspec.Struct):
    """Value of ``release:<id>``."""

    id: int
    parts: dict[str, str]


def read_folder(folder: pathlib.Path) -> dict[str, str]:
    """The texts of `folder` by part, checked as one release.

    Raises:
        Refusal: a file is missing or does not compile; with file, line and column.
    """
    texts = {}
    for part in PARTS:
        file = folder / f"{part}.yaml"
        try:
            texts[part] = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(
                "definition not readable", where=str(file), expected=f"a configuration folder with {', '.join(PARTS)}.yaml", got=str(error)
            ) from error
    compile_release(1, texts)
    return texts


def publish(settings: Settings, texts: dict[str, str], replace: bool = True) -> int:
    """Writes `texts` as the next release and gives its id; the id in force when it says the same already.

    Without `replace`, what is in force stays: `texts` count only where there is no release yet.
    Not to be called twice at once: both would take the same id.
    """
    parts = {part: content_hash(text) for part, text in texts.items()}
    newest = _newest(settings)
    if newest is not None and (not replace or newest.parts == parts):
        return newest.id
    record = Record(newest.id + 1 if newest else 1, parts)
    producer = Producer({"bootstrap.servers": settings.bootstrap, "acks": "all"})
    control = settings.topic("control")
    for part, text in texts.items():
        producer.produce(control, text.encode(), f"def:{parts[part]}")
    producer.produce(control, msgspec.json.encode(record), f"release:{record.id:010d}")
    if producer.flush(_SECONDS_MAX):
        raise Refusal(
            "release not written", where=control, expected="an acknowledgement of the broker", got="none", remedy="is the broker up?"
        )
    return record.id


def _newest(settings: Settings) -> Record | None:
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "weir-push", "enable.auto.commit": False})
    try:
        place = TopicPartition(settings.topic("control"), 0)
        low, high = consumer.get_watermark_offsets(place, timeout=_SECONDS_MAX)
        place.offset = low
        consumer.assign([place])
        newest = None
        while low < high and consumer.position([place])[0].offset < high:
            for message in consumer.consume(500, 1.0):
                if not message.error() and (message.key() or b"").startswith(b"release:"):
                    newest = msgspec.json.decode(message.value() or b"", type=Record)
        return newest
    finally:
        consumer.close()
