"""Figures of cases in ``/metrics``."""

import asyncio
import contextlib

from api_imitation import NOW_MS, TEXTS, Api, until
from cases_of_a_test import ALERTS_YAML, CASES_YAML, case, opened
from prometheus_client import CollectorRegistry, generate_latest

from api.operations.case_figures import CaseFigures
from pipeline.engine.definitions.release import compile_release

MINUTE = 60_000


async def test_the_figures_say_what_waits_and_how_fast_cases_are_decided(api: Api) -> None:
    texts = TEXTS | {"alerts": ALERTS_YAML, "cases": CASES_YAML}
    api.in_force.install(compile_release(2, texts), texts)
    for number in range(3):
        api.cases.cases.open(*opened(case(number, NOW_MS - 10 * MINUTE)))
    id = (await api.client.post("/v1/cases:next")).json()["id"]
    api.now_ms += MINUTE
    body = {"verdict": "legitimate", "reason": "known", "inputs": {"called": True}, "close": True}
    assert (await api.client.post(f"/v1/cases/{id}/verdicts", json=body)).status_code == 201
    figures, registry = CaseFigures(api.cases.cases, api.in_force, api.clock), CollectorRegistry()
    registry.register(figures)
    looking = asyncio.create_task(figures.run())
    await until(lambda: b"weir_cases_open{" in generate_latest(registry))
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    lines = generate_latest(registry).decode().splitlines()
    for line in (
        'weir_cases_open{inbox="payments"} 2.0',
        'weir_cases_unclaimed{inbox="payments"} 2.0',
        'weir_cases_oldest_seconds{inbox="payments"} 660.0',
        'weir_cases_backlog_days{inbox="payments"} 1.0',
        'weir_cases_decided_today{inbox="payments"} 1.0',
        'weir_cases_claim_to_decision_seconds{inbox="payments",quantile="0.5"} 60.0',
        'weir_cases_opening_to_decision_seconds{inbox="payments",quantile="0.9"} 660.0',
    ):
        assert line in lines
