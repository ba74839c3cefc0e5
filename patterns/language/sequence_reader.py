"""Reads ``sequence:``, the steps that the events of one key take."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from features.definitions.entity_parser import read_kind
from foundation.document import Section, duration_text
from patterns.language.earlier_steps import EarlierSteps
from patterns.language.file_form import SequenceForm, StepForm, fields
from patterns.language.formula_reader import FormulaReader
from patterns.language.pattern import Sequence, Step
from patterns.language.said import RESERVED, read_name
from patterns.language.scope import Scope

STEPS_MAX = 31
"""The maximum number of steps of a sequence."""
TIMES_MAX = 1_000
"""The maximum number of events that a step may need."""
_TIMES = re.compile(r"([1-9][0-9]{0,3})(?:(\+)|\.\.([1-9][0-9]{0,3}))?")

_SPOKEN_TIMES = re.compile(r"(>=?|at least|min|minimum)\s*([0-9]{1,3})", re.IGNORECASE)

FormulasAt = Callable[[str], FormulaReader]
"""Gives what reads the expressions of an entity type's stage."""


def read_sequence(section: Section, scope: Scope, formulas_at: FormulasAt) -> Sequence:
    """Reads a sequence.

    Raises:
        Refusal: a field is unknown, the steps cannot be taken as they stand, or a condition reads what its stage does not know.
    """
    section.only(*fields(SequenceForm))
    kind = read_kind(section.at("key"), scope.schema) if section.has("key") else scope.schema.user
    within_ms = _within_ms(section.at("within"), scope)
    ordered = not section.has("order") or section.at("order").choice(("listed", "any")) == "listed"
    reader = _StepsReader(formulas_at(kind), within_ms, ordered)
    steps = reader.steps(section.at("steps"))
    return Sequence(
        key=kind,
        within_ms=within_ms,
        steps=steps,
        ordered=ordered,
        until=reader.formulas.with_steps(_unread(steps)).condition(section.at("until")) if section.has("until") else None,
        strict=section.has("select") and section.at("select").choice(("relaxed", "strict")) == "strict",
        each=section.has("emit") and section.at("emit").choice(("first", "each")) == "each",
    )


def steps_of(sequence: Sequence | None) -> EarlierSteps:
    """Returns the steps as an expression sees them that is evaluated once a sequence has matched."""
    steps = () if sequence is None else sequence.steps
    readable = tuple(step.name for step in steps if not step.absent)
    return EarlierSteps(frozenset(step.name for step in steps), readable, "a step that is absent has no events")


def _unread(steps: tuple[Step, ...]) -> EarlierSteps:
    return EarlierSteps(frozenset(step.name for step in steps), (), "until is asked of each event by itself")


def _within_ms(section: Section, scope: Scope) -> int:
    length_ms = section.duration_ms()
    if length_ms > scope.schema.ttl_ms:
        expected = f"at most {duration_text(scope.schema.ttl_ms)}, which is the schema's ttl: an entity that rests longer is forgotten"
        section.refuse("sequence longer than its state lives", expected)
    return length_ms


@dataclass(frozen=True)
class _StepsReader:
    formulas: FormulaReader
    within_ms: int
    ordered: bool

    def steps(self, section: Section) -> tuple[Step, ...]:
        sections = list(section.items())
        if not 0 < len(sections) <= STEPS_MAX:
            section.refuse("wrong number of steps", f"1 to {STEPS_MAX} steps", f"{len(sections)} steps")
        names = _names_of(sections)
        steps: list[Step] = []
        for at, each in enumerate(sections):
            steps.append(self._step(each, names[at], self._before(steps, names)))
            self._check_position(each, steps)
        self._check_end(sections, steps)
        return tuple(steps)

    def _before(self, steps: list[Step], names: list[str]) -> EarlierSteps:
        if not self.ordered:
            return EarlierSteps(frozenset(names), (), "in any order no step is before another")
        readable = tuple(step.name for step in steps if not step.absent)
        return EarlierSteps(frozenset(names), readable, "a condition reads steps before its own that have events")

    def _step(self, section: Section, name: str, earlier: EarlierSteps) -> Step:
        section.only(*fields(StepForm))
        least, most = _times(section.at("times")) if section.has("times") else (1, 1)
        return Step(
            name=name,
            when=self.formulas.with_steps(earlier).condition(section.at("when")),
            least=least,
            most=most,
            gap_ms=self._gap_ms(section.at("gap")) if section.has("gap") else None,
            optional=section.has("optional") and section.at("optional").flag(),
            absent=section.has("absent") and section.at("absent").flag(),
        )

    def _gap_ms(self, section: Section) -> int:
        length_ms = section.duration_ms()
        if not self.ordered:
            section.refuse("gap without an order", "no gap: in any order, within bounds the whole")
        if length_ms > self.within_ms:
            section.refuse("gap longer than the whole", f"at most {duration_text(self.within_ms)}, which is within")
        return length_ms

    def _check_position(self, section: Section, steps: list[Step]) -> None:
        """Refuses a step that makes no sense where it stands; it is the last of `steps`."""
        step, first = steps[-1], len(steps) == 1
        if step.absent and section.has("times"):
            section.at("times").refuse("times of an absent step", "no times: not one event may satisfy it")
        if step.absent and step.optional:
            section.at("optional").refuse("optional absence", "absent or optional", "true")
        if step.absent and (first or not self.ordered):
            remedy = "let until void what has begun" if not self.ordered else ""
            section.at("absent").refuse("absence without a step before it", "an absent step behind one that has events", "true", remedy)
        if step.optional and self.ordered and first:
            section.at("optional").refuse("optional beginning", "a first step that an event takes: without it nothing begins", "true")
        if first and self.ordered and section.has("gap") and step.most == 1:
            section.at("gap").refuse("gap before the first step", "no gap: nothing is before it")

    def _check_end(self, sections: list[Section], steps: list[Step]) -> None:
        """Refuses steps by which a sequence would not end as it is meant to, or would never begin."""
        with_events = [at for at, step in enumerate(steps) if not step.absent]
        last = with_events[-1]
        if self.ordered and steps[last].optional:
            expected = "a last step that an event takes: with an optional one the sequence has matched before it"
            sections[last].at("optional").refuse("optional end", expected, "true", "leave the step out")
        if len(steps) - last > 2:
            remedy = "make one of them: a || b"
            sections[last + 2].at("absent").refuse("several absences at the end", "one absent step at the end", "true", remedy)
        if all(step.optional for step in steps):
            sections[0].at("optional").refuse("optional steps alone", "a step that is not optional", "true")


def _names_of(sections: list[Section]) -> list[str]:
    names: list[str] = []
    for section in sections:
        name = read_name(section.at("name"), "a step")
        if name in RESERVED:
            section.at("name").refuse("reserved name", f"none of {', '.join(sorted(RESERVED))}", name)
        if name in names:
            section.at("name").refuse("name given twice", "a name of its own for each step", name)
        names.append(name)
    return names


def _times(section: Section) -> tuple[int, int | None]:
    """Reads how often: ``n`` is exactly, ``n+`` at least, ``n..m`` from n to m; the latter are inclusive."""
    match = _TIMES.fullmatch(str(section.plain()))
    least, most = (int(match[1]), None if match[2] else int(match[3] or match[1])) if match else (0, 0)
    if match is None or least > TIMES_MAX or (most is not None and not least <= most <= TIMES_MAX):
        expected = f"n, n+ (at least n) or n..m, from 1 to {TIMES_MAX}"
        section.refuse("not a number of times", expected, remedy=_times_remedy(str(section.plain())))
    return least, most


def _times_remedy(written: str) -> str:
    """Returns how a number of times is written that was meant otherwise; '' where nobody knows."""
    if written.startswith("0"):
        return "write optional: true"
    found = _SPOKEN_TIMES.fullmatch(written.strip())
    if found is None:
        return ""
    more = found[1].strip() == ">"
    return f"write {int(found[2]) + more}+"
