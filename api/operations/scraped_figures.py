"""Figures of ``/metrics`` that stand somewhere else in the process already, and are read there when somebody asks."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.decisions.waiting import Waiting
from api.http.health import Health
from api.stream.stream import Stream


class ScrapedFigures(Collector):
    """Is registered where the counters are, and is asked with them.

    Args:
        health: knows whether a newer release was passed over.
        waiting: the decisions that callers wait for.
        stream: knows how many follow it.
    """

    def __init__(self, health: Health, waiting: Waiting, stream: Stream) -> None:
        self._health = health
        self._waiting = waiting
        self._stream = stream

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The figures of this moment."""
        yield GaugeMetricFamily("weir_api_decisions_in_flight", "Callers that wait for a decision now.", len(self._waiting))
        yield CounterMetricFamily("weir_api_replies_unmatched", "Replies that came after their caller had gone.", self._waiting.unmatched)
        yield GaugeMetricFamily("weir_api_stream_clients", "Watchers of /v1/stream now.", len(self._stream))
        yield GaugeMetricFamily(
            "weir_release_passed_over", "1 while a newer release does not compile here.", int(bool(self._health.passed_over))
        )
