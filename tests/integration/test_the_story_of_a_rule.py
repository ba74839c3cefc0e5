"""A rule from its first draft to its end on a running system, once by the API's client and once by the command: two people, and no server.

An author writes it, its tests run, it is checked and tried on what has happened, watches, and tells what it would have done. Somebody else
approves it; it acts for some and then for all, blocks, and is stopped by its budget. Exceptions hide matches, a snooze silences alerts, an
older text comes back, and all of that is there when the system starts again.
"""

import json
import pathlib
import re
import shutil
import time
from typing import Any, Protocol

import msgspec
import pytest
from click.testing import CliRunner, Result
from score_job_runs import wait_for

from api.auth.token import read_token
from api.client.client import Client
from deploy.command import SAMPLES, main
from deploy.local.solo_stack import SoloStack
from deploy.machine.ports import free_ports
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from foundation.settings import Settings
from patterns.lifecycle.canary import chosen, seed_of

RULE = """title: Small payments, then one that is large for this customer
why: A card is tried out before it is used.
owner: payments-fraud
severity: critical
status: draft
missing: true
adaptive:
  usual: {of: event.amount, rate: 1/50, cohort: event.merchant_category, floor: 20.0}
when: event.amount > adaptive.usual
sequence:
  within: 1h
  steps:
    - {name: small, when: event.amount < 3.0, times: 2+}
    - {name: large, when: event.amount > 10.0 * small.mean(event.amount)}
then:
  action: block
  list: {add: event.device_id, to: devices_of_the_story, for: 1d}
  reason: "{small.count} small payments, then {event.amount}"
budget: {matches: 4, per: 1h, then: shadow}
tests:
  - name: two small ones and a large one
    common: {customer_id: c, terminal_id: t, device_id: d, currency: EUR, merchant_category: online}
    events: [{payment_id: 1, at: 0s, amount: 1.0}, {payment_id: 2, at: 1m, amount: 2.0}, {payment_id: 3, at: 2m, amount: 90.0}]
    expect: {matches: 1, events: [1, 2, 3]}
  - name: the wrong order
    common: {customer_id: c, terminal_id: t, device_id: d, currency: EUR, merchant_category: online}
    events: [{payment_id: 1, at: 0s, amount: 90.0}, {payment_id: 2, at: 1m, amount: 1.0}, {payment_id: 3, at: 2m, amount: 2.0}]
    expect: {matches: 0}
"""
EXCEPTED = RULE + 'exceptions: [{when: event.merchant_category == "charity", owner: ana, reason: T-91, expires: 2100-01-01}]\n'
ID = "tried_out"
SHARE = 0.5


class Hand(Protocol):
    """How somebody who may do something does it."""

    def upload(self, text: str) -> str: ...
    def say(self, verb: str, *more: str) -> str: ...
    def status(self) -> str: ...


class ByClient:
    """By the API's Python client; what is refused is said by its text."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def upload(self, text: str) -> str:
        found = self._client.patterns.put(ID, text)
        return msgspec.json.encode(found).decode()

    def say(self, verb: str, *more: str) -> str:
        rules, options = self._client.patterns, dict(each.split("=", 1) for each in more)
        try:
            match verb:
                case "approve" | "roll-back":
                    call = rules.approve if verb == "approve" else rules.roll_back
                    return str(call(ID, options["hash"]).pattern)
                case "snooze":
                    return str(rules.snooze(ID, options["for"], options["comment"]))
                case "snoozes":
                    return str(rules.snoozes(ID).snoozes)
                case "exceptions":
                    return str(rules.exceptions(ID).exceptions)
                case "report":
                    found = rules.report(ID)
                    return f"matches {found.matches:,}; {found.acted:,} acted; trips {len(found.budget_trips)}"
                case "explain":
                    return str(rules.why(ID, options["event"]))
                case "backtest":
                    version = next(rule.hash for rule in rules.all().patterns if rule.id == ID)
                    job = self._client.jobs.wait(self._client.jobs.backtest({}, {ID: version}).id, seconds_max=300)
                    assert job.state == "done", job
                    folder = pathlib.Path(options["folder"])
                    self._client.jobs.download(job.id, folder / "backtest.json")
                    return (folder / "backtest.json").read_text()
                case _:
                    share = float(options["share"]) if "share" in options else None
                    return str(rules.move(ID, verb, share, options.get("reason", "")).pattern)
        except Refusal as refusal:
            return f"refused: {refusal}"

    def status(self) -> str:
        return next(rule.status for rule in self._client.patterns.all().patterns if rule.id == ID)


class ByCommand:
    """By the command `weir`, with a token in the environment."""

    def __init__(self, folder: pathlib.Path, port: int, token: str) -> None:
        self._folder = folder
        self._environment = {"WEIR_FOLDER": str(folder), "WEIR_API_PORT": str(port), "WEIR_TOKEN": token}

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), env=self._environment)

    def upload(self, text: str) -> str:
        file = self._folder.parent / f"{ID}.yaml"
        file.write_text(text)
        return self.run("patterns", "upload", str(file)).output

    def say(self, verb: str, *more: str) -> str:
        options = dict(each.split("=", 1) for each in more)
        plain = [options[name] for name in ("hash", "event") if name in options]
        named = [part for name in ("for", "comment", "share", "reason") if name in options for part in (f"--{name}", options[name])]
        json_too = ["--json"] if verb == "backtest" else []
        found = self.run("patterns", verb, ID, *plain, *named, *json_too)
        return found.stdout if found.exit_code == 0 else f"refused: {found.output}"

    def status(self) -> str:
        lines = self.run("patterns", "list").output.splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{ID} "))


class Story:
    """The running system, and who acts on it."""

    def __init__(self, folder: pathlib.Path, by: str) -> None:
        self.by = by
        self.config = folder / "config"
        shutil.copytree(SAMPLES / "payments", self.config)
        shutil.rmtree(self.config / "patterns")  # what the rule of the story does is to be seen
        (self.config / "patterns").mkdir()
        (self.config / "lists" / "devices_of_the_story.txt").touch()
        self.settings = Settings(
            runtime="solo", folder=str(folder / "system"), api_port=free_ports(1)[0], metrics_interval_ms=200, archive_interval_ms=1_000
        )
        self.tokens: dict[str, str] = {}
        self._clients: list[Client] = []
        self._next_id = time.time_ns() // 1_000

    def open(self) -> SoloStack:
        stack = SoloStack(self.settings, self.config, print)
        stack.start()
        self.owner = self._client(read_token(self.settings))
        for name, role in (("ann", "author"), ("bob", "approver")):
            if name not in self.tokens:
                self.tokens[name] = self.owner.make_token(name, [role]).token
        return stack

    def hand(self, name: str) -> Hand:
        token = self.tokens[name]
        if self.by == "command":
            return ByCommand(self.settings.path(), self.settings.api_port, token)
        return ByClient(self._client(token))

    def _client(self, token: str) -> Client:
        self._clients.append(Client(f"http://{self.settings.api_address()}", token, 240.0))
        return self._clients[-1]

    def close(self) -> None:
        """Closes all connections."""
        for client in self._clients:
            client.close()

    def pay(self, customer: str, amount: float, category: str = "online") -> Any:
        self._next_id += 1
        event = {"payment_id": self._next_id, "at": int(time.time() * 1000), "customer_id": customer, "terminal_id": f"t-{customer}"}
        more = {"device_id": f"d-{customer}", "amount": amount, "currency": "EUR", "merchant_category": category, "kind": "purchase"}
        return self.owner.decide(event | more, 10_000)

    def attack(self, customer: str, category: str = "online") -> Any:
        """Two small payments and a large one; gives what became of that."""
        self.pay(customer, 1.0, category)
        self.pay(customer, 2.0, category)
        return self.pay(customer, 90.0, category)

    def matches(self, event_id: str) -> list[dict[str, Any]]:
        found: dict[str, Any] = {}

        def stored() -> bool:
            found.update(self.owner.decision(event_id) or {})
            return bool(found)

        wait_for(stored, 60, "a decision that is not stored")
        return [match for match in found["matches"] if match["pattern"] == ID]

    def entries(self) -> set[str]:
        page = self.owner.list_page("devices_of_the_story")
        return {str(entry.value) for entry in page.entries} if page is not None else set()


@pytest.fixture(params=["client", pytest.param("command", marks=pytest.mark.long)])
def story(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Story:
    return Story(tmp_path, request.param)


def test_a_rule_is_written_tested_tried_watched_approved_let_loose_stopped_and_brought_back_and_all_is_kept(
    story: Story, tmp_path: pathlib.Path
) -> None:
    # The author writes it; the folder is checked, and the tests of its rules run.
    written = tmp_path / "written"
    shutil.copytree(story.config, written)
    (written / "patterns" / f"{ID}.yaml").write_text(RULE)
    checked = CliRunner().invoke(main, ["check", str(written)]).output
    assert re.search(rf"rule {ID} costs an event at most \d+ ns of CPU, and \d+ bytes of state for each customer_id", checked), checked
    tested = CliRunner().invoke(main, ["patterns", "test", str(written)])
    assert tested.exit_code == 0 and ", 0 failed" in tested.output

    stack = story.open()
    try:
        ann, bob = story.hand("ann"), story.hand("bob")
        before = story.attack("c-before")
        assert before.action != "block"

        # It is a draft, and says what it costs; it watches nobody.
        said = ann.upload(RULE)
        assert "bytes" in said and "ns" in said, said
        assert ann.status() == "draft"
        assert story.matches(story.attack("c-draft").event_id) == []

        # It is tried on what has happened.
        found: dict[str, Any] = {}

        def tried() -> bool:
            said = ann.say("backtest", f"folder={tmp_path}")
            assert not said.startswith("refused"), said
            found.update(json.loads(said))
            return [rule["users"] for rule in found["rules"]] == [2]

        wait_for(tried, 120, f"a backtest that finds both attacks: {found}")
        assert found["flips"], found

        # It watches, and tells what it would have done.
        ann.say("shadow")
        assert ann.status() == "shadow"
        watched = story.attack("c-shadow")
        assert watched.action != "block"
        [match] = story.matches(watched.event_id)
        assert (match["shadow"], len(match["events"]), match["values"]["small.count"]) == (True, 3, 2)
        wait_for(lambda: re.search(r"matches\D+1\b", ann.say("report")) is not None, 60, "a report of the match")
        assert "0 acted" in ann.say("report")
        assert "small" in ann.say("explain", f"event={watched.event_id}")

        # Its author cannot approve it, and nobody lets it loose before somebody does.
        version = content_hash(RULE)
        assert "refused" in ann.say("approve", f"hash={version}")
        assert "not approved" in bob.say("canary", f"share={SHARE}")
        assert "bob" in bob.say("approve", f"hash={version}")

        # It acts for some, always the same ones, and then for all.
        bob.say("canary", f"share={SHARE}")
        customers = [f"c-canary-{number}" for number in range(400)]
        chosen_ones = chosen(seed_of(ID), SHARE, customers).tolist()
        members, others = (
            iter([each for each, own in zip(customers, chosen_ones, strict=True) if own is wanted]) for wanted in (True, False)
        )
        wait_for(lambda: story.attack(next(members)).action == "block", 30, "a member of the canary that is blocked")
        assert story.attack(next(others)).action != "block"
        bob.say("activate")
        wait_for(lambda: story.attack(next(others)).action == "block", 30, "an event that is blocked once the rule acts for all")
        assert story.attack("c-active").reasons[0] == f"2 small payments, then 90 ({ID})"
        wait_for(lambda: "d-c-active" in story.entries(), 60, "the entry that a match puts on a list")

        # It exceeds its budget, and watches again.
        wait_for(lambda: bool(story.attack(next(others))) and ann.status() == "shadow", 60, "a rule that its budget stops")
        wait_for(lambda: story.attack(next(others)).action != "block", 30, "an event that passes once the rule is stopped")
        assert "budget" in {entry["by"] for entry in story.owner._answer("GET", "/v1/audit").json()["entries"]}

        # An exception is a new text, which has to be approved before it acts; a snooze needs nobody.
        ann.upload(EXCEPTED)
        assert "not approved" in bob.say("activate")
        bob.say("approve", f"hash={content_hash(EXCEPTED)}")
        bob.say("activate")
        wait_for(lambda: story.attack(next(others)).action == "block", 30, "an event that the new text blocks")
        assert story.attack("c-charity", "charity").action != "block"
        wait_for(lambda: "T-91" in ann.say("exceptions"), 60, "an exception that is counted")
        assert "holds" in bob.say("snooze", "for=8h", "comment=known")

        # The older text comes back, under the status that the rule has.
        assert "active" in bob.say("roll-back", f"hash={version}")
        wait_for(lambda: story.attack(next(others), "charity").action == "block", 30, "an event that the older text blocks")
        story.pay("c-over-restart", 1.0)
        story.pay("c-over-restart", 2.0)
        kept = story.entries(), bob.say("snoozes"), bob.status()
    finally:
        story.close()
        stack.stop()

    # All of it is there when the system starts again; what had begun goes on.
    stack = story.open()
    try:
        bob = story.hand("bob")
        assert bob.status() == kept[2]
        assert story.pay("c-over-restart", 90.0).action == ("block" if kept[2] == "active" else "approve")
        assert story.entries() >= kept[0]
        assert bob.say("snoozes") == kept[1]
        assert [rule.approved_by for rule in story.owner.patterns.all().patterns if rule.id == ID] == ["bob"]
        assert "d-c-active" in story.entries()
    finally:
        story.close()
        stack.stop()
