"""The names of lists that patterns ask for: allowed cards, blocked devices, watched addresses. A release declares them."""

import re
from collections.abc import Mapping
from typing import TypeVar

from foundation.refusal import Refusal

LIST_PREFIX = "list:"
"""Before the name of a list where it stands among the parts of a release."""

DECLARATION = "# This part declares a list. Its entries are records of the topic entries.\n"
"""The text of such a part. Releases of older versions have the entries themselves there, which count no longer."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_Text = TypeVar("_Text", str, str | None)


def check_name(name: str) -> str:
    """`name`, when it may be that of a list.

    Raises:
        Refusal: it is not a small letter and up to 62 small letters, digits and underscores.
    """
    if not _NAME.fullmatch(name):
        expected = "a small letter, then up to 62 small letters, digits and underscores"
        raise Refusal("bad list name", where="list", expected=expected, got=name or "an empty text")
    return name


def list_part(name: str) -> str:
    """The part that declares the list `name`.

    Raises:
        Refusal: it is no name of a list.
    """
    return LIST_PREFIX + check_name(name)


def list_names(parts: Mapping[str, object]) -> list[str]:
    """The names of the lists that `parts` declare, in order."""
    return sorted(part.removeprefix(LIST_PREFIX) for part in parts if part.startswith(LIST_PREFIX))


def declared(texts: Mapping[str, _Text]) -> dict[str, _Text]:
    """`texts` by part, with `DECLARATION` in place of what a list's text was; one that is None, and takes a list out, stays None."""
    return {part: text if text is None or not part.startswith(LIST_PREFIX) else DECLARATION for part, text in texts.items()}
