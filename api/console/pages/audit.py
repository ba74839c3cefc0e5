"""The audit log: who changed what, and with which outcome."""

from collections.abc import Mapping
from typing import Any

from api.console.own_api import Queried
from api.console.page import Asked, Page

SHOWN = 100
PAGES_READ_MAX = 20
"""So many pages of the log are read for one page of what a filter leaves; the next one goes on from there."""


async def load(asked: Asked) -> Mapping[str, object]:
    """What the filters in the address leave of the log, the newest entries first."""
    wanted = {name: asked.query.get(name, "").strip() for name in ("by", "did", "outcome")}
    found: list[Any] = []
    cursor: Queried = asked.query.get("cursor") or None
    for _ in range(PAGES_READ_MAX):
        page = await asked.api.get("/v1/audit", {"cursor": cursor, "limit": SHOWN})
        found += [each for each in page["entries"] if is_wanted(each, wanted)]
        cursor = page["next"]
        if cursor is None or len(found) >= SHOWN:
            break
    return {"entries": found, "next": cursor, "wanted": wanted}


def is_wanted(entry: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether an entry is left by the filters: the name of who did it, a part of what was done or of whose it was, and the outcome."""
    said = f"{entry['action']} {entry['subject']}".lower()
    is_refused = entry["phase"] != "intent" and entry["status"] >= 400
    return (
        wanted["by"] in ("", entry["by"])
        and all(word in said for word in wanted["did"].lower().split())
        and (wanted["outcome"] != "refused" or is_refused)
    )


AUDIT = Page(name="audit", path="/audit", title="Audit", reads="/v1/audit", load=load, label="Audit", key="t")
