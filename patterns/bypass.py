"""The kill switch, outside called the bypass: it approves every event or gives every event the fallback, while scoring goes on."""

from dataclasses import dataclass, replace

import numpy as np

from foundation.document import read_document
from patterns.policy import ACTIONS, Fallback, Policy

MODES = ("off", "approve_all", "fallback_only")
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Bypass:
    """Holds the compiled kill switch.

    Args:
        mode: off, or approve_all (every action is approve), or fallback_only (every action is the fallback's).
        reason: why it was switched on, in the words of whoever did it.
    """

    mode: str = "off"
    reason: str = ""

    @property
    def on(self) -> bool:
        """Tells whether the kill switch is on, so that the score decides nothing."""
        return self.mode != "off"


def read_bypass(text: str, source: str = "bypass") -> Bypass:
    """Compiles the YAML text of a kill switch.

    Raises:
        Refusal: the mode is none of `MODES`, or the reason is missing or too long.
    """
    document = read_document(text, source)
    document.only("mode", "reason")
    mode = document.at("mode").choice(MODES)
    reason = document.at("reason").text().strip()
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        document.at("reason").refuse("bad reason", f"1 to {REASON_CHARACTERS_MAX} characters", reason or "nothing")
    return Bypass(mode, reason)


def bypassed(policy: Policy, bypass: Bypass) -> Policy:
    """Returns `policy` as it decides under `bypass`; its models still give the score."""
    if not bypass.on:
        return policy
    fallback = Fallback("approve", ()) if bypass.mode == "approve_all" else policy.fallback
    return replace(policy, bounds=np.array([]), actions=np.array([ACTIONS.index(fallback.action)], np.uint8), fallback=fallback)
