"""Figures of ``/metrics`` that an operator looks at first, and whether each gives reason for alarm."""

import math
from collections.abc import Iterable, Mapping

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

WAITING_MAX = 1_000
WATCHERS_MAX = 100
FALLBACKS_MAX = 0.01
CHECKPOINT_SECONDS_MAX = 120


class Figure(msgspec.Struct, frozen=True):
    """A figure of the process of the API.

    Args:
        name: what it is, in words.
        value: as it is shown, with its unit.
        alarm: when it gives reason for alarm, in words.
        is_alarming: whether it does.
    """

    name: str
    value: str
    alarm: str
    is_alarming: bool


def figures_of(text: str, now_seconds: float) -> list[Figure]:
    """The figures in `text`, which is in Prometheus' format; one that is missing there counts as 0.

    Args:
        now_seconds: since the epoch.
    """
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    totals: dict[str, float] = {}
    for sample in samples:
        totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    answered = _total(samples, "weir_api_decisions_total", {"outcome": "answered"})
    fallbacks = _total(samples, "weir_api_decisions_total", {"outcome": "fallback"})
    share = fallbacks / (answered + fallbacks) if fallbacks else 0.0
    return [
        Figure("Synchronous decisions since the start", f"{answered + fallbacks:,.0f}", "–", False),
        Figure("Nine in ten of them took at most", _within(samples, 0.9), "–", False),
        Figure("99 in 100 took at most", _within(samples, 0.99), "it is above your deadline", False),
        Figure("Answered by the fallback, for the score came too late", f"{100 * share:.1f} %", "above 1 %", share > FALLBACKS_MAX),
        _counted(totals, "Callers that wait now", "weir_api_decisions_in_flight", WAITING_MAX),
        _counted(totals, "Replies that came after their caller had gone", "weir_api_replies_unmatched_total", math.inf),
        _counted(totals, "Followers of the stream", "weir_api_stream_clients", WATCHERS_MAX - 1),
        _counted(totals, "Events at which a stage raised", "weir_raised_total", 0),
        _counted(totals, "Releases that were taken back", "weir_releases_taken_back_total", 0),
        _counted(totals, "Looks that found another release deciding", "weir_decided_by_another_release_total", 0),
        _checkpoints(samples, now_seconds),
        _counted(totals, "Checkpoints that failed since their jobs began", "weir_checkpoints_failed_total", math.inf),
        _counted(totals, "Callers that were not let in", "weir_api_authentication_failures_total", math.inf),
    ]


def _checkpoints(samples: Iterable[Sample], now_seconds: float) -> Figure:
    ages = [now_seconds - sample.value for sample in samples if sample.name == "weir_checkpoint_completed_seconds"]
    age = f"{max(ages):,.0f} s" if ages else "no job of Flink"
    alarm = f"above {CHECKPOINT_SECONDS_MAX} s"
    return Figure("Oldest of the newest checkpoints of all jobs", age, alarm, any(each > CHECKPOINT_SECONDS_MAX for each in ages))


def _counted(totals: Mapping[str, float], name: str, sample: str, good_max: float) -> Figure:
    value = totals.get(sample, 0.0)
    alarm = "it grows at all" if good_max == 0 else "it grows fast" if math.isinf(good_max) else f"above {good_max:,.0f}"
    return Figure(name, f"{value:,.0f}", alarm, value > good_max)


def _total(samples: Iterable[Sample], name: str, labels: Mapping[str, str]) -> float:
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


def _within(samples: Iterable[Sample], share: float) -> str:
    """The least bound of the histogram that `share` of the decisions did not exceed."""
    found = [(float(each.labels["le"]), each.value) for each in samples if each.name == "weir_api_decision_seconds_bucket"]
    buckets = sorted(found)
    if not buckets or not buckets[-1][1]:
        return "–"
    bound = next(bound for bound, count in buckets if count >= share * buckets[-1][1])
    return "more than any bound" if math.isinf(bound) else f"{1_000 * bound:,.0f} ms"
