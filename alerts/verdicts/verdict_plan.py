"""Plans what a verdict does: the policy's effects become steps with stable ids, each of which can be done and taken back by itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from alerts.policy.alert_definition import fingerprint_of
from alerts.verdicts.verdict_effects import VerdictEffects
from stores.casework.verdict_steps import StepWord, VerdictStep
from stores.casework.verdicts import Verdict

Details = Mapping[str, str | float | bool | None]


def steps_of(verdict: Verdict, effects: VerdictEffects, entities: Sequence[tuple[str, str]]) -> list[VerdictStep]:
    """Returns the steps of a verdict. Labels are due once it can no longer be undone, all else at once.

    Args:
        entities: (kind, id) of what its events touch.
    """
    steps = []
    for number, (what, subject, details) in enumerate(_wished(verdict, effects, list(dict.fromkeys(entities)))):
        steps.append(
            VerdictStep(
                id=fingerprint_of("step", [(verdict.id, str(number)), (what, subject)]),
                verdict=verdict.id,
                number=number,
                what=what,
                subject=subject,
                details=details,
                due_ms=verdict.effective_at_ms if what == "label" else verdict.at_ms,
                state="waiting" if what in effects.four_eyes else "wanted",
                changed_ms=verdict.at_ms,
            )
        )
    return steps


def _wished(verdict: Verdict, effects: VerdictEffects, entities: Sequence[tuple[str, str]]) -> Iterator[tuple[StepWord, str, Details]]:
    at_ms, about = verdict.at_ms, "its event" if verdict.event_id else "the events of its case"
    if effects.hold:
        yield "hold", about, {"how": effects.hold}
    for listing in effects.lists:
        for kind, id in _of(entities, listing.add):
            yield "list", f"{kind} {id} on {listing.to}", {"list": listing.to, "value": id, "expires": _end(at_ms, listing.for_ms)}
    for fact in effects.facts:
        for kind, id in _of(entities, fact.of):
            told: Details = {"kind": kind, "entity": id, "name": fact.name, "value": fact.value, "expires": _end(at_ms, fact.for_ms)}
            yield "fact", f"{kind} {id}: {fact.name} is {fact.value}", told
    for silence in effects.silences:
        for kind, id in _of(entities, silence.by):
            yield "silence", f"alerts about {kind} {id}", {"kind": kind, "value": id, "until": at_ms + silence.for_ms}
    if effects.label is not None and verdict.verdict != "unsure":
        label = 1 if verdict.verdict == "fraud" else 0
        yield "label", about, {"label": label, "source": effects.label.source, "weight": effects.label.weight}


def _of(entities: Iterable[tuple[str, str]], wanted: str) -> Iterator[tuple[str, str]]:
    return ((kind, id) for kind, id in entities if kind == wanted and id)


def _end(at_ms: int, for_ms: int | None) -> int | None:
    return None if for_ms is None else at_ms + for_ms
