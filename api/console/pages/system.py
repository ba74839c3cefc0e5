"""System: the health of each part with what to do, the figures of this process, and dead letters that can be sent in again."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.console.own_api import OwnApi
from api.console.page import Asked, Page, may
from api.console.shown.process_figures import figures_of
from api.console.shown.runbook import PARTS, Advice
from api.http.problem import Problem

UNKNOWN = Advice("", "", ("Ask whoever runs this system.",))


async def load(asked: Asked) -> Mapping[str, object]:
    """All parts, those that are not well first, the figures, and when events came last."""
    ready = msgspec.json.decode(await asked.api.whatever("/ready"), type=dict[str, Any])
    parts = sorted(ready["parts"].items(), key=lambda each: each[1]["ok"])
    rows = [{"key": key, "advice": PARTS.get(key, UNKNOWN), **part} for key, part in parts]
    figures = figures_of((await asked.api.whatever("/metrics")).decode(), asked.now_ms / 1_000)
    newest = await _newest(asked.api) if may(asked.caller, "GET", "/v1/metrics/query") else None
    return {"ready": ready, "all_parts": rows, "all_figures": figures, "newest": newest}


async def _newest(api: OwnApi) -> Mapping[str, Any] | None:
    """The decisions of the newest minute of the last hour that has any; None where there is none, or the metrics do not answer."""
    try:
        answer = await api.get("/v1/metrics/query", {"granularity": "minute", "limit": 100})
    except Problem:  # it is one of the parts, which says so
        return None
    groups = answer["groups"]
    return groups[-1] if groups else None


SYSTEM = Page(name="system", path="/system", title="System", reads="/ready", load=load, label="System", key="s", has_script=True)
