"""A real Alertmanager is told of alerts, and tells its own receiver."""

import asyncio
import json
import pathlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import msgspec
import pytest
from alerts_of_a_test import alert
from databases_of_a_test import database_in
from receivers import answer, server

from alerts.alertmanager.notifier import Notifier
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.alertmanager import INSTALL, alertmanager_program, start_alertmanager
from stores.alerts import Alert, AlertWork
from stores.relational.alerts import RelationalAlerts

PERIOD_MS = 30_000


@dataclass
class Alertmanager:
    """A server, and what it has sent to its receiver: (status, alertname, severity, card)."""

    http: httpx.Client
    sent: list[tuple[str, str, str, str]]


@pytest.fixture
async def alertmanager(tmp_path: pathlib.Path) -> AsyncIterator[Alertmanager]:
    if alertmanager_program() is None:
        pytest.skip(f"there is no Alertmanager; as root: {INSTALL}")
    sent: list[tuple[str, str, str, str]] = []

    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        for one in json.loads(request.partition(b"\r\n\r\n")[2])["alerts"]:
            labels = one["labels"]
            sent.append((one["status"], labels["alertname"], labels["severity"], labels.get("card", "")))
        await answer(writer, "200 OK")

    async with server(talk) as receiver:
        configuration = f"""
route: {{receiver: desk, group_by: [alertname, card], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: desk, webhook_configs: [{{url: "http://127.0.0.1:{receiver}/", send_resolved: true}}]}}]
"""
        [port] = free_ports(1)
        with Processes() as processes, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            processes.add(await asyncio.to_thread(start_alertmanager, tmp_path / "alertmanager", configuration, port))
            yield Alertmanager(http, sent)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[RelationalAlerts]:
    database = database_in(tmp_path)
    yield RelationalAlerts(database)
    database.close()


def write(store: RelationalAlerts, *alerts: Alert) -> None:
    store.write(AlertWork({}, alerts, (), (), ()))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def tell(store: RelationalAlerts, alertmanager: Alertmanager) -> int:
    return await asyncio.to_thread(Notifier(store, alertmanager.http, PERIOD_MS, "https://weir.example/alerts/").tell, now_ms())


async def until_sent(alertmanager: Alertmanager, *expected: tuple[str, str, str, str]) -> None:
    async with asyncio.timeout(60):
        while not set(expected) <= set(alertmanager.sent):
            await asyncio.sleep(0.05)


async def test_alertmanager_shows_an_alert_as_firing_and_then_as_resolved(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    firing = alert(opened_at_ms=now_ms(), tell_at_ms=now_ms(), reasons=('3 probes, then "9 900" <b>',))
    write(store, firing)
    assert await tell(store, alertmanager) == 1
    await until_sent(alertmanager, ("firing", "attack", "high", "c1"))
    [shown] = alertmanager.http.get("/api/v2/alerts").json()
    assert shown["annotations"]["description"] == '3 probes, then "9 900" <b>' and shown["generatorURL"] == "https://weir.example/alerts/a1"
    write(store, msgspec.structs.replace(firing, state="resolved", resolved_at_ms=now_ms()))
    await tell(store, alertmanager)
    await until_sent(alertmanager, ("resolved", "attack", "high", "c1"))


async def test_alerts_that_nobody_was_told_of_are_not_told_here_either(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    told = {"opened_at_ms": now_ms(), "tell_at_ms": now_ms()}
    write(store, alert("a1", muted_by="a silence", **told), alert("a2", card="c2", opened_at_ms=now_ms()), alert("a3", card="c3", **told))
    assert await tell(store, alertmanager) == 1
    await until_sent(alertmanager, ("firing", "attack", "high", "c3"))
    assert {card for *_, card in alertmanager.sent} == {"c3"}


async def test_hostile_ids_are_taken_as_they_are(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    hostile = ["", " ", "é\x00\n", "x" * 10_000, '"}{', "\u202eabc"]
    write(store, *(alert(f"a{n}", card=card, opened_at_ms=now_ms(), tell_at_ms=now_ms()) for n, card in enumerate(hostile)))
    assert await tell(store, alertmanager) == len(hostile)
    assert len(alertmanager.http.get("/api/v2/alerts").json()) == len(hostile) - 1  # two have no card, and are one alert


async def test_an_alertmanager_that_is_away_is_told_later(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    write(store, alert(opened_at_ms=now_ms(), tell_at_ms=now_ms()))
    [nobody] = free_ports(1)
    with httpx.Client(base_url=f"http://127.0.0.1:{nobody}", trust_env=False) as http:
        assert Notifier(store, http, PERIOD_MS).tell(now_ms()) == 0
    assert await tell(store, alertmanager) == 1
