import base64
import pathlib
import random
import time

import msgspec
import pytest

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from features.schema.event import id_key_of
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.definitions import Definitions
from pipeline.learning.label_job import LabelJob
from pipeline.learning.label_progress import read_progress
from pipeline.learning.label_record import LabelRecord, ReadLabel
from pipeline.learning.label_resolver import LabelResolver
from pipeline.learning.read_label import read_label
from pipeline.learning.resolved_records import Sent
from pipeline.score_job.labels import ResolvedLabel
from stores.decisions import EventName, StoredDecision, StoreUnavailableError
from stores.sqlite.sqlite_decisions import SqliteDecisions

HOUR_MS = 3_600_000
EVENT_MS = 990_000_000_000
PLACE = "weir.labels/0"


class Bench:
    """A resolver over a real store with a clock that the test moves."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.store = SqliteDecisions(folder / "decisions.db")
        self.definitions = Definitions()
        self.push(1, read_folder(SAMPLES / "payments"))
        self.now_ms = 10**12
        self.offset = 0
        self.resolver = self.restart()

    def push(self, release: int, texts: dict[str, str]) -> None:
        for text in texts.values():
            self.definitions.take([("c", f"def:{content_hash(text)}", text.encode())])
        record = {"id": release, "parts": {part: content_hash(text) for part, text in texts.items()}}
        self.definitions.take([("c", f"release:{release:010d}", msgspec.json.encode(record))])

    def restart(self, **bounds: int) -> LabelResolver:
        self.resolver = LabelResolver(self.store, self.definitions, HOUR_MS, lambda: self.now_ms, **bounds)
        return self.resolver

    def decide(self, number: int, revision: int = 0, amount: float = 4.5, retracted: bool = False, user: str = "u") -> None:
        value = {"user": user, "event": {"amount": amount}, "features": {"a": 1.25, "b": None}, "event_id": str(number)}
        keys = (("customer_id", user), ("terminal_id", "t"))
        order = (number + (1 << 63)).to_bytes(8, "big")
        value_json = msgspec.json.encode(value)
        self.store.write([StoredDecision(str(number), revision, EVENT_MS, order, keys, 0.5, "review", 1, value_json, retracted)])

    def label(self, *numbers: int, label: object = 1, label_time: object = EVENT_MS + 4_000, **more: object) -> list[Sent]:
        value = {"label": label, "label_time": label_time} | more
        return self.resolver.take([self.record({"event_id": str(n)} | value) for n in numbers])

    def record(self, value: object) -> LabelRecord:
        self.offset += 1
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        return LabelRecord(PLACE, self.offset - 1, self.now_ms, raw)

    def later(self, ms: int) -> list[Sent]:
        self.now_ms += ms
        return self.resolver.retry()

    def offset_done(self) -> int:
        """The offset from which on the labels would be read again now."""
        done = self.resolver.done().get(PLACE)
        return done.offset if done is not None else 0

    def killed(self) -> None:
        """Begins again from what the resolver says that is done."""
        done = self.resolver.done()[PLACE].written()
        self.restart().resume(PLACE, read_progress(done.offset, done.text()))


PAIR = "- {name: pair_1h, template: count, entity: [customer_id, terminal_id], window: 1h}\n"


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    return Bench(tmp_path)


def test_a_label_goes_to_every_key_and_its_vector_to_the_user_only(bench: Bench) -> None:
    bench.decide(7)
    user, terminal = bench.label(7)
    assert (user.topic, user.key) == ("labels-resolved", b"customer_id\0u")
    assert (terminal.topic, terminal.key) == ("labels-resolved", b"terminal_id\0t")
    read = msgspec.json.decode(user.value, type=ResolvedLabel)
    assert read == ResolvedLabel("7", id_key_of("7", True), EVENT_MS, 1, EVENT_MS + 4_000, "u", {"a": 1.25, "b": None}, {"amount": 4.5})
    assert msgspec.json.decode(terminal.value) == {
        "event_id": "7",
        "id_key": 7,
        "event_time": EVENT_MS,
        "label": 1,
        "label_time": EVENT_MS + 4_000,
        "user": "u",
    }


def test_a_label_goes_to_the_event_of_the_user_whom_it_names(bench: Bench) -> None:
    bench.decide(7, user="u", amount=1.0)
    bench.decide(7, user="v", amount=2.0)
    for user, amount in (("v", 2.0), ("u", 1.0)):
        sent, _ = bench.label(7, user=user)
        assert sent.key == f"customer_id\0{user}".encode()
        assert msgspec.json.decode(sent.value)["event"] == {"amount": amount}


def test_a_label_of_an_id_that_several_users_have_is_a_dead_letter_unless_it_names_one(bench: Bench) -> None:
    bench.decide(7, user="u")
    bench.decide(7, user="v")
    [dead] = bench.label(7)
    assert dead.topic == "dead-letters"
    reason = msgspec.json.decode(dead.value)["reason"]
    assert (reason["what"], reason["where"]) == ("several users have an event with this id", "user")
    assert reason["expected"].endswith("u, v")


def test_a_label_waits_for_the_event_of_its_own_user(bench: Bench) -> None:
    bench.decide(7, user="u")
    assert bench.label(7, user="v") == []
    bench.decide(7, user="v")
    assert [sent.key for sent in bench.later(60_000)] == [b"customer_id\0v", b"terminal_id\0t"]


def test_a_label_without_a_decision_waits_for_it(bench: Bench) -> None:
    assert bench.label(7) == []
    assert bench.later(5_000) == []
    bench.decide(7)
    assert len(bench.later(60_000)) == 2
    assert bench.later(60_000) == []


def test_the_wait_of_a_label_ends_in_a_dead_letter_with_its_reason(bench: Bench) -> None:
    bench.label(7)
    sent: list[Sent] = []
    for _ in range(59):
        sent += bench.later(60_000)
    assert sent == []
    sent = bench.later(120_000)
    assert [record.topic for record in sent] == ["dead-letters"]
    letter = msgspec.json.decode(sent[0].value)
    assert letter["reason"]["what"] == "no decision for this label"
    assert letter["reason"]["got"] == "7"
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("weir.labels", 0, 0)
    assert bench.resolver.waiting == 0


def test_offsets_stand_at_the_oldest_label_that_waits(bench: Bench) -> None:
    bench.decide(1)
    bench.decide(3)
    bench.label(1, 2, 3)
    assert bench.offset_done() == 1
    bench.decide(2)
    bench.later(60_000)
    assert bench.offset_done() == 3


def test_a_label_that_waits_survives_a_restart(bench: Bench) -> None:
    lost = bench.record({"event_id": "2", "label": 1, "label_time": EVENT_MS + 4_000})
    bench.resolver.take([lost])
    assert bench.offset_done() == lost.offset
    bench.restart()
    bench.decide(2)
    assert len(bench.resolver.take([lost])) == 2


def test_a_label_that_waits_makes_no_other_be_resolved_again_however_often_the_job_is_killed(bench: Bench) -> None:
    records, resolved = [bench.record({"event_id": "1", "label": 1, "label_time": EVENT_MS + 4_000})], 0
    for number in range(2, 30):
        bench.decide(number)
        records.append(bench.record({"event_id": str(number), "label": 1, "label_time": EVENT_MS + 4_000}))
        resolved += len(bench.resolver.take(records[bench.offset_done() :])) // 2
        bench.killed()
    assert resolved == 28
    assert bench.offset_done() == 0
    bench.decide(1)
    assert len(bench.resolver.take(records)) == 2, "the label that waited is resolved, and no other"
    assert bench.offset_done() == len(records)


def test_a_job_that_is_killed_while_it_reads_again_forgets_none_that_waits(bench: Bench) -> None:
    records = [bench.record({"event_id": str(number), "label": 1, "label_time": EVENT_MS + 4_000}) for number in range(1, 9)]
    bench.decide(2)
    assert len(bench.resolver.take(records)) == 2
    bench.killed()
    assert bench.resolver.take(records[:1]) == []
    bench.killed()
    for number in range(1, 9):
        bench.decide(number)
    assert len(bench.resolver.take(records)) == 2 * 7


def test_labels_of_a_topic_that_was_made_anew_are_all_taken(bench: Bench) -> None:
    bench.label(5, 6, 7, 8)
    bench.resolver.forget([PLACE])
    bench.resolver.resume(PLACE, read_progress(2, "1 1 40"))
    bench.offset = 0
    for number in range(1, 7):
        bench.decide(number)
    assert len(bench.label(*range(1, 7))) == 2 * 6


def test_two_labels_of_one_event_stay_in_their_order(bench: Bench) -> None:
    bench.label(7, label=1)
    bench.decide(7)
    sent = bench.label(7, label=0)
    assert [msgspec.json.decode(record.value)["label"] for record in sent] == [1, 1, 0, 0]


def test_very_many_labels_of_unknown_events_hold_up_no_other(bench: Bench) -> None:
    bench.restart(waiting_max=3_000, of_caller_max=1_000)
    for first in range(1_000, 6_000, 500):
        bench.label(*range(first, first + 500), by="backfill")
        assert not bench.resolver.full
        number = first // 500
        bench.decide(number)
        assert [sent.topic for sent in bench.label(number, by="analyst")] == ["labels-resolved"] * 2
    assert bench.resolver.waiting == 1_000


def test_beyond_the_bound_of_a_caller_its_oldest_labels_are_dead_letters_and_nobody_elses(bench: Bench) -> None:
    bench.restart(waiting_max=1_000, of_caller_max=3)
    assert bench.label(1, 2, by="other") == []
    sent = [each for number in range(10, 16) for each in bench.label(number, by="backfill")]
    letters = [msgspec.json.decode(each.value) for each in sent]
    assert [msgspec.json.decode(base64.b64decode(letter["value"]))["event_id"] for letter in letters] == ["10", "11", "12"]
    assert {letter["reason"]["what"] for letter in letters} == {"too many labels wait"}
    for number in (1, 2, 13, 15):
        bench.decide(number)
    assert len(bench.later(60_000)) == 8
    assert bench.resolver.waiting == 1


def test_beyond_the_bound_of_all_the_caller_with_most_labels_gives_way(bench: Bench) -> None:
    bench.restart(waiting_max=5, of_caller_max=100)
    assert bench.label(1, by="few") == []
    assert bench.label(10, 11, 12, 13, by="many") == []
    [dead] = bench.label(2, by="few")
    assert msgspec.json.decode(base64.b64decode(msgspec.json.decode(dead.value)["value"]))["event_id"] == "10"


def test_while_the_store_is_away_no_label_is_given_up_and_beyond_the_bound_none_is_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.restart(waiting_max=4, of_caller_max=2)
    for number in range(1, 5):
        bench.decide(number)
    with StoreIsAway(bench, monkeypatch):
        assert bench.label(1, 2, 3, by="u") == []
        assert not bench.resolver.full
        assert bench.label(4, by="u") == []
        assert bench.resolver.full
        assert bench.later(2 * HOUR_MS) == []
    assert [sent.topic for sent in bench.later(1_000)] == ["labels-resolved"] * 8
    assert not bench.resolver.full


def test_offsets_and_waiting_labels_are_as_a_plain_account_of_them_says(bench: Bench) -> None:
    draw = random.Random(4)
    bench.restart(waiting_max=40, of_caller_max=15)
    waiting: dict[int, int] = {}  # event by offset
    for _ in range(300):
        if draw.random() < 0.3:
            number = draw.randrange(1, 200)
            bench.decide(number)
            gone = bench.later(draw.choice([1_000, 70_000]))
        else:
            numbers = [draw.randrange(1, 200) for _ in range(draw.randrange(1, 6))]
            waiting |= {bench.offset + at: number for at, number in enumerate(numbers)}
            gone = bench.label(*numbers, by=draw.choice("abc"))
        for sent in gone:
            value = msgspec.json.decode(sent.value)
            if sent.topic == "dead-letters":
                del waiting[value["offset"]]
            else:
                waiting = {offset: number for offset, number in waiting.items() if str(number) != value["event_id"]}
        assert bench.resolver.waiting == len(waiting)
        assert bench.offset_done() == min(waiting, default=bench.offset)


def test_what_is_known_of_a_label_besides_goes_on_with_it(bench: Bench) -> None:
    bench.decide(7)
    sent = bench.label(7, by="ana", source="chargeback", weight=0.5)
    values = [msgspec.json.decode(each.value) for each in sent]
    assert {(value["by"], value["source"], value["weight"]) for value in values} == {("ana", "chargeback", 0.5)}
    assert msgspec.json.decode(sent[0].value, type=ResolvedLabel).label == 1


def test_labels_of_a_partition_that_is_taken_away_are_forgotten(bench: Bench) -> None:
    bench.label(7)
    bench.resolver.forget([PLACE])
    bench.decide(7)
    assert bench.later(60_000) == []
    assert bench.resolver.done() == {}


class StoreIsAway:
    """While it is entered, the bench's store does not answer."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self.monkeypatch = bench, monkeypatch

    def __enter__(self) -> None:
        def fail(event_ids: list[str]) -> dict[str, StoredDecision]:
            raise StoreUnavailableError("Cassandra: no answer")

        self.monkeypatch.setattr(self.bench.store, "get_many", fail)

    def __exit__(self, *error: object) -> None:
        self.monkeypatch.undo()


def test_a_store_that_fails_makes_labels_wait_and_loses_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.decide(7)
    with StoreIsAway(bench, monkeypatch):
        assert bench.label(7) == []
        assert bench.later(2 * HOUR_MS) == []
        assert bench.offset_done() == 0
    assert len(bench.later(1_000)) == 2
    assert bench.offset_done() == 1


def test_a_long_outage_makes_no_label_wait_longer_than_a_second_once_the_store_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.decide(7)
    with StoreIsAway(bench, monkeypatch):
        bench.label(7)
        for _ in range(600):
            assert bench.later(1_000) == []
        assert bench.label(8) == []
    bench.decide(8)
    assert len(bench.label(7)) == 4
    assert len(bench.later(1_000)) == 2
    assert bench.resolver.waiting == 0


def test_a_decision_that_comes_to_the_store_after_an_outage_still_finds_its_label(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.label(1)
    with StoreIsAway(bench, monkeypatch):
        bench.label(7)
        assert bench.later(2 * HOUR_MS) == []
    assert bench.later(1_000) == []
    bench.decide(7)
    assert [sent.topic for sent in bench.later(2_000)] == ["labels-resolved", "labels-resolved"]
    assert [sent.topic for sent in bench.later(2 * HOUR_MS)] == ["dead-letters"]


def test_a_label_of_an_id_that_no_store_can_look_up_holds_up_no_other(bench: Bench) -> None:
    bench.decide(7)
    sent = bench.resolver.take([bench.record({"event_id": "x" * 70_000, "label": 1, "label_time": EVENT_MS + 4_000})]) + bench.label(7)
    assert [each.topic for each in sent] == ["dead-letters", "labels-resolved", "labels-resolved"]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (b"", "label"),
        (b"\xff\xfe", "label"),
        (b"not json", "label"),
        (b"[" * 100_000, "label"),
        (b'{"event_id":"1","label":1}', "label"),
        (b'{"event_id":"1","label":1,"label_time":1,"user":[]}', "label"),
        (b'{"event_id":null,"label":1,"label_time":1}', "label"),
        (b'{"event_id":"1","label":true,"label_time":1}', "label"),
        (b'{"event_id":"1","label":2,"label_time":1}', "label"),
        (b'{"event_id":"1","label":-1,"label_time":1}', "label"),
        (b'{"event_id":"1","label":"1","label_time":1}', "label"),
        (b'{"event_id":"1","label":NaN,"label_time":1}', "label"),
        (b'{"event_id":"1","label":1,"label":0,"label_time":1714557600000}', "label"),
        (b'{"event_id":"","label":1,"label_time":1714557600000}', "event_id"),
        (b'{"event_id":"1","label":1,"label_time":null}', "label"),
        (b'{"event_id":"1","label":1,"label_time":1714557600}', "label_time"),
        (b'{"event_id":"1","label":1,"label_time":-5}', "label_time"),
        (b'{"event_id":"1","label":1,"label_time":99999999999999999999}', "label_time"),
        (b'{"event_id":"1","label":1,"label_time":"yesterday"}', "label_time"),
        (b'{"event_id":"1","label":1,"label_time":"2024-05-01T10:00:00"}', "label_time"),
    ],
)
def test_a_bad_label_is_a_dead_letter_at_once(bench: Bench, value: bytes, where: str) -> None:
    [dead] = bench.resolver.take([bench.record(value)])
    letter = msgspec.json.decode(dead.value)
    assert dead.topic == "dead-letters"
    assert letter["reason"]["where"] == where
    assert base64.b64decode(letter["value"]) == value
    assert bench.offset_done() == 1


def test_a_label_from_before_its_event_is_a_dead_letter(bench: Bench) -> None:
    bench.decide(7)
    sent = bench.label(7, label_time=EVENT_MS - 1) + bench.label(7, label_time=EVENT_MS)
    assert [each.topic for each in sent].count("dead-letters") == 1
    assert msgspec.json.decode(sent[0].value)["reason"]["what"] == "label before its event"
    assert msgspec.json.decode(sent[1].value)["label_time"] == EVENT_MS


def test_label_times_are_ms_or_rfc_3339() -> None:
    assert read_label(b'{"event_id":5,"label":0,"label_time":1714557600000}')[:3] == (("5", None), 0, 1_714_557_600_000)
    assert read_label(b'{"event_id":"5","label":1,"user":"u","label_time":"2024-05-01T12:00:00.5+02:00"}') == ReadLabel(
        EventName("5", "u"), 1, 1_714_557_600_500
    )
    with pytest.raises(Refusal, match="zone"):
        read_label(b'{"event_id":"5","label":1,"label_time":"2024-05-01T12:00:00"}')


def test_a_label_carries_what_the_newest_revision_says(bench: Bench) -> None:
    bench.decide(7)
    bench.decide(7, revision=1, amount=9.0)
    user, _ = bench.label(7)
    assert msgspec.json.decode(user.value)["event"] == {"amount": 9.0}


def test_a_label_of_a_retracted_event_is_a_dead_letter(bench: Bench) -> None:
    bench.decide(7)
    bench.decide(7, revision=1, retracted=True)
    [sent] = bench.label(7)
    assert sent.topic == "dead-letters"
    assert msgspec.json.decode(sent.value)["reason"]["what"] == "label of a retracted event"
    assert bench.offset_done() == 1


def test_a_label_goes_to_the_pairs_that_features_are_kept_of(bench: Bench) -> None:
    texts = read_folder(SAMPLES / "payments")
    bench.push(2, texts | {"features": texts["features"] + PAIR + PAIR.replace("terminal_id", "device_id").replace("pair", "other")})
    bench.decide(7)
    assert [sent.key for sent in bench.label(7)] == [b"customer_id\0u", b"terminal_id\0t", b"customer_id+terminal_id\0u\x1ft"]


def test_labels_wait_by_a_clock_that_is_never_set_back(tmp_path: pathlib.Path) -> None:
    store = SqliteDecisions(tmp_path / "decisions.db")
    before_ms = int(time.monotonic() * 1_000)
    assert before_ms <= LabelJob(Settings(), store).resolver._now_ms() <= time.monotonic() * 1_000
    store.close()


@pytest.mark.parametrize(("field", "value"), [("weight", 0), ("weight", 1e9), ("source", "x" * 101)])
def test_a_label_with_a_source_or_weight_out_of_range_is_a_dead_letter_that_names_the_field(
    bench: Bench, field: str, value: object
) -> None:
    bench.decide(7)
    [dead] = bench.label(7, **{field: value})
    assert dead.topic == "dead-letters"
    assert msgspec.json.decode(dead.value)["reason"]["where"] == field


def test_a_label_of_a_source_that_the_schema_does_not_accept_is_a_dead_letter(bench: Bench) -> None:
    texts = read_folder(SAMPLES / "payments")
    bench.push(2, texts | {"schema": texts["schema"].replace("negative_after: 7d", "negative_after: 7d, sources: [chargeback]")})
    bench.decide(7)
    [dead] = bench.label(7, source="chargback")
    assert msgspec.json.decode(dead.value)["reason"]["where"] == "source"
    assert {sent.topic for sent in bench.label(7, source="chargeback")} == {"labels-resolved"}
