"""Cases after kills are those of a run without any: nothing is lost, and nothing counts twice."""

import contextlib
import pathlib
import random

import msgspec
import pytest
from cases_of_a_test import CASES_YAML
from databases_of_a_test import FickleDatabase

from alerts.cases.case_reader import read_cases
from alerts.keeping.alert_keeper import AlertKeeper
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent, MatchedRule
from stores.casework.case import Case
from stores.casework.cases import CaseFilter
from stores.decisions import StoreUnavailableError
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.case_rows import recounted
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.webhooks import RelationalWebhooks

T0, HOUR, PLACE = 1_700_000_000_000, 3_600_000, "weir.decisions/0"
ATTACK = AlertDefinition("attack", "an attack", ("block",), (), "", None, ("customer",), "", 1_000, HOUR, 1.0, HOUR, (), None)
BURST = AlertDefinition("burst", "a burst", (), ("burst",), "", None, ("customer",), "", 1_000, HOUR, 1.0, HOUR, (), None)
POLICY = read_cases(CASES_YAML.replace("alerts: [attack]", "alerts: [attack, burst]"))


def decisions(chance: random.Random, count: int) -> list[DecidedEvent]:
    """Decisions of a few customers, some of them revisions of earlier ones."""
    found: list[DecidedEvent] = []
    newest: dict[int, int] = {}
    for _ in range(count):
        number = chance.randrange(count // 2)
        newest[number] = revision = newest.get(number, -1) + 1
        customer = f"c{number % 4}"
        found.append(
            DecidedEvent(
                key=f"k{number}",
                user=customer,
                event_id=f"e{number}",
                revision=revision,
                event_time_ms=T0 + number,
                decided_at_ms=T0,
                action=chance.choice(["block", "approve"]),
                score=0.5,
                rules=chance.choice([(), (MatchedRule("burst", "high"),)]),
                entities={"customer": customer},
                loss=float(chance.randrange(4)),
                probability=chance.choice([None, 0.25]),
            )
        )
    return found


class KilledError(BaseException):
    """The process ends here."""


class KilledAlerts(RelationalAlerts):
    """Is killed at the end of some transactions, before or after they are on disk."""

    def __init__(self, database: FickleDatabase, chance: random.Random) -> None:
        super().__init__(database)
        self._fickle, self._chance = database, chance

    def write(self, work):  # type: ignore[no-untyped-def]
        dice = self._chance.random()
        if dice < 0.25:
            self._fickle.away = True
        super().write(work)
        if dice > 0.75:
            raise KilledError


def cases_of(database: FickleDatabase) -> list[Case]:
    found = RelationalCases(database).page(CaseFilter(now_ms=T0), None, 100)
    for case in found:
        with database.reading() as connection:
            totals = recounted(connection, case.id)
        assert (case.events, case.loss, round(case.priority, 9)) == (totals.events, totals.loss, round(totals.priority, 9))
    return [msgspec.structs.replace(case, id="", priority=round(case.priority, 9)) for case in found]


def run(folder: pathlib.Path, decided: list[DecidedEvent], chance: random.Random | None) -> list[Case]:
    """The cases after all of `decided`, by batches of five; with `chance` the keeper is killed now and then, and begins again."""
    folder.mkdir()
    with contextlib.closing(FickleDatabase(folder)) as database:
        alerts = RelationalAlerts(database) if chance is None else KilledAlerts(database, chance)
        while True:
            keeper = AlertKeeper(alerts, RelationalWebhooks(database), [ATTACK, BURST], policy=POLICY)
            try:
                while (at := keeper.positions.get(PLACE, 0)) < len(decided):
                    keeper.take(decided[at : at + 5], {PLACE: min(at + 5, len(decided))}, T0 + at)
            except (KilledError, StoreUnavailableError):
                database.away = False
                continue
            return sorted(cases_of(database), key=lambda case: case.entity_id)


@pytest.mark.slow
def test_cases_after_kills_are_those_of_a_run_without(tmp_path: pathlib.Path) -> None:
    for seed in range(5):
        decided = decisions(random.Random(seed), 60)
        whole = run(tmp_path / f"whole{seed}", decided, None)
        assert run(tmp_path / f"killed{seed}", decided, random.Random(seed)) == whole
        assert len(whole) == 4
