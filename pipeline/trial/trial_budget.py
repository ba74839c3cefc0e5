"""A trial has a limit of CPU time, and its cost is reported by file."""

import functools
import time
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from detectors.catalogue import KEYED, LEARNERS, POPULATIONS, load_all
from features.profiles.warm_kernels import compile_kernels
from foundation.refusal import Refusal
from foundation.settings import read_settings
from patterns.lifecycle.manifest import PATTERN_PREFIX
from pipeline.engine.definitions.release import Release, features_of, models_of, schema_of
from pipeline.engine.steps.step_list import costs_ns
from pipeline.trial.trial import RELEASE, try_release

EVENTS = "synthetic events"
SETTING = "WEIR_COMPILE_CPU_MS_MAX"
RULE_CPU_MS = 4
"""A release may cost so much more for each rule: one of four predicates takes 0.6 ms on a machine that has nothing else to do."""
_WARM = {
    "schema": "{id: id, time: {field: at}, user: user, entities: [shop], fields: {amount: {type: float}}}",
    "features": "- {name: shop_1h, template: count, entity: shop, window: 1h}\n- {name: twice, expression: event.amount * 2.0}\n",
    "models": "".join(
        f"- {{name: model_{number}, model: {name}, scope: {scope}, inputs: [event.{'shop' if name in POPULATIONS else 'amount'}]}}\n"
        for number, (scope, name) in enumerate((*(("global", name) for name in LEARNERS), *(("user", name) for name in KEYED)))
    ),
    "policy": "score: first_ready(model_0)\nbands: [{action: approve}]\n",
    "pattern:warm": "title: Warm\nowner: weir\nstatus: shadow\nsequence:\n  within: 1h\n  steps:\n"
    "    - {name: first, when: event.amount > 1.0}\n    - {name: second, when: event.amount > 2.0 * first.mean(event.amount)}\n",
}


class Cost(msgspec.Struct, frozen=True):
    """The CPU time of a trial in ms, in all and by file.

    A file that was compiled before and is cached counts with its CPU time of then. `steps_ns` is the estimated cost of one event in each
    step of the engine, in ns.
    """

    cpu_ms: int
    parts: dict[str, int]
    steps_ns: dict[str, int] = {}


@functools.cache
def warm_up() -> None:
    """Loads the code that trials run, once a process, so that the first trial costs as much as the others.

    It takes minutes if the compiled kernels are not on disk.
    """
    compile_kernels()
    load_all()
    try_release(_WARM)


def try_within(texts: Mapping[str, str], cpu_ms_max: int, id: int = RELEASE) -> tuple[Release, Cost]:
    """Tries a release as `try_release` does, and also returns the CPU time that it cost this thread.

    Raises:
        Refusal: `try_release` refuses the release, or it costs more than `cpu_ms_max` milliseconds of CPU time, and `RULE_CPU_MS` for each
            rule.
    """
    warm_up()
    cpu_ms_max = cpu_ms_for(texts, cpu_ms_max)
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


def cpu_ms_for(texts: Mapping[str, str], cpu_ms_max: int) -> int:
    """Returns what a release with these `texts` may cost, in ms of CPU; `cpu_ms_max` is what one without rules may."""
    return cpu_ms_max + RULE_CPU_MS * sum(part.startswith(PATTERN_PREFIX) for part in texts)


def try_upload(texts: Mapping[str, str], id: int) -> Release:
    """Tries a release as `try_within` does, with the limit that the process's settings name.

    Raises:
        Refusal: `try_within` refuses the release.
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
        remedy=f"shorten the longest definitions in {dearest}, or raise {SETTING}",
    )
