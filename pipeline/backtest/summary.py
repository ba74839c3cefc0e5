"""The figures of a backtest in short: what a job shows, and what a promotion looks at."""

import msgspec

from patterns.lifecycle.promotion import Measured
from pipeline.backtest.figures import Figures, LabelCoverage, RuleFigures, Span

SENTENCES_MAX = 20


class RuleSummary(msgspec.Struct, frozen=True):
    """A rule in short; see `pipeline.backtest.figures.RuleFigures`."""

    id: str
    texts: str
    hash: str
    role: str
    matches: int
    fraud: int
    good: int
    precision: float | None
    recall: float | None
    unmet: list[str]


class FlipSummary(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Decisions that differ in one way; see `pipeline.backtest.figures.Flip`."""

    from_: str
    to: str
    events: int
    fraud: int
    good: int
    users: int
    value: float


class Summary(msgspec.Struct, frozen=True):
    """A backtest in short. It is stored only when all events were decided.

    Args:
        release: beside the rules of which release.
        good_stopped: the number of good events that the candidate stops newly, of how many users, and the sum of their values.
        not_simulated: the first sentences about what the figures leave out; the file has all.
    """

    release: int
    span: Span
    labels: LabelCoverage
    refused: int
    rules: list[RuleSummary]
    flips: list[FlipSummary]
    good_stopped: dict[str, float]
    value_of: str
    remarks: list[str]
    not_simulated: list[str]


def summary_of(figures: Figures) -> Summary:
    """Returns `figures` in short."""
    stopped = figures.counterexamples.good_stopped
    flips = []
    for flip in figures.flips:
        changed = flip.changed
        counts = changed.counts
        flips.append(FlipSummary(flip.from_, flip.to, counts.events, counts.fraud, counts.good, changed.users, changed.value.sum))
    return Summary(
        release=figures.release,
        span=figures.span,
        labels=figures.labels,
        refused=figures.refused,
        rules=[_rule(rule) for rule in figures.rules],
        flips=flips,
        good_stopped={"events": stopped.counts.events, "users": stopped.users, "value": stopped.value.sum},
        value_of=figures.value_of,
        remarks=figures.remarks[:SENTENCES_MAX],
        not_simulated=figures.not_simulated[:SENTENCES_MAX],
    )


def measured_in(summary: Summary, id: str, hash: str) -> Measured | None:
    """Returns what a backtest measured of the text `hash` of the rule `id`; None if it did not try that text."""
    for rule in summary.rules:
        if (rule.id, rule.hash, rule.role) == (id, hash, "candidate"):
            return Measured(summary.span.events, rule.matches, rule.fraud, rule.good)
    return None


def _rule(rule: RuleFigures) -> RuleSummary:
    caught, counts = rule.caught, rule.caught.counts
    return RuleSummary(
        rule.id, rule.texts, rule.hash, rule.role, counts.events, counts.fraud, counts.good, caught.precision, caught.recall, rule.unmet
    )
