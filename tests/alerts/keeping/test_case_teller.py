"""Receivers hear once what happened to a case, whoever did it."""

import contextlib
import pathlib
from collections.abc import Iterator

import msgspec
import pytest
from cases_of_a_test import case, case_id, opened
from databases_of_a_test import FickleDatabase

from alerts.cases.case_life import claim, close
from alerts.keeping.case_teller import LOOK_MS, CaseTeller
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.decisions import StoreUnavailableError
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks

NOW_MS = 1_700_000_000_000


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[FickleDatabase]:
    with contextlib.closing(FickleDatabase(tmp_path)) as made:
        for id, types in (("all", ()), ("closed", ("case.closed",)), ("alerts", ("alert.*",))):
            wish = WebhookWish(url="https://example.com/", types=types)
            RelationalWebhooks(made).add(StoredWebhook(id=id, wish=wish, keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0))
        yield made


def heard(database: FickleDatabase, webhook: str) -> list[str]:
    return [delivery.message.type for delivery in reversed(RelationalDeliveries(database).page(webhook, (), None, 100))]


def test_each_receiver_hears_in_order_what_it_wants(database: FickleDatabase) -> None:
    cases, teller = RelationalCases(database), CaseTeller(RelationalCases(database), RelationalWebhooks(database))
    cases.open(*opened(case(1)))
    cases.change(case_id(1), lambda one: claim(one, "ana", 2_000, 60_000))
    assert teller.tell(NOW_MS) == 2
    assert teller.tell(NOW_MS + LOOK_MS - 1) == 0
    cases.change(case_id(1), lambda one: close(one, "ana", 3_000, "it was a <test>"))
    assert teller.tell(NOW_MS + LOOK_MS) == 1
    assert teller.tell(NOW_MS + 2 * LOOK_MS) == 0
    assert heard(database, "all") == ["case.opened", "case.claimed", "case.closed"]
    assert (heard(database, "closed"), heard(database, "alerts")) == (["case.closed"], [])
    [told] = RelationalDeliveries(database).page("closed", (), None, 1)
    body = msgspec.json.decode(told.message.full)
    assert (body["type"], body["data"]["id"], body["data"]["by"], body["data"]["text"]) == (
        "case.closed",
        case_id(1),
        "ana",
        "it was a <test>",
    )
    assert told.message.key == case_id(1)


def test_what_was_not_written_is_told_by_the_next_look(database: FickleDatabase) -> None:
    cases, teller = RelationalCases(database), CaseTeller(RelationalCases(database), RelationalWebhooks(database))
    cases.open(*opened(case(1)))
    database.away = True
    with pytest.raises(StoreUnavailableError):
        teller.tell(NOW_MS)
    database.away = False
    assert CaseTeller(cases, RelationalWebhooks(database)).tell(NOW_MS) == 1
    assert heard(database, "all") == ["case.opened"]


def test_entries_that_nobody_wants_are_news_no_longer(database: FickleDatabase) -> None:
    for id in ("all", "closed"):
        RelationalWebhooks(database).remove(id)
    cases = RelationalCases(database)
    cases.open(*opened(case(1)))
    assert CaseTeller(cases, RelationalWebhooks(database)).tell(NOW_MS) == 0
    assert cases.news(10) == []
