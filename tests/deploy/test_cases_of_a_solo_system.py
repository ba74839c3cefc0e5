"""An alert becomes a case in a whole solo system, and an analyst decides it."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.command import main
from weir.testing import System

pytestmark = pytest.mark.slow

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


def weir(*arguments: str) -> str:
    """What a command prints that ends well."""
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_an_alert_becomes_a_case_that_is_claimed_decided_and_closed_and_its_alert_ends(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.api_commands.push.system_api", lambda: contextlib.nullcontext(system.client))
    cases = system.client.cases
    system.client.patterns.move("large", "activate")
    system.wait_for(lambda: system.decide(event(system, system.now_ms)).action == "review", "the rule in force")
    [case] = system.wait_for(lambda: cases.page(["open"]).cases, "a case")
    assert (case.entity, case.typology, case.inbox) == ({"kind": "customer", "id": "c1"}, "large_payment", "payments")
    assert case.patterns == ("large",) and case.loss == pytest.approx(9_000.0 * case.events) and case.is_within_capacity is True
    assert case.id in weir("cases", "list")
    assert cases.next().id == case.id and "claimed by owner" in weir("cases", "list", "--state", "claimed")
    weir("cases", "note", case.id, "the customer does not answer")
    given = weir("cases", "verdict", case.id, "fraud", "--reason", "stolen_card", "--close")
    assert "fraud  all events" in given and "closed" in given
    [verdict] = cases.verdicts(case.id).verdicts
    assert (verdict.verdict, verdict.reason, verdict.case_id) == ("fraud", "stolen_card", case.id)
    system.wait_for(lambda: [one.state for one in cases.alerts(case.id).alerts] == ["resolved"], "the end of the alert")
    happened = {entry.what for entry in cases.timeline(case.id).entries}
    assert happened == {"opened", "alert_joined", "event", "claimed", "note", "verdict", "closed"}
    assert "the customer does not answer" in weir("cases", "show", case.id)
    [inbox] = [one for one in cases.quality().inboxes if one.inbox == "payments"]
    assert (inbox.decided, inbox.by_verdict) == (1, {"fraud": 1})
    system.decide(event(system, 77))
    [later] = system.wait_for(lambda: cases.page(["open"]).cases, "another case")
    assert later.id != case.id


def test_cases_are_worked_on_from_the_command_line(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.api_commands.push.system_api", lambda: contextlib.nullcontext(system.client))
    id = weir("cases", "open", "large_payment", "c9", "--text", "somebody called").split()[0]
    assert "claimed by owner" in weir("cases", "claim", id)
    assert "open " in weir("cases", "release", id)
    assert "snoozed" in weir("cases", "snooze", id, "--for", "8h", "--events", "5")
    verdict = weir("cases", "verdict", id, "unsure", "--close").split()[1]
    assert "claimed by owner" in weir("cases", "undo", id, verdict) or "open" in weir("cases", "list")
    weir("cases", "assign", id, "ana")
    assert "closed" in weir("cases", "close", id, "--text", "a test")
    assert "open" in weir("cases", "reopen", id)
    assert "restricted" in weir("inboxes", "restrict", "payments", "--member", "ana")
    assert "members ana" in weir("inboxes", "list")
    weir("inboxes", "unrestrict", "payments")
    assert '"decided":' in weir("cases", "quality")
    assert CliRunner().invoke(main, ["cases", "claim", "x"]).exit_code != 0
