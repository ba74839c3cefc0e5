"""The rules of the sample catch the attacks that the demo plays, and leave what its customers do alone."""

import collections
import pathlib

import msgspec
import numpy as np
import pytest

from deploy.command import DEMO_CONFIG
from deploy.demo.attacks import Attacks
from deploy.demo.live_view import caught_lines, rule_lines
from deploy.demo.payments import Payment, Town
from deploy.demo.tally import Seen, Tally
from patterns.entries import Change, Entry
from patterns.list_text import values_of_lists
from pipeline.engine.decisions.decision import decisions_of
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history
from pipeline.trial.configuration_folder import read_texts

NOW_MS = 1_790_000_000_000
RATE, SECONDS = 40, 200
"""Ordinary payments a second, and how long."""
MEANT_FOR = {
    "account takeover": "account_takeover",
    "bust-out": "bust_out",
    "card testing": "card_testing",
    "compromised terminal": "merchant_burst",
    "copied card": "velocity",
    "dormant account": "dormant_account",
    "impossible travel": "impossible_travel",
    "listed device": "blocked_device",
    "mule fan-in": "mule_fan_in",
    "mule fan-out": "mule_fan_out",
    "new device": "new_device_large",
    "refund abuse": "refund_abuse",
    "structuring": "structuring",
}
"""The rule that each kind of attack is made for."""


class Run:
    """The demo's payments, decided by the sample, with all that rules matched by attack."""

    def __init__(self, folder: pathlib.Path) -> None:
        town = Town(5, customers=30 * RATE, terminals=5 * RATE)
        self.attacks = Attacks(town, every_seconds=3.0)
        self.attacked = {}
        payments = [*town.long_ago(NOW_MS), *town.history(NOW_MS, 0.2, 3_200 + 120 * RATE, RATE)]
        payments += self._live(town)
        self.tally = Tally(self.attacked)
        self.rules_of: dict[int, set[str]] = collections.defaultdict(set)
        self.decisions = 0
        for decision in decided(payments, folder):
            self._take(decision)

    def _live(self, town: Town) -> list[Payment]:
        payments, sent = [], 0
        for ms in range(NOW_MS, NOW_MS + SECONDS * 1000, 10):
            for payment, attack in self.attacks.due(ms):
                payments.append(payment)
                self.attacked[str(payment.payment_id)] = attack
            while sent < (ms - NOW_MS) / 1000 * RATE:
                payments.append(town.ordinary(ms))
                sent += 1
        return payments

    def _take(self, decision: Seen) -> None:
        if decision.event_time < NOW_MS:
            return
        self.decisions += 1
        self.tally.add(decision)
        if decision.event_id in self.attacked:
            self.rules_of[self.attacked[decision.event_id].number] |= {match.pattern for match in decision.matches}

    def ended(self, kind: str) -> list[int]:
        """The attacks of one kind that had time to end."""
        last = SECONDS // 10
        return [attack.number for attack in self.attacks.begun[:-last] if attack.kind == kind]


def decided(payments: list[Payment], folder: pathlib.Path) -> list[Seen]:
    file = folder / "events.jsonl"
    file.write_bytes(b"".join(payment.encode() + b"\n" for payment in payments))
    texts = read_texts(DEMO_CONFIG)
    release = compile_release(1, texts)
    entries = [Change(name, value, Entry(name, value)) for name, values in values_of_lists(texts).items() for value in values]
    found = []
    for verdicts, batch in Replay(release, read_history([file], release.schema, "time"), None, entries=entries).scored():
        made = decisions_of(verdicts, batch, np.zeros(len(batch), np.uint8), batch.times_ms, 0)
        found += [msgspec.json.decode(msgspec.json.encode(decision), type=Seen) for decision in made]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = Run(tmp_path_factory.mktemp("demo"))
    print("", *caught_lines(made.tally, made.attacks), *rule_lines(made.tally), sep="\n")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rule"), MEANT_FOR.items())
def test_every_attack_of_a_kind_is_matched_by_the_rule_that_is_meant_for_it(run: Run, kind: str, rule: str) -> None:
    attacks = run.ended(kind)
    assert len(attacks) >= 2
    missed = [number for number in attacks if rule not in run.rules_of[number]]
    assert missed == [], f"{kind} without {rule}, but with {[run.rules_of[number] for number in missed]}"


@pytest.mark.slow
def test_all_kinds_of_attack_have_a_rule_that_is_meant_for_them(run: Run) -> None:
    assert {attack.kind for attack in run.attacks.begun} == set(MEANT_FOR)


@pytest.mark.slow
def test_ordinary_payments_are_rarely_flagged(run: Run) -> None:
    ordinary = run.decisions - len(run.attacked)
    assert run.tally.false_alarms < 0.01 * ordinary


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted({*MEANT_FOR.values(), "spending_spree"}))
def test_most_of_what_a_rule_matches_belongs_to_an_attack(run: Run, rule: str) -> None:
    """Half, where the owner of a card goes on paying beside the thief; else more."""
    least = 0.4 if rule == "impossible_travel" else 0.7
    assert run.tally.matched_in_attacks[rule] >= least * run.tally.matched[rule]
    assert run.tally.matched[rule] < 0.02 * run.decisions
