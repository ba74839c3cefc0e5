"""Makes pages of templates. Whatever stands in a page is escaped, and no template can say otherwise for a whole value."""

import functools
import pathlib
from collections.abc import Mapping

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.console.assets import asset_path
from api.console.shown.shown_values import FILTERS
from api.console.shown.told_conditions import matched_values, telling

TEMPLATES = pathlib.Path(__file__).parent / "templates"


@functools.cache
def environment() -> Environment:
    """The templates with what they may call; a name that no page gave is an error, and not an empty text."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, auto_reload=False, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["asset"] = asset_path
    made.globals["json_of"] = lambda value: msgspec.json.encode(value).decode()
    made.filters.update(FILTERS)
    made.filters.update(telling=telling, matched_values=matched_values)
    return made


def render(name: str, values: Mapping[str, object]) -> str:
    """The page of the template `name`."""
    return environment().get_template(f"{name}.html").render(values)
