"""Refuses what the language of rules can say and nothing carries out yet: whoever wrote it would rely on it."""

from typing import NoReturn

from foundation.place import Place
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern


def check_supported(pattern: Pattern, user: str) -> None:
    """Looks for what nothing carries out in a rule that has been read.

    Args:
        user: the field of the primary entity.

    Raises:
        Refusal: the rule has a learned threshold of another key.
    """
    for adaptive in pattern.adaptive.values():
        if adaptive.key != user:
            _refuse("threshold of another key", adaptive.of.place, f"a threshold of one {user}", f"{adaptive.name} of {adaptive.key}")


def _refuse(what: str, where: Place, expected: str, got: str) -> NoReturn:
    raise Refusal(what, where=where.at(1, 1), expected=expected, got=got, remedy="leave it out until a version carries it out")
