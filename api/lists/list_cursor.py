"""The cursor of a page of a list: opaque text that holds the last value of the page before."""

import base64
import binascii

from stores.decisions import bad_cursor


def cursor_of(value: str) -> str:
    """The cursor of the page after the entry of `value`."""
    return base64.urlsafe_b64encode(value.encode()).decode()


def value_of(cursor: str) -> str:
    """The value after which the page of `cursor` begins.

    Raises:
        Refusal: it is not a cursor.
    """
    try:
        return base64.b64decode(cursor.encode(), b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise bad_cursor(cursor, "cursor") from error
