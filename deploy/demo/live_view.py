"""Shows the demo: on a terminal as a panel that is redrawn, otherwise as plain lines."""

import collections
import math
import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.attacks import Attacks
from deploy.demo.tally import NOT_CAUGHT, Flagged, Tally

_COLOURS = {"review": "yellow", "block": "red"}
PLAIN_EVERY_SECONDS = 5.0
PLAIN_FLAGGED_PER_SECOND_MAX = 3


class LiveView:
    """Shows a tally as it grows.

    Args:
        tally: the counts, which the caller updates.
        attacks: the attacks that were generated.
        console: the console to show them on; one that is not a terminal gets plain lines.
    """

    def __init__(self, tally: Tally, attacks: Attacks, console: Console) -> None:
        self._tally = tally
        self._attacks = attacks
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._drawn_at = time.monotonic()
        self._drawn_decisions = 0
        self._rate = 0.0
        self._printed_at = 0.0

    def __enter__(self) -> "LiveView":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, flagged: Flagged) -> None:
        """Prints a flagged decision on an attack if lines are plain, at most `PLAIN_FLAGGED_PER_SECOND_MAX` per second."""
        now = time.monotonic()
        if self._live is None and flagged.attack and now - self._printed_at > 1 / PLAIN_FLAGGED_PER_SECOND_MAX:
            self._printed_at = now
            self._console.print(flagged_line(flagged), highlight=False, markup=False, soft_wrap=True)

    def draw(self) -> None:
        """Updates the view; call it a few times per second."""
        now = time.monotonic()
        every = 0.5 if self._live else PLAIN_EVERY_SECONDS
        if now - self._drawn_at < every:
            return
        self._rate = (self._tally.decisions - self._drawn_decisions) / (now - self._drawn_at)
        self._drawn_at, self._drawn_decisions = now, self._tally.decisions
        if self._live:
            self._live.update(Group(Text(self._status(), style="bold"), self._table()), refresh=True)
        else:
            self._console.print(self._status(), highlight=False, markup=False, soft_wrap=True)

    def _status(self) -> str:
        tally = self._tally
        return (
            f"{self._rate:,.0f} events/s  latency p50 {tally.latency_ms(0.5):.0f} ms  p99 {tally.latency_ms(0.99):.0f} ms  "
            f"decisions {tally.decisions:,}  review {tally.actions['review']:,}  block {tally.actions['block']:,}  "
            f"attacks {len(self._attacks.begun)} begun, {len(tally.attacks_flagged)} flagged  dead letters {tally.dead_letters.total()}"
        )

    def _table(self) -> Table:
        table = Table("action", "score", "customer", "amount", "terminal", "attack", "why", expand=True)
        for flagged in reversed(self._tally.flagged):
            table.add_row(*_cells(flagged), style=_COLOURS.get(flagged.decision.action, ""))
        return table


def flagged_line(flagged: Flagged) -> str:
    """A flagged decision as one line."""
    action, score, user, amount, terminal, attack, why = _cells(flagged)
    return f"  {action:<6} {score}  {user} pays {amount} at {terminal}  [{attack}]  {why}"


def summary(tally: Tally, attacks: Attacks, seconds: float) -> str:
    """The summary of a demo that sent live payments for `seconds`."""
    letters = ", ".join(f"{what} {count}" for what, count in sorted(tally.dead_letters.items()))
    return "\n".join(
        [
            f"decisions      {tally.decisions:,} in {seconds:.0f} s ({tally.decisions / max(seconds, 1e-9):,.0f}/s)",
            "actions        " + "  ".join(f"{action} {tally.actions[action]:,}" for action in ("approve", "review", "block")),
            f"latency        p50 {tally.latency_ms(0.5):.0f} ms  p99 {tally.latency_ms(0.99):.0f} ms, from payment to decision",
            f"attacks        {len(tally.attacks_flagged)} of {len(attacks.begun)} flagged; by what their payments were caught:",
            *caught_lines(tally, attacks),
            "rules          payments that matched, and how many of them were part of an attack:",
            *rule_lines(tally),
            f"false alarms   {tally.false_alarms:,} ({tally.false_alarms / max(tally.decisions, 1):.2%} of decisions)",
            f"dead letters   {tally.dead_letters.total()}{' (' + letters + ')' if letters else ''}",
        ]
    )


def caught_lines(tally: Tally, attacks: Attacks) -> list[str]:
    """For each kind of attack: how many were flagged, and what caught how many of their payments."""
    begun = collections.Counter(attack.kind for attack in attacks.begun)
    flagged = collections.Counter(attack.kind for attack in tally.attacks_flagged.values())
    return [
        f"  {kind:<22}{flagged[kind]} of {begun[kind]} flagged; of {tally.caught[kind].total()} payments: "
        + (", ".join(f"{by} {count}" for by, count in _by_count(tally.caught[kind])) or "none was decided")
        for kind in sorted(begun)
    ]


def rule_lines(tally: Tally) -> list[str]:
    """For each rule that matched: how many payments, how many of an attack, and their share."""
    return [
        f"  {rule:<22}{count:,}, {tally.matched_in_attacks[rule]:,} of an attack ({tally.matched_in_attacks[rule] / count:.0%})"
        for rule, count in sorted(tally.matched.items())
    ]


def _by_count(counts: collections.Counter[str]) -> list[tuple[str, int]]:
    """The counts, the greatest first; what was not caught comes last."""
    return sorted(counts.items(), key=lambda each: (each[0] == NOT_CAUGHT, -each[1], each[0]))


def _cells(flagged: Flagged) -> tuple[str, str, str, str, str, str, str]:
    decision = flagged.decision
    score = decision.score if decision.score is not None else math.nan
    amount = decision.event.get("amount") or math.nan
    attack = flagged.attack.kind if flagged.attack else "-"
    why = "; ".join(decision.reasons)
    return decision.action, f"{score:.3f}", decision.user, f"{amount:.2f}", decision.entities.get("terminal_id") or "-", attack, why
