"""Reads what a match of a rule does, and what bounds it: then, exceptions, suppress, budget, promote, effective."""

from collections.abc import Iterator

from features.expressions.functions.types import Type
from foundation.document import Section
from patterns.language.file_form import (
    AdditionForm,
    BudgetForm,
    EffectiveForm,
    ExceptionForm,
    PromoteForm,
    SuppressForm,
    ThenForm,
    fields,
)
from patterns.language.formula_reader import FormulaReader, list_remedy
from patterns.language.pattern import Budget, Effective, ListAddition, Promote, RuleException, Suppress, Then
from patterns.language.said import read_line, read_name
from patterns.language.scope import Scope
from patterns.language.template_reader import read_template
from patterns.policy import ACTIONS

DECADES_MAX = 6.0
"""The maximum number of decades by which a match adjusts a score, either way."""
LISTED_MAX = 8
"""The maximum number of tags, and of entries on lists, that one match gives."""
FIELDS_MAX = 3
"""The maximum number of fields by which alerts are suppressed."""
EXCEPTIONS_MAX = 100
_MATCHES_MAX = 1_000_000_000


def read_then(section: Section, scope: Scope, formulas: FormulaReader) -> Then:
    """Reads what a match does.

    Args:
        formulas: reads the values in the reason.

    Raises:
        Refusal: a field, action or list is unknown, or a value cannot be.
    """
    if not section.is_mapping() and not section.is_list():
        written = section.text()
        action = written if written in ACTIONS else "review"
        section.refuse("wrong type", "a mapping of names to values", written, f"write then: {{action: {action}}}")
    section.only(*fields(ThenForm))
    return Then(
        action=section.at("action").choice(ACTIONS) if section.has("action") else None,
        adjust=section.at("adjust").number(-DECADES_MAX, DECADES_MAX) if section.has("adjust") else 0.0,
        tags=tuple(read_name(each, "a tag") for each in _some(section, "tag")),
        additions=tuple(_addition(each, scope) for each in _some(section, "list")),
        reason=read_template(section.at("reason"), formulas) if section.has("reason") else None,
    )


def read_exceptions(section: Section, formulas: FormulaReader) -> tuple[RuleException, ...]:
    """Reads exceptions.

    Raises:
        Refusal: one has no condition, owner, reason or expiry that can be, or there are too many.
    """
    found = []
    for each in section.items():
        each.only(*fields(ExceptionForm))
        when, expires_ms = formulas.condition(each.at("when")), each.at("expires").end_ms()
        found.append(RuleException(when, read_line(each.at("owner")), read_line(each.at("reason")), expires_ms))
    if len(found) > EXCEPTIONS_MAX:
        section.refuse("too many exceptions", f"at most {EXCEPTIONS_MAX}", f"{len(found)}", "put the values on a list, and ask that")
    return tuple(found)


def read_suppress(section: Section, scope: Scope) -> Suppress:
    """Reads which alerts are silenced.

    Raises:
        Refusal: a field is unknown, or there are none or too many.
    """
    section.only(*fields(SuppressForm))
    by = tuple(dict.fromkeys(each.choice(scope.event_fields) for each in section.at("by").items()))
    if not 0 < len(by) <= FIELDS_MAX:
        section.at("by").refuse("wrong number of fields", f"1 to {FIELDS_MAX} fields of the event", f"{len(by)}")
    alert_missing = not section.has("missing") or section.at("missing").choice(("alert", "suppress")) == "alert"
    return Suppress(by, section.at("for").duration_ms(), alert_missing)


def read_budget(section: Section) -> Budget:
    """Reads how often the rule may match.

    Raises:
        Refusal: a field is unknown or missing, or a value cannot be.
    """
    section.only(*fields(BudgetForm))
    then = section.at("then").choice(("shadow", "paused")) if section.has("then") else "shadow"
    return Budget(section.at("matches").integer(1, _MATCHES_MAX), section.at("per").duration_ms(), then)


def read_promote(section: Section) -> Promote:
    """Reads what must hold before the rule is activated.

    Raises:
        Refusal: a field is unknown, or a value is no share.
    """
    section.only(*fields(PromoteForm))
    found = Promote(**{name: section.at(name).share(0.0, 1.0) for name in fields(PromoteForm) if section.has(name)})
    if (found.matches_at_least or 0.0) > (1.0 if found.matches_at_most is None else found.matches_at_most):
        section.at("matches_at_least").refuse("bounds out of order", f"at most {found.matches_at_most:g}, which is matches_at_most")
    return found


def read_effective(section: Section) -> Effective:
    """Reads at which event times the rule matches.

    Raises:
        Refusal: a field is unknown, a value is no moment, or the end is not behind the beginning.
    """
    section.only(*fields(EffectiveForm))
    from_ms = section.at("from").moment_ms() if section.has("from") else None
    to_ms = section.at("to").end_ms() if section.has("to") else None
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        section.at("to").refuse("ends before it begins", "a moment behind from")
    return Effective(from_ms, to_ms)


def _some(section: Section, name: str) -> Iterator[Section]:
    """Yields what stands under `name`: nothing, one value, or those of a list."""
    if not section.has(name):
        return
    value = section.at(name)
    values = list(value.items()) if value.is_list() else [value]
    if not 0 < len(values) <= LISTED_MAX:
        value.refuse("too many or none", f"1 to {LISTED_MAX}", f"{len(values)}")
    yield from values


def _addition(section: Section, scope: Scope) -> ListAddition:
    section.only(*fields(AdditionForm))
    texts = [name for name, type in scope.names_at(scope.schema.user).types.items() if type is Type.STRING and name.startswith("event.")]
    to = section.at("to").text()
    if to not in scope.lists:
        expected = "one of " + (", ".join(sorted(scope.lists)) or "the release's lists: none")
        section.at("to").refuse("unknown list", expected, to, list_remedy(to, scope))
    return ListAddition(section.at("add").choice(texts), to, section.at("for").duration_ms() if section.has("for") else None)
