"""Entity tags (RFC 9110). The tag of a definition is its hash; ``If-Match`` refuses a change to a text that its author has not seen."""


def etag_of(hash: str) -> str:
    """The strong entity tag for `hash`."""
    return f'"{hash}"'


def etag_matches(header: str, hash: str | None) -> bool:
    """Whether the value of ``If-Match`` or ``If-None-Match`` names the definition `hash`; ``*`` names any definition that exists."""
    if hash is None:
        return False
    given = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in given or etag_of(hash) in given
