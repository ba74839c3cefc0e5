"""The models in force: who decides, who challenges, how they compare, how often probabilities came true, and what drifts."""

import asyncio
from collections.abc import Mapping

from api.console.page import Asked, Page

PLACES_MAX = 8
"""So many places are compared on one page; a policy has one or two."""
DAYS = ("7", "28", "90")


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
        "models": models, "places": list(zip(places, compared, measures, strict=True)), "reliability": reliability, "days": days,
        "all_days": DAYS,
    }  # fmt: skip


async def load_drift(asked: Asked) -> Mapping[str, object]:
    """How far the newest day is from the weeks before: not on the page of models, because it takes seconds of a full sample."""
    drift: dict[str, object] = await asked.api.get("/v1/models:drift")
    return drift


MODELS = Page(
    name="models", path="/models", title="Models", reads="/v1/models:standings", load=load, label="Models", key="m", has_script=True
)  # fmt: skip
DRIFT = Page(name="drift", path="/models/drift", title="Drift", reads="/v1/models:drift", load=load_drift)
