"""Why a rule matched an event or did not, as it is shown: each predicate with its values, and how far the steps of its sequence came."""

import msgspec

Shown = float | str | bool | None
"""A value as JSON can say it: a moment as RFC 3339, a duration in seconds, and null for a missing one."""


class ShownPredicate(msgspec.Struct):
    """A part of a condition that is not made of others by ``&&``, ``||``, ``!`` and ``?:``.

    Args:
        predicate: canonically written.
        truth: true, false, missing (it lacks a value), error (it could not be computed) or unknown (a value is not known any more).
        values: what it looked at, by name; what is not known is left out.
    """

    predicate: str
    truth: str
    values: dict[str, Shown]


class ShownCondition(msgspec.Struct):
    """A condition with its predicates in the order in which they are written.

    Args:
        condition: as it was written.
        truth: true, false, skipped (it lacks a value, and the rule says so), error or unknown.
    """

    condition: str
    truth: str
    predicates: list[ShownPredicate]


class ShownException(msgspec.Struct):
    """An exception of the rule; it hides a match where its condition is true, unless it had `expired` before the event."""

    owner: str
    reason: str
    expired: bool
    when: ShownCondition


class TakenEvent(msgspec.Struct):
    """An event that a step took.

    Args:
        event_id: null where the decision on it is not kept any more.
        time: in ms since the epoch.
        when: the condition of the step, asked of this event.
    """

    event_id: str | None
    time: int
    when: ShownCondition


class ShownStep(msgspec.Struct):
    """A step of a sequence.

    Args:
        step: its name.
        needs: how often, as it is written under ``times``; absent for a step that must not happen.
        found: how many events it had taken when the event that is explained came, or with it.
        events: these, the earliest first; a repeated step lists at most the newest eight.
        when: its condition, asked of the event that is explained; unknown where it reads steps that had not come so far. Null where that
            event completed the sequence, and where the step took it, so that it is among `events`.
    """

    step: str
    needs: str
    found: int
    events: list[TakenEvent]
    when: ShownCondition | None


class ShownSequence(msgspec.Struct):
    """How far a sequence had come.

    Args:
        key: whose events it is about, as ``customer_id c1``.
        events: how many events of that key were looked at, the explained one included.
        whole: whether these are all that count. Otherwise the sequence may have come further than is shown.
        matched: whether the event completed it; null: that is not known.
        reached: the furthest step that had taken all its events; '' if none had.
        said: what happened, in words.
        steps: all of them, in their order.
    """

    key: str
    events: int
    whole: bool
    matched: bool | None
    reached: str
    said: str
    steps: list[ShownStep]


class Why(msgspec.Struct):
    """Why a rule matched an event or did not.

    Args:
        event_id, user: of the event.
        pattern: the rule's id.
        version: hash of the text that is explained.
        matched: whether the rule matched, be it as a shadow; null: that is not known any more.
        said: that, and what else matters, in sentences.
        when: the condition on the event; null where a sequence stands alone.
        sequence: null for a rule on the event alone.
        exceptions: all of them.
        unknown: why the values are not known that are not known, by name.
        release: the release whose text is explained; 0 for a text from a file.
        status: what the rule might do in that release.
    """

    event_id: str
    user: str
    pattern: str
    version: str
    matched: bool | None
    said: list[str]
    when: ShownCondition | None
    sequence: ShownSequence | None
    exceptions: list[ShownException]
    unknown: dict[str, str]
    release: int = 0
    status: str = ""
