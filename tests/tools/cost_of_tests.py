"""Keeps the marker ``slow`` true: measures what each test takes of the CPU, its processes and its own fixtures included.

Only CPU is measured, never the clock, so that a busy machine changes nothing. A process counts once it has been waited for. Nothing
fails by it: machines differ by a factor of two and more, and the first test that calls a kernel may have to compile it.
"""

import resource
from collections.abc import Iterator

import pytest

LISTED_S = 1.0
"""A test that takes more without a marker is listed at the end of the run: twice what a fast test may take, since machines differ, and the
first test of a process to call a kernel pays for its loading."""

UNBOUNDED = ("slow", "integration", "long", "deep", "quality")
LISTED_MAX = 20
_COST = "cpu_s"


def cpu_s() -> float:
    """Seconds of CPU that this process and those of its children that it has waited for have taken."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


class CostOfTests:
    """A plugin of pytest, in each process that runs tests and in the one that tells of them."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._dearest: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        self._began_s = cpu_s()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        yield
        if not any(item.get_closest_marker(name) for name in UNBOUNDED):
            item.user_properties.append((_COST, cpu_s() - self._began_s))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cost_s = dict(report.user_properties).get(_COST, 0.0)
        if report.when == "teardown" and isinstance(cost_s, float) and cost_s > LISTED_S:
            self._dearest[report.nodeid] = cost_s

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._dearest:
            terminalreporter.section(f"more than {LISTED_S:.0f} s of CPU: make these cheaper, or mark them slow", sep="-")
        for name, cost_s in sorted(self._dearest.items(), key=lambda each: -each[1])[:LISTED_MAX]:
            terminalreporter.write_line(f"{cost_s:5.1f} s {name}")
