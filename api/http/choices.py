"""Checks parameters of a query that are some of a few words."""

from collections.abc import Sequence
from typing import TypeVar

from foundation.refusal import Refusal

Option = TypeVar("Option", bound=str)


def chosen(given: Sequence[str] | None, options: Sequence[Option], where: str) -> list[Option]:
    """Returns the words of a parameter as those of `options`; none where the parameter is missing.

    Args:
        given: what the caller sent.
        where: the parameter's name.

    Raises:
        Refusal: one of them is no option.
    """
    known = {str(option): option for option in options}
    for word in given or ():
        if word not in known:
            raise Refusal(f"unknown {where}", where=where, expected=f"one of {', '.join(options)}", got=word)
    return [known[word] for word in given or ()]
