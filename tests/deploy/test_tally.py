"""What the demo shows is counted right, in words that can be read."""

import io
import math

from rich.console import Console

from deploy.demo.attacks import Attack, Attacks
from deploy.demo.live_view import LiveView, flagged_line, summary
from deploy.demo.payments import Town
from deploy.demo.tally import Seen, SeenMatch, Tally

ATTACK = Attack(1, "card testing", "c000007")


def seen(event_id: str, action: str = "approve", latency_ms: int = 5) -> Seen:
    reasons = [] if action == "approve" else ["30 payments in 1 minute; usual: 1"]
    return Seen(event_id, 1_000, "c000007", 0.99, action, reasons, {"amount": 1.5}, {"terminal_id": "t00001"}, 1_000 + latency_ms)


def test_flagged_payments_are_told_apart_from_false_alarms() -> None:
    tally = Tally({"1": ATTACK, "2": ATTACK})
    for decision in (seen("1", "block"), seen("2", "review"), seen("3", "review"), seen("4")):
        tally.add(decision)
    assert tally.actions == {"block": 1, "review": 2, "approve": 1}
    assert list(tally.attacks_flagged) == [1]
    assert tally.false_alarms == 1


def test_latency_is_the_share_of_decisions_that_were_as_fast() -> None:
    tally = Tally({})
    assert math.isnan(tally.latency_ms(0.5))
    for latency_ms in range(1, 101):
        tally.add(seen(str(latency_ms), latency_ms=latency_ms))
    assert tally.latency_ms(0.5) == 51
    assert tally.latency_ms(0.99) == 100


def test_a_flagged_payment_is_shown_with_its_reason() -> None:
    tally = Tally({"1": ATTACK})
    flagged = tally.add(seen("1", "block"))
    assert flagged is not None
    line = flagged_line(flagged)
    for part in ("block", "0.990", "c000007 pays 1.50 at t00001", "[card testing]", "30 payments in 1 minute; usual: 1"):
        assert part in line


def test_without_a_terminal_the_view_prints_plain_lines() -> None:
    tally = Tally({"1": ATTACK})
    out = io.StringIO()
    flagged = tally.add(seen("1", "block"))
    assert flagged is not None
    with LiveView(tally, Attacks(Town(1, 10, 4)), Console(file=out)) as view:
        view.show(flagged)
    assert "card testing" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_the_summary_names_every_kind_of_attack_and_dead_letter() -> None:
    town = Town(1, 100, 20)
    attacks = Attacks(town, every_seconds=1.0)
    attacks.due(0)
    attacks.due(10_000)
    tally = Tally({"1": attacks.begun[0]})
    tally.add(seen("1", "block"))
    tally.add_dead_letter("not JSON")
    text = summary(tally, attacks, 10.0)
    assert f"1 of {len(attacks.begun)} flagged" in text
    assert "dead letters   1 (not JSON 1)" in text
    assert "false alarms   0 (0.00% of decisions)" in text


def decided(event_id: str, action: str, by: str, *rules: str, shadow: tuple[str, ...] = ()) -> Seen:
    made = seen(event_id, action)
    made.decided_by, made.matches = by, [SeenMatch(rule) for rule in rules] + [SeenMatch(rule, shadow=True) for rule in shadow]
    return made


def test_it_is_counted_by_what_the_payments_of_each_kind_of_attack_were_caught() -> None:
    tally = Tally(dict.fromkeys(("1", "2", "3", "4"), ATTACK))
    for decision in (
        decided("1", "block", "block", "probes", "velocity"),
        decided("2", "review", "score", shadow=("probes",)),
        decided("3", "approve", "score", shadow=("probes",)),
        decided("4", "review", "review", "velocity"),
        decided("5", "review", "review", "velocity"),
    ):
        tally.add(decision)
    assert tally.caught == {"card testing": {"probes": 1, "score": 1, "velocity": 1, "not caught": 1}}
    assert tally.matched == {"probes": 3, "velocity": 3}
    assert tally.matched_in_attacks == {"probes": 3, "velocity": 2}


def test_the_summary_says_what_caught_what_and_how_often_a_rule_was_right() -> None:
    attacks = Attacks(Town(1, 100, 20), every_seconds=1.0)
    attacks.due(0)
    attacks.due(1_000)
    first = attacks.begun[0]
    tally = Tally({"1": first, "2": first})
    for decision in (
        decided("1", "review", "review", "probes"),
        decided("2", "approve", "score"),
        decided("3", "block", "block", "probes"),
    ):
        tally.add(decision)
    text = summary(tally, attacks, 10.0)
    assert "  card testing          1 of 1 flagged; of 2 payments: probes 1, not caught 1" in text
    assert "  probes                2, 1 of an attack (50%)" in text
