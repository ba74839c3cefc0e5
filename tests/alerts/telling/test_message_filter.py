"""Filters of webhooks: which messages they let pass, and what is refused at the door."""

import pytest
from alerts_of_a_test import alert

from alerts.book.changes import Notice
from alerts.telling.message_filter import NoticeColumns, require_filter
from foundation.refusal import Refusal
from stores.casework.alerts import AlertedEvent
from stores.casework.webhooks import FILTER_CHARACTERS_MAX

NEWEST = (AlertedEvent("e1", "u1", 5, "block", 0.99),)
CHEAP = Notice("opened", alert("a1", card="c1", loss=10.0, severity="low"))
DEAR = Notice("updated", alert("a2", card="c2", loss=900.0, severity="high", newest=NEWEST, patterns=("probing", "night")))


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", [True, True]),
        ("  ", [True, True]),
        ("alert.loss > 100.0", [False, True]),
        ('alert.severity in ["low", "medium"]', [True, False]),
        ('type == "alert.updated"', [False, True]),
        ('entity.card == "c1"', [True, False]),
        ('entity.device == "d"', [False, False]),
        ('has(entity.device) || alert.name == "attack"', [True, True]),
        ('decision.action == "block" && decision.score > 0.9', [False, True]),
        ('alert.patterns.contains("night")', [False, True]),
        ("alert.events / 0 == 1", [False, False]),
        ("true", [True, True]),
        ("false", [False, False]),
    ],
)
def test_a_filter_lets_messages_pass_whose_alert_meets_it(text: str, passes: list[bool]) -> None:
    require_filter(text, ["card", "device"])
    assert NoticeColumns([CHEAP, DEAR]).passing(text).tolist() == passes
    assert [bool(NoticeColumns([one]).passing(text)[0]) for one in (CHEAP, DEAR)] == passes


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("alert.los > 1.0", "filter:1:", "did you mean alert.loss?"),
        ("true &&\n  entity.crad == 'c'", "filter:2:", "did you mean entity.card?"),
        ("alert.loss", "filter:1:1", "a condition"),
        ("alert.loss >", "filter:1:13", ""),
        ("alert.loss > 'x'", "filter:1:", ""),
        ("__import__('os')", "filter:1:1", ""),
        ("x" * (FILTER_CHARACTERS_MAX + 1), "filter", "at most"),
        ("(" * 500, "filter:1:", ""),
    ],
)
def test_what_is_no_filter_is_refused_with_line_and_column(text: str, where: str, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        require_filter(text, ["card"])
    assert refused.value.where.startswith(where) and says in str(refused.value)


def test_a_filter_that_reads_an_entity_which_a_later_release_lacks_goes_on_without_it() -> None:
    require_filter('entity.device == "d" || alert.loss > 100.0', ["device"])
    assert NoticeColumns([CHEAP, DEAR]).passing('entity.device == "d" || alert.loss > 100.0').tolist() == [False, True]


@pytest.mark.parametrize("hostile", ["", "\x00", "\ud800", "é" * 100_000, '"}{', "\u202e"])
def test_hostile_texts_are_compared_as_they_are(hostile: str) -> None:
    assert NoticeColumns([Notice("opened", alert(card=hostile)), CHEAP]).passing('entity.card == "c1"').tolist() == [False, True]
