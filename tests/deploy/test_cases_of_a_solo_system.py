"""An alert becomes a case in a whole solo system, and an analyst decides it."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from api.cases.case_shapes import CasePage, GivenVerdicts, ShownCase, Timeline
from weir.testing import System

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\n"
    "loss: {value: event.amount, currency: EUR}\nfallback: {action: approve}\n",
    "alerts": "- {name: large, when: {patterns: [large]}, group_by: [customer], window: 1s}\n",
    "cases": "inboxes: [{name: payments, capacity: 50}]\n"
    "typologies: [{name: large_payment, entity: customer, inbox: payments, when: {alerts: [large]}}]\n"
    "reasons: {fraud: [stolen_card], legitimate: [known]}\n",
}
LARGE = (
    "title: A large amount\nowner: tests\nstatus: shadow\nseverity: high\nwhen: event.amount > 1000.0\n"
    "then: {action: review, reason: 'pays {event.amount}'}\n"
)


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[System]:
    folder = tmp_path / "config"
    (folder / "patterns").mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "patterns" / "large.yaml").write_text(LARGE)
    with System(folder, tmp_path / "system", approval="one") as running:
        yield running


def event(system: System, id: int, customer: str = "c1", amount: float = 9_000.0) -> dict[str, Any]:
    return {"id": id, "at": system.now_ms, "customer": customer, "device": "d1", "amount": amount}


def test_an_alert_becomes_a_case_that_is_claimed_decided_and_closed_and_its_alert_ends(system: System) -> None:
    read = system.client._read
    system.client.patterns.move("large", "activate")
    system.wait_for(lambda: system.decide(event(system, system.now_ms)).action == "review", "the rule in force")

    def cases(state: str) -> list[ShownCase]:
        page: CasePage = read("GET", "/v1/cases", CasePage, params={"state": state})
        return page.cases

    [case] = system.wait_for(lambda: cases("open"), "a case")
    assert (case.entity, case.typology, case.inbox, case.patterns) == (
        {"kind": "customer", "id": "c1"},
        "large_payment",
        "payments",
        ("large",),
    )
    assert case.loss == pytest.approx(9_000.0 * case.events) and case.is_within_capacity is True
    claimed: ShownCase = read("POST", "/v1/cases:next", ShownCase)
    assert (claimed.id, claimed.state) == (case.id, "claimed")
    body = {"verdict": "fraud", "reason": "stolen_card", "close": True}
    given: GivenVerdicts = read("POST", f"/v1/cases/{case.id}/verdicts", GivenVerdicts, json=body)
    assert (given.case.state, given.case.verdict, given.verdicts[0].case_id) == ("closed", "fraud", case.id)

    def alert_states() -> set[str]:
        found = read("GET", f"/v1/cases/{case.id}/alerts", dict)
        return {alert["state"] for alert in found["alerts"]}

    system.wait_for(lambda: alert_states() == {"resolved"}, "the end of the alert")
    timeline: Timeline = read("GET", f"/v1/cases/{case.id}/timeline", Timeline)
    assert {entry.what for entry in timeline.entries} == {"opened", "alert_joined", "event", "claimed", "verdict", "closed"}
    system.decide(event(system, 77))
    [later] = system.wait_for(lambda: cases("open"), "another case")
    assert later.id != case.id
