"""Entity tags (RFC 9110): a definition's is its hash, so that a change is made to what its author has seen and to nothing else."""


def etag_of(hash: str) -> str:
    """The strong tag of `hash`."""
    return f'"{hash}"'


def names(header: str, hash: str | None) -> bool:
    """Whether the value of ``If-Match`` or ``If-None-Match`` names the definition `hash`; ``*`` names any that is there."""
    if hash is None:
        return False
    given = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in given or etag_of(hash) in given
