"""The audit log: who changed what, and with which outcome."""

from collections.abc import Mapping

from api.console.page import Asked, Page

SHOWN = 100


async def load(asked: Asked) -> Mapping[str, object]:
    """A page of the log, the newest entries first."""
    page = await asked.api.get("/v1/audit", {"cursor": asked.query.get("cursor") or None, "limit": SHOWN})
    return {"entries": page["entries"], "next": page["next"]}


AUDIT = Page(name="audit", path="/audit", title="Audit", reads="/v1/audit", load=load, label="Audit", key="t")
