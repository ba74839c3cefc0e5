"""Rules on the score job match, decide and tell of absences as in a replay, bit for bit, also over a kill and a savepoint.

`tests/pipeline/test_parity_of_rules.py` compares the ways without Flink, on the same stream and rules, with the same replay.
"""

from collections.abc import Callable

import msgspec
import pytest
from decided_case import Case, Json, Outcome, as_json, replayed_with_absences
from flink_servers import FlinkServers
from rule_matrix import AWAITING, case_of, differences, lesson_and_stream, matched, planted_error, rules_in, sample_texts
from score_job_runs import all_run, cancel, decided, decisions, ends, prepared, produce, records, restarts, saved, submitted, wait_for
from servers_of_a_test import UNHURRIED_MS

from foundation.settings import Settings
from patterns.lifecycle.manifest import with_manifest

pytestmark = pytest.mark.flink
EVENTS = lesson_and_stream()
HALF = len(EVENTS) // 2


@pytest.fixture(scope="module")
def case() -> Case:
    """The stream with the lesson among it, which was learned before: Flink has to be killed amid it."""
    return case_of(with_manifest(sample_texts(), {}, first=True), EVENTS)


@pytest.fixture(scope="module")
def replayed(case: Case) -> Outcome:
    """What a replay says."""
    return replayed_with_absences(case)


@pytest.fixture(scope="module")
def feed(case: Case, broker: str, flink: FlinkServers, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    """Makes topics with a prefix that hold the stream, or the first events of it, for a job of some parallelism."""

    def fed(prefix: str, parallelism: int, events: int = len(EVENTS)) -> Settings:
        flink.scale(2)
        given = {"parallelism": parallelism, "entity_wait_ms": UNHURRIED_MS, "checkpoint_interval_ms": 500}
        settings = prepared(broker, flink, tmp_path_factory.mktemp("rules"), prefix, dict(sample_texts()), **given)
        produce(settings, "models", [(snapshot.model, snapshot.encode()) for snapshot in case.snapshots])
        produce(settings, "events", keyed(case)[:events])
        return settings

    return fed


def keyed(case: Case) -> list[tuple[str, bytes]]:
    """The records of the stream."""
    return [(event.user, value) for event, value in zip(case.events, case.values, strict=True)]


def whole(settings: Settings, replayed: Outcome) -> Outcome:
    """What the score job has said, once it has decided all events and told of as many absences as replay did."""
    out = Outcome([], {})

    def is_whole() -> bool:
        if decided(settings) < len(EVENTS) or sum(ends(settings, "alerts")) < len(replayed.absences):
            return False
        out.decisions[:] = [as_json(msgspec.json.encode(each)) for each in decisions(settings, decided(settings))]
        out.absences.update(told(settings))
        return len({each["event_id"] for each in out.decisions}) == len(EVENTS) and len(out.absences) >= len(replayed.absences)

    wait_for(is_whole, 60, "events without a decision, or absences that do not come true")
    return out


def told(settings: Settings) -> dict[str, Json]:
    """The absences on the topic of alerts; one that is told twice is told alike."""
    found: dict[str, Json] = {}
    for record in records(settings, "alerts"):
        absence = msgspec.json.decode(record.value() or b"")
        assert found.setdefault(absence["id"], absence) == absence
    return found


def check(streamed: Outcome, replayed: Outcome) -> None:
    """Both say the same, and would not if one bit were another."""
    assert matched(replayed).keys() >= rules_in(sample_texts()).keys() - {"merchant_burst", "mule_fan_out", "dormant_account"}
    assert {absence["pattern"] for absence in replayed.absences.values()} == set(AWAITING)
    assert differences(streamed.decisions, replayed.decisions) == []
    assert streamed.absences == replayed.absences
    planted, said = planted_error(replayed.decisions)
    assert said in differences(replayed.decisions, planted)
    assert differences(streamed.decisions, planted) != []


def test_decisions_matches_reasons_and_absences_at_parallelism_2_are_those_of_replay(
    feed: Callable[..., Settings], replayed: Outcome, flink: FlinkServers
) -> None:
    settings = feed("rules.", 2)
    job = submitted(flink, settings)
    try:
        check(whole(settings, replayed), replayed)
    finally:
        cancel(flink, job)


@pytest.mark.deep
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_they_are_so_over_a_kill_and_over_a_savepoint_that_another_parallelism_goes_on_from(
    case: Case, feed: Callable[..., Settings], replayed: Outcome, flink: FlinkServers, first: int, second: int
) -> None:
    """The second half of the stream comes after the savepoint, so that something is left to decide however quick the job is."""
    settings = feed(f"rules{first}.", first, HALF)
    job = submitted(flink, settings)
    try:
        wait_for(lambda: decided(settings) > 300, 60, "no decisions before the kill")
        flink.kill_task_managers()
        assert decided(settings) < HALF, "the kill came after the end"
        flink.scale(2)
        wait_for(lambda: restarts(flink, job) > 0 and all_run(flink, job), 90, "the job is not started again")
        place = saved(flink, job, settings.path())
        produce(settings, "events", keyed(case)[HALF:])
        job = submitted(flink, msgspec.structs.replace(settings, parallelism=second), place)
        check(whole(settings, replayed), replayed)
    finally:
        cancel(flink, job)
