"""Writes the figures of a backtest as a page that a fraud analyst reads: sentences, and tables of plain text."""

import datetime
from collections.abc import Iterator, Sequence

from pipeline.backtest.figures import Caught, Changed, Counts, Decided, Example, Figures, RuleFigures, Span

DAYS_SHOWN = 31
EXAMPLES_SHOWN = 5
OVERLAPS_SHOWN = 10
_WIDTH = 110
_JOINED = "\N{NO-BREAK SPACE}"


def report(figures: Figures) -> str:
    """Returns the page; it ends without a newline."""
    parts: list[list[str]] = [list(_head(figures))]
    parts += [list(_rule(figures, rule)) for rule in figures.rules]
    parts += [list(_decisions(figures)), list(_counterexamples(figures)), list(_days(figures)), list(_end(figures))]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _head(figures: Figures) -> Iterator[str]:
    candidate = ", ".join(figures.candidate)
    without = f"without {', '.join(figures.without)}" if figures.without else ""
    named = " and ".join(part for part in (f"with {candidate}" if candidate else "", without) if part)
    yield f"Backtest {named}, beside the rules in force"
    span = figures.span
    warm_up = f", after {span.warm_up_events:,} others that were only read to warm up" if span.warm_up_events else ""
    yield f"events      {span.events:,}{_between(span)}{warm_up}"
    labels = figures.labels
    if labels.negative_after_ms is None:
        yield "labels      none, so nothing is said of precision and recall"
    else:
        aged = f", of {labels.good_by_age:,} of them because no label came" if labels.good_by_age else ""
        yield f"labels      fraud {labels.fraud:,}, good {labels.good + labels.good_by_age:,}{aged}, not known yet {labels.unknown:,}"
    if labels.without_event:
        yield f"left out    {labels.without_event:,} labels of events that are not among these"
    for reason, count in figures.unscored.items():
        yield f"not counted {count:,} events: {reason}"
    if figures.refused:
        yield f"refused     {figures.refused:,} rows, which are not among the events"
        yield from (f"            {line}" for line in figures.refused_for)
    yield from (f"note        {remark}" for remark in figures.remarks)


def _between(span: Span) -> str:
    return "" if span.first_at is None or span.last_at is None else f" from {_moment(span.first_at)} to {_moment(span.last_at)}"


def _rule(figures: Figures, rule: RuleFigures) -> Iterator[str]:
    said = {"candidate": "", "replaced": ", as it is in force", "without": ", which the candidate does without"}[rule.role]
    yield f"{rule.id} ({rule.hash[:12]}){said}"
    counts = rule.caught.counts
    if not counts.events:
        yield from _wrapped("It matches none of the events.")
    else:
        one_in = f", 1 in {1 / rule.share:,.0f}" if rule.share < 0.1 else ""
        users = "1 user" if rule.users == 1 else f"{rule.users:,} users"
        yield from _wrapped(f"It matches {_events(counts.events)} ({_percent(rule.share)}{one_in}) of {users}. {_caught(rule.caught)}")
        alone = f"At {rule.alone.events:,} of them no other rule that acts matches{_of_these(rule.alone)}"
        passing = f"{rule.uncaught.events:,} of them pass as the rules in force decide{_of_these(rule.uncaught)}"
        yield from _wrapped(f"{alone}; {passing}.")
    if rule.hidden:
        yield from _wrapped(f"Exceptions hide {rule.hidden:,} matches more.")
    if rule.errors or rule.skips:
        yield from _wrapped(f"It erred at {_events(rule.errors)}, and skipped {rule.skips:,} because a value was missing.")
    if rule.budget is not None:
        trips = "once" if rule.budget.trips == 1 else f"{rule.budget.trips:,} times"
        first = f"first at {_moment(rule.budget.first_at)}"
        left = f"after that it would not have acted at {rule.budget.matches_from_then_on:,} more matches, until somebody put it back"
        yield from _wrapped(f"It would have gone beyond its budget {trips}, {first}; {left}.")
    for bound in rule.unmet:
        yield from _wrapped(f"A bound of its promotion is not kept: {bound}.")
    if rule.overlaps:
        rows = [[each.rule, _n(each.both.events), _n(each.both.fraud), _n(each.only_this), _n(each.only_other)] for each in rule.overlaps]
        titles = ["other rule", "both match", "fraud in both", "this alone", "other alone"]
        yield from _table(titles, rows[:OVERLAPS_SHOWN])


def _caught(caught: Caught) -> str:
    counts, known = caught.counts, caught.counts.fraud + caught.counts.good
    if caught.precision is None or caught.precision_low is None or caught.precision_high is None:
        return "Of none of them it is known whether they are fraud."
    interval = f"{_percent(caught.precision_low)} to {_percent(caught.precision_high)}"
    recall = "" if caught.recall is None else f" These are {_percent(caught.recall)} of all known fraud."
    return (
        f"Of {known:,} with a known outcome {counts.fraud:,} are fraud: precision {_percent(caught.precision)} (95 %: {interval}).{recall}"
    )


def _of_these(counts: Counts) -> str:
    return f" ({counts.fraud:,} fraud, {counts.good:,} good)" if counts.fraud or counts.good else ""


def _decisions(figures: Figures) -> Iterator[str]:
    yield "Decisions"
    rows = [_decided("in force", figures.before), _decided("with the candidate", figures.after)]
    yield from _table(["", "approve", "review", "block", "precision of stops", "recall of stops"], rows)
    if not figures.flips:
        yield "No decision differs."
        return
    value = [f"sum of {figures.value_of}"] if figures.value_of else []
    flips = [[f"{flip.from_} -> {flip.to}", *_changed(flip.changed, bool(value))] for flip in figures.flips]
    yield from _table(["decisions that differ", "events", "fraud", "good", "not known", "users", *value], flips)
    if figures.labels.negative_after_ms is None:
        for flip in figures.flips:
            yield from _examples(f"{flip.from_} -> {flip.to}, such as", flip.changed, figures.value_of)


def _decided(name: str, decided: Decided) -> list[str]:
    stopped = decided.stopped
    return [name, *(_n(counts.events) for counts in decided.actions.values()), _or_none(stopped.precision), _or_none(stopped.recall)]


def _changed(changed: Changed, with_value: bool) -> list[str]:
    counts = changed.counts
    value = [f"{changed.value.sum:,.2f}" + (f" ({changed.value.lacking:,} lack it)" if changed.value.lacking else "")]
    return [_n(counts.events), _n(counts.fraud), _n(counts.good), _n(counts.unknown), _n(changed.users), *(value if with_value else [])]


def _counterexamples(figures: Figures) -> Iterator[str]:
    if figures.labels.negative_after_ms is None or not figures.flips:
        return
    found = figures.counterexamples
    named = {
        "better: fraud that is stopped now": found.fraud_stopped,
        "better: good events that pass now": found.good_released,
        "worse: good events that are stopped now": found.good_stopped,
        "worse: fraud that passes now": found.fraud_released,
    }
    value = [f"sum of {figures.value_of}"] if figures.value_of else []
    rows = [
        [name, _n(changed.counts.events), _n(changed.users), *([f"{changed.value.sum:,.2f}"] if value else [])]
        for name, changed in named.items()
    ]
    yield "Better and worse, among events with a known outcome"
    yield from _table(["", "events", "users", *value], rows)
    for name, changed in named.items():
        yield from _examples(f"{name}, such as", changed, figures.value_of)
    people = figures.people
    yield from _wrapped(
        f"People: {people.matched:,} users have an event that the candidate matches, {people.stricter:,} one with a stricter decision,"
        f" {people.milder:,} one with a milder one, and {people.good_stopped:,} a good event that is newly stopped."
    )


def _examples(title: str, changed: Changed, value_of: str) -> Iterator[str]:
    if changed.examples:
        yield title
        yield from (f"  {_example(each, value_of)}" for each in changed.examples[:EXAMPLES_SHOWN])


def _example(each: Example, value_of: str) -> str:
    value = f"  {value_of} {each.value:,.2f}" if each.value is not None else ""
    score = f"  score {each.score:.4f}" if each.score is not None else ""
    rules = f"  {', '.join(each.rules)}" if each.rules else ""
    return f"{each.event_id} of {each.user}  {_moment(each.event_time)}{value}{score}  {each.known}, by {each.by}{rules}"


def _days(figures: Figures) -> Iterator[str]:
    days = figures.days
    if not days:
        return
    yield "By day (UTC)"
    rows = [
        [day.day, _n(day.events.events), _n(day.events.fraud), _n(day.matches.events), _n(day.matches.fraud), _n(day.flips.events)]
        for day in days[-DAYS_SHOWN:]
    ]
    yield from _table(["day", "events", "fraud", "matches", "fraud matched", "decisions that differ"], rows)
    if len(days) > DAYS_SHOWN:
        yield f"{len(days) - DAYS_SHOWN} earlier days are in the JSON."


def _end(figures: Figures) -> Iterator[str]:
    yield "What this does not simulate"
    for sentence in figures.not_simulated:
        yield from _wrapped(sentence, "- ")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields lines whose first column is aligned left, and the others right."""
    widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]
    for row in [titles, *rows]:
        cells = [cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True))]
        yield ("  " + "  ".join(cells)).rstrip()


def _wrapped(text: str, first: str = "  ") -> Iterator[str]:
    """Yields lines of at most `_WIDTH` characters; a number stays with its percent sign."""
    line = first
    for word in text.replace(" %", f"{_JOINED}%").split(" "):
        if len(line) + len(word) > _WIDTH:
            yield line.rstrip().replace(_JOINED, " ")
            line = "  "
        line += word + " "
    yield line.rstrip().replace(_JOINED, " ")


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _n(count: int) -> str:
    return f"{count:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0.0 else f"{100 * share:.2g} %"


def _or_none(share: float | None) -> str:
    return "-" if share is None else _percent(share)


def _moment(at_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC):%Y-%m-%d %H:%M:%S}"
