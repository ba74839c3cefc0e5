"""Checks what an analyst says with a verdict: its reason, and the inputs that the typology requires."""

from collections.abc import Mapping

from alerts.cases.case_policy import CasePolicy, Typology, VerdictInput
from foundation.refusal import Refusal, shortened
from stores.casework.verdicts import VerdictWord

TEXT_CHARACTERS_MAX = 500
Value = str | float | bool


def check_verdict(policy: CasePolicy, typology: Typology | None, verdict: VerdictWord, reason: str, inputs: Mapping[str, Value]) -> None:
    """Checks a verdict.

    Args:
        typology: of the case; None for one that cases.yaml no longer has, which requires no inputs.

    Raises:
        Refusal: the reason is none of the taxonomy, or an input is missing, unknown or of another type; names the field.
    """
    reasons = policy.reasons.get(verdict, ())
    if reason not in (reasons or ("",)):
        expected = f"one of {', '.join(reasons)}" if reasons else "no reason, because cases.yaml has none for this verdict"
        raise Refusal("bad reason", where="reason", expected=expected, got=reason or "none")
    known = {one.name: one for one in (typology.inputs if typology else ())}
    for name in inputs:
        if name not in known:
            expected = f"one of {', '.join(known)}" if known else "no inputs"
            raise Refusal("unknown input", where=f"inputs.{shortened(name)}", expected=expected, got=name)
    for one in known.values():
        if one.name in inputs:
            _check_value(one, inputs[one.name])
        elif verdict in one.verdicts:
            raise Refusal("missing input", where=f"inputs.{one.name}", expected=_expected(one), got="nothing")


def _check_value(one: VerdictInput, value: Value) -> None:
    is_good = {
        "flag": isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "choice": isinstance(value, str) and value in one.options,
        "text": isinstance(value, str) and 0 < len(value) <= TEXT_CHARACTERS_MAX,
    }[one.type]
    if not is_good:
        raise Refusal("bad input", where=f"inputs.{one.name}", expected=_expected(one), got=value)


def _expected(one: VerdictInput) -> str:
    return {
        "flag": "true or false",
        "number": "a number",
        "choice": f"one of {', '.join(one.options)}",
        "text": f"a text with 1 to {TEXT_CHARACTERS_MAX} characters",
    }[one.type]
