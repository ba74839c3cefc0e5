"""Where a page of a list ends, as text that means nothing to its holder."""

import base64
import binascii

from stores.decisions import bad_cursor


def cursor_of(value: str) -> str:
    """The cursor behind the entry of `value`."""
    return base64.urlsafe_b64encode(value.encode()).decode()


def value_of(cursor: str) -> str:
    """The value behind which `cursor` goes on.

    Raises:
        Refusal: it is none.
    """
    try:
        return base64.b64decode(cursor.encode(), b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise bad_cursor(cursor, "cursor") from error
