"""A model: what moves its score, and what it sees and says now beside the weeks before."""

import asyncio
from collections.abc import Mapping
from typing import Any

from api.console.own_api import quoted
from api.console.page import Asked, Page
from api.console.shown.distributions import shown_of
from api.http.problem import Problem


async def load(asked: Asked) -> Mapping[str, object]:
    """The model with its importance and the distributions of its score and inputs; what cannot be measured costs its part alone."""
    name = asked.path["name"]
    models = (await asked.api.get("/v1/models:standings"))["models"]
    model = next((each for each in models if each["name"] == name), None)
    if model is None:
        raise Problem(404, f"the release in force has no model {name[:80]}")
    importance, drift = await asyncio.gather(asked.api.tried(f"/v1/models/{quoted(name)}:importance"), asked.api.tried("/v1/models:drift"))
    return {"title": name, "model": model, "importance": importance, "day_ms": drift["day_ms"] if drift else 0, "seen": _seen(model, drift)}


def _seen(model: Mapping[str, Any], drift: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The score of the model, then its inputs in their order, each with its bins as rows and as bars."""
    found = {each["subject"]: each for each in (drift["drifts"] if drift else [])}
    return [shown_of(found[name]) for name in (f"model.{model['name']}", *model["inputs"]) if name in found]


MODEL = Page(name="model", path="/models/named/{name}", title="Model", reads="/v1/models:standings", load=load)
