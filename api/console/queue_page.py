"""The queue: cases by what they are expected to cost, within what each inbox can decide in a day."""

from collections.abc import Mapping

from api.console.page import Asked, Page

STATES = ("open", "claimed", "snoozed", "closed")
WAITING = ("open", "claimed")
SHOWN = 50


async def load(asked: Asked) -> Mapping[str, object]:
    """The cases that the filters in the address leave, a page of them, and the inboxes."""
    query = asked.query
    states = [state for state in query.getlist("state") if state in STATES] or list(WAITING)
    chosen = {"inbox": query.getlist("inbox"), "typology": query.getlist("typology"), "holder": query.get("holder") or None}
    wanted = {"state": states, **chosen, "cursor": query.get("cursor") or None, "limit": SHOWN}
    page = await asked.api.get("/v1/cases", wanted)
    inboxes = await asked.api.get("/v1/inboxes")
    return {"cases": page["cases"], "next": page["next"], "inboxes": inboxes["inboxes"], "states": states, "all_states": STATES, **chosen}


QUEUE = Page(name="queue", path="/queue", title="Queue", reads="/v1/cases", load=load, label="Queue", key="q", has_script=True)
