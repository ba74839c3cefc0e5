"""The whole loop in a solo system: an attack, its alert and case, the verdict of an analyst, and all that follows from it."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from remembering_receivers import RememberingReceiver
from standardwebhooks import Webhook

from api.cases.case_shapes import GivenVerdicts, ShownCase
from api.verdicts.verdict_shapes import ShownVerdict
from api.webhooks.webhook_shapes import NewWebhook
from weir.testing import System

pytestmark = pytest.mark.slow

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "facts: {device: {verdict: {values: [fraud, good]}}}\nfields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n"
    "- {name: device_fraud_1h, template: label_rate, entity: device, window: {length: 1h, delay: 1s}}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n"
    "loss: {value: event.amount, currency: EUR}\nhold: {actions: [review], for: 24h, then: decline}\n",
    "alerts": "- {name: large, title: Large amounts, when: {patterns: [large]}, group_by: [device], window: 1s}\n",
    "cases": """
inboxes: [{name: payments}]
typologies: [{name: stolen, title: A stolen card, when: {alerts: [large]}, entity: device, inbox: payments}]
reasons: {fraud: [stolen_card]}
verdicts:
  fraud:
    label: {source: analyst, weight: 2.0}
    lists: [{add: device, to: blocked_devices, for: 30d}]
    facts: [{of: device, name: verdict, value: fraud, for: 30d}]
    hold: decline
""",
}
RULES = {
    "large": "title: A large amount\nowner: tests\nstatus: shadow\nseverity: high\nwhen: event.amount > 1000.0\n"
    "then: {action: review, reason: 'pays {event.amount}'}\n",
    "blocked": "title: A blocked device\nowner: tests\nstatus: shadow\nseverity: high\nwhen: event.device in list.blocked_devices\n"
    "then: {action: block, reason: 'a blocked device'}\n",
}
EVENTS = 3


@pytest.fixture
def receiver() -> Iterator[RememberingReceiver]:
    with RememberingReceiver() as made:
        yield made


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[System]:
    folder = tmp_path / "config"
    for part in ("patterns", "lists"):
        (folder / part).mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    for name, text in RULES.items():
        (folder / "patterns" / f"{name}.yaml").write_text(text)
    (folder / "lists" / "blocked_devices.txt").write_text("")
    values = {"webhook_networks": "127.0.0.0/8", "webhook_plain": "accept", "approval": "one"}
    with System(folder, tmp_path / "system", **values) as running:
        yield running


class Town:
    """Customers who pay."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._id = 0

    def pay(self, customer: str, device: str, amount: float) -> Any:
        self._id += 1
        event = {"id": self._id, "at": self._system.now_ms, "customer": customer, "device": device, "amount": amount}
        return self._system.decide(event)

    def share_of_frauds(self, customer: str, device: str) -> float:
        """What a payment finds to be known of its device, once labels that were resolved before have come to the engine."""
        self.pay(customer, device, 1.0)
        return float(self._system.decision(self._id)["features"]["device_fraud_1h"])


def messages(receiver: RememberingReceiver, secret: str) -> list[dict[str, Any]]:
    """What was told, verified by the public library of Standard Webhooks."""
    return [Webhook(secret).verify(body, headers) for headers, body in list(receiver.taken)]


def test_a_verdict_blocks_the_device_declines_the_payments_and_teaches(system: System, receiver: RememberingReceiver) -> None:
    hook = system.client.webhooks.make(NewWebhook(url=receiver.url, signing="secret"))
    secret, town, call = hook.keys[0].secret, Town(system), system.client._read
    for rule in RULES:
        system.client.patterns.move(rule, "activate")
    system.wait_for(lambda: town.pay("probe", "probe", 5_000.0).action == "review", "the rules in force")
    attack = [town.pay(f"c{number}", "stolen", 9_000.0) for number in range(EVENTS)]
    assert [one.action for one in attack] == ["review"] * EVENTS

    def case_of_the_attack() -> ShownCase | None:
        found = call("GET", "/v1/cases", Any, params={"entity": "device", "id": "stolen"})["cases"]
        return found[0] if found and found[0]["events"] == EVENTS else None

    case = system.wait_for(case_of_the_attack, "a case with all events of the attack")
    claimed = call("POST", f"/v1/cases/{case['id']}:claim", ShownCase)
    held = [hold for hold in system.client.holds.page().holds if hold.user.startswith("c")]
    assert (claimed.holder, {hold.state for hold in held}, len(held)) == ("owner", {"held"}, EVENTS)
    assert system.client.patterns.report("large").labels.precision is None

    said = {"verdict": "fraud", "reason": "stolen_card", "close": True}
    given = call("POST", f"/v1/cases/{case['id']}/verdicts", GivenVerdicts, json=said).verdicts[0]
    system.wait_for(lambda: town.pay("new", "stolen", 1.0).action == "block", "the device on the list")
    assert town.pay("other", "another", 1.0).action == "approve"
    over = system.wait_for(lambda: _ended(system), "the held payments declined")
    assert {(hold.state, hold.by) for hold in over} == {("declined", "owner")}

    def declined() -> list[dict[str, Any]]:
        return [one["data"] for one in messages(receiver, secret) if one["type"] == "payment.decline"]

    system.wait_for(lambda: len(declined()) >= EVENTS, "a message for each payment")
    told = [(one["user"], one["event_id"], one["revision"]) for one in declined()]
    assert sorted(told) == sorted((hold.user, hold.event_id, 0) for hold in over)
    shown = system.wait_for(lambda: _delivered(system, over[0].id), "the receiver's 2xx at the hold")
    assert (shown[0].webhook, shown[0].type) == (hook.id, "payment.decline")
    assert [one["reason"] for one in call("GET", "/v1/entities/device/stolen", Any)["remembered"]["verdicts"]] == ["stolen_card"]

    system.advance("61s")
    system.wait_for(lambda: len({one["event_id"] for one in _resolved(system)}) == EVENTS, "labels that have found their decisions")
    assert {(one["label"], one["source"]) for one in _resolved(system)} == {(1, "analyst")}
    report = system.wait_for(lambda: _with_labels(system), "labels in the rule's report")
    assert (report.labels.fraud, report.labels.precision) == (EVENTS, 1.0)
    assert (report.reviewed.fraud, report.reviewed.precision, report.reviewed.false_positive_rate) == (EVENTS, 1.0, 0.0)
    system.wait_for(lambda: town.share_of_frauds("another", "stolen") > 0.0, "labels in the windows of the device")
    steps = call("GET", f"/v1/verdicts/{given.id}", ShownVerdict)
    assert {step.state for step in steps.steps} == {"done"}
    types = [one["type"] for one in messages(receiver, secret)]
    assert (types.count("payment.decline"), types.count("verdict.given"), "alert.opened" in types) == (EVENTS, 1, True)


def _ended(system: System) -> Any:
    found = [hold for hold in system.client.holds.page(["declined"]).holds if hold.user.startswith("c")]
    return found if len(found) == EVENTS else None


def _delivered(system: System, id: str) -> Any:
    told = system.client.holds.get(id).told
    return told if told and all(one.state == "delivered" for one in told) else None


def _resolved(system: System) -> list[dict[str, Any]]:
    return [one for one in system.records("labels-resolved") if one.get("source") == "analyst"]


def _with_labels(system: System) -> Any:
    report = system.client.patterns.report("large")
    return report if report.labels.fraud == EVENTS else None
