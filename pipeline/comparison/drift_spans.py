"""Follows what drifts from day to day: each change is told once when it begins, and once when it has ended.

What drifts is beyond its limit; it ends when its index is at most `END_SHARE` of the limit, so that an index that wavers about the limit
is one change. It ends too when it is `REFERENCE_MS` old, since then all days that it is compared with are days of the change, and when
the release no longer has it. A day of too few events neither begins nor ends anything.
"""

from collections.abc import Iterator, Sequence

import msgspec

from pipeline.comparison.drift import Drift
from pipeline.comparison.drift_of_sample import REFERENCE_MS
from pipeline.comparison.newest_drift import NewestDrift
from stores.drifts import OpenDrift
from stores.effects import Alert, effect_id

END_SHARE = 0.5
OPEN_MAX = 500
"""So much is followed at once, that which has changed most."""


class DriftAlert(msgspec.Struct, tag_field="type", tag="drift"):
    """Is a record of the topic ``alerts``: something began to drift, or does no longer.

    Args:
        id: the record's.
        subject: what drifts.
        since: beginning of the day on which it began, ms since the epoch.
        is_over: whether it has ended.
        event_time: the greatest event time when this was found, ms since the epoch.
        reason: what was measured, in words.
    """

    id: str
    subject: str
    since: int
    is_over: bool
    event_time: int
    reason: str


def after_day(open: Sequence[OpenDrift], newest: NewestDrift) -> list[OpenDrift]:
    """Returns what drifts after a day more; `open` is what drifted before."""
    measured = {drift.subject: drift for drift in newest.drifts}
    still = [_renewed(each, measured.get(each.subject), newest.day_ms) for each in open if _goes_on(each, measured, newest)]
    known = {each.subject for each in open}
    begun = [
        OpenDrift(drift.subject, newest.day_ms, newest.day_ms, drift.index, drift.limit)
        for drift in newest.drifts
        if drift.matters and drift.subject not in known
    ]
    return [*still, *begun][:OPEN_MAX]


def alerts_of(before: Sequence[OpenDrift], after: Sequence[OpenDrift], event_time_ms: int) -> Iterator[Alert]:
    """Yields an alert for each change that began, and for each that has ended."""
    old, new = ({each.subject: each for each in some} for some in (before, after))
    for subject in new.keys() - old.keys():
        yield _alert(new[subject], False, event_time_ms)
    for subject in old.keys() - new.keys():
        yield _alert(old[subject], True, event_time_ms)


def said_of(drift: OpenDrift) -> str:
    """Returns what a person is told of something that drifts."""
    return f"{drift.subject} drifts: its stability index is {drift.psi:.3f}, and its limit {drift.psi_limit:.3f}"


def _goes_on(each: OpenDrift, measured: dict[str, Drift], newest: NewestDrift) -> bool:
    if each.subject not in newest.subjects or newest.day_ms - each.since_ms >= REFERENCE_MS:
        return False
    now = measured.get(each.subject)
    return now is None or now.index > END_SHARE * now.limit


def _renewed(each: OpenDrift, now: Drift | None, day_ms: int) -> OpenDrift:
    if now is None:
        return each
    return msgspec.structs.replace(each, day_ms=day_ms, psi=now.index, psi_limit=now.limit)


def _alert(drift: OpenDrift, is_over: bool, event_time_ms: int) -> Alert:
    id = effect_id("drift", drift.subject, drift.since_ms, is_over)
    reason = f"{drift.subject} drifts no longer" if is_over else said_of(drift)
    record = DriftAlert(id, drift.subject, drift.since_ms, is_over, event_time_ms, reason)
    return Alert(id, drift.subject, msgspec.json.encode(record))
