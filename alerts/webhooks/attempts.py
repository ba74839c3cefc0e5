"""Says what follows from an attempt to deliver a message: nothing more, another attempt at some time, or the end of the receiver.

The waits between attempts are by default those that Standard Webhooks 1.0 recommends. Each is lengthened or shortened by chance (jitter),
so that receivers that failed together are not all asked at the same moment again.
"""

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from foundation.document import read_document

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
WAITS_MS: tuple[int, ...] = (
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
)
"""The wait behind the first attempt, the second, and so on; the first attempt is made at once, and no tenth wait follows: 75 hours."""

WAITS_MAX, WAIT_MS_MAX = 20, 7 * 24 * HOUR_MS
RETRY_AFTER_MS_MAX = 24 * HOUR_MS
JITTER = 0.1
"""A wait is multiplied by a number of [1 - JITTER, 1 + JITTER)."""


class Verdict(Enum):
    """Says what becomes of a message after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    """No attempt is left; somebody may send it again by hand."""
    GONE = "gone"
    """The receiver wants no message any more (410)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Is what came of an attempt.

    Args:
        status: the status of HTTP; None if no answer came.
        retry_after: the header ``Retry-After`` as it came; None if it is missing.
        is_forbidden: whether no attempt was made, because the receiver's name stands for an address where no message may go.
    """

    status: int | None
    retry_after: str | None = None
    is_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """Is what follows: the verdict, the earliest time of the next attempt (ms since the epoch; None without one), and whether to go slower.

    `is_slow_down` says that the receiver is overloaded (429, 502, 504 or a ``Retry-After``): no other message goes to it before `at_ms`.
    """

    verdict: Verdict
    at_ms: int | None = None
    is_slow_down: bool = False


def read_waits(text: str, where: str) -> tuple[int, ...]:
    """Reads the waits behind the first attempt, the second, and so on, such as ``5s, 5m, 1h``, in ms.

    Raises:
        Refusal: one of them is no length of time of at most a week, or there are none or more than `WAITS_MAX`.
    """
    waits = read_document(f"[{text}]", where)
    found = tuple(wait.duration_ms() for wait in waits.items())
    if not 0 < len(found) <= WAITS_MAX or max(found) > WAIT_MS_MAX:
        waits.refuse("bad waits between attempts", f"1 to {WAITS_MAX} lengths of time of at most 7d, such as 5s, 5m, 1h", text)
    return found


def what_follows(reply: Reply, attempt: int, now_ms: int, chance: float, waits_ms: Sequence[int] = WAITS_MS) -> Next:
    """Returns what follows from the reply to one attempt.

    Every 2xx is a delivery. Every other status, a redirect among them, is a failure: a redirect is not followed, because it could lead to
    an address that was not vetted.

    Args:
        attempt: the number of this attempt, from 1 on.
        now_ms: when it ended, ms since the epoch.
        chance: a random number of [0, 1).
        waits_ms: the waits between attempts, in ms; as many attempts are made as there are waits, and one more.
    """
    if reply.status is not None and 200 <= reply.status < 300:
        return Next(Verdict.DELIVERED)
    if reply.status == 410:
        return Next(Verdict.GONE)
    if attempt > len(waits_ms):
        return Next(Verdict.DEAD)
    wait_ms = int(waits_ms[attempt - 1] * (1 - JITTER + 2 * JITTER * chance))
    asked_ms = None if reply.retry_after is None else retry_after_ms(reply.retry_after, now_ms)
    is_slow_down = reply.status in (429, 502, 504) or (asked_ms is not None and reply.status == 503)
    return Next(Verdict.RETRY, now_ms + max(wait_ms, asked_ms or 0), is_slow_down)


def retry_after_ms(header: str, now_ms: int) -> int | None:
    """Returns how long a receiver asks to wait, in ms, at most `RETRY_AFTER_MS_MAX`; None if the header is no such (RFC 9110, 10.2.3)."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND_MS, RETRY_AFTER_MS_MAX)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(0, int(at.timestamp() * 1_000) - now_ms), RETRY_AFTER_MS_MAX)
