"""What ``/metrics`` shows: a few counters and one histogram, in Prometheus' text format. Never an entity's id."""

import bisect
from collections import Counter

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Counts:
    """Counters of one process. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.decisions: Counter[str] = Counter()
        self.not_let_in: Counter[str] = Counter()
        self._buckets = [0] * (len(BOUNDS_SECONDS) + 1)
        self._seconds = 0.0

    def decided(self, outcome: str, seconds: float) -> None:
        """One synchronous decision: `outcome` is answered or fallback."""
        self.decisions[outcome] += 1
        self._buckets[bisect.bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._seconds += seconds

    def text(self, in_flight: int, unmatched: int) -> str:
        """All of it; `in_flight` and `unmatched` are of the decisions that callers wait for."""
        lines = ["# TYPE weir_api_requests_total counter"]
        lines += [
            f'weir_api_requests_total{{route="{route}",status="{status}"}} {n}' for (route, status), n in sorted(self.requests.items())
        ]
        lines.append("# TYPE weir_api_decisions_total counter")
        lines += [f'weir_api_decisions_total{{outcome="{outcome}"}} {n}' for outcome, n in sorted(self.decisions.items())]
        lines.append("# TYPE weir_api_authentication_failures_total counter")
        lines += [f'weir_api_authentication_failures_total{{reason="{reason}"}} {n}' for reason, n in sorted(self.not_let_in.items())]
        lines += ["# TYPE weir_api_decisions_in_flight gauge", f"weir_api_decisions_in_flight {in_flight}"]
        lines += ["# TYPE weir_api_replies_unmatched_total counter", f"weir_api_replies_unmatched_total {unmatched}"]
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def _histogram(self) -> list[str]:
        lines = ["# TYPE weir_api_decision_seconds histogram"]
        total = 0
        for bound, count in zip([*map(str, BOUNDS_SECONDS), "+Inf"], self._buckets, strict=True):
            total += count
            lines.append(f'weir_api_decision_seconds_bucket{{le="{bound}"}} {total}')
        return [*lines, f"weir_api_decision_seconds_sum {self._seconds:.6f}", f"weir_api_decision_seconds_count {total}"]
