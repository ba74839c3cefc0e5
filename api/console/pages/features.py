"""The catalogue of features: what each is, what it reads, who uses it, how its definition came to be, and which values it has."""

from collections.abc import Mapping
from typing import Any

from api.console.own_api import quoted
from api.console.page import Asked, Page
from api.console.shown.distributions import shown_of
from api.http.problem import Problem


async def load_catalogue(asked: Asked) -> Mapping[str, object]:
    """The features that the filters in the address leave, in the order of features.yaml."""
    query = asked.query
    sought, entity, unused = query.get("q", "").strip(), query.get("entity", ""), query.get("unused") == "yes"
    features = (await asked.api.get("/v1/features/catalogue"))["features"]
    shown = [each for each in features if _is_sought(each, sought) and entity in ("", each["entity"]) and not (unused and each["used_by"])]
    entities = sorted({each["entity"] for each in features})
    return {"features": shown, "all": len(features), "sought": sought, "entity": entity, "unused": unused, "entities": entities}


async def load_feature(asked: Asked) -> Mapping[str, object]:
    """One feature in force with its versions and, where a model reads it, its values now and before; or the versions of a removed one."""
    name = asked.path["name"]
    features = (await asked.api.get("/v1/features/catalogue"))["features"]
    versions = (await asked.api.get(f"/v1/features/{quoted(name)}/versions"))["versions"]
    found = next((each for each in features if each["name"] == name), None)
    if found is None and not versions:
        raise Problem(404, f"no release has a feature {name[:80]}")
    is_read = found is not None and any(user.startswith("model ") for user in found["used_by"])
    drift = await asked.api.tried("/v1/models:drift") if is_read else None
    seen = next((shown_of(each) for each in (drift or {}).get("drifts", []) if each["subject"] == f"feature.{name}"), None)
    return {
        "title": name,
        "feature": found,
        "versions": versions,
        "is_read": is_read,
        "seen": seen,
        "day_ms": drift["day_ms"] if drift else 0,
    }


def _is_sought(feature: Mapping[str, Any], sought: str) -> bool:
    said = f"{feature['name']} {feature['description']} {feature['template']} {feature['owner']}".lower()
    return all(word in said for word in sought.lower().split())


FEATURES = Page(
    name="features", path="/features", title="Features", reads="/v1/features/catalogue", load=load_catalogue, label="Features", key="f",
    has_script=True,
)  # fmt: skip
FEATURE = Page(name="feature", path="/features/{name}", title="Feature", reads="/v1/features/catalogue", load=load_feature)
