"""What plugs of the engine keep of each key, for every kind of entity."""

import dataclasses

import numpy as np
import pytest
from imitation import DictState

from features.profiles.profiles import Profiles
from features.profiles.sections import Section, WarmUp
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.profile_store import ProfileSlabs
from pipeline.engine.scorer import Scorer
from pipeline.flink.state import KeyedProfiles

RELEASE = compile_release(
    1,
    {
        "schema": "{id: {field: id, type: integer}, time: {field: at}, user: who, entities: [shop], fields: {amount: {type: float}}}",
        "features": "- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n"
        "- {name: shop_sum_1h, template: sum, value: event.amount, entity: shop, window: 1h}\n",
        "models": "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
        "policy": "{score: first_ready(own), bands: [{action: approve}]}",
    },
)
KINDS = ["who", "shop"]
SLOTS = Section("slots of a rule", 3)
LEVEL = Section("a level", 1)
START_MS = 1_700_000_000_000


def batch(*ids: int) -> Batch:
    decoder = Decoder(RELEASE.schema)
    events = [b'{"id":%d,"at":%d,"who":"u%d","shop":"s%d","amount":%d}' % (id, START_MS + id, id % 2, id % 2, id) for id in ids]
    return Batch.of([decoder.decode(event, START_MS + 1_000) for event in events], RELEASE.schema)


def with_sections(kind: str, *sections: Section) -> Release:
    return dataclasses.replace(RELEASE, sections={**RELEASE.sections, kind: (*RELEASE.sections.get(kind, ()), *sections)})


class Stage:
    """A scorer with a state that outlives it."""

    def __init__(self, release: Release, states: dict[str, DictState]) -> None:
        self.release = release
        self.slabs = {kind: ProfileSlabs(kind, KeyedProfiles(states[kind], kind == "who")) for kind in KINDS}

    def words(self, kind: str, name: str, keys: list[str]) -> np.ndarray:
        profiles, slots = self._open(kind, keys)
        return profiles.section(name)[slots]

    def put(self, kind: str, name: str, keys: list[str], words: list[list[float]]) -> None:
        profiles, slots = self._open(kind, keys)
        profiles.section(name)[slots] = words
        self.slabs[kind].save()

    def _open(self, kind: str, keys: list[str]):  # type: ignore[no-untyped-def]  # as `ProfileSlabs.open`
        return self.slabs[kind].open(self.release.features.plans[kind], self.release.sections.get(kind, ()), keys)


@pytest.fixture
def states() -> dict[str, DictState]:
    return {kind: DictState() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_of_any_kind_of_entity_outlives_the_process(kind: str, states: dict[str, DictState]) -> None:
    release = with_sections(kind, SLOTS, LEVEL)
    Stage(release, states).put(kind, SLOTS.name, ["a", "b"], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    again = Stage(release, states)
    assert again.words(kind, SLOTS.name, ["b", "a", "c"]).tolist() == [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]
    assert not again.words(kind, LEVEL.name, ["a", "b"]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_rests_while_no_release_declares_it_and_goes_on_when_one_does_again(kind: str, states: dict[str, DictState]) -> None:
    Stage(with_sections(kind, SLOTS), states).put(kind, SLOTS.name, ["a"], [[1.0, 2.0, 3.0]])
    Stage(with_sections(kind, LEVEL), states).put(kind, LEVEL.name, ["a"], [[9.0]])
    assert Stage(with_sections(kind, LEVEL, SLOTS), states).words(kind, SLOTS.name, ["a"]).tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_keep_all_of_their_bits(kind: str, states: dict[str, DictState]) -> None:
    release = with_sections(kind, SLOTS)
    numbers = np.array([[-1, 1 << 62, 0x7FF0_0000_0000_0001]])  # the last is a NaN that says more than NaN does
    Stage(release, states).put(kind, SLOTS.name, ["a"], numbers.view(np.float64))
    assert Stage(release, states).words(kind, SLOTS.name, ["a"]).view(np.int64).tolist() == numbers.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_that_is_new_to_a_profile_learns_the_rows_that_it_retains(kind: str) -> None:
    def add_up(words: np.ndarray, slots: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
        words[0, 0] += values.sum()

    states = {name: DictState() for name in KINDS}
    scorer = Scorer(KeyedProfiles(states[kind], kind == "who"))
    scorer.observe(RELEASE, kind, ["a", "b", "a"], batch(1, 2, 5), np.array([[1.0], [2.0], [5.0]]))
    scorer.save()
    [column] = [column.name for column in RELEASE.features.plans[kind].columns]
    total = Section("total", 1, WarmUp((column,), (1.0,), add_up))
    assert Stage(with_sections(kind, total), states).words(kind, "total", ["a", "b", "c"]).tolist() == [[6.0], [2.0], [0.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_that_comes_late_or_is_corrected_turns_no_section_back(kind: str) -> None:
    release = with_sections(kind, LEVEL)
    scorer = Scorer()
    scorer.observe(release, kind, ["a", "a"], batch(1, 9), np.array([[1.0], [9.0]]))
    profiles, slots = scorer._open(release, kind, ["a"])
    profiles.section(LEVEL.name)[slots] = 7.0
    late = batch(5)
    late.ops[:] = 0
    answers = scorer.observe(release, kind, ["a"], late, np.array([[5.0]]))
    assert answers[0, 0] == 6.0  # the window of its own time
    assert profiles.section(LEVEL.name)[slots].tolist() == [[7.0]]


def test_what_sections_take_counts_as_memory_of_profiles() -> None:
    plain, wide = (ProfileSlabs("shop", KeyedProfiles(DictState(), False)) for _ in range(2))
    plan = RELEASE.features.plans["shop"]
    plain.open(plan, (), ["a", "b"])
    wide.open(plan, (Section("wide", 100),), ["a", "b"])
    assert wide.size_bytes == plain.size_bytes + 2 * 800


STEPS = Section("the steps of a rule", 4, begins=(-1.0, 0.0, 0.0, 7.0), sparse=True)
OTHER_STEPS = Section("the steps of another rule", 2, sparse=True)
THRESHOLD = Section("location, spread and weight", 3, begins=(5.0, 1.0, 0.0))
CLIENT = (THRESHOLD, STEPS, OTHER_STEPS)


def open_profiles(release: Release, kind: str, keys: list[str]) -> tuple[Profiles, np.ndarray]:
    profiles = Profiles(release.features.plans[kind], release.sections.get(kind, ()))
    return profiles, profiles.slots(keys)


def change(profiles: Profiles, name: str, slots: np.ndarray, words: list[list[float]]) -> None:
    rows = profiles.section_rows(name, slots, make=True)
    profiles.section(name)[rows] = words


def words_of(profiles: Profiles, name: str, slots: np.ndarray) -> list[list[float] | None]:
    rows = profiles.section_rows(name, slots)
    return [None if row < 0 else profiles.section(name)[row].tolist() for row in rows.tolist()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_begins_with_the_declared_words_of_dense_sections_and_with_none_of_sparse_ones(kind: str) -> None:
    profiles, slots = open_profiles(with_sections(kind, *CLIENT), kind, ["a", "b"])
    assert words_of(profiles, THRESHOLD.name, slots) == [[5.0, 1.0, 0.0]] * 2
    assert words_of(profiles, STEPS.name, slots) == [None, None]
    profiles.section_rows(STEPS.name, slots[1:], make=True)
    assert words_of(profiles, STEPS.name, slots) == [None, [-1.0, 0.0, 0.0, 7.0]]
    assert words_of(profiles, OTHER_STEPS.name, slots) == [None, None]


@pytest.mark.parametrize("kind", KINDS)
def test_dense_and_sparse_sections_are_saved_and_restored_by_one_mechanism(kind: str) -> None:
    release, keys = with_sections(kind, *CLIENT), ["a", "b", "c", "d"]
    profiles, slots = open_profiles(release, kind, keys)
    change(profiles, THRESHOLD.name, slots[:1], [[1.0, 2.0, 3.0]])
    change(profiles, STEPS.name, slots[:2], [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    change(profiles, OTHER_STEPS.name, slots[1:3], [[8.0, 9.0], [6.0, 5.0]])
    saved = profiles.save(slots)
    again, _ = open_profiles(release, kind, ["z"])
    for key, head in reversed(list(zip(keys, saved.heads, strict=True))):
        again.restore(key, head, [])
    for section in CLIENT:
        assert words_of(again, section.name, again.slots(keys)) == words_of(profiles, section.name, slots)
    assert list(again.save(again.slots(keys)).heads) == list(saved.heads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sparse_section_costs_a_head_without_it_nothing(kind: str) -> None:
    plain, sparse = (open_profiles(with_sections(kind, *sections), kind, ["a"]) for sections in ((), (STEPS, OTHER_STEPS)))
    assert list(plain[0].save(plain[1]).heads) == list(sparse[0].save(sparse[1]).heads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sparse_section_rests_while_no_release_declares_it_and_goes_on_when_one_does_again(kind: str) -> None:
    with_steps, without = with_sections(kind, *CLIENT), with_sections(kind, THRESHOLD)
    profiles, slots = open_profiles(with_steps, kind, ["a", "b"])
    change(profiles, STEPS.name, slots[:1], [[1.0, 2.0, 3.0, 4.0]])
    for release in (without, with_steps):
        saved = profiles.save(profiles.slots(["a", "b"]))
        profiles, _ = open_profiles(release, kind, [])
        for key, head in zip(["a", "b"], saved.heads, strict=True):
            profiles.restore(key, head, [])
    assert words_of(profiles, STEPS.name, profiles.slots(["a", "b"])) == [[1.0, 2.0, 3.0, 4.0], None]


@pytest.mark.parametrize("kind", KINDS)
def test_sections_of_a_profile_that_is_let_go_are_no_memory_and_are_not_found_by_the_next_key(kind: str) -> None:
    profiles, slots = open_profiles(with_sections(kind, *CLIENT), kind, [f"k{number}" for number in range(200)])
    before = profiles.size_bytes
    change(profiles, STEPS.name, slots, [[1.0, 2.0, 3.0, 4.0]] * 200)
    change(profiles, THRESHOLD.name, slots, [[9.0, 9.0, 9.0]] * 200)
    assert profiles.size_bytes >= before + 200 * 32
    whole = profiles.size_bytes
    freed = profiles.evict(whole // 2)
    assert profiles.size_bytes == whole - freed <= whole // 2 + 1
    assert 0 < len(profiles) < 200
    profiles.discard([f"k{number}" for number in range(200)])
    assert profiles.size_bytes == 0
    slots = profiles.slots(["new", "newer"])
    assert words_of(profiles, STEPS.name, slots) == [None, None]
    assert words_of(profiles, THRESHOLD.name, slots) == [[5.0, 1.0, 0.0]] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_late_event_turns_back_what_declares_it_and_leaves_standing_what_does_not(kind: str) -> None:
    release = with_sections(kind, *CLIENT)
    scorer = Scorer()
    scorer.observe(release, kind, ["a", "a"], batch(1, 9), np.array([[1.0], [9.0]]))
    profiles, slots = scorer._open(release, kind, ["a"])
    change(profiles, STEPS.name, slots, [[1.0, 2.0, 3.0, 4.0]])
    change(profiles, THRESHOLD.name, slots, [[6.0, 2.0, 1.0]])
    answers = scorer.observe(release, kind, ["a"], batch(5), np.array([[5.0]]))
    assert [state.rewinds for state in profiles._states] == [True, False]
    assert answers[0, 0] == 6.0  # the window of its own time
    assert words_of(profiles, STEPS.name, slots) == [[1.0, 2.0, 3.0, 4.0]]
    assert words_of(profiles, THRESHOLD.name, slots) == [[6.0, 2.0, 1.0]]


def test_a_slab_of_an_old_layout_goes_after_two_checkpoints_without_an_event_of_it(states: dict[str, DictState]) -> None:
    stage = Stage(with_sections("shop", LEVEL), states)
    stage.put("shop", LEVEL.name, ["a", "b"], [[1.0], [2.0]])
    stage.release = with_sections("shop", LEVEL, *CLIENT)
    slabs = stage.slabs["shop"]
    counts = []
    for key in ("a", "c", "c"):
        stage.put("shop", LEVEL.name, [key], [[3.0]])
        counts.append(len(slabs))
    assert counts == [2, 1, 1]
    assert stage.words("shop", LEVEL.name, ["a", "b"]).tolist() == [[3.0], [2.0]]
