"""Live: what is decided now, from the stream of decisions and the metrics of events; its script asks for all of it."""

from collections.abc import Mapping

from api.console.page import Asked, Page


async def load(asked: Asked) -> Mapping[str, object]:
    """Nothing: what stood in the page when it was made would be old when it is read."""
    return {}


LIVE = Page(name="live", path="/live", title="Live", reads="/v1/stream", load=load, label="Live", key="e", has_script=True)
