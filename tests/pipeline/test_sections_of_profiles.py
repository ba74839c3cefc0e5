"""What plugs of the engine keep of each key, for every kind of entity."""

import dataclasses

import numpy as np
import pytest
from imitation import DictState

from features.profiles.sections import Section, WarmUp
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.profile_store import ProfileArenas
from pipeline.engine.release import Release, compile_release
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
        self.arenas = {kind: ProfileArenas(kind, KeyedProfiles(states[kind], kind == "who")) for kind in KINDS}

    def words(self, kind: str, name: str, keys: list[str]) -> np.ndarray:
        profiles, slots = self._open(kind, keys)
        return profiles.section(name)[slots]

    def put(self, kind: str, name: str, keys: list[str], words: list[list[float]]) -> None:
        profiles, slots = self._open(kind, keys)
        profiles.section(name)[slots] = words
        self.arenas[kind].save()

    def _open(self, kind: str, keys: list[str]):  # type: ignore[no-untyped-def]  # as `ProfileArenas.open`
        return self.arenas[kind].open(self.release.features.plans[kind], self.release.sections.get(kind, ()), keys)


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
    total = Section("total", 1, WarmUp(column, 1.0, add_up))
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
    plain, wide = (ProfileArenas("shop", KeyedProfiles(DictState(), False)) for _ in range(2))
    plan = RELEASE.features.plans["shop"]
    plain.open(plan, (), ["a", "b"])
    wide.open(plan, (Section("wide", 100),), ["a", "b"])
    assert wide.size_bytes == plain.size_bytes + 2 * 800
