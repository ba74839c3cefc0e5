"""The lists that rules ask, and the entries of one."""

from collections.abc import Mapping

from api.console.own_api import quoted
from api.console.page import Asked, Page

SHOWN = 100


async def load_lists(asked: Asked) -> Mapping[str, object]:
    """All lists of the release in force."""
    return {"lists": (await asked.api.get("/v1/lists"))["lists"]}


async def load_list(asked: Asked) -> Mapping[str, object]:
    """A page of the entries of a list, or the entry of the value that is sought."""
    name, query = asked.path["name"], asked.query
    sought = query.get("value", "")
    wanted = {"limit": SHOWN, "cursor": query.get("cursor") or None, "value": sought or None}
    page = await asked.api.get(f"/v1/lists/{quoted(name)}", wanted)
    entries = next((each["entries"] for each in (await asked.api.get("/v1/lists"))["lists"] if each["name"] == name), None)
    return {"title": name, "list": page, "entries": entries, "sought": sought, "is_first": "cursor" not in query}


LISTS = Page(
    name="lists", path="/lists", title="Lists", reads="/v1/lists", load=load_lists, label="Lists", key="l", has_script=True
)  # fmt: skip
LIST = Page(name="list", path="/lists/{name}", title="List", reads="/v1/lists/any", load=load_list, has_script=True)
