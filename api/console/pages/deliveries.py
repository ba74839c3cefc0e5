"""Deliveries: the receivers of messages, and what became of each message to them."""

from collections.abc import Mapping

from api.console.own_api import quoted
from api.console.page import Asked, Page

STATES = ("pending", "delivered", "dead", "gone")
SHOWN = 50


async def load_all(asked: Asked) -> Mapping[str, object]:
    """All webhooks, and a page of the deliveries that the filters in the address leave."""
    query = asked.query
    states = [state for state in query.getlist("state") if state in STATES]
    webhook = query.get("webhook") or None
    wanted = {"webhook": webhook, "state": states, "cursor": query.get("cursor") or None, "limit": SHOWN}
    page = await asked.api.get("/v1/deliveries", wanted)
    webhooks = (await asked.api.get("/v1/webhooks"))["webhooks"]
    return {
        "webhooks": webhooks,
        "receivers": {each["id"]: each["url"] for each in webhooks},
        "deliveries": page["deliveries"],
        "next": page["next"],
        "states": states,
        "all_states": STATES,
        "webhook": webhook or "",
    }


async def load_one(asked: Asked) -> Mapping[str, object]:
    """A delivery with its attempts, and what it says."""
    webhook, number = asked.path["webhook"], asked.path["number"]
    found = await asked.api.get(f"/v1/deliveries/{quoted(webhook)}/{quoted(number)}")
    receiver = await asked.api.found(f"/v1/webhooks/{quoted(webhook)}")
    return {"delivery": found["delivery"], "body": found["body"], "attempts": found["attempts"], "receiver": receiver}


DELIVERIES = Page(
    name="deliveries", path="/deliveries", title="Deliveries", reads="/v1/deliveries", load=load_all, label="Deliveries", key="d",
    has_script=True,
)  # fmt: skip
DELIVERY = Page(
    name="delivery", path="/deliveries/{webhook}/{number}", title="Delivery", reads="/v1/deliveries/{webhook}/{number}", load=load_one,
    has_script=True,
)  # fmt: skip
