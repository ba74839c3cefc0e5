"""Decisions become alerts in a whole solo system, and a webhook that the public library verifies tells of them."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from keeping_receivers import KeepingReceiver
from remembering_receivers import RememberingReceiver
from standardwebhooks import Webhook

from api.alerts.alert_shapes import AlertPage
from api.client.client import Client
from api.webhooks.webhook_shapes import NewWebhook
from deploy.api_commands import push
from deploy.command import main
from deploy.doctor.webhook_checks import webhook_problem
from deploy.local.solo_in_process import TOKEN
from weir.testing import System

pytestmark = pytest.mark.slow

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\n"
    "loss: {value: event.amount, currency: EUR}\nfallback: {action: approve}\n",
    "alerts": "- {name: large, title: A large amount, when: {patterns: [large]}, group_by: [customer], window: 1s, resolve_after: 2s}\n",
}
LARGE = (
    "title: A large amount\nowner: tests\nstatus: shadow\nseverity: high\nwhen: event.amount > 1000.0\n"
    "then: {action: review, reason: 'pays {event.amount}'}\n"
)


@pytest.fixture
def receiver() -> Iterator[RememberingReceiver]:
    with RememberingReceiver() as made:
        yield made


@pytest.fixture
def system(tmp_path: pathlib.Path) -> Iterator[System]:
    folder = tmp_path / "config"
    (folder / "patterns").mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "patterns" / "large.yaml").write_text(LARGE)
    values = {"webhook_networks": "127.0.0.0/8", "webhook_plain": "accept", "approval": "one"}
    with System(folder, tmp_path / "system", **values) as running:
        yield running


def event(system: System, id: int, customer: str = "c1", amount: float = 9_000.0) -> dict[str, Any]:
    return {"id": id, "at": system.now_ms, "customer": customer, "device": "d1", "amount": amount}


def alerts_of(system: System) -> list[Any]:
    page: AlertPage = system.client._read("GET", "/v1/alerts", AlertPage)
    return page.alerts


def test_a_rule_that_matches_makes_an_alert_that_a_webhook_tells_of_until_it_is_over(system: System, receiver: RememberingReceiver) -> None:
    made = system.client.webhooks.make(NewWebhook(url=receiver.url, signing="secret"))
    system.client.patterns.move("large", "activate")
    system.wait_for(lambda: system.decide(event(system, system.now_ms)).action == "review", "the rule in force")
    system.decide(event(system, 1, "c2", 5.0))
    [alert] = system.wait_for(lambda: [one for one in alerts_of(system) if one.group == {"customer": "c1"}], "an alert")
    assert (alert.severity, alert.patterns, alert.reasons[0]) == ("high", ("large",), "pays 9,000 (large)")
    assert alert.loss == pytest.approx(9_000.0 * alert.events)
    told = system.wait_for(lambda: list(receiver.taken), "a message")
    headers, body = told[0]
    data = Webhook(made.keys[0].secret).verify(body, headers)
    assert (data["type"], data["data"]["id"]) == ("alert.opened", alert.id)
    system.wait_for(lambda: any(b'"alert.resolved"' in body for _, body in receiver.taken), "the end of the alert")
    assert alerts_of(system)[0].state == "resolved"
    states = {one.state for one in system.wait_for(lambda: system.client.webhooks.deliveries(made.id).deliveries, "deliveries")}
    assert states <= {"delivered", "pending"}


def test_a_test_message_reaches_its_webhook(system: System, receiver: RememberingReceiver) -> None:
    made = system.client.webhooks.make(NewWebhook(url=receiver.url, signing="secret"))
    system.client.webhooks.test(made.id)
    [(headers, body)] = system.wait_for(lambda: list(receiver.taken), "the message")
    assert Webhook(made.keys[0].secret).verify(body, headers)["type"] == "webhook.test"


def test_a_budget_that_is_exceeded_and_an_absence_become_alerts_too(system: System) -> None:
    rule = "title: T\nowner: tests\nstatus: shadow\n"
    wild = rule + "when: event.amount < 2.0\nthen: {action: review}\nbudget: {matches: 2, per: 1h, then: shadow}\n"
    unfinished = rule + (
        "severity: critical\nsequence:\n  key: device\n  within: 10s\n  steps:\n"
        "    - {name: begun, when: event.amount == 7.0}\n    - {name: done, when: event.amount == 8.0, absent: true}\n"
        "then: {reason: it was begun and never done}\n"
    )
    system.client.put({"pattern:wild": wild, "pattern:unfinished": unfinished})
    for id in ("wild", "unfinished"):
        system.client.patterns.move(id, "activate")
    for id in range(100, 104):
        system.decide(event(system, id, "c3", 1.0))
    system.decide(event(system, 200, "c4", 7.0))
    system.decide(event(system, 201, "c5", 3.0) | {"at": system.now_ms + 60_000})

    def told(name: str) -> Any:
        return system.wait_for(lambda: [one for one in alerts_of(system) if one.name == name], f"an alert {name}")[0]

    budget, absence = told("budget_exceeded"), told("absence")
    assert (budget.group, budget.severity, budget.patterns) == ({"pattern": "wild"}, "high", ("wild",))
    assert (absence.group, absence.severity) == ({"pattern": "unfinished", "device": "d1"}, "critical")
    assert absence.reasons == ("it was begun and never done",) and absence.newest[0].action == "absence"


def test_the_commands_list_show_and_silence_alerts_and_send_messages_again(
    system: System, receiver: RememberingReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{system.settings.api_port}"
    monkeypatch.setattr(push, "system_api", lambda: Client(url, TOKEN))

    def said(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == status, result.output
        return result.output

    said("webhooks", "add", receiver.url, "--filter", 'entity.customer == "c1"')
    assert 'if entity.customer == "c1"' in said("webhooks", "list")
    assert "entity.customer" in said("webhooks", "add", "http://127.0.0.1:9/", "--filter", "entity.custmer == 'c1'", status=2)
    system.client.patterns.move("large", "activate")
    system.wait_for(lambda: system.decide(event(system, system.now_ms)).action == "review", "the rule in force")
    system.decide(event(system, system.now_ms + 1, "c2"))
    system.wait_for(lambda: "customer=c2" in said("alerts", "list", "--name", "large"), "the alerts")
    line = said("alerts", "list", "--entity", "customer=c1").splitlines()[0]
    id = line.split()[0]
    assert "large" in line and "customer=c2" not in said("alerts", "list", "--entity", "customer=c1")
    assert json.loads(said("alerts", "show", id))["group"] == {"customer": "c1"}
    assert "loss 9000.00" in said("alerts", "events", id)
    silence = said("alerts", "silence", "customer=c1", "alertname=large", "--for", "1h", "--comment", "a test").split()[1]
    assert silence in said("alerts", "silences")
    said("alerts", "unsilence", silence)
    assert silence not in said("alerts", "silences")
    said("alerts", "silence", "no pair", "--for", "1h", "--comment", "x", status=2)
    said("alerts", "show", "0" * 32, status=2)
    system.wait_for(lambda: receiver.taken, "a message")
    webhook = system.client.webhooks.all().webhooks[0].id
    system.wait_for(lambda: "delivered" in said("webhooks", "deliveries", "--webhook", webhook), "a delivery")
    assert all(b'"c2"' not in body for _, body in receiver.taken)
    again = said("webhooks", "send-again", webhook, "--from", "2020-01-01T00:00:00Z", "--state", "delivered")
    assert int(again.split()[-1]) >= 1
    said("webhooks", "send-again", webhook, status=2)


def test_a_webhook_that_its_receiver_has_disabled_is_named_by_the_list_and_by_doctor(system: System) -> None:
    assert webhook_problem(system.settings, system.now_ms) == ""
    with KeepingReceiver(lambda: "410") as gone:
        made = system.client.webhooks.make(NewWebhook(url=gone.url))
        system.client.webhooks.test(made.id)
        [shown] = system.wait_for(lambda: [one for one in system.client.webhooks.all().webhooks if one.state == "disabled"], "its end")
    assert "410" in shown.why and shown.failing_since_ms is not None
    problem = webhook_problem(system.settings, system.now_ms)
    assert made.id in problem and "410" in problem
