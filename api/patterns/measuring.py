"""Measures what a rule did since its text is what it is, from what the effects job has counted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from features.schema.label_sources import LabelSources
from foundation.settings import Settings
from patterns.language.bounds import promote_of
from patterns.language.pattern import Promote
from patterns.language.rule_folder import extended_by
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, WATCHED, pattern_texts, read_manifest
from patterns.lifecycle.promotion import Measured, unmet
from stores.effects import Counted, Effects, LabelledMatch
from stores.registry import Registry, StoredRelease

LOOKED_AT = 2_000
"""A rule is followed back over so many releases."""
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
    id: str,
    from_ms: int,
    reviewers: Collection[str] = (),
) -> Observed:
    """Measures the rule `id`. It asks the stores, so that the event loop calls it in a thread.

    Args:
        texts, hashes: of the parts in force.
        sources: say which of several labels of an event stands.
        from_ms: event time before which nothing is counted.
        reviewers: the sources of labels that verdicts give.
    """
    by_release = effects.decided(from_ms)
    named = {release for release, _ in by_release}
    watched = _watching(registry, (each for each in _same(registry, texts, hashes, id) if each.id in named), id)
    decided: dict[int, int] = defaultdict(int)
    for (release, hour_ms), count in by_release.items():
        if release in watched:
            decided[hour_ms] += count
    counts = [count for count in effects.counts(id, from_ms) if count.release in watched]
    labels = [each for each in effects.labelled(id, from_ms) if each.release in watched]
    standing = standing_labels(labels, sources)
    fraud = sum(label == FRAUD for label in standing.values())
    judged = standing_labels((each for each in labels if each.source in reviewers), sources).values()
    matches = sum(count.matches for count in counts)
    measured = Measured(sum(decided.values()), matches, fraud, len(standing) - fraud)
    return Observed(watched, counts, dict(decided), measured, (sum(judged), len(judged) - sum(judged)))


def needs_of(id: str, texts: Mapping[str, str], measured: Measured, settings: Settings, tried: Measured | None = None) -> list[str]:
    """A sentence for each bound of the rule's promotion that is not kept, or of which too little is known; none if there is no such bound.

    Args:
        texts: of the parts in force.
        tried: what a backtest measured of the same text. It counts where too little is known of what the rule did itself.
    """
    promote = promote_of(id, pattern_texts(texts))
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


def _same(registry: Registry, texts: Mapping[str, str], hashes: Mapping[str, str], id: str) -> Iterable[StoredRelease]:
    """The newest releases in a row in which the rule, and the one that it extends, have the texts that are in force."""
    part = PATTERN_PREFIX + id
    extended = extended_by(id, texts[part])
    own = {each: hashes[each] for each in (part, PATTERN_PREFIX + extended) if each in hashes}
    for release in registry.releases(LOOKED_AT):
        if any(release.parts.get(each) != hash for each, hash in own.items()):
            return
        yield release


def _watching(registry: Registry, releases: Iterable[StoredRelease], id: str) -> frozenset[int]:
    """Those of `releases` in which the rule `id` is evaluated."""
    statuses: dict[str, str] = {}
    found = []
    for release in releases:
        manifest = release.parts.get(MANIFEST, "")
        if manifest not in statuses:
            standing = read_manifest(registry.text(manifest) or "{}").get(id)
            statuses[manifest] = "" if standing is None else standing.status
        if statuses[manifest] in WATCHED:
            found.append(release.id)
    return frozenset(found)
