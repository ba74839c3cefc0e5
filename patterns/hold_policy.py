"""Which payments wait for a person, as policy.yaml says under ``hold``."""

from dataclasses import dataclass

from foundation.document import Section
from patterns.decision_order import ACTIONS

HOLD_ENDS = ("release", "decline")
"""How the hold of a payment ends."""


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """Says which decisions hold a payment back until somebody ends that.

    Args:
        actions: decisions with one of these hold.
        for_ms: a hold that nobody has ended by then ends by itself.
        then: what happens then, one of `HOLD_ENDS`.
    """

    actions: tuple[str, ...]
    for_ms: int
    then: str


def read_hold(section: Section) -> HoldPolicy:
    """Reads the part ``hold`` of policy.yaml.

    Raises:
        Refusal: it is not what it has to be.
    """
    section.only("actions", "for", "then")
    actions = tuple(item.choice(ACTIONS) for item in section.at("actions").items())
    if not actions or len(set(actions)) < len(actions):
        section.at("actions").refuse("bad actions", "at least one action, and each once")
    return HoldPolicy(actions, section.at("for").duration_ms(1_000), section.at("then").choice(HOLD_ENDS))
