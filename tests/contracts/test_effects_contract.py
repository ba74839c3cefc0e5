"""What the store of the effects of rules keeps to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from databases_of_a_test import PLACES

from patterns.language.pattern import Budget
from stores.effects import HOUR_MS, CountedMatch, GivenLabel, WantedEntry, Work
from stores.offsets import OtherReaderError, Progress
from stores.relational import scored_events
from stores.relational.database import Database
from stores.relational.effects import RelationalEffects
from stores.scored_events import ScoredEvent, sample_place

DAY_MS = 24 * HOUR_MS
START_MS = 20_000 * DAY_MS
BUDGET = Budget(2, HOUR_MS)


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[RelationalEffects]:
    with contextlib.closing(Database(PLACES[request.param](request))) as database:
        yield RelationalEffects(database)


def match(number: int = 1, pattern: str = "r", at_ms: int = START_MS, **more: object) -> CountedMatch:
    found = CountedMatch(f"e{number}", "u", str(number), 0, pattern, "v1", 1, False, "review", "review", True, True, at_ms, at_ms)
    return msgspec.structs.replace(found, **more)


def entry(id: str = "i1", event: str = "e1", value: str = "d1", expires: int | None = START_MS + DAY_MS, revision: int = 0) -> WantedEntry:
    return WantedEntry(id, event, revision, "watched", value, expires, "why", "r", "v1", START_MS)


def read_on(before: int | None, after: int) -> Progress:
    return Progress({} if before is None else {"decisions/0": before}, {"decisions/0": after})


class Reader:
    """A process that reads one partition."""

    def __init__(self, store: RelationalEffects) -> None:
        self.store = store

    def take(self, *matches: CountedMatch, **more: object) -> bool:
        at = self.store.positions().get("decisions/0")
        newest = max((each.newest_ms for each in matches), default=START_MS)
        work = Work(read_on(at, (at or 0) + 1), matches=list(matches), newest_ms=newest)
        for name, value in more.items():
            setattr(work, name, value)
        return self.store.apply(work, 1_000)


@pytest.fixture
def reader(store: RelationalEffects) -> Reader:
    return Reader(store)


def test_of_two_readers_of_the_same_records_one_writes_and_the_other_is_told(store: RelationalEffects) -> None:
    store.apply(Work(read_on(None, 5), matches=[match()]), 1_000)
    for before in (None, 4):
        with pytest.raises(OtherReaderError):
            store.apply(Work(read_on(before, 9), decided={(1, START_MS): 4}, matches=[match(2)]), 1_000)
    assert store.positions() == {"decisions/0": 5}
    assert (store.decided(0), [total.acted for total in store.totals(9)]) == ({}, [1])


def test_of_many_readers_that_write_at_once_one_does(store: RelationalEffects) -> None:
    store.apply(Work(read_on(None, 5)), 1_000)

    def write(number: int) -> int:
        try:
            store.apply(Work(read_on(5, 6 + number), matches=[match(number)]), 1_000)
        except OtherReaderError:
            return 0
        return 1

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(write, range(8))) == 1
    assert store.totals(9)[0].acted == 1


def test_a_match_counts_once_however_often_its_decision_comes(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(), match(), match(2, shadow=True, alone=False))
    reader.take(match(), match(revision=1, action="block"))
    [acted, watched] = sorted(store.counts(["r"], 0)["r"], key=lambda count: count.shadow)
    assert (acted.matches, acted.decided, acted.alone, acted.action, acted.version, acted.hour_ms) == (1, 1, 1, "review", "v1", START_MS)
    assert (watched.matches, watched.alone) == (1, 0)
    [total] = store.totals(9)
    assert (total.pattern, total.acted, total.watched, total.alone) == ("r", 1, 1, 1)


def test_decided_events_and_matches_of_the_same_hour_add_up(store: RelationalEffects, reader: Reader) -> None:
    for number in range(3):
        reader.take(match(number, at_ms=START_MS + number), decided={(1, START_MS): 10})
    reader.take(match(9, at_ms=START_MS + HOUR_MS))
    assert store.decided(START_MS) == {(1, START_MS): 30}
    assert [(count.hour_ms, count.matches) for count in store.counts(["r"], 0)["r"]] == [(START_MS, 3), (START_MS + HOUR_MS, 1)]
    assert [count.matches for count in store.counts(["r"], START_MS + HOUR_MS)["r"]] == [1]


def test_rules_that_match_the_same_event_overlap(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(1, "a"), match(1, "b"), match(1, "c", exception=0), match(2, "a"), match(3, "b"), match(3, "a"))
    assert store.overlaps(["a", "b", "c"], START_MS) == {"a": {"b": 2}, "b": {"a": 2}}
    assert store.overlaps(["a"], START_MS + DAY_MS) == {}


def test_exceptions_are_counted_by_how_often_they_hid_a_match(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(1, exception=0), match(2, exception=1), match(3, exception=1, at_ms=START_MS + 5))
    reader.take(match(3, exception=1), match(4, "s", exception=0))
    found = [(each.pattern, each.exception, each.hidden, each.newest_ms - START_MS) for each in store.hidden()]
    assert found == [("r", 1, 2, 5), ("r", 0, 1, 0), ("s", 0, 1, 0)]
    assert [each.pattern for each in store.hidden(["s"])] == ["s"]
    assert store.counts(["r"], 0) == {}


def test_the_newest_label_of_each_source_is_joined_with_the_matches(store: RelationalEffects, reader: Reader) -> None:
    reader.take(labels=[GivenLabel("e1", "analyst", 1, 50), GivenLabel("e1", "auto", 0, 70), GivenLabel("e9", "auto", 0, 1)])
    reader.take(match(1), match(2), match(3, exception=0), labels=[GivenLabel("e1", "analyst", 0, 40), GivenLabel("e3", "analyst", 1, 1)])
    assert [(each.event, each.source, each.label) for each in sorted(store.labelled(["r"], 0)["r"], key=lambda each: each.source)] == [
        ("e1", "analyst", 1),
        ("e1", "auto", 0),
    ]
    assert store.labelled(["r"], START_MS + 1) == {}


def trip(store: RelationalEffects) -> Sequence[str]:
    return [f"{each.then} {each.matches} {each.outcome or 'open'}" for each in store.trips(["r"], 9).get("r", [])]


def test_a_budget_trips_once_and_again_only_by_matches_of_later_releases(store: RelationalEffects, reader: Reader) -> None:
    assert not reader.take(match(1, budget=BUDGET), match(2, budget=BUDGET))
    assert reader.take(match(3, budget=BUDGET), match(4, budget=BUDGET), match(5, budget=BUDGET), match(6, budget=BUDGET))
    assert not reader.take(*(match(number, budget=BUDGET) for number in range(7, 12)))
    assert trip(store) == ["shadow 2 open"]
    [alert] = store.alerts()
    said = msgspec.json.decode(alert.value)
    assert (said["id"], said["type"], said["pattern"], said["event_time"]) == (alert.id, "budget", "r", START_MS)
    taken = store.take_trip("api-1", 1_000, 5_000)
    assert taken is not None
    assert taken.id == alert.id
    store.close_trip(taken.id, 7, "the rule is in shadow")
    assert not reader.take(*(match(number, budget=BUDGET, release=7) for number in range(12, 20)))
    assert reader.take(*(match(number, budget=BUDGET, release=8) for number in range(20, 23)))
    assert sorted(trip(store)) == ["shadow 2 open", "shadow 2 the rule is in shadow"]
    assert len(store.alerts()) == 2


def test_matches_that_are_only_watched_or_hidden_or_come_again_spend_no_budget(store: RelationalEffects, reader: Reader) -> None:
    again = [match(1, budget=BUDGET)] * 9
    reader.take(*again, *(match(number, shadow=True, budget=BUDGET) for number in range(2, 9)))
    reader.take(*again, *(match(number, exception=0, budget=BUDGET) for number in range(9, 15)))
    assert trip(store) == []


def test_matches_that_are_older_than_the_window_spend_no_budget(store: RelationalEffects, reader: Reader) -> None:
    now_ms = START_MS + 5 * HOUR_MS
    reader.take(*(match(number, newest_ms=now_ms, budget=BUDGET) for number in range(9)))
    assert trip(store) == []


def test_a_trip_is_one_callers_until_its_lease_ends(store: RelationalEffects, reader: Reader) -> None:
    reader.take(*(match(number, budget=BUDGET) for number in range(3)))
    assert store.take_trip("api-1", 1_000, 5_000) is not None
    assert store.take_trip("api-2", 4_999, 9_000) is None
    assert store.take_trip("api-1", 4_999, 5_000) is not None
    taken = store.take_trip("api-2", 5_000, 9_000)
    assert taken is not None
    store.close_trip(taken.id, 3, "done")
    store.close_trip(taken.id, 4, "done again")
    assert store.take_trip("api-1", 99_000, 99_999) is None
    assert [each.done_release for each in store.trips(["r"], 9).get("r", [])] == [3]


def test_alerts_are_there_until_they_are_sent(store: RelationalEffects, reader: Reader) -> None:
    reader.take(*(match(number, budget=BUDGET) for number in range(3)))
    [alert] = store.alerts()
    store.alerts_sent(["another"])
    assert store.alerts() == [alert]
    store.alerts_sent([alert.id])
    assert store.alerts() == []


def test_an_entry_is_wanted_once_and_open_until_something_became_of_it(store: RelationalEffects, reader: Reader) -> None:
    reader.take(entries=[entry(), entry("i2", "e2", "d2", None)])
    reader.take(entries=[entry()])
    assert store.open_entries(9) == [entry(), entry("i2", "e2", "d2", None)]
    store.entries_done({"i1": "made", "i2": "refused"})
    assert store.open_entries(9) == []
    reader.take(entries=[entry()])
    assert store.open_entries(9) == []
    assert store.entry_states(["r"]) == {"r": {"made": 1, "refused": 1}}
    assert [each.state for each in store.entries_of("watched", "d1")] == ["made"]
    assert store.entries_of("watched", "d2") == []


def test_an_entry_that_has_expired_before_it_could_count_is_not_wanted(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(newest_ms=START_MS + DAY_MS))
    reader.take(entries=[entry(), entry("i2", expires=START_MS + DAY_MS + 1)])
    assert [each.id for each in store.open_entries(9)] == ["i2"]


def test_a_later_revision_takes_back_what_earlier_ones_put_on_lists(store: RelationalEffects, reader: Reader) -> None:
    reader.take(entries=[entry(), entry("other", "e2")])
    store.entries_done({"i1": "made", "other": "covered"})
    reader.take(revised=[("e1", 1)], entries=[entry("i3", value="d3", revision=1)])
    assert [(each.id, each.state) for each in store.open_entries(9)] == [("i1", "unwanted"), ("i3", "wanted")]
    assert [each.id for each in store.entries_of("watched", "d1")] == ["other"]
    store.entries_done({"i1": "withdrawn"})
    assert [each.id for each in store.open_entries(9)] == ["i3"]
    reader.take(entries=[entry()])
    assert [each.id for each in store.open_entries(9)] == ["i3"], "the first decision came again"


def test_a_revision_takes_back_what_came_in_the_same_batch(store: RelationalEffects, reader: Reader) -> None:
    reader.take(revised=[("e1", 1)], entries=[entry(), entry("i3", value="d3", revision=1)])
    assert [(each.id, each.state) for each in store.open_entries(9)] == [("i1", "unwanted"), ("i3", "wanted")]


def test_what_is_old_is_forgotten_and_of_too_many_matches_those_of_the_busiest_rule(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(1, "old", START_MS - DAY_MS), decided={(1, START_MS - DAY_MS): 1}, entries=[entry(expires=START_MS - 1)])
    reader.take(match(2, "quiet"), *(match(number, "busy", START_MS + number) for number in range(3, 9)))
    assert store.forget(START_MS, 4, 2) == 5
    while store.forget(START_MS, 4, 2):
        pass
    reader.take(match(2, "quiet"), match(8, "busy"))
    assert {each.pattern: each.acted for each in store.totals(9)} == {"busy": 6, "quiet": 1, "old": 1}
    reader.take(*(match(number, "busy", START_MS + number) for number in range(3, 6)))
    assert {each.pattern: each.acted for each in store.totals(9)}["busy"] == 9, "the oldest three were forgotten"
    assert store.counts(["old"], 0) == {}
    assert store.decided(0) == {}


def test_failures_of_rules_add_up_beside_their_matches(store: RelationalEffects, reader: Reader) -> None:
    reader.take(match(), failures={"r": (2, 0), "s": (0, 5)})
    reader.take(failures={"r": (1, 1)})
    assert [(each.pattern, each.acted, each.erred, each.skipped) for each in store.totals(9)] == [("r", 1, 3, 1), ("s", 0, 0, 5)]


def scored(number: int, day: int = 0, user: str | None = None) -> ScoredEvent:
    at_ms, who = START_MS + day * DAY_MS + number, user or f"u{number}"
    place = sample_place(who, START_MS + day * DAY_MS)
    numbers, shares = {"event.amount": float(number)}, {"m": {"event.amount": number / 8}}
    return ScoredEvent(f"s{day}/{number}", who, at_ms, place, "approve", 1, 0.25, {"m": 0.5, "n": None}, numbers, shares)


def test_scored_events_are_kept_once_with_their_labels_and_numbers(reader: Reader) -> None:
    reader.take(scored=[scored(1), scored(2)])
    reader.take(scored=[scored(2), scored(3, day=1)], labels=[GivenLabel("s0/2", "analyst", 1, 5), GivenLabel("other", "analyst", 1, 5)])
    found = reader.store.scored_sample(START_MS, numbers=True)
    assert sorted(found.events, key=lambda event: event.at_ms) == [scored(1), scored(2), scored(3, day=1)]
    assert found.labels == [("s0/2", "analyst", 1, 5)]
    assert found.shares == {START_MS: 1.0, START_MS + DAY_MS: 1.0}
    assert [event.event for event in reader.store.scored_sample(START_MS + DAY_MS).events] == ["s1/3"]
    while reader.store.forget(START_MS + DAY_MS, 10, 10):
        pass
    assert [event.event for event in reader.store.scored_sample(0).events] == ["s1/3"]


def test_of_a_day_with_many_events_a_share_of_the_users_is_kept_whole(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_events, "EVENTS_MAX", 40)
    monkeypatch.setattr(scored_events, "NUMBERS_MAX", 10)
    whole = [scored(number, user=f"u{number % 100}") for number in range(400)]
    for first in range(0, 400, 30):
        reader.take(scored=whole[first : first + 30])
    found = reader.store.scored_sample(START_MS)
    share = found.shares[START_MS]
    assert {event.event for event in found.events} == {event.event for event in whole if event.place < share}
    assert 20 <= len(found.events) <= 50
    with_numbers = reader.store.scored_sample(START_MS, numbers=True)
    assert {event.event for event in with_numbers.events} == {event.event for event in whole if event.place < with_numbers.shares[START_MS]}
    assert 0 < len(with_numbers.events) <= 12
