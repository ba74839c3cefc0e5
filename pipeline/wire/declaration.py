"""What Java and Python exchange. This is the only place where it is declared.

Java's half, ``Wire.java``, and the tables of ``docs/wire-format.md`` are made from this module by ``python -m pipeline.wire``; a test
fails while they differ from it. All numbers are little-endian, all texts UTF-8. What waits in checkpoints and savepoints has these
layouts too, so a change of one needs a reader for the old bytes: see ``docs/wire-format.md``.
"""

from pipeline.wire.layout import Layout, Letter


class Source(Letter):
    """What a record that Java has read from Kafka is; the tag of its row."""

    EVENT = "R", "a record of the topic `events`: its body is a raw record"
    CONTROL = "C", "a record of the topic `control`"
    MODEL = "M", "a record of the topic `models`: a snapshot of a detector"
    LABEL = "L", "a record of the topic `labels-resolved`"
    FACT = "F", "a record of the topic `facts`"
    ANY_TOPIC = "P", "a record of any topic, as the jobs that deliver are given it"


class Kind(Letter):
    """What the bodies of a bundle are."""

    RAW = "R", "raw records for the decode stage; in the jobs that deliver, records of any topic"
    CONTROL = "C", "control records, of the topics `control` and `models`"
    MESSAGES = "K", "messages to entities, for the entity stage"
    EVENTS = "E", "events with the answers of their entities, for the user stage"
    LABELS = "L", "resolved labels, for the entity and the user stage"
    FACTS = "F", "facts of entities, for the entity and the user stage"
    BARRIER = "S", "one empty body: a checkpoint barrier follows, so a stage now writes what Flink's state does not hold yet"


class Tag(Letter):
    """Where a frame goes."""

    EVENT = "E", "to the user stage; the payload is an event head, the order and an event body"
    MESSAGE = "K", "to the entity stage; the payload is a message head, the order and a message body"
    EARLIER_EVENT = "e", "an event that waits since before events were stamped with snapshots; the head lacks `snapshots`"
    EARLIER_MESSAGE = "k", "a message that waits since before messages were stamped with snapshots; the head lacks `snapshots`"
    ANSWER = "a", "to the user stage; the payload is an answer head and doubles"
    DECISION = "D", "to the topic `decisions`"
    REPLY = "R", "to the topic `replies`, by a producer of its own"
    DEAD_LETTER = "X", "to the topic `dead-letters`"
    LATE = "T", "to the topic `late`"
    ALERT = "A", "to the topic `alerts`: an absence at the end of a sequence has come true"
    CONTROL = "Q", "to the topic `control`; Java writes such rows itself, no stage does"
    METRIC = "V", "to the topic `metrics`, from the metrics job"
    FILE = "F", "to a file of the archive, from the archive job; the key is the folder, the payload the whole file"


class Topic(Letter):
    """Which topic a control record is of. The capital letter stands before a key whose record the topic has taken away."""

    CONTROL = "c", "`control`"
    MODEL = "m", "`models`"


LETTERS = (Source, Kind, Tag, Topic)

RELEASE_KEY = "release:"
"""A key of the topic `control` begins with it when its record is a release; the release's number in decimal digits follows."""
MODE_KEY = "mode:"
"""A key of the topic `control` begins with it when its record says how far a run has caught up; the run follows, and a partition."""
REPLY_HEADER = "weir-reply"
"""The header of a record of `events` that names the API process that waits for the reply."""
ENTITY_SEPARATOR = "\0"
"""It stands between the type and the id of an entity, in keys of messages, labels and profiles."""
REPLY_BYTES_MAX = 255
"""A longer reply address is taken for none."""
UID_OFFSET_BITS = 48
"""Bits of an event's `uid` that its offset takes; its partition stands above them."""
NO_TIME_MS = -(1 << 63)
"""The greatest event time of a partition that has had no event with a readable time."""
ANY_SNAPSHOTS = -1
"""The position in the topic `models` that stands for its end, whatever that is: the newest snapshots are used."""
END_MS = 253_402_300_799_999
"""A watermark from here on says that a backlog has been read to its end; what it says beyond this is the event time that has come."""
ABSENT = -1
"""The length of a head in the state's answer where the state holds nothing under the key."""

CONSTANTS: dict[str, str | int] = {
    "RELEASE_KEY": RELEASE_KEY,
    "MODE_KEY": MODE_KEY,
    "REPLY_HEADER": REPLY_HEADER,
    "ENTITY_SEPARATOR": ENTITY_SEPARATOR,
    "REPLY_BYTES_MAX": REPLY_BYTES_MAX,
    "NO_TIME_MS": NO_TIME_MS,
    "ANY_SNAPSHOTS": ANY_SNAPSHOTS,
    "ABSENT": ABSENT,
    "END_MS": END_MS,
}
"""The strings and numbers above, by their names."""

RAW_RECORD = Layout(
    "RawRecord",
    "The body of a raw record begins with it; the reply address and the record's value follow.",
    ("partition", "i32", "partition of the topic `events`; at most 32,767, for it is a part of `uid`"),
    ("offset", "i64", "offset in the partition; below 2^48, for it is a part of `uid`"),
    ("at_ms", "i64", "time of the record as the broker has it, in ms since the epoch"),
    ("newest_ms", "i64", "greatest event time that the partition had before this record, in ms; `NO_TIME_MS` where there was none"),
    ("reply_length", "u16", "length of the reply address in bytes"),
)

PLACED_RECORD = Layout(
    "PlacedRecord",
    "The body of a record of any topic begins with it; the name of the topic, the key and the value follow.",
    ("partition", "i32", "partition of the topic"),
    ("offset", "i64", "offset in the partition"),
    ("at_ms", "i64", "time of the record as the broker has it, in ms since the epoch"),
    ("topic_length", "i32", "length of the topic's name in bytes"),
    ("key_length", "i32", "length of the key in bytes"),
)

CONTROL_RECORD = Layout(
    "ControlRecord",
    "The body of a control record begins with it; the key and the value follow.",
    ("topic", "letter", "a letter of `Topic`; its capital where the key has no record any more, and then no value follows"),
    ("key_length", "u16", "length of the key in bytes"),
)

KEYED_BODY = Layout(
    "KeyedBody",
    "The bodies of labels and of messages begin with it; the key follows, and then the label's JSON or a message body.",
    ("key_length", "u16", "length of the key in bytes; the key is an entity's type, `ENTITY_SEPARATOR` and its id"),
)

BUNDLE = Layout(
    "Bundle",
    "A bundle begins with it; columns `ends` (u32), `positions` (i64) and `missing` (u8), the bodies and the matrix of answers follow.",
    ("kind", "letter", "a letter of `Kind`"),
    ("release", "i32", "release that all bodies were stamped with; 0 where they are not stamped"),
    ("count", "u32", "number of bodies"),
    ("width", "u32", "bytes of the answers of one body; 0 where bodies have none"),
)

FRAME = Layout(
    "Frame",
    "A frame begins with it; the key, the length of the payload (u32) and the payload follow.",
    ("tag", "letter", "a letter of `Tag`"),
    ("key_length", "u16", "length of the key in bytes"),
)

STAMPED = Layout(
    "Stamped",
    "Events and messages begin with it, so that what orders them and holds them back need not know which they are.",
    ("turn_ms", "i64", "time by which it is ordered in event_time mode, in ms since the epoch"),
    ("uid", "i64", "identifies the event: its partition shifted by 48 bits, and its offset"),
    ("release", "i32", "release that decodes and decides the event"),
    ("snapshots", "i64", "position in the topic `models` up to which snapshots count for the event; `ANY_SNAPSHOTS` for the newest"),
)

EVENT = Layout(
    "Event",
    "The payload of a frame `EVENT` begins with it; the order and an event body follow.",
    ("width", "u16", "bytes of all answers together"),
    ("answers", "u8", "number of answers that the event waits for"),
    ("order_length", "u16", "length of the order in bytes; it breaks ties of `turn_ms` and is compared as unsigned bytes"),
    start=STAMPED,
)

MESSAGE = Layout(
    "Message",
    "The payload of a frame `MESSAGE` begins with it; the order and a message body follow.",
    ("order_length", "u16", "length of the order in bytes; it breaks ties of `turn_ms` and is compared as unsigned bytes"),
    start=STAMPED,
)

ANSWER = Layout(
    "Answer",
    "The payload of a frame `ANSWER` begins with it; the answer's doubles follow.",
    ("uid", "i64", "`uid` of the event that waits"),
    ("at", "u16", "offset of this answer among the event's answers, in bytes"),
)

MESSAGE_BODY = Layout(
    "MessageBody",
    "The body of a message begins with it behind its key; the user's id and the row for the entity's history (f64 each) follow, "
    "and where the release has sequences of this kind of entity, an event body without the bytes as they came.",
    ("time_ms", "i64", "event time in ms since the epoch"),
    ("id_key", "i64", "integer id, or 64 bits of the text's hash"),
    ("order_key", "i64", "first eight bytes of the order, as a signed number"),
    ("uid", "i64", "`uid` of the event that waits for the answer"),
    ("at", "u16", "offset of the answer among the event's answers, in bytes"),
    ("user_length", "u16", "length of the user's id in bytes"),
    ("op", "i8", "0 add, 1 correct, 2 retract"),
)

EVENT_BODY = Layout(
    "EventBody",
    "The body of an event begins with it; the event's numbers (f64 each), its texts (MessagePack) and its bytes as they came follow.",
    ("time_ms", "i64", "event time in ms since the epoch"),
    ("id_key", "i64", "integer id, or 64 bits of the text's hash"),
    ("order_key", "i64", "first eight bytes of the order, as a signed number"),
    ("body_key", "i64", "CRC-32 of the event's bytes as they came"),
    ("arrived_ms", "i64", "time of the record in ms since the epoch"),
    ("texts_length", "u32", "length of the texts in bytes"),
    ("op", "i8", "0 add, 1 correct, 2 retract"),
)

PAGE = Layout(
    "Page",
    "A row of the table of pages, in the state's answer and in changes; the bytes of all pages follow behind those of all heads.",
    ("key", "i32", "position of the key in the call"),
    ("number", "i32", "number of the page"),
    ("length", "i32", "length of the page in bytes"),
)

DROPPED_PAGE = Layout(
    "DroppedPage",
    "A row of the table of pages that a change removes.",
    ("key", "i32", "position of the key in the call"),
    ("number", "i32", "number of the page"),
)

EXCHANGED = (
    RAW_RECORD, PLACED_RECORD, CONTROL_RECORD, KEYED_BODY, BUNDLE, FRAME, STAMPED, EVENT, MESSAGE, ANSWER, PAGE, DROPPED_PAGE,
)  # fmt: skip
"""Layouts that both sides look into."""

CARRIED = (MESSAGE_BODY, EVENT_BODY)
"""Layouts that Python writes and reads, and Java carries and keeps in checkpoints without looking into them."""
