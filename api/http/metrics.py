"""The counters and histograms behind ``/metrics``, in Prometheus' text format. They never hold an entity's id."""

import bisect
import itertools
from collections import Counter

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Histogram:
    """A histogram of durations with the bounds `BOUNDS_SECONDS`."""

    def __init__(self) -> None:
        self._buckets = [0] * (len(BOUNDS_SECONDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Counts one duration."""
        self._buckets[bisect.bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._seconds += seconds

    def lines(self, name: str, label: str = "") -> list[str]:
        """The lines of the histogram in Prometheus' text format; `label` is such as ``route="scores"``, or ''."""
        lines = []
        for bound, count in zip([*map(str, BOUNDS_SECONDS), "+Inf"], itertools.accumulate(self._buckets), strict=True):
            lines.append(f'{name}_bucket{{{label + "," if label else ""}le="{bound}"}} {count}')
        braces = f"{{{label}}}" if label else ""
        return [*lines, f"{name}_sum{braces} {self._seconds:.6f}", f"{name}_count{braces} {sum(self._buckets)}"]


class ApiMetrics:
    """The counters of one API process. Only the event loop's thread may use them."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.decisions: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.raised: Counter[str] = Counter()
        self.taken_back = 0
        self.by_another_release = 0
        self._decision_seconds = Histogram()
        self._request_seconds: dict[str, Histogram] = {}

    def count_request(self, route: str, status: int, seconds: float | None) -> None:
        """Counts one answered request; `seconds` is None for a stream, which lasts for as long as its caller wants."""
        self.requests[route, status] += 1
        if seconds is not None:
            histogram = self._request_seconds.get(route)
            if histogram is None:
                histogram = self._request_seconds[route] = Histogram()
            histogram.add(seconds)

    def count_decision(self, outcome: str, seconds: float) -> None:
        """Counts one synchronous decision; `outcome` is ``answered`` or ``fallback``."""
        self.decisions[outcome] += 1
        self._decision_seconds.add(seconds)

    def text(self, in_flight: int, unmatched: int, watchers: int) -> str:
        """All metrics in Prometheus' text format.

        Args:
            in_flight: decisions that callers wait for now.
            unmatched: replies so far that no caller waited for any more.
            watchers: callers that follow the stream of decisions now.
        """
        lines = ["# TYPE weir_api_requests_total counter"]
        lines += [
            f'weir_api_requests_total{{route="{route}",status="{status}"}} {n}' for (route, status), n in sorted(self.requests.items())
        ]
        lines.append("# TYPE weir_api_decisions_total counter")
        lines += [f'weir_api_decisions_total{{outcome="{outcome}"}} {n}' for outcome, n in sorted(self.decisions.items())]
        lines.append("# TYPE weir_api_authentication_failures_total counter")
        lines += [f'weir_api_authentication_failures_total{{reason="{reason}"}} {n}' for reason, n in sorted(self.rejected.items())]
        lines.append("# TYPE weir_raised_total counter")
        lines += [
            f'weir_raised_total{{where="{where}"}} {n}' for where, n in sorted(self.raised.items()) if where.replace(" ", "").isalnum()
        ]
        lines += ["# TYPE weir_releases_taken_back_total counter", f"weir_releases_taken_back_total {self.taken_back}"]
        lines += [
            "# TYPE weir_decided_by_another_release_total counter",
            f"weir_decided_by_another_release_total {self.by_another_release}",
        ]
        lines += ["# TYPE weir_api_decisions_in_flight gauge", f"weir_api_decisions_in_flight {in_flight}"]
        lines += ["# TYPE weir_api_replies_unmatched_total counter", f"weir_api_replies_unmatched_total {unmatched}"]
        lines += ["# TYPE weir_api_stream_clients gauge", f"weir_api_stream_clients {watchers}"]
        lines += ["# TYPE weir_api_decision_seconds histogram", *self._decision_seconds.lines("weir_api_decision_seconds")]
        lines.append("# TYPE weir_api_request_seconds histogram")
        for route, histogram in sorted(self._request_seconds.items()):
            lines += histogram.lines("weir_api_request_seconds", f'route="{route}"')
        return "\n".join(lines) + "\n"
