"""The counters and histograms behind ``/metrics``. They never hold an entity's id."""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

# Each counter and histogram would have a second series that says since when it counts; nobody asks for these.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library says nothing of its types here


class ApiMetrics:
    """The counters and histograms of one API process, in a registry of their own. Only the event loop's thread may use them.

    Attributes:
        registry: what ``/metrics`` shows; a collector of figures that are read when somebody asks is registered there.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("weir_api_requests", "Answers, by route and status.", ("route", "status"), registry=self.registry)
        self._decisions = Counter("weir_api_decisions", "Synchronous decisions, by outcome.", ("outcome",), registry=self.registry)
        self._rejected = Counter(
            "weir_api_authentication_failures", "Requests whose caller was rejected, by reason.", ("reason",), registry=self.registry
        )
        self._raised = Counter("weir_raised", "Dead letters of events at which a stage raised.", ("where",), registry=self.registry)
        self._taken_back = Counter("weir_releases_taken_back", "Releases that were taken back.", registry=self.registry)
        self._by_another_release = Counter(
            "weir_decided_by_another_release", "Checks that found decisions by another release.", registry=self.registry
        )
        self._decision_seconds = Histogram(
            "weir_api_decision_seconds", "How long synchronous decisions took.", buckets=BOUNDS_SECONDS, registry=self.registry
        )
        self._request_seconds = Histogram(
            "weir_api_request_seconds", "How long answers took, by route.", ("route",), buckets=BOUNDS_SECONDS, registry=self.registry
        )
        # The library takes 0.7 µs to find the series of some labels, so those that were found are kept at hand.
        self._requests_by_route: dict[tuple[str, int], Counter] = {}
        self._decisions_by_outcome: dict[str, Counter] = {}
        self._seconds_by_route: dict[str, Histogram] = {}

    def count_request(self, route: str, status: int, seconds: float | None) -> None:
        """Counts one answered request; `seconds` is None for a stream, which lasts for as long as its caller wants."""
        answers = self._requests_by_route.get((route, status))
        if answers is None:
            answers = self._requests_by_route[route, status] = self._requests.labels(route, status)
        answers.inc()
        if seconds is not None:
            histogram = self._seconds_by_route.get(route)
            if histogram is None:
                histogram = self._seconds_by_route[route] = self._request_seconds.labels(route)
            histogram.observe(seconds)

    def count_decision(self, outcome: str, seconds: float) -> None:
        """Counts one synchronous decision; `outcome` is ``answered`` or ``fallback``."""
        decisions = self._decisions_by_outcome.get(outcome)
        if decisions is None:
            decisions = self._decisions_by_outcome[outcome] = self._decisions.labels(outcome)
        decisions.inc()
        self._decision_seconds.observe(seconds)

    def count_rejected(self, reason: str) -> None:
        """Counts one request whose caller was rejected because of `reason`."""
        self._rejected.labels(reason).inc()

    def count_raised(self, where: str) -> None:
        """Counts one dead letter of an event at which the stage `where` raised."""
        self._raised.labels(where).inc()

    def count_taken_back(self) -> None:
        """Counts one release that was taken back."""
        self._taken_back.inc()

    def count_by_another_release(self) -> None:
        """Counts one check that found decisions by another release than the one in force."""
        self._by_another_release.inc()
