"""Windows of the last N and sessions say that they lack events exactly when all events ever would give another answer."""

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions.aggregate import Code, Reading
from features.definitions.window import LAST, SESSION, Window
from features.layout.layout import WARMING
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from features.sets.retention_ends import ended_by_retention

SCHEMA = read_schema("{id: {field: id, type: integer}, time: {field: time}, user: user, retention: 100s, lateness: 10s, dedupe: 10s}")
START_MS, RETENTION_MS, PAUSE_MS, LAST_COUNT = 1_700_000_000_000, 100_000, 40_000, 20


def window_counts(times: list[int], window: Window) -> tuple[int, int]:
    """Events in the window of the newest of `times`, which ascend: of all that there are, and of those that are retained."""
    inside = times[-LAST_COUNT:]
    if window.kind == SESSION:
        first = len(times) - 1
        while first and times[first] - times[first - 1] <= window.length_ms:
            first -= 1
        inside = times[first:]
    return len(inside), sum(time_ms > times[-1] - RETENTION_MS for time_ms in inside)


def run(profiles: Profiles, times: list[int], first: int) -> tuple[list[int], list[float]]:
    n = len(times)
    ids = np.arange(first, first + n, dtype=np.int64)
    batch = Batch([str(id) for id in ids], ids, ids, np.array(times, np.int64), ["u"] * n, {}, np.zeros((n, 0)), ids)
    out = np.empty((n, 1))
    flags = profiles.observe(np.repeat(profiles.slots(["u"]), n), batch, np.zeros((n, 0)), out).flags
    return flags.tolist(), out[:, 0].tolist()


def restarted(profiles: Profiles, pages: dict[int, bytes]) -> Profiles:
    saved = profiles.save(profiles.slots(["u"]))
    for _, seq in saved.dropped:
        pages.pop(seq, None)
    pages.update({seq: blob for _, seq, blob in saved.pages})
    after = Profiles(profiles.plan)
    after.restore("u", saved.heads[0], list(pages.items()))
    return after


@pytest.mark.parametrize("window", [Window(LAST, count=LAST_COUNT), Window(SESSION, PAUSE_MS)], ids=["last", "session"])
@settings(max_examples=examples(100))
@given(
    gaps=st.lists(st.sampled_from([0, 1, 900, 5_000, 20_000, PAUSE_MS, PAUSE_MS + 1, RETENTION_MS, 300_000]), min_size=1, max_size=80),
    cut=st.integers(0, 80),
)
def test_a_window_warms_exactly_when_it_lacks_events(window: Window, gaps: list[int], cut: int) -> None:
    times = (START_MS + np.cumsum(gaps)).tolist()
    profiles = Profiles(compile_plan("user", True, [Reading(Code.COUNT, "", window)], [], SCHEMA))
    flags, counts = run(profiles, times[:cut], 0) if cut and times[:cut] else ([], [])
    after = restarted(profiles, {}) if flags else profiles
    if times[cut:]:
        more = run(after, times[cut:], len(flags))
        flags, counts = flags + more[0], counts + more[1]
    for at, (flag, count) in enumerate(zip(flags, counts, strict=True)):
        ever, retained = window_counts(times[: at + 1], window)
        assert (count, bool(flag & WARMING)) == (retained, ever != retained), at


def test_windows_that_may_reach_beyond_retention_are_named() -> None:
    text = """
- {name: last5, template: count, window: {last: 5}}
- {name: long, template: count, window: {session: 2m}}
- {name: short, template: count, window: {session: 1m}}
- {name: sliding, template: count, window: 4d}
"""
    said = ended_by_retention(read_features(text, SCHEMA))
    assert [sentence.split(":")[0] for sentence in said] == ["feature last5", "feature long"]
    assert "retention (100s)" in said[0]
    assert "pauses of up to 2m" in said[1]
