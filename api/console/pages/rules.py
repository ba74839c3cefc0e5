"""The rules in force: what each does, and what came of it. Those that act come first."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from api.console.own_api import OwnApi
from api.console.page import Asked, Page
from api.http.problem import Problem

log = logging.getLogger(__name__)

SORTS = {"": "state", "matches": "matches", "overlap": "overlap", "title": "title", "owner": "owner", "severity": "severity"}
"""How the list may be sorted, by what stands in the address, and the words for it."""
_SEVERITIES = ("critical", "high", "medium", "low")
STATUSES = ("active", "canary", "shadow", "draft", "paused", "retired")
SHOWN = 25


async def load(asked: Asked) -> Mapping[str, object]:
    """A page of the rules that the filters in the address leave, each with its report."""
    query = asked.query
    statuses = [status for status in query.getlist("status") if status in STATUSES]
    owner, sought = query.get("owner", ""), query.get("q", "").strip()
    rules = (await asked.api.get("/v1/patterns"))["patterns"]
    chosen = (rule for rule in rules if _is_chosen(rule, statuses, owner, sought))
    sort = query.get("sort", "") if query.get("sort", "") in SORTS else ""
    totals = await _totals(asked.api) if sort in _BY_TOTALS else {}
    left = sorted(chosen, key=lambda rule: (*_order(rule, sort, totals), STATUSES.index(rule["status"]), rule["id"]))
    pages = -(-len(left) // SHOWN)
    page = min(_page_number(query.get("page", "")), max(pages, 1))
    shown = left[(page - 1) * SHOWN : page * SHOWN]
    reports = await _reports(asked.api, [rule["id"] for rule in shown])
    counts = {status: sum(rule["status"] == status for rule in rules) for status in STATUSES}
    return {
        "rules": [(rule, reports.get(rule["id"])) for rule in shown], "found": len(left), "all": len(rules), "counts": counts,
        "number": page, "pages_of_rules": pages, "owners": sorted({rule["owner"] for rule in rules}),
        "all_statuses": STATUSES, "statuses": statuses, "owner": owner, "sought": sought,
        "sorts": SORTS, "sort": sort,
    }  # fmt: skip


def _is_chosen(rule: Mapping[str, str], statuses: Sequence[str], owner: str, sought: str) -> bool:
    said = f"{rule['id']} {rule['title']}".lower()
    return (not statuses or rule["status"] in statuses) and owner in ("", rule["owner"]) and all(
        word in said for word in sought.lower().split()
    )  # fmt: skip


def _matches_in(total: Mapping[str, int]) -> float:
    return total["acted"] + total["watched"]


def _overlap_in(total: Mapping[str, int]) -> float:
    """The share of a rule's matches where another rule that acts matched, too."""
    matches = _matches_in(total)
    return 1.0 - total["alone"] / matches if matches else 0.0


_BY_TOTALS = {"matches": _matches_in, "overlap": _overlap_in}
"""What some ways to sort read of all that was counted of a rule; the greatest comes first."""


def _order(rule: Mapping[str, Any], sort: str, totals: Mapping[str, Mapping[str, int]]) -> tuple[float | str, ...]:
    """What comes before the state and the id of a rule in the order of the list."""
    if sort in _BY_TOTALS:
        total = totals.get(rule["id"])
        return (-_BY_TOTALS[sort](total) if total else 0.0,)
    if sort == "severity":
        return (_SEVERITIES.index(rule["severity"]) if rule["severity"] in _SEVERITIES else len(_SEVERITIES),)
    return (rule[sort].lower(),) if sort else ()


async def _totals(api: OwnApi) -> Mapping[str, Mapping[str, int]]:
    """What was counted of each rule; nothing where that cannot be told, which leaves the order by state."""
    found = await api.tried("/v1/patterns:totals")
    return {each["id"]: each for each in found["patterns"]} if found else {}


def _page_number(given: str) -> int:
    return max(int(given), 1) if given.isdecimal() and len(given) < 6 else 1


async def _reports(api: OwnApi, ids: Sequence[str]) -> Mapping[str, Any]:
    """The reports on rules, by id; none where they cannot be made, which costs the page its figures alone."""
    try:
        found = await api.get("/v1/patterns:reports", {"id": ids}) if ids else {"reports": []}
    except Problem as problem:
        log.warning("the reports on %d rules are not shown: %s", len(ids), problem.detail)
        return {}
    return {report["pattern"]: report for report in found["reports"]}


RULES = Page(name="rules", path="/rules", title="Rules", reads="/v1/patterns", load=load, label="Rules", key="r", has_script=True)
