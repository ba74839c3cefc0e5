import itertools
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.refusal import Refusal
from patterns.entries import CARRIED_OVER, REASON_BYTES_MAX, VALUE_BYTES_MAX, Change, Entry, check_reason, check_value, key_of, placed
from patterns.entry_lists import EntryLists
from patterns.list_changes import ENTRIES_IN_ALL_MAX, carried_over, check_room, edited, pushed, replaced

TEXTS = st.text(max_size=6)
NAMES = ("bad", "good")
FEW = st.sampled_from(["a", "b", '"', "c,d", "é"])


class Topic:
    """A compacted topic with one partition, in memory."""

    def __init__(self) -> None:
        self.records: list[tuple[int, str, bytes | None]] = []
        self.end = 0

    def write(self, changes: Iterable[Change | None]) -> None:
        for change in [each for each in changes if each is not None]:
            self.records.append((self.end, *change.record()))
            self.end += 1

    def compact(self) -> None:
        """Keeps the newest record of each key, and forgets those without a value, but for the newest of all as Kafka does."""
        newest = {key: offset for offset, key, _ in self.records}
        self.records = [each for each in self.records if newest[each[1]] == each[0] and (each[2] is not None or each[0] == self.end - 1)]

    def read(self, lists: EntryLists) -> EntryLists:
        for offset, key, value in self.records:
            lists.take(placed(key, value, offset))
        return lists


@pytest.mark.slow
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_two_entries_have_one_key(one: str, two: str, three: str, four: str) -> None:
    assert (key_of(one, two) == key_of(three, four)) == ((one, two) == (three, four))


@given(st.sampled_from(NAMES), TEXTS, st.one_of(st.none(), st.integers(0, 1 << 62)), TEXTS)
def test_an_entry_is_read_as_it_was_written(name: str, value: str, expires: int | None, reason: str) -> None:
    entry = Entry(name, value, expires, reason, "ann", "api", "edit:1")
    key, record = Change(name, value, entry).record()
    assert placed(key, record, 7) == (7, Change(name, value, entry), False)
    assert placed(key, None, 8) == (8, Change(name, value, None), False)


@pytest.mark.parametrize(
    ("key", "value"),
    [("x", b"{}"), ('["a"]', b"{}"), ('["a", "b"]', b'{"list":"a","value":"b"}'), ('["a","b"]', b'{"list":"a","value":"c"}'),
     ('["a","b"]', b"{}"), ('["a","b"]', b""), ('["a","b"]', b'{"list":"a","value":"b","expires":"soon"}')],
)  # fmt: skip
def test_what_is_no_record_of_an_entry_is_refused(key: str, value: bytes) -> None:
    with pytest.raises(ValueError):
        placed(key, value, 0)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    record = placed('["a","b"]', b'{"list":"a","value":"b","weight":2}', 0)
    assert record.change == Change("a", "b", Entry("a", "b"))


EDITS = st.tuples(
    st.just("edit"), st.sampled_from(NAMES), st.lists(st.tuples(FEW, st.one_of(st.none(), st.integers(1, 9))), max_size=4), st.lists(FEW)
)
WHOLE = st.tuples(st.sampled_from(["replace", "push"]), st.sampled_from(NAMES), st.lists(FEW, unique=True), st.just([]))
OTHERS = st.tuples(st.sampled_from(["expire", "restart", "compact"]), st.just(""), st.just([]), st.just([]))


class Model:
    """Lists that follow a topic, and what they ought to be: end and source by value, by list."""

    def __init__(self) -> None:
        self.topic, self.lists, self.now_ms = Topic(), EntryLists(), 0
        self.truth: dict[str, dict[str, tuple[int | None, str]]] = {name: {} for name in NAMES}

    def edit(self, name: str, add: list[tuple[str, int | None]], remove: list[str]) -> None:
        entries = [Entry(name, value, expires, source="api") for value, expires in add]
        self.topic.write(edited(self.lists.get(name), name, entries, remove))
        own, wanted = self.truth[name], dict(add)
        for value in set(remove) - set(wanted):
            own.pop(value, None)
        for value, expires in wanted.items():
            if value not in own or own[value][0] != expires:
                own[value] = (expires, "api")

    def replace(self, name: str, values: list[str], _: list[str]) -> None:
        self.topic.write(replaced(self.lists.get(name), Entry(name, "", source="api"), values))
        own = self.truth[name]
        self.truth[name] = {value: own[value] if own.get(value, (0, ""))[0] is None else (None, "api") for value in values}

    def push(self, name: str, values: list[str], _: list[str]) -> None:
        self.topic.write(pushed(self.lists.get(name), Entry(name, "", source="folder"), values))
        kept = {value: each for value, each in self.truth[name].items() if each[1] != "folder"}
        self.truth[name] = kept | dict.fromkeys(values, (None, "folder"))

    def expire(self, *_: object) -> None:
        self.now_ms += 3
        self.topic.write(Change(entry.list, entry.value, None) for entry in self.lists.expired(self.now_ms, 100))
        for own in self.truth.values():
            for value in [value for value, (end, _) in own.items() if end is not None and end <= self.now_ms]:
                del own[value]

    def restart(self, *_: object) -> None:
        self.lists = EntryLists()

    def compact(self, *_: object) -> None:
        self.topic.compact()

    def check(self) -> None:
        self.topic.read(self.lists)
        assert self.lists.read_to == self.topic.end
        assert self.lists.count == sum(map(len, self.truth.values()))
        for name, expected in self.truth.items():
            found = self.lists.get(name)
            assert {entry.value: (entry.expires, entry.source) for entry in found.after()} == expected
            for time_ms in (0, self.now_ms, 5, 9):
                assert found.count_at(time_ms) == sum(entry.counts_at(time_ms) for entry in found.after())


@pytest.mark.slow
@given(st.lists(st.one_of(EDITS, WHOLE, OTHERS), max_size=30))
def test_lists_are_plain_dicts_whatever_is_done_to_them(steps: list[tuple[str, str, list, list]]) -> None:
    model = Model()
    for step, name, values, gone in steps:
        written = model.topic.end
        getattr(model, step)(name, values, gone)
        model.check()
        if model.topic.end > written and name:
            assert model.lists.get(name).version == model.topic.end
            written = model.topic.end
            getattr(model, step)(name, values, gone)  # what is so already is not written again
            assert model.topic.end == written


def test_a_record_that_comes_twice_counts_once() -> None:
    topic, lists = Topic(), EntryLists()
    topic.write([Change("bad", "a", Entry("bad", "a")), Change("bad", "a", None)])
    topic.read(lists)
    topic.read(lists)
    assert (lists.count, lists.get("bad").version) == (0, 2)


def test_an_entry_counts_up_to_its_end_and_is_found_by_it() -> None:
    topic, lists = Topic(), EntryLists()
    topic.write([Change("bad", str(end), Entry("bad", str(end), end)) for end in (5, 3, 9)] + [Change("bad", "x", Entry("bad", "x"))])
    found = topic.read(lists).get("bad")
    assert [found.count_at(time_ms) for time_ms in (2, 3, 4, 5, 9)] == [4, 3, 3, 2, 1]
    assert [entry.value for entry in lists.expired(5, 10)] == ["3", "5"]
    assert [entry.value for entry in lists.expired(9, 2)] == ["3", "5"]
    topic.write([Change("bad", "3", Entry("bad", "3"))])
    assert [entry.value for entry in topic.read(lists).expired(9, 10)] == ["5", "9"]


def test_a_text_that_many_entries_share_is_kept_once() -> None:
    both = [placed(*Change("bad", value, Entry("bad", value, reason="a long reason", by="ann", id="edit:1")).record(), 0) for value in "ab"]
    one, two = (each.change.entry for each in both if each.change and each.change.entry)
    assert one.reason is two.reason and one.id is two.id and one.list is two.list


def test_what_a_release_held_is_added_where_it_is_not_there() -> None:
    topic, lists = Topic(), EntryLists()
    topic.write([Change("bad", "a", Entry("bad", "a", 5, source="api"))])
    changes = list(carried_over(topic.read(lists).get("bad"), Entry("bad", "", source="release"), ["a", "b"]))
    assert [change.value for change in changes if change] == ["b"]
    topic.write(changes)
    topic.records.append((topic.end, CARRIED_OVER, b"{}"))
    assert topic.read(lists).carried_over
    assert [entry.source for entry in lists.get("bad").after()] == ["api", "release"]


def test_a_reason_is_kept_unless_another_is_given() -> None:
    topic, lists = Topic(), EntryLists()
    topic.write([Change("bad", "a", Entry("bad", "a", reason="stolen"))])
    found = topic.read(lists).get("bad")
    assert list(edited(found, "bad", [Entry("bad", "a")], [])) == [None]
    assert list(edited(found, "bad", [Entry("bad", "a", reason="stolen")], [])) == [None]
    lost = Entry("bad", "a", reason="lost")
    assert list(edited(found, "bad", [lost], [])) == [Change("bad", "a", lost)]


def test_lists_have_room_for_so_many_entries_and_no_more() -> None:
    lists = EntryLists()
    lists.count = ENTRIES_IN_ALL_MAX
    with pytest.raises(Refusal, match=f"at most {ENTRIES_IN_ALL_MAX} entries of all lists"):
        check_room(lists, "bad", 1)
    check_room(lists, "bad", 0)
    lists.count -= 1
    check_room(lists, "bad", 1)


@pytest.mark.parametrize("value", ["", " x", "x ", "# x", "a\nb", "a\x00", "a\u2028b", "x" * (VALUE_BYTES_MAX + 1), "é" * 1_025])
def test_what_is_no_value_is_refused(value: str) -> None:
    with pytest.raises(Refusal):
        check_value(value, "list edit")
    assert check_value("é" * 1_024, "list edit")


def test_bytes_of_a_reason_have_an_end() -> None:
    assert check_reason("é" * 512, "list edit")
    with pytest.raises(Refusal, match=f"reason too long: expected at most {REASON_BYTES_MAX} bytes"):
        check_reason("é" * 513, "list edit")


def test_every_field_of_an_entry_but_list_and_value_may_be_absent() -> None:
    assert msgspec.json.decode(b'{"list":"a","value":"b"}', type=Entry) == Entry("a", "b")
    assert list(itertools.islice(EntryLists().get("none").after(), 1)) == []
