"""What a decision on a payment has to say, made anew from the texts of the one release that it names and from the topics.

Windows, detectors per user, bands and the choice of a model are worked out here in the simplest way, without the engine.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import yaml

from detectors.catalogue import score_from
from detectors.snapshot import Snapshot
from pipeline.engine.definitions.champions import CHAMPIONS, read_champions
from pipeline.engine.definitions.release import compile_release

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DOUBTS_MAX = 6
PURCHASE = "purchase"
WHERE_PURCHASES = "!has(event.kind) || event.kind == 'purchase'"
WORKED_OUT = ("count", "sum", "mean", "max", "min", "calendar")
"""The templates whose values are worked out here; others have tests of their own, against an oracle of each."""


class Arrived(msgspec.Struct):
    """A payment on the events topic, as it lies there: `stored_ms` is when its sender had it; `terminal` is '' where it has none."""

    id: int
    at: int
    user: str
    terminal: str
    kind: str
    minor: int
    partition: int
    offset: int
    stored_ms: int

    @property
    def order(self) -> tuple[int, int]:
        return self.at, self.id


class OneRelease:
    """Expectations from one release each.

    Args:
        events: all of the topic that were decided.
        decisions: the first on each event, by its id.
        releases: texts by part, by release.
        snapshots: as published, by model and number.
    """

    def __init__(
        self,
        events: list[Arrived],
        decisions: Mapping[int, dict],
        releases: Mapping[int, dict[str, str]],
        snapshots: Mapping[tuple[str, int], Snapshot],
    ) -> None:
        self.decisions = decisions
        self.terminal_features_left_open = 0
        self._snapshots = snapshots
        self._by_user: dict[str, list[Arrived]] = defaultdict(list)
        self._by_terminal: dict[str, list[Arrived]] = defaultdict(list)
        for event in sorted(events, key=lambda event: (event.partition, event.offset)):
            self._by_user[event.user].append(event)
            self._by_terminal[event.terminal].append(event)
        self._features = {id: yaml.safe_load(texts["features"]) for id, texts in releases.items()}
        self._policies = {id: yaml.safe_load(texts["policy"]) for id, texts in releases.items()}
        self._rules = {id: actions_of_rules(texts) for id, texts in releases.items()}
        self._champions = {id: read_champions(texts.get(CHAMPIONS, "{}")) for id, texts in releases.items()}
        self._models = {id: {model.name: model for model in compile_release(id, texts).models} for id, texts in releases.items()}

    def differences(self, event: Arrived, release: int) -> list[str]:
        """Where the decision on `event` is not what `release` gives."""
        decision = self.decisions[event.id]
        found = [] if decision["release"] == release else ["release"]
        if list(decision["features"]) != [feature["name"] for feature in self._features[release]]:
            return [*found, "names of features"]
        if list(decision["models"]) != list(self._models[release]):
            return [*found, "names of models"]
        found += self._of_features(event, decision, release) + self._of_models(event, decision, release)
        return found + self._of_policy(decision, release)

    def _of_features(self, event: Arrived, decision: dict, release: int) -> list[str]:
        features, given = [feature for feature in self._features[release] if is_worked_out(feature)], decision["features"]
        before = [other for other in self._by_user[event.user] if other.offset <= event.offset]
        own = [feature for feature in features if "entity" not in feature]
        found = [feature["name"] for feature in own if not same(given[feature["name"]], feature_of(feature, event, before))]
        at_terminal = [feature for feature in features if feature.get("entity") == "terminal_id"]
        if "degraded" in decision["flags"] or not event.terminal:
            return found + [feature["name"] for feature in at_terminal if given[feature["name"]] is not None]
        ways = list(self._seen_at_terminal(event, max(length_ms(feature) for feature in at_terminal)))
        wrong = [[f["name"] for f in at_terminal if not same(given[f["name"]], feature_of(f, event, seen))] for seen in ways]
        self.terminal_features_left_open += not ways
        return found + min(wrong, key=len, default=[])

    def _seen_at_terminal(self, event: Arrived, window_ms: int) -> Iterator[list[Arrived]]:
        """Which events the terminal may have seen before this one.

        Those of its own partition came in their order. One of another came before if it was decided before this one was
        sent, and after if it was sent after this one was decided. Where that leaves doubts, each way is one.
        """
        sure, doubtful = [event], []
        for other in self._by_terminal[event.terminal]:
            if other is event or not (event.at - window_ms < other.at and other.order < event.order):
                continue
            if other.partition == event.partition:
                before: bool | None = other.offset < event.offset
            elif self.decisions[other.id]["processed_at"] < event.stored_ms and "degraded" not in self.decisions[other.id]["flags"]:
                before = True
            else:
                before = False if other.stored_ms > self.decisions[event.id]["processed_at"] else None
            if before is None:
                doubtful.append(other)
            elif before:
                sure.append(other)
        if len(doubtful) <= DOUBTS_MAX:
            for taken in itertools.product((True, False), repeat=len(doubtful)):
                yield sure + list(itertools.compress(doubtful, taken))

    def _of_models(self, event: Arrived, decision: dict, release: int) -> list[str]:
        found = []
        before = [other.minor / 100 for other in self._by_user[event.user] if other.offset < event.offset]
        for name, model in self._models[release].items():
            given = decision["models"][name]
            if model.keyed:
                wanted = outlier_score(before, event.minor / 100, int(model.parameters["grace_period"]))
                found += [] if given["snapshot"] is None and same(given["score"], wanted) else [name]
            elif given["snapshot"] is not None:
                found += [] if given["score"] == self._probability(decision, release, name)[0] else [name]
            elif given["score"] is not None:
                found.append(f"{name} without a snapshot")
        return found

    def _probability(self, decision: dict, release: int, name: str) -> tuple[float | None, float | None]:
        """Raw score and probability by the snapshot that the decision names, when that is one of this release's model."""
        model, given = self._models[release][name], decision["models"][name]
        if model.keyed or given["snapshot"] is None:
            return given["score"], given["score"]
        snapshot = self._snapshots[name, given["snapshot"]]
        if snapshot.definition != model.definition:
            return None, None
        parts = {"event": decision["event"], "feature": decision["features"]}
        values = [parts[place][field] for place, field in (column.split(".") for column in model.inputs)]
        scoring = score_from(model.model, snapshot.arrays_of())
        raw = scoring.score_many(np.array([[math.nan if value is None else value for value in values]]))
        return present(float(raw[0])), present(float(scoring.probability_many(raw)[0]))

    def _of_policy(self, decision: dict, release: int) -> list[str]:
        policy, score = self._policies[release], decision["score"]
        places = [place.strip() for place in policy["score"].removeprefix("first_ready(").removesuffix(")").split(",")]
        names = [self._champions[release][place].model if place in self._champions[release] else place for place in places]
        ready = [p for p in (self._probability(decision, release, name)[1] for name in names) if p is not None]
        found = [] if score == (ready[0] if ready else None) else ["score"]
        if score is None:
            action = policy["fallback"]["action"]
        else:
            action = next(band["action"] for band in policy["bands"] if score < band.get("below", math.inf))
        asked = {self._rules[release][match["pattern"]] for match in decision["matches"] if not match["shadow"]}
        if policy.get("order") == "strongest":
            asked.add(action)
        action = next((one for one in ("block", "review") if one in asked), action)
        return found + ([] if decision["action"] == action else ["action"])


def actions_of_rules(texts: dict[str, str]) -> dict[str, str]:
    """The action that each rule of a release asks for, by the rule's id."""
    rules = {part.removeprefix("pattern:"): yaml.safe_load(text) for part, text in texts.items() if part.startswith("pattern:")}
    return {id: rule["then"].get("action", "") for id, rule in rules.items()}


def is_worked_out(feature: dict) -> bool:
    """Whether `feature_of` knows how the value of a feature comes about."""
    template = feature.get("template")  # an expression has none
    has_known_window = template == "calendar" or isinstance(feature.get("window"), str)
    return template in WORKED_OUT and has_known_window and feature.get("where", WHERE_PURCHASES) == WHERE_PURCHASES


def feature_of(feature: dict, event: Arrived, seen: list[Arrived]) -> float | None:
    """The value of one feature at `event`, of a key that has `seen` these; times in (t - length, t], earlier in the total order."""
    if feature["template"] == "calendar":
        low, high = feature["between"]
        return float(low <= event.at // UNITS_MS["h"] % 24 <= high)
    inside = [other for other in seen if other.at > event.at - length_ms(feature) and other.order < event.order]
    if feature.get("include_current", True):
        inside.append(event)
    if "where" in feature:
        inside = [other for other in inside if other.kind == PURCHASE]
    amounts = [other.minor for other in inside]
    if feature["template"] in ("count", "sum"):
        return float(len(inside)) if feature["template"] == "count" else sum(amounts) / 100
    if not amounts:
        return None
    return {"mean": sum(amounts) / len(amounts), "max": max(amounts), "min": min(amounts)}[feature["template"]] / 100


def outlier_score(before: list[float], value: float, grace_period: int) -> float:
    """How far out `value` lies among a user's amounts before it: 2 |CDF - 0.5| of their normal distribution."""
    if len(before) < grace_period:
        return 0.0
    mean = sum(before) / len(before)
    variance = sum((amount - mean) ** 2 for amount in before) / (len(before) - 1) if len(before) > 1 else 0.0
    return 1.0 if variance <= 0 else math.erf(abs(value - mean) / math.sqrt(2 * variance))


def length_ms(feature: dict) -> int:
    """The length of its window."""
    return int(feature["window"][:-1]) * UNITS_MS[feature["window"][-1]]


def same(one: float | None, other: float | None) -> bool:
    """Equal up to the last bits; missing equals missing."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def present(value: float) -> float | None:
    """``None`` for a missing number."""
    return None if math.isnan(value) else value
