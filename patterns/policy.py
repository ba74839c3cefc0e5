"""Turns scores into actions: the policy names the model whose score counts, the bands, and the fallback without a score."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from features.schema.schema import Schema
from foundation.document import Section, read_document
from foundation.refusal import Refusal
from patterns.band_kernels import find_actions
from patterns.decision_order import (
    ACTIONS,
    DEFAULT_ORDER,
    AllowList,
    Order,
    Verdict,
    read_allow_lists,
    read_order,
    read_overrides,
    read_verdicts,
)
from patterns.hold_out import HoldOut, read_hold_out
from patterns.hold_policy import HoldPolicy, read_hold

__all__ = ["ACTIONS", "BY_RULES", "BY_SCORE", "DECIDERS", "SCALES", "Fallback", "Policy", "read_policy"]

DECIDERS = (
    "",
    "score",
    "fallback",
    "bypass",
    "retraction",
    "verdict",
    "allow_lists",
    "block",
    "review",
    "approve",
    "override",
    "hold_out",
)
"""What decided an event, by code: the score's band; the fallback, where no model gave a score; the bypass, while it is on; the event's
retraction; a verdict on an entity; a list of what is allowed; rules that ask for one of the actions; the band of a score that somebody
has set for an entity; and the draw of those that pass though they would be blocked.
Nothing: it was not recorded, as in decisions from before it was. Codes are kept with each decision: new ones come last, up to 15."""

SCALES = ("raw", "stable")
"""What bands stand on: what each model says by itself, or quantiles of a reference population, see `detectors.scores.score_map`."""

DRIFT_LIMIT = 0.2
"""Of the population stability index: from there on a change is commonly taken to matter (Siddiqi, Credit Risk Scorecards, 2006)."""

BY_RULES = ("block", "review", "approve")
"""Those of `DECIDERS` that are rules."""

BY_SCORE = "score"
"""That of `DECIDERS` which is a model's score."""

MODELS_MAX = 62
"""The maximum number of models of a policy: a remembered decision has six bits for the model that gave the score."""
_FIELDS = ("score", "scale", "bands", "override", "order", "verdicts", "allow_lists", "loss", "hold", "hold_out", "drift", "fallback")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_FIRST_READY = re.compile(r"first_ready\(\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*\)")


@dataclass(frozen=True, slots=True)
class Fallback:
    """Says what to answer without a score of this event.

    Args:
        action: the action if the entity's latest score is young enough, or if there is none.
        older: pairs of age in ms and action, by growing age; the action holds from that age on (inclusive).
    """

    action: str
    older: tuple[tuple[int, str], ...]

    def action_at(self, age_ms: int | None) -> str:
        """Returns the action for a latest score of the age `age_ms`; ``None`` means that there is no score."""
        chosen = self.action
        for limit_ms, action in self.older:
            if age_ms is not None and age_ms >= limit_ms:
                chosen = action
        return chosen


@dataclass(frozen=True, slots=True)
class Loss:
    """Says what an event costs if it is fraud: the number in the event's field `field`, in `currency` (ISO 4217)."""

    field: str
    currency: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Holds a compiled policy.yaml.

    Args:
        models: names of models; the first one that is ready gives the score.
        bounds: ascending bounds; band i holds scores in [bounds[i-1], bounds[i]).
        actions: the code of each band's action; there is one more than bounds.
        fallback: what to answer without a score.
        scale: one of `SCALES`, that scores and bounds are on.
        order: whose word counts before that of the score.
        overrides: the facts, numbers from 0 to 1, that take the place of the score; the first that holds counts.
        verdicts: the facts that decide, the first that speaks before the others.
        allow_lists: the lists that approve.
        loss: what an event costs if it is fraud; None if nothing is said of it.
        hold: which decisions hold a payment back; None if none does.
        hold_out: which blocked payments pass all the same; None if none does.
        drift_limit: of the population stability index, above 0; see `pipeline.comparison.drift`.
    """

    models: tuple[str, ...]
    bounds: NDArray[np.float64]
    actions: NDArray[np.uint8]
    fallback: Fallback
    scale: str = "raw"
    order: Order = DEFAULT_ORDER
    overrides: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    allow_lists: tuple[AllowList, ...] = ()
    loss: Loss | None = None
    hold: HoldPolicy | None = None
    hold_out: HoldOut | None = None
    drift_limit: float = DRIFT_LIMIT

    def decide_many(self, scores: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Returns the action codes [n] of `scores` [n] in [0, 1]; a missing score (NaN) gets the fallback's action."""
        codes = np.empty(len(scores), np.uint8)
        find_actions(scores, self.bounds, self.actions, ACTIONS.index(self.fallback.action), codes)
        return codes


def read_policy(
    text: str,
    source: str = "policy.yaml",
    known: Sequence[str] | None = None,
    schema: Schema | None = None,
    lists: Sequence[str] | None = None,
) -> Policy:
    """Compiles the YAML text of a policy.

    Args:
        known: the models that the policy may name; ``None`` allows any.
        schema: declares the facts and fields that the policy may name; ``None`` allows any.
        lists: those that the policy may name; ``None`` allows any.

    Raises:
        Refusal: a field is unknown, missing or out of order; names line and column.
    """
    document = read_document(text, source)
    document.only(*_FIELDS)
    bounds, actions = _bands(document.at("bands"))
    fallback = _fallback(document.at("fallback")) if document.has("fallback") else Fallback("approve", ())
    scale = document.at("scale").choice(SCALES) if document.has("scale") else "raw"
    loss = _loss(document.at("loss"), schema) if document.has("loss") else None
    return Policy(
        models=_models(document.at("score"), known),
        bounds=np.array(bounds),
        actions=np.array(actions, np.uint8),
        fallback=fallback,
        scale=scale,
        order=read_order(document.at("order")) if document.has("order") else DEFAULT_ORDER,
        overrides=read_overrides(document.at("override"), schema) if document.has("override") else (),
        verdicts=read_verdicts(document.at("verdicts"), schema) if document.has("verdicts") else (),
        allow_lists=read_allow_lists(document.at("allow_lists"), schema, lists) if document.has("allow_lists") else (),
        loss=loss,
        hold=read_hold(document.at("hold")) if document.has("hold") else None,
        hold_out=read_hold_out(document.at("hold_out"), loss.field if loss else "") if document.has("hold_out") else None,
        drift_limit=_drift_limit(document.at("drift")) if document.has("drift") else DRIFT_LIMIT,
    )


def _loss(section: Section, schema: Schema | None) -> Loss:
    section.only("value", "currency")
    value, currency = section.at("value"), section.at("currency")
    field = value.text().removeprefix("event.")
    if not value.text().startswith("event.") or (schema is not None and field not in schema.columns):
        names = "event.amount" if schema is None else ", ".join(f"event.{name}" for name in schema.columns)
        value.refuse("not a number of the event", f"one of {names}")
    if not _CURRENCY.fullmatch(currency.text()):
        currency.refuse("not a currency", "three capital letters, such as EUR (ISO 4217)")
    return Loss(field, currency.text())


def _drift_limit(section: Section) -> float:
    section.only("limit")
    return section.at("limit").number(0.01, 10.0)


def _models(section: Section, known: Sequence[str] | None) -> tuple[str, ...]:
    text = section.text()
    match = _FIRST_READY.fullmatch(text.strip())
    if not match:
        section.refuse("unknown score", "first_ready(model, …)")
    names = tuple(name.strip() for name in match[1].split(","))
    if len(names) > MODELS_MAX:
        section.refuse("too many models", f"at most {MODELS_MAX} in first_ready", len(names))
    for name in names if known is not None else ():
        if name not in (known or ()):
            _refuse_model(section, text, name, known or ())
    return names


def _refuse_model(section: Section, text: str, name: str, known: Sequence[str]) -> NoReturn:
    """Raises a refusal that points at `name` itself, after the bracket of first_ready."""
    found = re.compile(rf"\b{name}\b").search(text, text.index("("))
    before = text[: found.start() if found else 0].split("\n")
    near = difflib.get_close_matches(name, known, n=1)
    raise Refusal(
        "unknown model",
        where=section.text_place().at(len(before), len(before[-1]) + 1),
        expected="one of " + ", ".join(known) if known else "a model of models.yaml, which has none",
        got=name,
        remedy=f"did you mean {near[0]}?" if near else f"add a model {name} to models.yaml, or remove it here",
    )


def _bands(section: Section) -> tuple[list[float], list[int]]:
    bounds: list[float] = []
    actions: list[int] = []
    bands = list(section.items())
    for position, band in enumerate(bands):
        band.only("below", "action")
        actions.append(ACTIONS.index(band.at("action").choice(ACTIONS)))
        last = position == len(bands) - 1
        if last and band.has("below"):
            band.refuse("last band has a bound", "a last band without below, so that every score has an action")
        if not last:
            bounds.append(band.at("below").number(0.0, 1.0))
    if not bands:
        section.refuse("no bands", "at least one band with an action")
    if bounds != sorted(set(bounds)):
        section.refuse("bands out of order", "growing values of below")
    return bounds, actions


def _fallback(section: Section) -> Fallback:
    section.only("action", "when_score_older_than")
    older: list[tuple[int, str]] = []
    if section.has("when_score_older_than"):
        ages = section.at("when_score_older_than")
        for age, action in ages.entries():
            older.append((age.duration_ms(), action.choice(ACTIONS)))
    return Fallback(section.at("action").choice(ACTIONS), tuple(sorted(older)))
