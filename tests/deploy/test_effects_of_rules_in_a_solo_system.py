"""What matches of rules do outside of the decision, in a whole solo system by its API: entries on lists, and the end of a budget."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from deploy.local.solo_in_process import SoloInProcess
from foundation.refusal import Refusal
from pipeline.control.topic_values import values_of

pytestmark = pytest.mark.slow

CONFIG = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
}
PROBE = (
    "title: A probe\nowner: tests\nstatus: shadow\nwhen: event.amount < 2.0\n"
    "then: {list: {add: event.device, to: watched, for: 7d}, reason: 'probed with {event.amount}'}\n"
    "budget: {matches: 5, per: 1h, then: shadow}\n"
)
LATER = "title: Not yet\nowner: tests\nstatus: shadow\nwhen: event.amount > 0.0\nthen: {action: block}\neffective: {from: 2100-01-01}\n"
EARLIER = LATER.replace("from: 2100-01-01", "to: 2020-01-01")
WATCHED = "title: A watched device\nowner: tests\nstatus: shadow\nwhen: event.device in list.watched\nthen: {action: review}\n"
RULES = {"probe": PROBE, "watched_device": WATCHED, "later": LATER, "earlier": EARLIER}


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 600
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def configuration(folder: pathlib.Path) -> pathlib.Path:
    (folder / "lists").mkdir(parents=True)
    for part, text in CONFIG.items():
        (folder / f"{part}.yaml").write_text(text)
    (folder / "lists" / "watched.txt").write_text("")
    return folder


class Running:
    """A running system, as a caller sees it."""

    def __init__(self, system: SoloInProcess) -> None:
        self.system = system
        self.client = system.client

    def decide(self, id: int, amount: float, device: str) -> dict[str, Any]:
        event = {"id": id, "at": int(time.time() * 1000), "customer": f"c{id % 5}", "device": device, "amount": amount}
        answer = self.client.decide(event, 10_000)
        return {"action": answer.action, "release": answer.release}

    def read(self, path: str, **parameters: object) -> Any:
        return self.client._answer("GET", path, params=parameters).json()

    def upload(self, texts: dict[str, str]) -> None:
        """Uploads rules; on a busy machine the process that tries them takes its time to start."""

        def tried() -> bool:
            try:
                self.client.put({f"pattern:{id}": text for id, text in texts.items()})
            except Refusal as refusal:
                if "503" not in str(refusal):
                    raise
                return False
            return True

        until(tried)

    def status(self, id: str) -> str:
        return next(rule.status for rule in self.client.patterns.all().patterns if rule.id == id)

    def entries(self) -> dict[str, dict[str, Any]]:
        return {entry["value"]: entry for entry in self.read("/v1/lists/watched")["entries"]}

    def noted(self, by: str) -> list[dict[str, Any]]:
        return [entry for entry in self.read("/v1/audit", limit=50)["entries"] if entry["by"] == by]

    def alerts(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(value) for values in values_of(self.system.settings, "alerts") for value in values]


def test_matches_make_entries_that_other_rules_read_and_a_budget_ends_a_rule_by_itself_and_all_stays_over_a_restart(
    tmp_path: pathlib.Path,
) -> None:
    config = configuration(tmp_path / "config")
    with SoloInProcess(config, tmp_path / "system", approval="one") as system:
        running = Running(system)
        running.upload(RULES)
        running.decide(1, 1.0, "d-shadow")
        for id in RULES:
            running.client.patterns.move(id, "activate")
        assert running.decide(2, 1.5, "d2")["action"] == "approve"
        entry = until(lambda: running.entries().get("d2"))
        assert (entry["by"].split()[:2], entry["reason"], entry["source"]) == (["rule", "probe"], "probed with 1.5", "rule")
        assert 6.9 * 86_400_000 < entry["expires"] - time.time() * 1000 < 7.1 * 86_400_000
        assert running.decide(3, 9.0, "d2")["action"] == "review"
        assert running.decide(4, 9.0, "d3")["action"] == "approve"
        for id in range(5, 10):
            running.decide(id, 1.0, f"d{id}")
        until(lambda: running.status("probe") == "shadow")
        [alert] = until(running.alerts)
        assert (alert["type"], alert["pattern"], alert["then"]) == ("budget", "probe", "shadow")
        said = until(lambda: noted if len(noted := running.noted("budget")) > 1 else None)
        assert [(each["phase"], each["action"]) for each in said] == [("outcome", "budget of probe"), ("intent", "budget of probe")]
        assert "active to shadow" in said[0]["subject"]
        until(lambda: "d9" in running.entries())
    for id, text in RULES.items():  # the folder is put in force again at the start
        (config / "patterns").mkdir(exist_ok=True)
        (config / "patterns" / f"{id}.yaml").write_text(text)
    with SoloInProcess(config, tmp_path / "system", approval="one") as system:
        running = Running(system)
        assert (running.status("probe"), running.status("watched_device")) == ("shadow", "active")
        assert sorted(until(running.entries)) == ["d2", "d5", "d6", "d7", "d8", "d9"]
        assert running.decide(20, 9.0, "d9")["action"] == "review"
        assert len(running.alerts()) == 1
