"""The names of lists, such as allowed cards or blocked devices. A release declares which lists there are."""

import re
from collections.abc import Mapping
from typing import TypeVar

from foundation.refusal import Refusal

LIST_PREFIX = "list:"
"""The prefix of a list's name among the parts of a release."""

DECLARATION = "# This part declares a list. Its entries are records of the topic entries.\n"
"""The text of a part that declares a list. Releases of older versions hold the entries there instead; those no longer count."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_Text = TypeVar("_Text", str, str | None)


def check_name(name: str) -> str:
    """Returns `name` if it may be the name of a list.

    Raises:
        Refusal: `name` is not a small letter followed by up to 62 small letters, digits and underscores.
    """
    if not _NAME.fullmatch(name):
        expected = "a small letter, then up to 62 small letters, digits and underscores"
        raise Refusal("bad list name", where="list", expected=expected, got=name or "an empty text")
    return name


def list_part(name: str) -> str:
    """Returns the name of the part that declares the list `name`.

    Raises:
        Refusal: `name` cannot be the name of a list.
    """
    return LIST_PREFIX + check_name(name)


def list_names(parts: Mapping[str, object]) -> list[str]:
    """Returns the names of the lists that `parts` declare, sorted."""
    return sorted(part.removeprefix(LIST_PREFIX) for part in parts if part.startswith(LIST_PREFIX))


def declared(texts: Mapping[str, _Text]) -> dict[str, _Text]:
    """Returns `texts` by part, with `DECLARATION` in place of each list's text; None, which removes a list, stays None."""
    return {part: text if text is None or not part.startswith(LIST_PREFIX) else DECLARATION for part, text in texts.items()}
