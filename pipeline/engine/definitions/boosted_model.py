"""How the boosted trees of a model are fitted, as models.yaml says it under `kind: boosted`."""

from dataclasses import dataclass

from foundation.document import Section, read_document

KIND = "boosted"
MODEL = "boosted.SymmetricTrees"
"""The name of the kind in a decision's snapshots, see `detectors.catalogue.SNAPSHOT_KINDS`."""
FIELDS = ("fit", "retrain", "negatives", "monotone", "warm_up")
_FIT = ("trees", "depth", "learning_rate", "l2", "seed")
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Boosted:
    """How trees are fitted.

    Args:
        trees: at most so many, 1 to 2,000; fewer where more do not lower the log loss of later events.
        depth: questions on the way to a leaf, 1 to 8.
        learning_rate: share of what a tree found that counts, above 0 and at most 1.
        l2: pull of leaves towards 0, at least 0.
        seed: of the order in which CatBoost looks at rows.
        retrain_ms: event time between two fits.
        retrain_on_drift_ms: of a running system, event time between two fits while something drifts that the model sees or says, or the
            share of fraud; 0 where that changes nothing.
        warm_up_ms: events of the beginning of history are not fitted, up to so much event time after the first one: windows were not whole.
        negatives: share of the legitimate events that is fitted, above 0 and at most 1; each counts as its inverse, so that probabilities
            stay what they are.
        monotone: by input, in their order: 1 where a greater number may only raise the score, -1 where it may only lower it, else 0.
    """

    trees: int
    depth: int
    learning_rate: float
    l2: float
    seed: int
    retrain_ms: int
    negatives: float
    monotone: tuple[int, ...]
    retrain_on_drift_ms: int = 0
    warm_up_ms: int = 0

    @property
    def cost_ns(self) -> float:
        """The CPU time to score a row in a batch of hundreds, estimated: 40 inputs, 300 trees and 6 levels take 460 ns."""
        return 5.0 * len(self.monotone) + 0.14 * self.trees * self.depth


def read_boosted(section: Section, inputs: tuple[str, ...]) -> Boosted:
    """Reads the fields of a model of this kind.

    Raises:
        Refusal: with line and column, for what is unknown or out of range.
    """
    fit = section.at("fit") if section.has("fit") else read_document("{}", "models.yaml")
    fit.only(*_FIT)

    def number(name: str, least: float, most: float, default: float) -> float:
        return fit.at(name).number(least, most) if fit.has(name) else default

    def whole(name: str, least: int, most: int, default: int) -> int:
        return fit.at(name).integer(least, most) if fit.has(name) else default

    retrain_ms, on_drift_ms = _retrain(section)
    return Boosted(
        trees=whole("trees", 1, 2_000, 300),
        depth=whole("depth", 1, 8, 6),
        learning_rate=number("learning_rate", 0.001, 1.0, 0.06),
        l2=number("l2", 0.0, 1_000.0, 3.0),
        seed=whole("seed", 0, 1 << 31, 1),
        retrain_ms=retrain_ms,
        negatives=section.at("negatives").number(0.001, 1.0) if section.has("negatives") else 1.0,
        monotone=_monotone(section, inputs),
        retrain_on_drift_ms=on_drift_ms,
        warm_up_ms=section.at("warm_up").duration_ms() if section.has("warm_up") else 0,
    )


def _retrain(section: Section) -> tuple[int, int]:
    """The cadence, and that while something drifts, 0 for none."""
    if not section.has("retrain"):
        return 7 * _DAY_MS, 0
    retrain = section.at("retrain")
    if not retrain.is_mapping():
        return retrain.duration_ms(_DAY_MS), 0
    retrain.only("every", "on_drift")
    every_ms = retrain.at("every").duration_ms(_DAY_MS)
    on_drift_ms = retrain.at("on_drift").duration_ms(_DAY_MS) if retrain.has("on_drift") else 0
    if on_drift_ms >= every_ms:
        retrain.at("on_drift").refuse("no shorter than the cadence", "a duration that is shorter than `every`")
    return every_ms, on_drift_ms


def _monotone(section: Section, inputs: tuple[str, ...]) -> tuple[int, ...]:
    if not section.has("monotone"):
        return (0,) * len(inputs)
    declared = section.at("monotone")
    declared.only(*inputs)
    directions = {name: declared.at(name).choice(("increasing", "decreasing")) for name in inputs if declared.has(name)}
    return tuple({"increasing": 1, "decreasing": -1}.get(directions.get(name, ""), 0) for name in inputs)
