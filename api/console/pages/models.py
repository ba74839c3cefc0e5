"""The models in force: who decides, who challenges, how they compare, how often probabilities came true, and what drifts."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.console.page import Asked, Page
from api.console.shown.small_graphs import Bar, bars_of

PLACES_MAX = 8
"""So many places are compared on one page; a policy has one or two."""
DAYS = ("7", "28", "90")


class Course(NamedTuple):
    """How well a model did week by week.

    Args:
        name: of the model.
        newest: its average precision in the newest week in which it is defined; None in no week.
        bars: its average precision in each week; all models of a place have the same scale.
    """

    name: str
    newest: float | None
    bars: list[Bar]


async def load(asked: Asked) -> Mapping[str, object]:
    """All models with their places side by side, and the reliability of probabilities, of so many days."""
    days = asked.query.get("days", "")
    span = {"days": days if days in DAYS else None}
    models = (await asked.api.get("/v1/models:standings"))["models"]
    places = list(dict.fromkeys(each["place"] for each in models if each["place"]))[:PLACES_MAX]
    compared = await asyncio.gather(*(asked.api.tried("/v1/models:compare", {"place": place, **span}) for place in places))
    reliability = await asked.api.tried("/v1/models:reliability", span)
    measures = [list(dict.fromkeys(name for model in (each or {}).get("models", []) for name in model["measures"])) for each in compared]
    return {
        "models": models, "places": list(zip(places, compared, measures, map(courses_of, compared), strict=True)),
        "reliability": reliability, "days": days, "all_days": DAYS,
    }  # fmt: skip


def courses_of(compared: Mapping[str, Any] | None) -> list[Course]:
    """How the models of a place did over at least two weeks; none where there are fewer."""
    weeks = (compared or {}).get("weeks", [])
    if len(weeks) < 2:
        return []
    by_model = {name: [week["models"][name]["ap"] for week in weeks] for name in weeks[0]["models"]}
    highest = max((value for values in by_model.values() for value in values if value is not None), default=0.0)
    return [Course(name, _newest(values), bars_of([each or 0.0 for each in values], highest)) for name, values in by_model.items()]


def _newest(values: Sequence[float | None]) -> float | None:
    return next((each for each in reversed(values) if each is not None), None)


async def load_drift(asked: Asked) -> Mapping[str, object]:
    """How far the newest day is from the weeks before: not on the page of models, because it takes seconds of a full sample."""
    drift: dict[str, object] = await asked.api.get("/v1/models:drift")
    return drift


MODELS = Page(
    name="models", path="/models", title="Models", reads="/v1/models:standings", load=load, label="Models", key="m", has_script=True
)  # fmt: skip
DRIFT = Page(name="drift", path="/models/drift", title="Drift", reads="/v1/models:drift", load=load_drift)
