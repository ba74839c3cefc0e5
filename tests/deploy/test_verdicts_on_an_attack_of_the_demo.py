"""The demo attacks a terminal: Alertmanager shows it, and a verdict on its case teaches the model what such attacks look like."""

import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from remembering_receivers import RememberingReceiver

from api.cases.case_shapes import GivenVerdicts
from deploy.demo.payments import Payment, Town
from deploy.demo.plots import Plot, compromised_terminal
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.alertmanager import alertmanager_program, start_alertmanager
from pipeline.alerting import telling_alertmanager
from pipeline.learning import learn_job
from weir.testing import System

SAMPLE = pathlib.Path(__file__).parents[2] / "deploy" / "samples" / "payments"
CONFIG = {
    "schema": (SAMPLE / "schema.yaml").read_text().replace("negative_after: 7d", "negative_after: 1h"),
    "features": "- {name: payments_1m, template: count, window: 1m}\n",
    "models": "- {name: fraud, kind: river, model: linear_model.LogisticRegression, learns: labels, publish_every: 1m,\n"
    "   inputs: [event.amount], parameters: {learning_rate: 0.1}}\n",
    "policy": "score: first_ready(fraud)\nscale: stable\nbands: [{action: approve}]\nfallback: {action: approve}\n",
    "alerts": "- {name: terminal_attacked, when: {patterns: [large]}, group_by: [terminal_id], window: 1s}\n",
    "cases": "inboxes: [{name: terminals}]\n"
    "typologies: [{name: skimmed, entity: terminal_id, inbox: terminals, when: {alerts: [terminal_attacked]}}]\n",
}
LARGE = (
    "title: Large at a terminal\nowner: tests\nstatus: shadow\nseverity: high\nwhen: event.amount > 60.0\n"
    "then: {action: review, reason: 'pays {event.amount}'}\n"
)
EVENTS_LEAST = 20
"""Below so many frauds nothing is said of probabilities."""


class Desk(NamedTuple):
    """An Alertmanager, and the receiver that it tells; neither where none is installed."""

    url: str
    receiver: RememberingReceiver | None

    def states(self) -> list[str]:
        """What it has told of attacked terminals, in order."""
        told = [alert for _, body in (self.receiver.taken if self.receiver else ()) for alert in json.loads(body)["alerts"]]
        return [alert["status"] for alert in told if alert["labels"]["alertname"] == "terminal_attacked"]


@pytest.fixture
def desk(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if alertmanager_program() is None:
        yield Desk("", None)
        return
    monkeypatch.setattr(telling_alertmanager, "PERIOD_MS", 500)
    [port] = free_ports(1)
    with RememberingReceiver() as receiver, Processes() as processes:
        route = "route: {receiver: desk, group_by: [alertname, terminal_id], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        receivers = f'receivers: [{{name: desk, webhook_configs: [{{url: "{receiver.url}", send_resolved: true}}]}}]\n'
        processes.add(start_alertmanager(tmp_path / "alertmanager", route + receivers, port))
        yield Desk(f"http://127.0.0.1:{port}", receiver)


class Payments:
    """What the generator makes, sent to a system; the same for each of these.

    Attributes:
        attack, twin: attacks of one kind on two terminals.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._town = Town(seed=3, customers=60, terminals=40)
        # Towns of their own, so that their amounts do not depend on how many ordinary payments it took to wait for something.
        self.attack, self.twin = (compromised_terminal(Town(seed, 60, 40, first_id=seed * 100_000)) for seed in (4, 5))

    def ordinary(self, count: int) -> int:
        """Sends ordinary purchases; the id of the last one."""
        return self._send([self._town.payment(self._system.now_ms) for _ in range(count)])

    def attacks(self, plot: Plot) -> int:
        """Sends all payments of an attack; the id of the last one."""
        return self._send([make(self._system.now_ms) for make in plot.payments])

    def largest_of(self, plot: Plot) -> dict[str, Any]:
        """The decision on the largest payment of an attack, which comes alone."""
        made = [make(self._system.now_ms) for make in plot.payments]
        return self._system.decision(self._send([max(made, key=lambda payment: payment.amount_minor)]))

    def somewhat_large(self) -> dict[str, Any]:
        """The decision on a payment that the rule concerns."""
        return self._system.decision(self._send([self._town.pay(self._town.customers[0], self._system.now_ms, 6_100, 0)]))

    def learned(self) -> None:
        """Lets time go on until a later snapshot of the model scores."""
        before = self._snapshot()

        def is_newer() -> bool:
            self._system.advance("1m")
            return self._snapshot() > before

        self._system.wait_for(is_newer, "a snapshot")

    def _snapshot(self) -> int:
        return self._system.decision(self.ordinary(1))["models"]["fraud"]["snapshot"] or 0

    def _send(self, payments: list[Payment]) -> int:
        self._system.client.send_many([json.loads(payment.encode()) for payment in payments])
        return payments[-1].payment_id


def folder_with_configuration(folder: pathlib.Path) -> pathlib.Path:
    (folder / "patterns").mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "patterns" / "large.yaml").write_text(LARGE)
    return folder


def twin_after_the_attack(system: System, gives_verdict: bool, desk: Desk) -> dict[str, Any]:
    """The decision on a payment of the second attack, hours after the first one."""
    payments = Payments(system)
    payments.ordinary(40)
    system.label(payments.somewhat_large()["event_id"], 1)  # a model scores once it has seen a fraud
    system.advance("2h")
    payments.learned()
    payments.ordinary(40)
    system.client.patterns.move("large", "activate")
    system.wait_for(lambda: payments.somewhat_large()["action"] == "review", "the rule in force")
    payments.attacks(payments.attack)
    case = system.wait_for(lambda: _case(system, payments.attack.target), "a case with the attack")
    if desk.url:
        system.wait_for(lambda: "firing" in desk.states(), "Alertmanager to tell of the attack")
    if gives_verdict:
        path = f"/v1/cases/{case['id']}"
        system.client._read("POST", f"{path}/verdicts", GivenVerdicts, json={"verdict": "fraud", "close": True})
        if desk.url:
            system.wait_for(lambda: desk.states()[-1] == "resolved", "Alertmanager to tell of its end")
        system.advance("61s")
        system.wait_for(lambda: len(system.records("labels-resolved")) >= EVENTS_LEAST, "labels that have found their decisions")
    system.advance("2h")
    for _ in range(3):
        payments.learned()
    return payments.largest_of(payments.twin)


def _case(system: System, terminal: str) -> Any:
    found = system.client._read("GET", "/v1/cases", Any, params={"entity": "terminal_id", "id": terminal})["cases"]
    return found[0] if found and found[0]["events"] >= EVENTS_LEAST else None


@pytest.fixture(autouse=True)
def learning_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots come out as soon as they are due."""
    monkeypatch.setattr(learn_job, "LearnJob", functools.partial(learn_job.LearnJob, publish_seconds_min=0.1))


@pytest.mark.slow
def test_another_card_with_the_same_behaviour_scores_higher_than_without_the_verdict(tmp_path: pathlib.Path, desk: Desk) -> None:
    folder = folder_with_configuration(tmp_path / "config")
    with System(folder, tmp_path / "judged", approval="one", alertmanager_url=desk.url) as system:
        judged = twin_after_the_attack(system, True, desk)
    with System(folder, tmp_path / "silent", approval="one") as system:
        silent = twin_after_the_attack(system, False, Desk("", None))
    assert judged["event"]["amount"] == silent["event"]["amount"]
    assert judged["models"]["fraud"]["score"] > silent["models"]["fraud"]["score"]
    assert judged["score"] > silent["score"]
    assert "probability" not in silent and judged["probability"] > 0.5
