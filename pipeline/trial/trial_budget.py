"""A trial that may cost so much CPU and no more, and what it cost by file."""

import functools
import time
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from features.profiles.warm_kernels import compile_kernels
from foundation.refusal import Refusal
from foundation.settings import read_settings
from pipeline.engine.release import Release, features_of, models_of, schema_of
from pipeline.engine.steps.step_list import costs_ns
from pipeline.trial.trial import RELEASE, try_release

EVENTS = "synthetic events"
SETTING = "WEIR_COMPILE_CPU_MS_MAX"
_WARM = {
    "schema": "{id: id, time: {field: at}, user: user, entities: [shop], fields: {amount: {type: float}}}",
    "features": "- {name: shop_1h, template: count, entity: shop, window: 1h}\n- {name: twice, expression: event.amount * 2.0}\n",
    "models": "- {name: odd, model: anomaly.HalfSpaceTrees, inputs: [event.amount]}\n"
    "- {name: known, model: linear_model.LogisticRegression, inputs: [event.amount]}\n"
    "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n"
    "- {name: rank, model: stats.DecayedQuantile, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(odd)\nbands: [{action: approve}]\n",
}


class Cost(msgspec.Struct, frozen=True):
    """CPU of a trial in milliseconds, in all and by file, as it was when the file was compiled, which may have been before.

    `steps_ns` is what each step of the engine costs an event by the release, as the steps estimate it.
    """

    cpu_ms: int
    parts: dict[str, int]
    steps_ns: dict[str, int] = {}


@functools.cache
def warm_up() -> None:
    """Loads what trials run, once a process, so that the first one costs what the others cost. Where kernels are not on disk that takes
    minutes."""
    compile_kernels()
    try_release(_WARM)


def try_within(texts: Mapping[str, str], cpu_ms_max: int, id: int = RELEASE) -> tuple[Release, Cost]:
    """As `try_release`, with the CPU that it cost this thread. What no part may exceed alone, its own bounds say.

    Raises:
        Refusal: as of `try_release`; or it costs more than `cpu_ms_max` milliseconds of CPU.
    """
    warm_up()
    seconds: dict[str, float] = {}
    if texts.keys() >= {"schema", "features", "models"}:  # else the trial says what is missing
        schema, features, models = texts["schema"], texts["features"], texts["models"]
        seconds["schema.yaml"] = schema_of.seconds(schema)
        schema_of(schema)  # raises what was found wrong
        seconds["features.yaml"] = features_of.seconds(features, schema)
        features_of(features, schema)
        seconds["models.yaml"] = models_of.seconds(models, features, schema)
        _check(seconds, cpu_ms_max)
    began = time.thread_time()
    release = try_release(texts, id)
    seconds[EVENTS] = time.thread_time() - began
    cost = _check(seconds, cpu_ms_max)
    return release, msgspec.structs.replace(cost, steps_ns={step: round(each) for step, each in costs_ns(release).items()})


def try_upload(texts: Mapping[str, str], id: int) -> Release:
    """As `try_within`, with the bound that the process's settings have.

    Raises:
        Refusal: as of `try_within`.
    """
    return try_within(texts, read_settings().compile_cpu_ms_max, id)[0]


def _check(seconds: Mapping[str, float], cpu_ms_max: int) -> Cost:
    cost = Cost(round(sum(seconds.values()) * 1_000), {part: round(each * 1_000) for part, each in seconds.items()})
    if cost.cpu_ms > cpu_ms_max:
        _refuse(cost, cpu_ms_max)
    return cost


def _refuse(cost: Cost, cpu_ms_max: int) -> NoReturn:
    dearest = max(cost.parts, key=lambda part: cost.parts[part])
    spent = ", ".join(f"{part} {ms} ms" for part, ms in cost.parts.items())
    raise Refusal(
        "release too dear to compile",
        where=dearest if dearest != EVENTS else "release",
        expected=f"at most {cpu_ms_max} ms of CPU to compile it and to decide on {EVENTS}",
        got=spent,
        remedy=f"shorten what is longest in {dearest}, or raise {SETTING}: each stage is held up for as long",
    )
