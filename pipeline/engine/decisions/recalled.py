"""What a decision that was kept still tells of its event, under the names by which rules read it."""

from collections.abc import Mapping
from typing import Any

from features.expressions.functions.column import Value
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST
from features.schema.schema import Schema
from patterns.rules.explaining.seen_event import SeenEvent

_LIST = "a decision keeps of lists only what the rules looked at that matched"
_FACT = "a decision keeps of facts only those that rules looked at that matched"
_ADAPTIVE = "the decision compared nothing with this threshold: the number was missing, or the rule did not have it"
_TEXT = "decisions keep the texts of fields with dimension: true alone"
_MODEL = "the decision keeps the raw score of the model, and not where it lies on the scale that rules read"


def recalled(decision: Mapping[str, Any], names: Mapping[str, Type], schema: Schema, id_key: int, rule: str = "") -> SeenEvent:
    """Returns what a stored decision tells of its event.

    Args:
        decision: as it was served.
        names: what is wanted, with types.
        schema: of the release that decided.
        id_key: tells the event from others of the same time.
        rule: whose learned thresholds are wanted.
    """
    told = {name: value for match in decision.get("matches", ()) for name, value in match["values"].items() if not _is_learned(name)}
    learned = decision.get("thresholds", {})
    own = {name: f"{rule}.{name.partition('.')[2]}" for name in names if _is_learned(name)}
    told |= {name: learned[threshold]["threshold"] for name, threshold in own.items() if threshold in learned}
    values: dict[str, Value | None] = {}
    unknown: dict[str, str] = {}
    for name, type in names.items():
        if name in told and type not in (Type.TIMESTAMP, Type.DURATION):
            values[name] = _typed(type, told[name])
            continue
        found = _kept(decision, name, schema)
        if isinstance(found, _Unknown):
            unknown[name] = str(found)
        else:
            values[name] = _typed(type, found)
    time_ms = int(decision["event_time"])
    return SeenEvent(decision["event_id"], decision["user"], time_ms, id_key, names, values, unknown, "late" in decision.get("flags", ()))


def _is_learned(name: str) -> bool:
    return name.startswith("adaptive.")


class _Unknown(str):
    """Says why a value is not known any more."""

    __slots__ = ()


def _kept(decision: Mapping[str, Any], name: str, schema: Schema) -> Any:
    root, _, rest = name.partition(".")
    if IN_LIST in name:
        return _Unknown(_LIST)
    if root == "event":
        return _field(decision, rest, schema)
    if root == "feature":
        features = decision["features"]
        return features[rest] if rest in features else _Unknown(f"release {decision['release']}, which decided, had no such feature")
    if root == "model":
        return _model(decision, rest)
    return _Unknown(_ADAPTIVE if root == "adaptive" else _FACT)


def _field(decision: Mapping[str, Any], field: str, schema: Schema) -> Any:
    if field == schema.id_field:
        return decision["event_id"]
    if field == schema.time_field:
        return int(decision["event_time"]) * 1_000
    if field == schema.user:
        return decision["user"] or None
    for kept in (decision["entities"], decision["dimensions"]):
        if field in kept:
            return kept[field] or None  # a missing text is kept as an empty one
    if field in decision["event"]:
        return decision["event"][field]
    return _Unknown(_TEXT if field in schema.texts else f"release {decision['release']}, which decided, had no such field")


def _model(decision: Mapping[str, Any], name: str) -> Any:
    score = decision["models"].get(name)
    if score is None:
        return _Unknown(f"release {decision['release']}, which decided, had no such model")
    if score["score"] is None:
        return None
    own = score["snapshot"] is None and decision.get("scale", "raw") == "raw"  # a detector with a state for each entity
    return score["score"] if own else _Unknown(_MODEL)


def _typed(type: Type, value: Any) -> Value | None:
    if value is None:
        return None
    if type is Type.BOOL:
        return bool(value)
    if type is Type.INT:
        return int(value)
    return float(value) if type is Type.DOUBLE else str(value) if type is Type.STRING else int(value)
