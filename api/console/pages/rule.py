"""A rule: its text and tests, what it did, its versions, and where it may go from here. An id that no rule has is a rule to be written."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from api.console.own_api import OwnApi, quoted
from api.console.page import Asked, Page, may
from api.http.problem import Problem
from patterns.language.rule_folder import check_id

VERSIONS_SHOWN = 30
BEGUN = """title: What it is, in a line
why: Why somebody should look at such an event.
owner: {owner}
severity: medium
status: draft
when: event.amount > 1000.0
then: {{action: review}}
tests: []
"""


async def load(asked: Asked) -> Mapping[str, object]:
    """The rule with its report, versions and possible moves; each of the latter is left out where it cannot be read."""
    api, id = asked.api, asked.path["id"]
    path = f"/v1/patterns/{quoted(id)}"
    rules = (await api.get("/v1/patterns"))["patterns"]
    rule = next((rule for rule in rules if rule["id"] == id), None)
    if rule is None:
        return _unwritten(asked, id)
    (text, etag), report, versions, moves, snoozes = await asyncio.gather(
        api.text(path),
        _or_none(api, f"{path}/report"),
        _or_none(api, f"{path}/versions", {"limit": VERSIONS_SHOWN}),
        _or_none(api, f"{path}/moves"),
        _or_none(api, f"{path}/snoozes"),
    )
    shown = (versions or {}).get("versions", [])
    waiting = _waiting(shown, rule["hash"])
    given = {"id": id, "text": text, "hash": rule["hash"], "etag": etag, "status": rule["status"], **_rights(asked)}
    rights = {name: bool((moves or {}).get(name)) for name in ("approves", "acts_alone")}
    return {
        "title": rule["title"] or id, "rule": rule, "report": report, "versions": shown, "moves": (moves or {}).get("moves", []),
        "waiting": waiting, "text": text, "given": msgspec.json.encode(given).decode(), "id": id,
        "snoozes": [each for each in (snoozes or {}).get("snoozes", []) if each["holds"]], "me": asked.caller.name, **rights,
    }  # fmt: skip


def _unwritten(asked: Asked, id: str) -> Mapping[str, object]:
    if not may(asked.caller, "PUT", f"/v1/patterns/{id}"):
        raise Problem(404, f"the release in force has no rule {id[:80]}")
    check_id(id)
    text = BEGUN.format(owner=msgspec.json.encode(asked.caller.name).decode())
    given = {"id": id, "text": text, "hash": "", "etag": "", "status": "", **_rights(asked)}
    return {
        "title": f"New rule {id[:80]}", "rule": None, "report": None, "versions": [], "moves": [], "acts_alone": False, "approves": False,
        "waiting": None, "text": text, "given": msgspec.json.encode(given).decode(), "snoozes": [], "id": id, "me": asked.caller.name,
    }  # fmt: skip


def _waiting(versions: list[Any], hash: str) -> Any:
    """The newest text if it was stored after the one in force and no release has had it; None otherwise."""
    newest = versions[0] if versions else None
    return newest if newest is not None and newest["hash"] != hash and not newest["releases"] else None


def _rights(asked: Asked) -> dict[str, bool]:
    """What the script offers: writing, and backtests."""
    return {
        "may_write": may(asked.caller, "PUT", "/v1/patterns/any"),
        "may_backtest": may(asked.caller, "POST", "/v1/patterns:backtest"),
    }


async def _or_none(api: OwnApi, path: str, query: Mapping[str, int] | None = None) -> Any:
    try:
        return await api.get(path, query)
    except Problem:
        return None


RULE = Page(name="rule", path="/rules/{id}", title="Rule", reads="/v1/patterns", load=load, has_script=True)
