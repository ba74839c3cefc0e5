"""Decodes the texts of files and bodies, which are UTF-8."""

from foundation.refusal import Refusal


def decode_text(content: bytes, source: str) -> str:
    """Decodes `content`.

    Args:
        source: name of the file, for the refusal.

    Raises:
        Refusal: the content is not UTF-8; names line and column of the first wrong byte.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        got = f"the byte 0x{content[error.start]:02x}"
        raise Refusal(
            "not UTF-8", where=f"{source}:{line}:{column}", expected="text in UTF-8", got=got, remedy="save it as UTF-8"
        ) from None
