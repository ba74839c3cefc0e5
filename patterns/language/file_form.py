"""The form of a rule's file: which fields each part has. The reader takes their names from here, and editors their JSON Schema.

What JSON Schema cannot say, such as whether a condition's names are known, the reader alone checks.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Said = Annotated[str, Meta(min_length=1, max_length=2_000)]
_PARAMETER = r"parameter\.[a-z][a-z0-9_]{0,62}"
ParameterName = Annotated[str, Meta(pattern=f"^{_PARAMETER}$", description="A parameter.")]
Duration = Annotated[str, Meta(pattern=rf"^([0-9]{{1,15}}(ms|s|m|h|d|w)|{_PARAMETER})$", description="A length of time, such as 15m.")]
Moment = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}", description="A day, or a time in RFC 3339 with a zone.")]
Share = (
    Annotated[float, Meta(ge=0.0, le=1.0)]
    | Annotated[
        str, Meta(pattern=rf"^([0-9]{{1,9}}(\.[0-9]{{1,9}})?(%|/[0-9]{{1,12}})|{_PARAMETER})$", description="A share, as 0.2% or 1/500.")
    ]
)
Cel = Annotated[str, Meta(min_length=1, max_length=16_384, description="An expression in the Common Expression Language.")]
Key = Annotated[str, Meta(description="A field with an entity's id.")] | Annotated[list[str], Meta(min_length=2, max_length=2)]
Value = bool | int | float | str
Times = (
    Annotated[int, Meta(ge=1)]
    | Annotated[
        str, Meta(pattern=rf"^([1-9][0-9]{{0,3}}(\+|\.\.[1-9][0-9]{{0,3}})?|{_PARAMETER})$", description="n, n+ (at least) or n..m.")
    ]
)


class Form(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename=lambda name: name.rstrip("_")):
    """A mapping with fixed fields. A Python keyword has an underscore behind it."""


class ParameterForm(Form):
    """A parameter with its type."""

    type: Literal["boolean", "integer", "number", "text", "duration"]
    default: Value | Annotated[list[Value], Meta(min_length=1, max_length=1_000)]


class AdaptiveForm(Form):
    """A learned threshold."""

    of: Cel
    rate: Share
    cohort: Cel | UnsetType = UNSET
    half_life: Duration | UnsetType = UNSET
    floor: float | ParameterName | UnsetType = UNSET
    cap: float | ParameterName | UnsetType = UNSET
    key: Key | UnsetType = UNSET


class StepForm(Form):
    """A step of a sequence."""

    name: Name
    when: Cel
    times: Times | UnsetType = UNSET
    gap: Duration | UnsetType = UNSET
    optional: bool | UnsetType = UNSET
    absent: bool | UnsetType = UNSET


class SequenceForm(Form):
    """Steps that the events of one key take."""

    within: Duration
    steps: Annotated[list[StepForm], Meta(min_length=1, max_length=31)]
    key: Key | UnsetType = UNSET
    order: Literal["listed", "any"] | UnsetType = UNSET
    until: Cel | UnsetType = UNSET
    select: Literal["relaxed", "strict"] | UnsetType = UNSET
    emit: Literal["first", "each"] | UnsetType = UNSET


class ExceptionForm(Form):
    """Matches that are hidden."""

    when: Cel
    owner: Line
    reason: Line
    expires: Moment


class AdditionForm(Form):
    """An entry that a match puts on a list."""

    add: Annotated[str, Meta(pattern=r"^event\.")]
    to: Name
    for_: Duration | UnsetType = UNSET


class ThenForm(Form):
    """What a match does."""

    action: Literal["approve", "review", "block"] | UnsetType = UNSET
    adjust: Annotated[float, Meta(ge=-6.0, le=6.0)] | ParameterName | UnsetType = UNSET
    tag: Name | Annotated[list[Name], Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    list_: AdditionForm | Annotated[list[AdditionForm], Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    reason: Said | UnsetType = UNSET


class SuppressForm(Form):
    """Alerts that are silenced."""

    by: Annotated[list[str], Meta(min_length=1, max_length=3)]
    for_: Duration
    missing: Literal["alert", "suppress"] | UnsetType = UNSET


class BudgetForm(Form):
    """How often the rule may match."""

    matches: Annotated[int, Meta(ge=1, le=1_000_000_000)] | ParameterName
    per: Duration
    then: Literal["shadow", "paused"] | UnsetType = UNSET


class PromoteForm(Form):
    """What must hold before the rule is activated."""

    matches_at_least: Share | UnsetType = UNSET
    matches_at_most: Share | UnsetType = UNSET
    precision_at_least: Share | UnsetType = UNSET


class EffectiveForm(Form):
    """When the rule matches."""

    from_: Moment | UnsetType = UNSET
    to: Moment | UnsetType = UNSET


class GivenForm(Form):
    """What holds for all events of a test."""

    feature: dict[str, float] | UnsetType = UNSET
    model: dict[str, float] | UnsetType = UNSET
    adaptive: dict[str, float] | UnsetType = UNSET
    entity: dict[str, dict[str, Value]] | UnsetType = UNSET
    list_: dict[str, list[str]] | UnsetType = UNSET


class ExpectForm(Form):
    """How many matches the events of a test give, and which events these have."""

    matches: Annotated[int, Meta(ge=0, le=100_000)]
    events: list[str | int] | UnsetType = UNSET


class TestForm(Form):
    """A test of the rule."""

    name: Line
    events: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1_000)]
    expect: ExpectForm
    common: dict[str, Any] | UnsetType = UNSET
    given: GivenForm | UnsetType = UNSET


class PatternForm(Form):
    """A rule. Unless it extends another one, it has an owner and `when`, `sequence` or both."""

    title: Line
    why: Said | UnsetType = UNSET
    owner: Line | UnsetType = UNSET
    severity: Literal["low", "medium", "high", "critical"] | UnsetType = UNSET
    status: Literal["draft", "shadow", "canary", "active", "paused", "retired"] | UnsetType = UNSET
    extends: str | UnsetType = UNSET
    parameters: dict[str, ParameterForm | Value | list[Value]] | UnsetType = UNSET
    adaptive: dict[str, AdaptiveForm] | UnsetType = UNSET
    when: Cel | UnsetType = UNSET
    sequence: SequenceForm | UnsetType = UNSET
    missing: bool | Literal["false", "true", "skip"] | UnsetType = UNSET
    exceptions: list[ExceptionForm] | UnsetType = UNSET
    then: ThenForm | UnsetType = UNSET
    suppress: SuppressForm | UnsetType = UNSET
    budget: BudgetForm | UnsetType = UNSET
    promote: PromoteForm | UnsetType = UNSET
    effective: EffectiveForm | UnsetType = UNSET
    references: list[Said] | UnsetType = UNSET
    known_gaps: list[Said] | UnsetType = UNSET
    tests: list[TestForm] | UnsetType = UNSET


def fields(form: type[Form]) -> tuple[str, ...]:
    """Returns the names of a form's fields as they stand in the file."""
    return form.__struct_encode_fields__
