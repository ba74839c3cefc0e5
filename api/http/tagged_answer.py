"""Answers with an entity tag, which a caller that has the same version need not be sent again."""

from collections.abc import Sequence

import msgspec

from api.http.etag import etag_matches, etag_of
from api.http.problem import Answer


def tagged(answer: Answer, tag: str, if_none_match: str | None = None, headers: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
    """Returns `answer` with the entity tag `tag` and `headers`; 304 without a body if the caller has that tag already.

    Args:
        tag: stands for the version of what is answered.
        if_none_match: the header ``If-None-Match`` of the request; None if it has none.
    """
    all_headers = [(b"etag", etag_of(tag).encode()), *headers]
    if if_none_match is not None and etag_matches(if_none_match, tag):
        return Answer(304, b"", headers=all_headers)
    return msgspec.structs.replace(answer, headers=all_headers)
