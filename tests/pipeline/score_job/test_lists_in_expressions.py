"""Whether a text of the event is on a list: expressions, the stages and replay."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import Imitation

from foundation.refusal import Refusal
from patterns import known_entries
from patterns.entries import Change, Entry
from patterns.known_entries import KnownEntries
from patterns.lists import DECLARATION
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay_command import replay_files

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [device]
fields: {amount: {type: decimal, scale: 2}, note: {type: string, required: false}}
""",
    "features": """
- {name: watched, expression: 'event.device in list.watched'}
- {name: noted, expression: 'event.note in list.words || event.amount > 100.0'}
- {name: known, expression: '!(event.who in list.watched)'}
""",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
    "list:watched": DECLARATION,
    "list:words": DECLARATION,
}
START_MS = 1_700_000_000_000


class Feed:
    """Entries that a test gives, and whether they were asked for."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.started = False

    def start(self) -> None:
        self.started = True

    def take(self) -> Sequence[Change]:
        taken, self.changes = self.changes, []
        return taken

    def put(self, name: str, value: str, expires: int | None = None) -> None:
        self.changes.append(Change(name, value, Entry(name, value, expires)))


def event(id: int, at_ms: int = START_MS, **more: object) -> dict[str, object]:
    return {"id": id, "at": at_ms, "who": "u0", "device": "d0", "amount": 1.0} | more


def decide(job: Imitation, *events: dict[str, object]) -> list[dict[str, float | None]]:
    before = len(job.decisions())
    job.events([msgspec.json.encode(each) for each in events])
    return [decision["features"] for decision in job.decisions()[before:]]


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def job(feed: Feed) -> Imitation:
    job = Imitation(entries=feed)
    job.release(1, TEXTS)
    return job


def test_an_entry_counts_from_its_arrival_on_and_before_its_end_in_event_time(job: Imitation, feed: Feed) -> None:
    assert [each["watched"] for each in decide(job, event(1))] == [0]
    feed.put("watched", "d0", START_MS + 10)
    assert [
        each["watched"] for each in decide(job, event(2, START_MS + 9), event(3, START_MS + 10), event(4, START_MS + 9, device="d1"))
    ] == [1, 0, 0]
    feed.changes.append(Change("watched", "d0", None))
    assert [each["watched"] for each in decide(job, event(5, START_MS + 9, who="u1"))] == [0]


def test_a_missing_text_is_neither_on_a_list_nor_off_it(job: Imitation, feed: Feed) -> None:
    feed.put("words", "gift")
    found = decide(job, event(1), event(2, note="gift"), event(3, note="x"), event(4, amount=200.0), event(5, device=None))
    assert [each["noted"] for each in found] == [None, 1, 0, 1, None]
    assert [each["watched"] for each in found] == [0, 0, 0, 0, None]
    assert [each["known"] for each in found] == [1] * 5


def test_entries_are_asked_for_only_by_a_release_that_reads_a_list(feed: Feed) -> None:
    job = Imitation(entries=feed)
    job.release(1, TEXTS | {"features": "- {name: n, template: count, window: 1h}\n"})
    decide(job, event(1))
    assert not feed.started
    job.release(2, TEXTS)
    assert feed.started


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("event.device in list.watchd", "unknown list"),
        ("event.amount in list.watched", "not asked of a text of the event"),
        ("event.device + event.who in list.watched", "not asked of a text of the event"),
        ("list.watched == event.device", "unknown name"),
    ],
)
def test_what_cannot_be_asked_of_a_list_is_refused_with_its_place(expression: str, what: str) -> None:
    with pytest.raises(Refusal) as caught:
        compile_release(1, TEXTS | {"features": f"- {{name: wrong, expression: '{expression}'}}\n"})
    assert caught.value.what == what
    assert caught.value.where.startswith("features.yaml:1:")


def test_windows_ask_no_list_because_history_keeps_events_and_not_what_was_said_of_them() -> None:
    features = "- {name: wrong, template: count, where: 'event.device in list.watched', window: 1h}\n"
    with pytest.raises(Refusal, match=r"features\.yaml:1:"):
        compile_release(1, TEXTS | {"features": features})


def test_replay_reads_entries_from_a_file(tmp_path) -> None:
    config = tmp_path / "config"
    (config / "lists").mkdir(parents=True)
    for part, text in TEXTS.items():
        (config / (f"lists/{part[5:]}.txt" if part.startswith("list:") else f"{part}.yaml")).write_text(text)
    events = [event(1), event(2, START_MS + 10), event(3, device="d1")]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(msgspec.json.encode(each) for each in events))
    entries = [{"list": "watched", "value": "d0", "expires": "2023-11-14T22:13:20.010Z"}, {"list": "other", "value": "d1"}]
    (tmp_path / "entries.jsonl").write_bytes(b"\n".join(msgspec.json.encode(each) for each in entries))
    replay_files([tmp_path / "events.jsonl"], config, out=tmp_path, entries_path=tmp_path / "entries.jsonl")
    rows = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    assert {row["event_id"]: row["features"]["watched"] for row in rows} == {"1": 1.0, "2": 0.0, "3": 0.0}


STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.sampled_from([None, "gone", 3, 5, 9])), max_size=60)


@settings(max_examples=examples(200))
@given(steps=STEPS, every=st.integers(1, 9))
def test_what_is_on_a_list_equals_a_dictionary_whenever_changes_are_merged(steps: list, every: int) -> None:
    known, truth = KnownEntries(), {}
    before, known_entries.OVERLAY_MAX = known_entries.OVERLAY_MAX, every
    try:
        for name, value, end in steps:
            entry = None if end == "gone" else Entry(name, f"v{value}", end)
            known.take([Change(name, f"v{value}", entry)])
            truth[name, f"v{value}"] = -1 if entry is None else 100 if end is None else end
    finally:
        known_entries.OVERLAY_MAX = before
    values = [f"v{value}" for value in range(13)]
    for name in "abc":
        for time in range(10):
            wanted = [time < truth.get((name, value), -1) for value in values]
            assert known.contains(name, values, np.full(13, time)).tolist() == wanted
    assert len(known) == sum(end >= 0 for end in truth.values())


def test_each_of_thousands_of_values_is_found_among_their_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of 3,000 hashes share all of the bits that say where to look."""
    monkeypatch.setattr(known_entries, "OVERLAY_MAX", 1_000)
    known, values = KnownEntries(), [f"v{number}" for number in range(6_000)]
    known.take(Change("a", value, Entry("a", value)) for value in values[:3_000])
    found = known.contains("a", values, np.zeros(6_000, np.int64))
    assert found.tolist() == [True] * 3_000 + [False] * 3_000
