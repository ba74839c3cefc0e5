"""What the store of what drifts keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import PLACES

from stores.drifts import OpenDrift
from stores.effects import Alert
from stores.relational.database import Database
from stores.relational.drifts import RelationalDrifts
from stores.relational.effects import RelationalEffects

AMOUNT, RATE = OpenDrift("event.amount", 5, 9, 0.5, 0.2), OpenDrift("label_rate", 9, 9, 0.04, 0.01)


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield opened


def test_a_day_is_followed_once_and_its_alerts_wait_for_whoever_sends_alerts(database: Database) -> None:
    drifts, effects = RelationalDrifts(database), RelationalEffects(database)
    assert (drifts.followed_to_ms(), drifts.open()) == (0, [])
    alert = Alert("a1", "event.amount", b"{}")
    assert drifts.follow(9, [RATE, AMOUNT], [alert], 1_000)
    assert (drifts.followed_to_ms(), drifts.open(), effects.alerts()) == (9, [AMOUNT, RATE], [alert])
    for earlier in (9, 8):
        assert not drifts.follow(earlier, [], [Alert("a2", "k", b"")], 1_000)
    assert (drifts.open(), effects.alerts()) == ([AMOUNT, RATE], [alert])
    assert drifts.follow(10, [], [alert], 2_000)
    assert (drifts.open(), effects.alerts()) == ([], [alert])
