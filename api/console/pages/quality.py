"""Review quality: how fast cases are decided, what waits, and how often rules and models were right."""

from collections.abc import Mapping

from api.console.page import Asked, Page

DAY_MS = 86_400_000
SPANS_DAYS = (1, 7, 30, 90)


async def load(asked: Asked) -> Mapping[str, object]:
    """The figures of the last so many days."""
    given = asked.query.get("days", "")
    days = int(given) if given in map(str, SPANS_DAYS) else 30
    figures = await asked.api.get("/v1/cases:quality", {"since_ms": asked.now_ms - days * DAY_MS, "until_ms": asked.now_ms})
    return {"days": days, "all_days": SPANS_DAYS, "figures": figures}


QUALITY = Page(name="quality", path="/quality", title="Review quality", reads="/v1/cases:quality", load=load, label="Quality", key="y")
