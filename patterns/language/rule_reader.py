"""Reads the file of one rule."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from features.expressions.functions.types import Type
from foundation.document import Section
from foundation.place import Mark, Source
from patterns.language.adaptive_reader import read_adaptive
from patterns.language.consequence_reader import (
    read_budget,
    read_effective,
    read_exceptions,
    read_promote,
    read_suppress,
    read_then,
)
from patterns.language.cost import STATE_BYTES_MAX, UNITS_MAX, cost_of
from patterns.language.earlier_steps import EarlierSteps
from patterns.language.file_form import PatternForm, fields
from patterns.language.formula_reader import FormulaReader
from patterns.language.inline_test_reader import InlineTestReader
from patterns.language.parameters import NUMBERS, Parameter, Parameters, read_parameters, written_in
from patterns.language.pattern import (
    STATUSES,
    Adaptive,
    Condition,
    Cost,
    Effective,
    Formula,
    Missing,
    Pattern,
    Promote,
    Sequence,
    Then,
)
from patterns.language.said import read_line, read_said
from patterns.language.scope import Scope
from patterns.language.sequence_reader import read_sequence, steps_of
from patterns.severities import SEVERITIES

OWN = ("title", "status", "extends", "parameters", "tests")
"""Fields that a rule has for itself: it does not take them over from the rule that it extends."""
TEXTS_MAX = 50
"""The maximum number of references, and of known gaps, of one rule."""


_Read = TypeVar("_Read")
_UNREAD = "the last step's condition may ask it, and the reason may say it"


@dataclass(frozen=True)
class RuleFile:
    """Holds the fields of a rule's file, and those that it takes over.

    Args:
        id: the name of the file without its ending.
        version: content hash of the text.
        texts: content hash of the text and of the text of the rule that it extends.
        parent: the file of the rule that it extends; None: it extends none.
        constants: the parameters that fields of numbers may read.
    """

    id: str
    version: str
    texts: str
    own: Section
    parent: "RuleFile | None" = None
    constants: Parameters = field(default_factory=dict)

    def at(self, name: str) -> Section | None:
        """Returns the value of a field; None where neither this rule nor the one that it extends has it."""
        if self.own.has(name):
            section: Section | None = self.own.at(name)
        else:
            section = None if self.parent is None or name in OWN else self.parent.at(name)
        if section is None or not self.constants:
            return section
        return section.with_texts(NUMBERS, lambda scalar: written_in(scalar, self.constants))

    def read(self, name: str, reader: Callable[[Section], _Read], otherwise: _Read) -> _Read:
        """Returns what `reader` makes of a field; `otherwise` where there is none."""
        section = self.at(name)
        return otherwise if section is None else reader(section)

    def parameters(self) -> dict[str, Parameter]:
        """Reads the parameters of this rule, with those of the rule that it extends."""
        inherited = {} if self.parent is None else self.parent.parameters()
        return read_parameters(self.own.at("parameters") if self.own.has("parameters") else None, inherited)


class RuleReader:
    """Reads rules over one scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._tests = InlineTestReader(scope)

    def read(self, file: RuleFile) -> Pattern:
        """Reads and checks the rule in `file`.

        Raises:
            Refusal: a field is unknown, missing or not of its type, an expression reads what it may not, the parts do not fit each other,
                or the rule costs too much; names file, line and column.
        """
        own = file.own
        _refuse_misplaced(own)
        own.only(*fields(PatternForm))
        parameters = file.parameters()
        file = replace(file, constants=parameters)
        parts = self._evaluated(file, parameters)
        then = file.read("then", lambda section: self._then(section, parts), Then())
        said = () if then.reason is None else [part for part in then.reason.parts if isinstance(part, Formula)]
        cost = cost_of(parts.when, parts.sequence, parts.adaptive, said)
        _check_cost(own, cost)
        tests = self._tests.read(own.at("tests"), parts.adaptive) if own.has("tests") else ()
        return Pattern(
            id=file.id,
            version=file.version,
            texts=file.texts,
            title=read_line(own.at("title")),
            why=file.read("why", read_said, ""),
            owner=read_line(file.at("owner") or own.at("owner")),
            severity=file.read("severity", lambda section: section.choice(SEVERITIES), "medium"),
            status=file.read("status", lambda section: section.choice(STATUSES), "draft"),
            parameters={name: parameter.value for name, parameter in parameters.items()},
            adaptive=parts.adaptive,
            when=parts.when,
            sequence=parts.sequence,
            missing=parts.missing,
            exceptions=file.read("exceptions", lambda section: read_exceptions(section, parts.beside), ()),
            then=then,
            suppress=file.read("suppress", lambda section: read_suppress(section, self._scope), None),
            budget=file.read("budget", read_budget, None),
            promote=file.read("promote", read_promote, Promote()),
            effective=file.read("effective", read_effective, Effective()),
            references=file.read("references", lambda section: _read_several(section, "references"), ()),
            known_gaps=file.read("known_gaps", lambda section: _read_several(section, "gaps"), ()),
            tests=tests,
            cost=cost,
            extends=None if file.parent is None else file.parent.id,
        )

    def _evaluated(self, file: RuleFile, parameters: Parameters) -> "_Evaluated":
        scope, user = self._scope, self._scope.schema.user
        missing = file.read("missing", _read_missing, Missing.FALSE)

        def plain(kind: str) -> FormulaReader:
            return FormulaReader(scope, kind, scope.names_at(kind), parameters, missing)

        none: dict[str, Adaptive] = {}
        adaptive = file.read("adaptive", lambda section: read_adaptive(section, scope, plain), none)

        def formulas(kind: str) -> FormulaReader:
            learned = {f"adaptive.{each.name}": Type.DOUBLE for each in adaptive.values() if kind in (each.key, user)}
            return replace(plain(kind), names=plain(kind).names.extended(learned)) if learned else plain(kind)

        sequence = file.read("sequence", lambda section: read_sequence(section, scope, formulas), None)
        steps = frozenset(step.name for step in sequence.steps) if sequence is not None else frozenset()
        beside = formulas(user).with_steps(EarlierSteps(steps, (), _UNREAD))
        when = file.read("when", beside.condition, None)
        if when is not None and sequence is not None and sequence.steps[-1].absent and sequence.key != user:
            expected = "no when: at the stage of another key than the user it is not known when the wait begins"
            file.own.at("when").refuse("condition beside an absence at the end", expected, remedy="say it in a step")
        if when is None and sequence is None:
            file.own.refuse("nothing to match", "a field when, sequence, or both", ", ".join(file.own.names()))
        return _Evaluated(missing, adaptive, when, sequence, beside)

    def _then(self, section: Section, parts: "_Evaluated") -> Then:
        then = read_then(section, self._scope, parts.beside.with_steps(steps_of(parts.sequence)))
        _check_reason(then, parts.sequence)
        if parts.sequence is not None and parts.sequence.steps[-1].absent:
            for name in ("action", "adjust", "tag", "list"):
                if section.has(name):
                    expected = "a reason alone: the rule matches at a deadline, where there is no event to decide"
                    section.at(name).refuse("decision of a rule that ends with an absence", expected, name)
        return then


class _Evaluated(NamedTuple):
    """Holds the parts of a rule that are evaluated. `beside` reads conditions that stand beside a sequence."""

    missing: Missing
    adaptive: dict[str, Adaptive]
    when: Condition | None
    sequence: Sequence | None
    beside: FormulaReader


def _check_reason(then: Then, sequence: Sequence | None) -> None:
    """Refuses a reason that says a text of an earlier event, of which nothing but a hash is kept; conditions may compare it."""
    steps = {step.name for step in sequence.steps} if sequence is not None else set()
    said = () if then.reason is None else [part for part in then.reason.parts if isinstance(part, Formula)]
    for part in said:
        for name, type in part.names.items():
            if type is Type.STRING and name.partition(".")[0] in steps:
                remedy = "say that of this event; the match names its earlier events by their ids"
                expected = "numbers, times and truths of earlier events, or texts of this one"
                Source(part.text, part.place).refuse(Mark(1, 1), "text of an earlier event that nobody keeps", expected, name, remedy)


_ELSEWHERE = {
    **dict.fromkeys(("action", "adjust", "tag", "list", "reason"), "it stands under then"),
    **dict.fromkeys(("steps", "within", "key", "until", "select", "emit", "order", "times", "gap"), "it stands under sequence"),
    **dict.fromkeys(("condition", "conditions", "if", "expression", "rule", "match", "filter"), "write when"),
    **dict.fromkeys(("name", "id"), "the file's name is the rule's id; what it is called stands under title"),
    **dict.fromkeys(("description", "comment"), "write why"),
    "enabled": "write status: shadow; verbs let it act",
}
"""Names that are often written at the top of a rule, and what to do instead."""


def _refuse_misplaced(section: Section) -> None:
    """Refuses a field that a rule has not, and says where it stands or what it is called."""
    for name, _ in section.entries():
        remedy = _ELSEWHERE.get(str(name.plain()))
        if remedy is not None:
            name.refuse("unknown field", "a field of a rule", name.plain(), remedy)


def _check_cost(section: Section, cost: Cost) -> None:
    remedy = "split the rule, or make features of what it computes"
    if cost.units > UNITS_MAX:
        section.refuse("rule too costly", f"at most {UNITS_MAX} units", f"{cost.units} units", remedy)
    if cost.state_bytes > STATE_BYTES_MAX:
        expected = f"at most {STATE_BYTES_MAX} bytes of state for each key"
        remedy = "ask for fewer repetitions or steps, or count with a feature"
        section.refuse("too much state", expected, f"{cost.state_bytes} bytes", remedy)


def _read_missing(section: Section) -> Missing:
    return Missing(section.choice([missing.value for missing in Missing]))


def _read_several(section: Section, what: str) -> tuple[str, ...]:
    texts = tuple(read_said(each) for each in section.items())
    if len(texts) > TEXTS_MAX:
        section.refuse(f"too many {what}", f"at most {TEXTS_MAX}", f"{len(texts)}")
    return texts
