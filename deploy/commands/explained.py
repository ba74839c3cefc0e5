"""Prints why a rule matched an event or did not, and asks for it."""

import datetime
import pathlib
from collections.abc import Iterator, Sequence

from patterns.rules.explaining.explanation import Shown, ShownCondition, ShownSequence, Why

_OUTCOMES = {True: "matches", False: "does not match", None: "may match"}


def explain_files(
    rule: str,
    event_id: str,
    user: str | None,
    config: pathlib.Path,
    files: Sequence[pathlib.Path],
    facts: pathlib.Path | None,
    entries: pathlib.Path | None,
) -> Why:
    """Explains an event of `files` by the configuration in the folder `config`.

    Raises:
        Refusal: the configuration or a file cannot be used, or there is no such rule or event.
    """
    from pipeline.engine.definitions.release import compile_release
    from pipeline.replay.explain import Wanted, explain_recorded
    from pipeline.tables.entry_files import read_entries_file
    from pipeline.tables.event_files import read_history
    from pipeline.tables.fact_files import read_facts_file
    from pipeline.trial.configuration_folder import entries_of, read_texts

    texts = read_texts(config)
    release = compile_release(1, texts)
    history = read_history(files, release.schema)
    told = read_facts_file(facts, release.schema, history.refused) if facts else []
    listed = entries_of(texts) + (read_entries_file(entries, history.refused) if entries else [])
    return explain_recorded(release, texts, rule, history, Wanted(event_id, user), facts=told, entries=listed)


def lines_of(found: Why) -> Iterator[str]:
    """Yields an explanation in lines for a terminal."""
    by = f", release {found.release}, {found.status}" if found.release else ""
    yield f"{found.pattern} {found.version[:12]}{by}: {_OUTCOMES[found.matched]} event {found.event_id} of {found.user}"
    yield from (f"  {sentence}" for sentence in found.said)
    if found.when is not None:
        yield from _condition("when", found.when)
    if found.sequence is not None:
        yield from _sequence(found.sequence)
    for each in found.exceptions:
        expired = ", expired" if each.expired else ""
        yield from _condition(f"exception of {each.owner} ({each.reason}{expired})", each.when)
    yield from (f"  not known: {name}: {why}" for name, why in found.unknown.items())


def _condition(name: str, condition: ShownCondition, indent: str = "  ") -> Iterator[str]:
    yield f"{indent}{name}: {condition.truth}"
    for each in condition.predicates:
        values = ", ".join(f"{name} = {_value(value)}" for name, value in each.values.items())
        yield f"{indent}  {each.truth:<8} {each.predicate}{'   with ' if values else ''}{values}"


def _sequence(sequence: ShownSequence) -> Iterator[str]:
    all_of = "" if sequence.whole else ", which are not all"
    yield f"  sequence of {sequence.key}: {sequence.events} events looked at{all_of}"
    for step in sequence.steps:
        yield f"    step {step.step}: {step.found} of {step.needs}"
        for taken in step.events:
            yield from _condition(f"of event {taken.event_id or _at(taken.time)}", taken.when, "      ")
        if step.when is not None:
            yield from _condition("of this event", step.when, "      ")


def _at(time_ms: int) -> str:
    return f"at {datetime.datetime.fromtimestamp(time_ms / 1_000, datetime.UTC).isoformat(timespec='milliseconds')}"


def _value(value: Shown) -> str:
    if value is None:
        return "missing"
    return f'"{value}"' if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else str(value).lower()
