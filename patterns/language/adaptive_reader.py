"""Reads ``adaptive:``, the thresholds that a rule learns."""

from features.definitions.entity_parser import read_kind
from features.expressions.functions.types import Type
from foundation.document import Section
from patterns.language.file_form import AdaptiveForm, fields
from patterns.language.formula_reader import FormulaReader
from patterns.language.pattern import Adaptive, Formula
from patterns.language.said import read_name
from patterns.language.scope import Scope
from patterns.language.sequence_reader import FormulasAt

ADAPTIVE_MAX = 8
"""The maximum number of learned thresholds of one rule."""
RATE_LEAST, RATE_MOST = 1e-6, 0.5
HALF_LIFE_MS = 30 * 86_400_000
"""What `half_life` is without being written."""
_BOUND = 1e300
_NUMBERS = (Type.DOUBLE, Type.INT)


def read_adaptive(section: Section, scope: Scope, formulas_at: FormulasAt) -> dict[str, Adaptive]:
    """Reads the learned thresholds of a rule, by name.

    Args:
        formulas_at: reads expressions that know no threshold.

    Raises:
        Refusal: a name or field is unknown, there are too many, or the key's stage does not know what one reads.
    """
    found: dict[str, Adaptive] = {}
    for name, each in section.entries():
        if len(found) == ADAPTIVE_MAX:
            name.refuse("too many thresholds", f"at most {ADAPTIVE_MAX} in one rule")
        known = read_name(name, "a threshold")
        found[known] = _read(known, each, scope, formulas_at)
    return found


def _read(name: str, section: Section, scope: Scope, formulas_at: FormulasAt) -> Adaptive:
    section.only(*fields(AdaptiveForm))
    key = read_kind(section.at("key"), scope.schema) if section.has("key") else _key_of(section, scope, formulas_at)
    formulas = formulas_at(key)
    floor = section.at("floor").number(-_BOUND, _BOUND) if section.has("floor") else None
    cap = section.at("cap").number(-_BOUND, _BOUND) if section.has("cap") else None
    if floor is not None and cap is not None and floor > cap:
        section.at("cap").refuse("cap below the floor", f"at least {floor:g}")
    return Adaptive(
        name=name,
        of=formulas.formula(section.at("of"), _NUMBERS),
        rate=section.at("rate").share(RATE_LEAST, RATE_MOST),
        cohort=_cohort(section.at("cohort"), formulas) if section.has("cohort") else None,
        half_life_ms=section.at("half_life").duration_ms() if section.has("half_life") else HALF_LIFE_MS,
        floor=floor,
        cap=cap,
        key=key,
    )


def _cohort(section: Section, formulas: FormulaReader) -> Formula:
    return formulas.formula(section, (Type.STRING,))


def _key_of(section: Section, scope: Scope, formulas_at: FormulasAt) -> str:
    """Returns the entity whose feature `of` reads, and the user where it reads no feature of another."""
    user = scope.schema.user
    read = formulas_at(user).formula(section.at("of"), _NUMBERS)
    kinds = dict.fromkeys(scope.feature_kind(name) for name in read.names if name.startswith("feature."))
    if len(others := [kind for kind in kinds if kind != user]) > 1:
        section.at("of").refuse("features of several entities", "features of one, or a field key", ", ".join(others), "say whose: key: …")
    return others[0] if others and user not in kinds else user
