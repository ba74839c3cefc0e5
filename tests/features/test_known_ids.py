"""How long the ids of a user's events are known, against a list of all of them."""

import numpy as np
from example_counts import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.definitions.aggregate import Code, Reading
from features.definitions.window import SLIDING, Window
from features.layout.layout import DUPLICATE, ID_REUSED, LATE, TOO_FAR_BACK, TOO_LATE, WARMING
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema

TEXT = """
id: {field: id, type: integer}
time: {field: time}
user: user
lateness: 10s
retention: 30s
dedupe: %s
rewind_max: 32
"""
START_MS = 1_700_000_000_000
READINGS = [Reading(Code.COUNT, "", Window(SLIDING, 20_000))]


def schema_of(dedupe: str):
    return read_schema(TEXT % dedupe)


class AllEvents:
    """Every event that was taken in, for ever."""

    def __init__(self, schema) -> None:
        self.schema = schema
        self.taken: list[tuple[int, int, int]] = []

    def fate(self, time_ms: int, id: int, body: int) -> int:
        if not self.taken:
            self.taken.append((time_ms, id, body))
            return 0
        newest_ms = max(self.taken)[0]
        oldest_ms = max(newest_ms, time_ms) - max(self.schema.dedupe_ms, self.schema.lateness_ms)
        for then_ms, known, said in sorted(self.taken, reverse=True)[: self.schema.rewind_max]:
            if known == id and then_ms >= oldest_ms:
                return DUPLICATE if said == body else ID_REUSED
        if (time_ms, id) < max(self.taken)[:2]:
            if time_ms < newest_ms - self.schema.lateness_ms:
                return TOO_LATE
            if sum(then_ms >= time_ms for then_ms, _, _ in self.taken) > self.schema.rewind_max:
                return TOO_FAR_BACK
        late = LATE if (time_ms, id) < max(self.taken)[:2] else 0
        self.taken.append((time_ms, id, body))
        return late


class Restarted:
    """Profiles of one user that are saved and restored between any two runs."""

    def __init__(self, schema) -> None:
        self.plan = compile_plan("user", True, READINGS, [], schema)
        self.profiles = Profiles(self.plan)
        self.pages: dict[int, bytes] = {}

    def run(self, events: list[tuple[int, int, int]]) -> list[int]:
        times, ids, bodies = (np.array(column, np.int64) for column in zip(*events, strict=True))
        batch = Batch([str(id) for id in ids], ids, ids, times, ["u"] * len(events), {}, np.zeros((len(events), 0)), bodies)
        slots = np.repeat(self.profiles.slots(["u"]), len(events))
        out = np.empty((len(events), self.plan.width))
        return self.profiles.observe(slots, batch, np.zeros((len(events), 0)), out).flags.tolist()

    def restart(self) -> None:
        saved = self.profiles.save(self.profiles.slots(["u"]))
        for _, seq in saved.dropped:
            self.pages.pop(seq, None)
        self.pages.update({seq: blob for _, seq, blob in saved.pages})
        self.profiles = Profiles(self.plan)
        self.profiles.restore("u", saved.heads[0], list(self.pages.items()))


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Events (time, id, body): new ones, late ones, ones sent again, and other events under an id that was used."""
    clock = START_MS
    sent: list[tuple[int, int, int]] = []
    for n in range(draw(st.integers(1, 90))):
        clock += draw(st.sampled_from([0, 1, 10, 200, 1_000, 5_000]))
        late = draw(st.sampled_from([0] * 6 + [1, 900, 4_000, 10_000, 10_001]))
        what = draw(st.sampled_from(["new"] * 5 + ["again", "again", "reused"]))
        if what == "new" or not sent:
            sent.append((clock - late, n * 7919 % 10_007, n))
        else:
            old = sent[-draw(st.integers(1, len(sent)))]
            sent.append(old if what == "again" else (draw(st.sampled_from([old[0], clock])), old[1], 1_000 + n))
    return sent


@settings(max_examples=examples(150), phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@given(streams(), st.sampled_from(["1s", "10s", "15s", "1h"]), st.sets(st.integers(1, 90), max_size=4))
def test_an_id_is_known_for_dedupe_and_among_the_newest_events_whatever_is_restarted(events, dedupe, cuts) -> None:
    schema = schema_of(dedupe)
    profiles, all_events = Restarted(schema), AllEvents(schema)
    ends = [*sorted(cut for cut in cuts if cut < len(events)), len(events)]
    first = 0
    for end in ends:
        flags = profiles.run(events[first:end])
        for flag, event in zip(flags, events[first:end], strict=True):
            assert flag & ~WARMING == all_events.fate(*event), event
        profiles.restart()
        first = end
    places = [(time_ms, id) for time_ms, id, _ in all_events.taken]
    assert len(places) == len(set(places)), "an event counts twice"


def test_an_event_that_is_sent_again_behind_more_than_rewind_max_others_is_refused_and_not_counted_twice() -> None:
    profiles = Restarted(schema_of("1h"))
    profiles.run([(START_MS + n, n, n) for n in range(33)])
    assert profiles.run([(START_MS, 0, 0)]) == [TOO_FAR_BACK]
    assert profiles.run([(START_MS + 1, 1, 1)]) == [DUPLICATE]


def test_a_known_id_is_forgotten_one_millisecond_after_dedupe() -> None:
    for after_ms, wanted in ((15_000, ID_REUSED), (15_001, 0)):
        profiles = Restarted(schema_of("15s"))
        profiles.run([(START_MS, 1, 1)])
        profiles.restart()
        assert profiles.run([(START_MS + after_ms, 1, 2)]) == [wanted]


def test_dedupe_is_never_shorter_than_lateness() -> None:
    profiles = Restarted(schema_of("1s"))
    profiles.run([(START_MS, 1, 1), (START_MS + 10_000, 2, 2)])
    assert profiles.run([(START_MS, 1, 1)]) == [DUPLICATE]
