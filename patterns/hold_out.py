"""A small share of the payments that would be blocked passes, so that it becomes known what blocks are worth."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.schema.string_hash import word_of
from foundation.document import Section
from patterns.decision_order import ACTIONS

SHARE_MAX: Final = 0.1
WEIGHT_MAX: Final = 100.0
"""A payment that passed so teaches as one over the share, and at most this much: one row must not throw a model over."""


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Draws payments by a hash of their id, so that the same one is drawn in every process and in a replay.

    Args:
        share: of the payments that would be blocked, above 0 and at most `SHARE_MAX`: the probability that one passes.
        below: only payments of less than this, in the unit of the policy's `loss`; infinite where there is no such bound.
        field: the number of the event that `below` is about, without ``event.``; empty where there is no bound.
        salt: a text that callers do not know, so that nobody chooses ids that pass.
    """

    share: float
    below: float = math.inf
    field: str = ""
    salt: str = ""

    def draws(self, id_keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns [n] which events are drawn, by the keys of their ids."""
        hashed = id_keys.astype(np.uint64) ^ np.array([word_of(self.salt)]).view(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):  # the finish of splitmix64
            hashed = (hashed ^ (hashed >> np.uint64(shift))) * np.uint64(factor)
        drawn: NDArray[np.bool_] = (hashed >> np.uint64(11)) < np.uint64(int(self.share * (1 << 53)))
        return drawn


def known_shares(actions: NDArray[np.uint8], hold_outs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns [n] with what probability it is known what becomes of an event: 0 of a blocked one, and 1 of one that passed by itself.

    Args:
        actions: codes of `patterns.decision_order.ACTIONS`.
        hold_outs: the share by which an event passed that would have been blocked; 0 for all others.
    """
    shares: NDArray[np.float64] = np.where(actions == ACTIONS.index("block"), 0.0, np.where(hold_outs > 0.0, hold_outs, 1.0))
    return shares


def weights_of(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns [n] by how much events teach whose outcome was to be seen with these probabilities: one over it, `WEIGHT_MAX` at most.

    Where it is 0, since the event was blocked, it is 1: whoever labels it has looked at it nevertheless.
    """
    return np.minimum(1.0 / np.where(shares > 0.0, shares, 1.0), WEIGHT_MAX)


def read_hold_out(section: Section, loss_field: str) -> HoldOut:
    """Reads a policy's `hold_out`.

    Args:
        loss_field: the number of the policy's `loss`; empty where it has none.

    Raises:
        Refusal: the share is out of range, or there is a bound and no `loss` that says of what.
    """
    section.only("share", "below", "salt")
    if section.has("below") and not loss_field:
        section.at("below").refuse(
            "a bound of nothing", "loss in the policy, which says what a payment costs", remedy="add loss: {value: …}"
        )
    share = section.at("share").share(1e-6, SHARE_MAX)
    salt = section.at("salt").text() if section.has("salt") else ""
    if not section.has("below"):
        return HoldOut(share, salt=salt)
    return HoldOut(share, section.at("below").number(0.0, 1e15), loss_field, salt)
