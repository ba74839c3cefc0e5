"""Says what matches found: the values that their conditions read, and their reasons in words."""

import datetime
from collections.abc import Mapping, Sequence

from features.definitions.wording import number_in_words
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type
from foundation.number_arrays import Float64s, Int64s
from patterns.findings import Events, Values
from patterns.language.pattern import Formula, Pattern, Template
from patterns.rules.values.formulas import CompiledFormula
from patterns.rules.values.own_names import written_name
from patterns.sequences.plan.programs import Read, reads_of

VALUES_MAX = 16
"""The maximum number of values of a match: those that the rule reads first."""
TEXT_CHARACTERS_MAX = 200
REASON_CHARACTERS_MAX = 400
_MISSING = "?"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_NUMBERS = (Type.BOOL, Type.INT, Type.DOUBLE)
_NOTHING: Events = ()


class Wording:
    """Knows what a match of one rule shows.

    Args:
        pattern: the rule.

    Attributes:
        names: of the values that it shows.
        reads: what it reads of earlier steps, by the name under which it does.
        types: of what it reads, by name.
        parts: texts and formulas by turns that its reason is made of.
    """

    def __init__(self, pattern: Pattern) -> None:
        reason = pattern.then.reason or Template(pattern.title, (pattern.title,))
        self.parts = [CompiledFormula(part) if isinstance(part, Formula) else part for part in reason.parts]
        conditions = [] if pattern.when is None else [pattern.when]
        formulas = [part for part in reason.parts if isinstance(part, Formula)]
        read = (name for formula in (*conditions, *formulas) for name in formula.names)
        self.names = tuple(dict.fromkeys(read))[:VALUES_MAX]
        self.reads = reads_of_reason(pattern)
        self.types = {name: type for formula in formulas for name, type in formula.names.items()}


def reads_of_reason(pattern: Pattern) -> dict[str, Read]:
    """Returns what a rule's reason reads of the steps of its sequence, by the name under which it does."""
    if pattern.sequence is None or pattern.then.reason is None:
        return {}
    steps = {step.name: at for at, step in enumerate(pattern.sequence.steps)}
    formulas = [part for part in pattern.then.reason.parts if isinstance(part, Formula)]
    return {name: read for formula in formulas for name, read in zip(_names_read(formula, steps), reads_of(formula, steps), strict=True)}


def _names_read(formula: Formula, steps: Mapping[str, int]) -> list[str]:
    return [name for name in formula.names if name.partition(".")[0] in steps]


class Wordings(dict[int, Wording]):
    """Holds what is known of each rule, by position, made when it is first asked for.

    Args:
        patterns: the rules.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        super().__init__()
        self._patterns = patterns

    def __missing__(self, rule: int) -> Wording:
        wording = self[rule] = Wording(self._patterns[rule])
        return wording


class BatchWords:
    """Says what the matches of one batch found, see `patterns.findings.Source`. What several matches show is brought once.

    Args:
        wordings: of the rules.
        events, rules: [m] row of the event, and position of the rule, of each match.
        columns: of the n events.
    """

    def __init__(self, wordings: Wordings, events: Int64s, rules: Int64s, columns: Mapping[str, Column], n: int) -> None:
        self._wordings = wordings
        self._events = events
        self._rules = rules
        self._columns = columns
        self._n = n
        self._numbers: dict[str, Float64s | None] = {}
        self._parts: dict[int, list[str | Column]] = {}

    def values(self, place: int) -> Values:
        """See `patterns.findings.Source`."""
        row = int(self._events[place])
        return {written_name(name): self._value(name, row) for name in self._wordings[int(self._rules[place])].names}

    def reason(self, place: int) -> str:
        """See `patterns.findings.Source`."""
        rule, row = int(self._rules[place]), int(self._events[place])
        parts = self._parts.get(rule)
        if parts is None:
            made = self._wordings[rule].parts
            parts = self._parts[rule] = [part if isinstance(part, str) else part.over(self._columns, self._n) for part in made]
        return "".join(part if isinstance(part, str) else shown_value(part, row) for part in parts)[:REASON_CHARACTERS_MAX]

    def events(self, place: int) -> Events:
        """A rule on the event alone has no other events."""
        return _NOTHING

    def _value(self, name: str, row: int) -> float | str | None:
        if name not in self._numbers:
            column = self._columns[name]
            self._numbers[name] = column.spread(self._n).numbers() if column.type in _NUMBERS else None
        numbers = self._numbers[name]
        if numbers is None:
            return plain_value(self._columns[name], row)
        number = numbers.item(row)
        return number if number == number else None  # NaN is missing


def shown_value(column: Column, row: int) -> str:
    """Returns the value of a row as a person reads it."""
    value = plain_value(column, row)
    if value is None or value != value:
        return _MISSING
    if column.type is Type.BOOL:
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(int(value)) if column.type is Type.INT else number_in_words(value)


def plain_value(column: Column, row: int) -> float | str | None:
    """Returns a value as JSON can say it: a moment as RFC 3339, a duration in seconds; None where there is none."""
    value = column.item(row)
    if isinstance(value, Fault):
        return None
    if isinstance(value, str):
        return value[:TEXT_CHARACTERS_MAX]
    if column.type is Type.DURATION:
        return float(value) / 1e6
    if column.type is Type.TIMESTAMP:
        return (_EPOCH + datetime.timedelta(microseconds=int(value))).isoformat()
    return float(value)
