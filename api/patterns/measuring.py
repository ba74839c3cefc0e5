"""Measures what rules did since their texts are what they are, from what the effects job has counted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from api.patterns.watching_releases import watching
from features.schema.label_sources import LabelSources
from foundation.settings import Settings
from patterns.language.bounds import promote_of
from patterns.language.pattern import Promote
from patterns.language.rule_folder import extended_by
from patterns.lifecycle.manifest import PATTERN_PREFIX
from patterns.lifecycle.promotion import Measured, unmet
from patterns.matches import RULES_MAX
from stores.effects import Counted, Effects, LabelledMatch
from stores.registry import Registry

FRAUD = 1


class Observed(NamedTuple):
    """Holds what was counted of a rule.

    Args:
        releases: those that watched it, with the texts that it has now.
        counts: its matches.
        decided: events that were decided, by hour of event time.
        measured: both together, with labels.
        reviewed: how many events people have judged in cases, as fraud and as legitimate.
    """

    releases: frozenset[int]
    counts: list[Counted]
    decided: dict[int, int]
    measured: Measured
    reviewed: tuple[int, int]


def observe(
    effects: Effects,
    registry: Registry,
    texts: Mapping[str, str],
    hashes: Mapping[str, str],
    sources: LabelSources,
    ids: Collection[str],
    from_ms: int,
    reviewers: Collection[str] = (),
) -> dict[str, Observed]:
    """Measures the rules `ids`, each store asked once for all of them. The event loop calls it in a thread.

    Args:
        texts, hashes: of the parts in force.
        sources: say which of several labels of an event stands.
        from_ms: event time before which nothing is counted.
        reviewers: the sources of labels that verdicts give.
    """
    by_release = effects.decided(from_ms)
    watched = watching(registry, texts, hashes, ids, {release for release, _ in by_release})
    counts, labels = effects.counts(ids, from_ms), effects.labelled(ids, from_ms)
    return {
        id: _observed(
            watched[id],
            by_release,
            [count for count in counts.get(id, ()) if count.release in watched[id]],
            [each for each in labels.get(id, ()) if each.release in watched[id]],
            sources,
            reviewers,
        )
        for id in ids
    }


def _observed(
    watched: frozenset[int],
    by_release: Mapping[tuple[int, int], int],
    counts: list[Counted],
    labels: Sequence[LabelledMatch],
    sources: LabelSources,
    reviewers: Collection[str],
) -> Observed:
    """What was counted of one rule in the releases that `watched` it."""
    decided: dict[int, int] = defaultdict(int)
    for (release, hour_ms), count in by_release.items():
        if release in watched:
            decided[hour_ms] += count
    standing = standing_labels(labels, sources)
    fraud = sum(label == FRAUD for label in standing.values())
    judged = standing_labels((each for each in labels if each.source in reviewers), sources).values()
    matches = sum(count.matches for count in counts)
    measured = Measured(sum(decided.values()), matches, fraud, len(standing) - fraud)
    return Observed(watched, counts, dict(decided), measured, (sum(judged), len(judged) - sum(judged)))


def promote_in(id: str, texts: Mapping[str, str]) -> Promote:
    """The bounds that the rule `id` sets for its promotion.

    Args:
        texts: of the parts in force.
    """
    own = texts[PATTERN_PREFIX + id]
    extended = extended_by(id, own)
    return _promote(id, own, extended, texts.get(PATTERN_PREFIX + extended, ""))


@lru_cache(RULES_MAX)
def _promote(id: str, own: str, extended: str, text: str) -> Promote:
    """The bounds in the text `own` of a rule, or in the `text` of the rule `extended`; both have been checked."""
    return promote_of(id, {id: own} | ({extended: text} if text else {}))


def needs_of(promote: Promote, measured: Measured, settings: Settings, tried: Measured | None = None) -> list[str]:
    """A sentence for each bound of a rule's promotion that is not kept, or of which too little is known; none if there is no such bound.

    Args:
        tried: what a backtest measured of the same text. It counts where too little is known of what the rule did itself.
    """
    lacking = _lacking(promote, measured, settings)
    if lacking and tried is not None and not _lacking(promote, tried, settings):
        return unmet(promote, tried)
    return lacking + unmet(promote, measured)


def _lacking(promote: Promote, measured: Measured, settings: Settings) -> list[str]:
    """A sentence for each thing of which too little is known."""
    needs = []
    bounds_matches = promote.matches_at_least is not None or promote.matches_at_most is not None
    if bounds_matches and measured.events < settings.promotion_events_min:
        least = f"at least {settings.promotion_events_min:,} events have to be decided while the rule is watched"
        needs.append(f"{least}, and {measured.events:,} were")
    known = measured.fraud + measured.good
    if promote.precision_at_least is not None and known < settings.promotion_labels_min:
        needs.append(f"at least {settings.promotion_labels_min:,} of the rule's matches need a label, and {known:,} have one")
    return needs


def standing_labels(labels: Iterable[LabelledMatch], sources: LabelSources) -> dict[str, int]:
    """The label of each event that stands: that of the highest source, of equal ones the newest, then the positive one."""
    best: dict[str, tuple[int, int, int]] = {}
    for each in labels:
        rank = (sources.rank(each.source), each.label_time, each.label)
        best[each.event] = max(best.get(each.event, rank), rank)
    return {event: label for event, (_, _, label) in best.items()}
