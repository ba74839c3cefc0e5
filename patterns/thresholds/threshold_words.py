"""Says in words what a learned threshold is, and why."""

from fractions import Fraction

from features.definitions.entity_parser import parts_of
from patterns.language.pattern import Adaptive

_ONE_IN_LEAST = 2


def threshold_words(
    adaptive: Adaptive, value: float, threshold: float | None, usual: float | None, weight: float, cohort: str | None
) -> str:
    """Returns one sentence, such as ``feature.count_10m is 6; for this card_id 3 is usual, by about 14 events of its own; 1 in 1,000 among
    books with such a history lies above 5.2``.

    Args:
        adaptive: what the rule declares.
        value, threshold, usual, weight, cohort: what a decision says, see `pipeline.engine.decisions.looked_up.LookedUp`.
    """
    of, whose = " ".join(adaptive.of.text.split()), f"for this {' with this '.join(parts_of(adaptive.key))}"
    own = f"by about {weight:.0f} events of its own" if weight >= 0.5 else "which is that of others, since it has no history"
    parts = [f"{of} is {value:.6g}"]
    if usual is not None:
        parts.append(f"{whose} {usual:.6g} is usual, {own}")
    parts.append(_rarity(adaptive, threshold, cohort))
    return "; ".join(parts)


def _rarity(adaptive: Adaptive, threshold: float | None, cohort: str | None) -> str:
    if threshold is None:
        return "too few events are known yet to say what is rare, so that there is no threshold"
    if threshold == adaptive.floor:
        return f"the threshold stands on its floor, {threshold:.6g}"
    if threshold == adaptive.cap:
        return f"the threshold stands on its cap, {threshold:.6g}"
    among = "among all" if cohort is None else f"among {cohort}"
    return f"{_share(adaptive.rate)} {among} with such a history lies above {threshold:.6g}"


def _share(rate: float) -> str:
    """Returns a share as people say it: ``1 in 1,000``."""
    near = Fraction(rate).limit_denominator(1_000_000)
    return f"{near.numerator:,} in {near.denominator:,}" if near.denominator >= _ONE_IN_LEAST else f"{rate:.3g} of all"
