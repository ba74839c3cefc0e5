"""On a stream that turns, an alert fires as long as it drifts, and the models that see it are trained at the cadence of drift."""

import pathlib

import msgspec
import numpy as np
import pytest

from alerts.book.alert_book import AlertBook
from alerts.policy.standing_kinds import with_standing
from pipeline.alerting.decided_events import DecidedEvents
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from pipeline.engine.definitions.release import compile_release
from pipeline.learning.drift_watch import MEASURE_SECONDS_MIN, DriftWatch
from pipeline.learning.training_requests import TrainingRequests
from stores.casework.alerts import Alert, AlertEvent
from stores.effects import Work
from stores.jobs import QueueBounds
from stores.offsets import Progress
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.drifts import RelationalDrifts
from stores.relational.effects import RelationalEffects
from stores.relational.jobs import RelationalJobs
from stores.relational.place import SqlitePlace
from stores.scored_events import ScoredEvent, sample_place

DAY_MS = 86_400_000
EVENTS = 200
"""Of a day: as many as it takes to say something of it."""
FIRST = 20_003
"""Multiples of the cadence pass at the ends of the days 2 and 9 after it."""
TEXTS = {
    "schema": "id: id\ntime: {field: at, unit: ms}\nuser: u\nfields: {amount: {type: decimal}, age: {type: decimal}}\n",
    "features": "[]\n",
    "models": "- {name: trees, kind: boosted, retrain: {every: 7d, on_drift: 1d}, inputs: [event.amount]}\n"
    "- {name: steady, kind: boosted, retrain: 7d, inputs: [event.age]}\n",
    "policy": "score: first_ready(trees)\nbands: [{action: approve}]\ndrift: {limit: 2.0}\n",
}
RELEASE = compile_release(1, TEXTS)


class System:
    """The stores of a system, whose sample a test writes day by day."""

    def __init__(self, database: Database) -> None:
        self.effects, self.jobs = RelationalEffects(database), RelationalJobs(database)
        measure = DriftMeasure(self.effects, Unchanged(RelationalRegistry(database)))
        self.watch = DriftWatch(measure, RelationalDrifts(database))
        self.requests = TrainingRequests(self.jobs, QueueBounds(100, 100))
        self._draw = np.random.default_rng(3)
        self._places = 0

    def pass_day(self, day: int, mean: float) -> None:
        """Decides events on a day with amounts about `mean`, and looks what drifts an hour after its end."""
        day_ms = (FIRST + day) * DAY_MS
        amounts, scores = self._draw.normal(mean, size=EVENTS).tolist(), self._draw.random(EVENTS).tolist()
        where = [(day_ms + at, sample_place(f"u{at}", day_ms), "approve", 1, None) for at in range(EVENTS)]
        events = [
            ScoredEvent(f"{day}/{at}", f"u{at}", *where[at], {"trees": scores[at]}, {"event.amount": amounts[at], "event.age": scores[at]})
            for at in range(EVENTS)
        ]
        clock_ms = day_ms + DAY_MS + DAY_MS // 24
        work = Work(
            Progress({"decisions/0": self._places} if self._places else {}, {"decisions/0": self._places + 1}),
            scored=events,
            newest_ms=clock_ms,
        )
        self.effects.apply(work, clock_ms)
        self._places += 1
        drifting = self.watch.look(RELEASE, clock_ms, clock_ms, day * MEASURE_SECONDS_MIN)
        self.requests.ask_if_due(RELEASE, clock_ms, clock_ms, drifting)

    def trainings(self) -> list[tuple[int, str]]:
        """The day and the reason of each training that was asked for, the oldest first."""
        asked = [job.request for job in reversed(self.jobs.page(None, (), None, 100))]
        return [(request.at_ms // DAY_MS - 1 - FIRST, msgspec.json.decode(request.parameters)["reason"]) for request in asked]


class Book:
    """The alerts that the records of a system have opened and ended."""

    def __init__(self) -> None:
        self._reading, self._book = DecidedEvents(RELEASE), AlertBook(with_standing([]))
        self._counted: dict[tuple[str, str], AlertEvent] = {}
        self.alerts: dict[str, Alert] = {}
        self.notices: list[str] = []

    def read(self, effects: RelationalEffects) -> None:
        waiting = effects.alerts()
        told = [one for each in waiting if (one := self._reading.read_alert(each.value)) is not None]
        changes = self._book.take(told, self._counted, self.alerts, [], max((one.event_time_ms for one in told), default=0))
        self._counted |= changes.events
        self.alerts |= changes.alerts
        self.notices += [f"{notice.what} {notice.alert.severity}" for notice in changes.notices]
        effects.alerts_sent([each.id for each in waiting])


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[System, Book]:
    """Fifteen days; on days 10 and 11 amounts are others."""
    folder: pathlib.Path = tmp_path_factory.mktemp("drift")
    system, book = System(Database(SqlitePlace(folder / "weir.db"))), Book()
    for day in range(15):
        system.pass_day(day, 9.0 if day in (10, 11) else 5.0)
        book.read(system.effects)
    return system, book


def test_an_alert_fires_from_the_day_that_drifts_until_none_does(turned: tuple[System, Book]) -> None:
    _, book = turned
    [alert] = book.alerts.values()
    assert (alert.name, alert.state, alert.events) == ("drift", "resolved", 0)
    assert (alert.opened_at_ms // DAY_MS - 1 - FIRST, (alert.resolved_at_ms or 0) // DAY_MS - 1 - FIRST) == (10, 12)
    assert alert.reasons[0].startswith("event.amount drifts: its stability index is") and "limit 2.000" in alert.reasons[0]
    assert book.notices == ["opened medium", "resolved medium"]


def test_while_it_drifts_the_models_that_see_it_are_trained_each_day_and_it_is_said_why(turned: tuple[System, Book]) -> None:
    trainings = turned[0].trainings()
    assert [day for day, _ in trainings] == [2, 9, 10, 11]
    assert trainings[0][1] == "trees: its time to be fitted anew has come; steady: its time to be fitted anew has come"
    assert trainings[2][1].startswith("trees: event.amount drifts: its stability index is")
    assert not any("steady" in reason for _, reason in trainings[2:])


def test_a_day_is_measured_once_and_what_drifts_is_known_after_a_restart(turned: tuple[System, Book]) -> None:
    system, _ = turned
    clock_ms = (FIRST + 15) * DAY_MS
    assert system.watch.look(RELEASE, clock_ms, clock_ms, 1e9) == {}
    assert system.effects.alerts() == []
