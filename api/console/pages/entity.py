"""Entity: what its events were, and what people said of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.console.own_api import OwnApi, quoted
from api.console.page import Asked, Page
from api.console.shown.shown_values import number_of
from api.http.problem import Problem
from features.schema.schema import Schema, read_schema
from foundation.document import read_document
from patterns.decision_order import read_overrides

DECISIONS_SHOWN = 100
LISTS_SHOWN = 50


class Row(msgspec.Struct):
    """A decision as it stands in the table; what a record lacks is empty, so that one which is damaged hides no other."""

    event_id: str = ""
    event_time: int | None = None
    score: float | None = None
    action: str = ""
    decided_by: str = ""
    reasons: list[str] = []
    flags: list[str] = []
    amount: str = ""
    is_whole: bool = True


async def load(asked: Asked) -> Mapping[str, object]:
    """All that is known of the entity in the address.

    Raises:
        Problem: 404, there is no such type of entity.
    """
    kind, id = asked.path["kind"], asked.path["id"]
    schema = read_schema((await asked.api.whatever("/v1/schema")).decode())
    if kind != schema.user and kind not in schema.entities:
        raise Problem(404, f"There is no type of entity {kind[:80]}; there are {', '.join((schema.user, *schema.entities))}.")
    path = f"/v1/entities/{quoted(kind)}/{quoted(id)}"
    profile = await asked.api.found(path, {"limit": DECISIONS_SHOWN}) or {"score": None, "features": {}, "recent": {}, "remembered": {}}
    remembered = {"facts": [], "notes": [], "verdicts": [], "cases": [], **profile["remembered"]}
    return {
        "kind": kind, "id": id, "path": path, "profile": profile, "rows": rows_of(profile["recent"].get("decisions", [])),
        "facts": await _facts(asked.api, schema, kind, remembered["facts"]), "lists": await _lists(asked.api, id),
        **{name: remembered[name] for name in ("notes", "verdicts", "cases")},
    }  # fmt: skip


def rows_of(decisions: Sequence[object]) -> list[Row]:
    """The decisions as rows, in their order."""
    return [_row(each) for each in decisions]


def _row(decision: object) -> Row:
    try:
        row = msgspec.convert(decision, Row)
    except msgspec.ValidationError:
        given = decision if isinstance(decision, dict) else {}
        return Row(str(given.get("event_id", "")), is_whole=False)
    event = decision.get("event") if isinstance(decision, dict) else None
    amounts = event.items() if isinstance(event, dict) else ()
    row.amount = ", ".join(f"{name} {number_of(value)}" for name, value in amounts if value is not None)
    return row


async def _facts(api: OwnApi, schema: Schema, kind: str, told: Sequence[Mapping[str, Any]]) -> list[Mapping[str, object]]:
    """What may be said of entities of this type, with what was said of this one; facts that are no longer declared come last."""
    policy = read_document((await api.whatever("/v1/policy")).decode(), "policy.yaml")
    overrides = read_overrides(policy.at("override"), schema) if policy.has("override") else ()
    by_name = {fact["name"]: fact for fact in told}
    rows: list[Mapping[str, object]] = [
        {
            "name": fact.name,
            "type": fact.type,
            "values": fact.values,
            "told": by_name.pop(fact.name, None),
            "is_override": fact.path in overrides,
        }
        for fact in schema.facts_of(kind)
    ]
    return rows + [{"name": name, "type": "", "values": (), "told": fact, "is_override": False} for name, fact in by_name.items()]


async def _lists(api: OwnApi, id: str) -> list[Mapping[str, object]]:
    """All lists, with the entry of this id where it is on one; None where the entries cannot be read now."""
    try:
        names = [each["name"] for each in (await api.get("/v1/lists"))["lists"]][:LISTS_SHOWN]
        pages = [await api.get(f"/v1/lists/{quoted(name)}", {"value": id}) for name in names]
    except Problem as problem:
        if problem.status in (422, 503):
            return []
        raise
    return [{"name": page["name"], "entry": next(iter(page["entries"]), None)} for page in pages]


ENTITY = Page(
    name="entity", path="/entities/{kind}/{id:path}", title="Entity", reads="/v1/entities/{kind}/{id}", load=load, has_script=True
)  # fmt: skip
