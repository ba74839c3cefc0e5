"""What is tried of uploaded definitions, and what is found: in a process of its own, or in the one that asks."""

import logging
from collections.abc import Callable

import msgspec

from api.trials.change import compile_change
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import compile_release
from pipeline.trial.river_cost import RiverCost
from pipeline.trial.river_models import costs_of
from pipeline.trial.rule_tests import TestedRule, run_tests_of
from pipeline.trial.trial_budget import cpu_ms_for

log = logging.getLogger(__name__)

CPU_FACTOR = 3
"""A trial measures its CPU time and reports what used it. If it uses so many times its bound, the kernel ends its process."""


class Trial(msgspec.Struct, array_like=True):
    """The arguments of `compile_change`, with the release in force as its id (0 if there is none) and its texts.

    With `tested`, the id of a rule among `texts`, its tests are run and nothing else is done. With `measured`, names of models of River,
    it is measured what these cost, and nothing else is done.
    """

    current_id: int
    current: dict[str, str]
    texts: dict[str, str]
    changes: dict[str, str | None]
    tested: str = ""
    measured: list[str] = []


class Verdict(msgspec.Struct, array_like=True):
    """The result of a trial: the fields of a refusal, or None. With `is_last` the process ends after this trial.

    `tested` is what the rule that was tested gave, None after every other trial, and `costs` what the models cost that were measured.
    """

    refusal: dict[str, str] | None = None
    is_last: bool = False
    tested: TestedRule | None = None
    costs: dict[str, RiverCost] = {}


def cpu_ms_of(trial: Trial, cpu_ms: int) -> int:
    """The ms of CPU at which the kernel ends a trial, which compiles the rules in force first; `cpu_ms` is that of one without rules."""
    return cpu_ms + CPU_FACTOR * (cpu_ms_for(trial.current, 0) + cpu_ms_for(trial.texts, 0))


def verdict_of(trial: Trial) -> Verdict:
    """Runs `trial` in this thread.

    Raises:
        Refusal: what is tried is refused.
    """
    if trial.tested:
        return Verdict(tested=run_tests_of(trial.tested, trial.texts))
    if trial.measured:
        return Verdict(costs=costs_of(trial.texts, trial.measured))
    current = compile_release(trial.current_id, trial.current) if trial.current_id else None
    compile_change(current, trial.texts, trial.changes)
    return Verdict()


def tried(trial: Callable[[], Verdict], memory_mib: int) -> Verdict:
    """Runs `trial` and gives its verdict; every exception becomes a refusal."""
    try:
        return trial()
    except Refusal as refusal:
        return Verdict(refusal.fields(), False)
    except MemoryError:
        return Verdict(too_much_memory(memory_mib, "more").fields(), True)
    except Exception as error:  # unforeseen definitions may make the engine raise anything
        log.exception("definitions raised an exception when they were tried")
        got = f"{type(error).__name__}: {error}"
        return Verdict(Refusal("release cannot be tried", where="release", expected="definitions that compile", got=got).fields(), True)


def too_much_memory(memory_mib: int, got: str) -> Refusal:
    """The refusal of definitions that need more than `memory_mib`."""
    return Refusal(
        "release needs too much memory",
        where="release",
        expected=f"at most {memory_mib} MiB to compile it and to decide on synthetic events",
        got=got,
        remedy="split the longest definitions, or raise WEIR_COMPILE_MEMORY_MIB_MAX; each stage needs as much memory",
    )
