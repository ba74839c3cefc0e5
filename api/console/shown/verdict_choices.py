"""Verdicts as choices, each with its reason and a key, so that one key gives both."""

from collections.abc import Mapping
from typing import Any

import msgspec

KEYS = "123456789"
WORDS = ("fraud", "legitimate", "unsure")


class Choice(msgspec.Struct, frozen=True):
    """A verdict with a reason. `key` is '' beyond the ninth; `inputs` are those of the typology that it needs."""

    verdict: str
    reason: str
    key: str
    inputs: list[Mapping[str, Any]]

    @property
    def words(self) -> str:
        """The reason in words, or the verdict where it has none."""
        return (self.reason or self.verdict).replace("_", " ")


def choices_of(taxonomy: Mapping[str, Any], typology: str | None) -> list[Choice]:
    """The choices of a taxonomy, those of fraud first.

    Args:
        taxonomy: what ``/v1/typologies`` answers.
        typology: of the case; None where the verdict is on cases of several.
    """
    inputs: list[Mapping[str, Any]] = next((one["inputs"] for one in taxonomy["typologies"] if one["name"] == typology), [])
    pairs = [(word, reason) for word in WORDS for reason in taxonomy["reasons"].get(word, ()) or ("",)]
    return [
        Choice(word, reason, KEYS[number] if number < len(KEYS) else "", [one for one in inputs if word in one["verdicts"]])
        for number, (word, reason) in enumerate(pairs)
    ]
