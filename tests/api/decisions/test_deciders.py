"""Whoever decides by another release than the one in force raises an alarm: in `/ready`, in `/metrics` and in the log."""

import logging

import pytest
from api_imitation import NOW_MS, TEXTS, Api

from api.decisions.deciders import ALARM_MS, GRACE_MS, LOOK_SECONDS, Deciders, Newest
from api.http.metrics import ApiMetrics
from pipeline.engine.definitions.release import compile_release


class Watched:
    """The release of id 9 is in force since `NOW_MS`; `decisions` are those that are found next."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.api_metrics = ApiMetrics()
        self.decisions: list[Newest] = []
        self.deciders = Deciders(self, api.in_force, api.health, self.api_metrics, api.clock)
        self.put_in_force(9)

    def put_in_force(self, id: int) -> None:
        self.api.in_force.install(compile_release(id, TEXTS), TEXTS)

    @property
    def alarms(self) -> float | None:
        return self.api_metrics.registry.get_sample_value("weir_decided_by_another_release_total")

    async def newest(self) -> list[Newest]:
        return self.decisions

    async def check(self, *releases: int, later_ms: int = 0) -> str:
        """What is found `later_ms` after `NOW_MS`, when decisions of that moment are by `releases`."""
        self.api.now_ms = max(NOW_MS + later_ms, self.api.now_ms + int(LOOK_SECONDS * 1_000))
        self.decisions = [Newest(release, self.api.now_ms) for release in releases]
        problem = await self.deciders.check()
        self.api.health.found("release", problem)
        return problem


@pytest.fixture
async def watched(api: Api) -> Watched:
    made = Watched(api)
    await made.check()
    return made


async def test_decisions_by_the_release_in_force_are_well(watched: Watched) -> None:
    assert await watched.check(9, 9, later_ms=2 * GRACE_MS) == ""
    assert watched.alarms == 0


@pytest.mark.parametrize("other", [8, 10])
async def test_a_decision_by_another_release_is_an_alarm_in_ready_metrics_and_log(
    watched: Watched, other: int, caplog: pytest.LogCaptureFixture
) -> None:
    await watched.check(other)
    problem = await watched.check(9, other, later_ms=3 * GRACE_MS)
    assert problem == f"release {other} decides events, but release 9 is in force"
    answer = await watched.api.client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"]["release"]["detail"] == problem
    assert watched.alarms == 1
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL] == [problem]


async def test_events_that_are_on_their_way_when_a_release_changes_are_no_alarm(watched: Watched) -> None:
    assert await watched.check(9, later_ms=2 * GRACE_MS) == ""
    watched.put_in_force(10)
    assert await watched.check(9) == ""
    assert await watched.check(10) == ""


async def test_decisions_from_before_the_change_are_no_alarm_however_long_no_event_comes(watched: Watched) -> None:
    watched.api.now_ms += 1_000 * GRACE_MS
    watched.decisions = [Newest(3, NOW_MS - 1)]
    assert await watched.deciders.check() == ""


async def test_old_events_that_are_worked_through_are_no_alarm(watched: Watched) -> None:
    watched.api.health.take_catch_up_marker("mode:run", b"[0]")
    assert await watched.check(2, later_ms=2 * GRACE_MS) == ""


async def test_the_alarm_ends_with_a_decision_by_the_release_in_force_or_when_no_event_comes(watched: Watched) -> None:
    assert await watched.check(8, later_ms=2 * GRACE_MS) != ""
    assert await watched.check(9) == ""
    assert await watched.check(8) != ""
    assert await watched.check() != ""
    assert await watched.check(later_ms=3 * GRACE_MS + 2 * ALARM_MS) == ""


async def test_nothing_is_taken_off_the_topic_while_events_are_decided_by_another_release(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.control.surplus.RELEASES_KEPT", 1)
    monkeypatch.setattr("pipeline.control.surplus.LEAST_KEPT", 1)
    await watched.check(8, later_ms=2 * GRACE_MS)
    for number in range(3):
        await watched.api.definitions.put({"policy": TEXTS["policy"] + f"# {number}\n"}, "ann")
    assert [key for key, value in watched.api.log.of("control") if value is None] == []
    await watched.check(watched.api.in_force.release.id)  # type: ignore[union-attr]
    await watched.api.definitions.put({"policy": TEXTS["policy"] + "# 9\n"}, "ann")
    assert [key for key, value in watched.api.log.of("control") if value is None] != []
