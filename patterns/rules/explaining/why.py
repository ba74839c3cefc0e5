"""Says why a rule matched an event or did not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.types import Type
from features.schema.schema import Schema
from patterns.language.pattern import Condition, Pattern, RuleException, Step
from patterns.language.pattern import Sequence as Steps
from patterns.predicates.form import Forms
from patterns.predicates.tree import Truth
from patterns.predicates.truths import truths
from patterns.rules.explaining.explanation import (
    Shown,
    ShownCondition,
    ShownException,
    ShownPredicate,
    ShownSequence,
    ShownStep,
    TakenEvent,
    Why,
)
from patterns.rules.explaining.progress import Partial, Progress
from patterns.rules.explaining.seen_event import SeenEvent
from patterns.rules.values.wording import plain_value

_SKIPPED = {Truth.MISSING: "skipped"}


class History(NamedTuple):
    """Holds the events of the sequence's key up to the explained one, in the order in which they came; that one is the last.

    Args:
        key: whose events these are, as ``customer_id c1``; '' for a rule without a sequence.
        whole: whether all are there that the sequence may still look back to.
        match: (time in ms, key of the id) of the events of the match that the decision on the last event names, by step; each is among
            `events`. Empty where it names none, or nobody knows.
    """

    events: Sequence[SeenEvent]
    key: str = ""
    whole: bool = True
    match: Sequence[tuple[int, int]] = ()


def why(pattern: Pattern, history: History, schema: Schema) -> Why:
    """Says why `pattern` matched the last event of `history` or did not, as its text alone has it: whatever status it had.

    It costs about 20 µs for each predicate, and for a sequence about 0.1 s and 20 µs for each predicate of each event.
    """
    forms = Forms()
    event = history.events[-1]
    exceptions = [_exception(each, event, forms) for each in pattern.exceptions]
    when = None if pattern.when is None else _condition(pattern.when, event, forms)
    sequence = None if pattern.sequence is None else _sequence(pattern, pattern.sequence, history, schema, forms)
    matched, said = _whole(pattern, event, when, sequence, exceptions)
    return Why(event.id, event.user, pattern.id, pattern.version, matched, said, when, sequence, exceptions, dict(event.unknown))


def _whole(
    pattern: Pattern, event: SeenEvent, when: ShownCondition | None, sequence: ShownSequence | None, exceptions: list[ShownException]
) -> tuple[bool | None, list[str]]:
    if not _is_effective(pattern, event.time_ms):
        return False, ["The rule was not effective at the time of the event."]
    found = [_TRUTHS.get(when.truth) if when is not None else True, sequence.matched if sequence is not None else True]
    if False in found:
        return False, _reasons(when, sequence)
    hides = [_TRUTHS.get(each.when.truth) for each in exceptions if not each.expired]
    if True in hides:
        hiding = next(each for each in exceptions if not each.expired and each.when.truth == "true")
        if None in found:
            return False, [f"An exception of {hiding.owner} ({hiding.reason}) hides whatever the rule finds in the event."]
        return False, [f"The event satisfies the rule, and an exception of {hiding.owner} hides the match: {hiding.reason}."]
    if None in (*found, *hides):
        return None, ["It is not known any more whether the event satisfied the rule: see what is unknown.", *_reasons(when, sequence)]
    return True, ["The event satisfies the rule."]


def _reasons(when: ShownCondition | None, sequence: ShownSequence | None) -> list[str]:
    said = []
    if when is not None and when.truth != "true":
        parts = "; ".join(f"{each.predicate} is {each.truth}" for each in when.predicates if each.truth != "true")
        said.append(f"The condition of the rule is {when.truth}{': ' if parts else '.'}{parts}{'.' if parts else ''}")
    if sequence is not None and not sequence.matched:
        said.append(sequence.said)
    return said


_TRUTHS = {"true": True, "false": False, "skipped": False, "error": False}


def _is_effective(pattern: Pattern, time_ms: int) -> bool:
    from_ms, to_ms = pattern.effective.from_ms, pattern.effective.to_ms
    return (from_ms is None or time_ms >= from_ms) and (to_ms is None or time_ms < to_ms)


def _exception(exception: RuleException, event: SeenEvent, forms: Forms) -> ShownException:
    return ShownException(
        exception.owner, exception.reason, event.time_ms >= exception.expires_ms, _condition(exception.when, event, forms)
    )


def _condition(
    condition: Condition, event: SeenEvent, forms: Forms, more: Mapping[str, Column] | None = None, unknown: frozenset[str] = frozenset()
) -> ShownCondition:
    """Shows a condition, asked of `event`.

    Args:
        more: what it reads of earlier steps.
        unknown: what of that is not known.
    """
    columns = {**event.columns, **(more or {})}
    whole, predicates = truths(condition, columns, 0, forms, unknown.union(event.unknown))
    types = {**event.types, **condition.names}
    shown = [
        ShownPredicate(each.text, each.truth.name.lower(), {name: _shown(value, types.get(name)) for name, value in each.values.items()})
        for each in predicates
    ]
    return ShownCondition(condition.text.strip(), _SKIPPED.get(whole, whole.name.lower()), shown)


def _shown(value: Value | Fault, type: Type | None) -> Shown:
    if isinstance(value, bool | Fault) or type not in (Type.TIMESTAMP, Type.DURATION):
        return None if isinstance(value, Fault) else value
    return plain_value(Column.of_values(type, [value]), 0)


def _sequence(pattern: Pattern, sequence: Steps, history: History, schema: Schema, forms: Forms) -> ShownSequence:
    progress = Progress(sequence, pattern.when, history.events, schema, forms)
    completed = progress.recorded(history.match) if history.match else progress.completed()
    partial = completed or progress.furthest()
    steps = [_step(sequence, at, partial, completed is not None, history.events, forms) for at in range(len(sequence.steps))]
    reached = [step.name for step in sequence.steps if not step.absent and partial.found.get(step.name, 0) >= step.least]
    matched, said = _outcome(pattern, history, completed, partial, progress, steps)
    return ShownSequence(history.key, len(history.events), history.whole, matched, reached[-1] if reached else "", said, steps)


def _outcome(
    pattern: Pattern, history: History, completed: Partial | None, partial: Partial, progress: Progress, steps: list[ShownStep]
) -> tuple[bool | None, str]:
    event = history.events[-1]
    sure = history.whole and not _lacks(history, pattern)
    if completed is not None and (sure or history.match):
        return True, "The event completes the sequence."
    if completed is not None:
        return None, "The event completes the sequence by what is known; not all is known any more that may have ended it before."
    if history.match:
        return True, "The decision names the match; what is kept of its events does not show which step took which."
    if event.late:
        return False, "The event is late: its user had a newer one before, and then it is no event of a sequence."
    ended = progress.ended_by(partial) if partial.events and pattern.sequence is not None and pattern.sequence.ordered else ""
    said = _how_far(partial, steps, ended, progress.next_of(partial))
    if not sure:
        said += " Not all that the sequence may have looked at is known any more, so that it may have come further."
    return (False if sure else None), said


def _lacks(history: History, pattern: Pattern) -> bool:
    assert pattern.sequence is not None
    read = {name for condition in pattern.sequence.conditions for name in condition.names}
    return any(name in event.unknown for event in history.events for name in read)


def _how_far(partial: Partial, steps: list[ShownStep], ended: str, following: Step | None) -> str:
    if not partial.events:
        return "No event has begun the sequence."
    counts = ", ".join(f"{step.step} has {step.found} of {step.needs}" for step in steps if step.needs != "absent")
    waits = f" It waits for {following.name}." if following is not None and not ended else ""
    return f"The event does not complete the sequence: {counts}.{waits}" + (f" It cannot go on: {ended}." if ended else "")


def _step(sequence: Steps, at: int, partial: Partial, completed: bool, events: Sequence[SeenEvent], forms: Forms) -> ShownStep:
    step = sequence.steps[at]
    names = {each.name for each in sequence.steps}
    reads = {name: type for name, type in step.when.names.items() if name.partition(".")[0] in names}
    known = {name: _read(reads[name], partial.reads[name]) for name in reads if name in partial.reads}
    unknown = frozenset(reads.keys() - known.keys())
    rows = [row for row, name in sorted(partial.events) if name == step.name]
    taken = [
        TakenEvent(events[row].id or None, events[row].time_ms, _condition(step.when, events[row], forms, known, unknown)) for row in rows
    ]
    is_shown = completed or len(events) - 1 in rows
    when = None if is_shown else _condition(step.when, events[-1], forms, known, unknown)
    return ShownStep(step.name, _needs(step), partial.found.get(step.name, 0), taken, when)


def _read(type: Type, value: float) -> Column:
    if value != value or type is Type.STRING:
        return Column.of_values(type, [None])
    return Column.of_values(type, [int(value) if type is not Type.DOUBLE else value])


def _needs(step: Step) -> str:
    if step.absent:
        return "absent"
    times = f"{step.least}+" if step.most is None else str(step.least) if step.most == step.least else f"{step.least}..{step.most}"
    return f"{times}, optional" if step.optional else times
