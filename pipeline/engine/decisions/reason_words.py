"""Says in words which value of an event raised its score, and what is usual there."""

import math

from features.definitions.event_columns import texts_of
from features.definitions.wording import entity_in_words, is_flag, number_in_words, phrase_of, plain_name, said, value_in_words
from features.schema.batch import Batch
from foundation.refusal import shortened
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release

TEXT_CHARACTERS_MAX = 60
"""Of a text of the event, which may be as long as its sender likes."""
_EVENT, _FEATURE, _MODEL = "event.", "feature.", "model."


def reason_of(verdicts: Verdicts, batch: Batch, model: Model, row: int, at: int) -> str:
    """Returns the reason that the input `at` of `model` is for the event at `row`, such as "3 payments in 1 minute; usual: 0".

    What is usual is what the release has a feature for, with ``usual_of``: then it is that of the event's own customer, card or terminal.
    Otherwise it is the median of all events, as far as the model's snapshot knows it. Of a text it is said for whom it is unusual: what is
    usual is kept as hashes. It costs about 10 µs.
    """
    if model.category:  # the text itself is not among the numbers that a model sees
        text = shortened(texts_of(model.category, batch, verdicts.release.schema)[row] or "", TEXT_CHARACTERS_MAX)
        return f"{name_in_words(verdicts.release, model.inputs[at])}: {text}; unusual for this {entity_in_words(model.kind)}"
    name, value = model.inputs[at], float(verdicts.inputs[model.name][row, at])
    return _said(verdicts.release, name, value) + _usual(verdicts, model, row, at)


def name_in_words(release: Release, name: str) -> str:
    """Returns what an input is, without a value."""
    if name.startswith(_FEATURE):
        return phrase_of(release.features.definitions[name.removeprefix(_FEATURE)])
    if name.startswith(_MODEL):
        return f"score of {plain_name(name.removeprefix(_MODEL))}"
    return plain_name(name.removeprefix(_EVENT))


def _said(release: Release, name: str, value: float) -> str:
    if name.startswith(_FEATURE):
        return said(release.features.definitions[name.removeprefix(_FEATURE)], value)
    return f"{name_in_words(release, name)}: {'missing' if math.isnan(value) else number_in_words(value)}"


def _usual(verdicts: Verdicts, model: Model, row: int, at: int) -> str:
    name = model.inputs[at]
    own = verdicts.release.features.usual.get(name)
    if own is not None:
        value = float(verdicts.features[row, own.column])
        if not math.isnan(value):
            return f"; usual for this {own.whose}: {_value(verdicts.release, name, value)}"
    scoring = verdicts.scoring.get(model.name)
    median = math.nan if scoring is None else scoring.usual_at(row, at)
    if math.isnan(median) or _is_flag(verdicts.release, name):
        return ""
    return f"; usual: {_value(verdicts.release, name, median)}"


def _value(release: Release, name: str, value: float) -> str:
    if name.startswith(_FEATURE):
        return value_in_words(release.features.definitions[name.removeprefix(_FEATURE)], value)
    return number_in_words(value)


def _is_flag(release: Release, name: str) -> bool:
    return name.startswith(_FEATURE) and is_flag(release.features.definitions[name.removeprefix(_FEATURE)])
