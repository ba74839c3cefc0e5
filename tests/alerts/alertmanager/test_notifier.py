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

from alerts.alertmanager import notifier as notifier_module
from alerts.alertmanager.alert_labels import posted_alert
from alerts.alertmanager.notifier import Notifier
from alerts.alertmanager.silences import AlertmanagerSilences, SilencesUnavailableError
from alerts.webhooks.troubles import WebhookTrouble
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.alertmanager import INSTALL, alertmanager_program, start_alertmanager
from stores.casework.alerts import Alert, AlertWork
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.relational.casework.alerts import RelationalAlerts

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
    store.write(AlertWork(alerts, (), (), ()))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def tell(store: RelationalAlerts, alertmanager: Alertmanager) -> int:
    return await asyncio.to_thread(Notifier(store, alertmanager.http, PERIOD_MS, "https://weir.example/cases/").tell, now_ms())


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
    assert shown["annotations"]["description"] == '3 probes, then "9 900" <b>'
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


async def test_an_alert_that_alertmanager_refuses_keeps_no_other_from_it(
    store: RelationalAlerts, alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is 400, and it has taken the others; they end as they would have."""

    def illegal(one: Alert, ends_at_ms: int, link: str) -> dict[str, object]:
        return posted_alert(one, ends_at_ms, link) | ({"labels": {"no name!": "x"}} if one.id == "a1" else {})

    monkeypatch.setattr(notifier_module, "posted_alert", illegal)
    alerts = [alert(f"a{number}", card=f"c{number}", opened_at_ms=now_ms(), tell_at_ms=now_ms()) for number in range(3)]
    write(store, *alerts)
    for _ in range(2):
        assert await tell(store, alertmanager) == 0
    await until_sent(alertmanager, ("firing", "attack", "high", "c0"), ("firing", "attack", "high", "c2"))
    write(store, *(msgspec.structs.replace(one, state="resolved", resolved_at_ms=now_ms()) for one in alerts))
    await tell(store, alertmanager)
    await until_sent(alertmanager, ("resolved", "attack", "high", "c0"), ("resolved", "attack", "high", "c2"))


async def test_a_webhook_that_gets_nothing_is_told_until_it_does_again(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    wish = WebhookWish(url="https://hooks.example.com/secret-path?token=1", state="disabled")
    webhook = StoredWebhook(id="w1", wish=wish, keys=(), version=2, by="ana", made_at_ms=1, changed_at_ms=now_ms(), why="it answered 410")
    trouble = [WebhookTrouble(webhook, "it was disabled: it answered 410", now_ms())]
    notifier = Notifier(store, alertmanager.http, 250, "", troubles=lambda _: trouble)
    assert await asyncio.to_thread(notifier.tell, now_ms()) == 1
    await until_sent(alertmanager, ("firing", "webhook_fails", "high", ""))
    assert "secret-path" not in alertmanager.http.get("/api/v2/alerts").text
    trouble.clear()
    await until_sent(alertmanager, ("resolved", "webhook_fails", "high", ""))


async def test_the_silences_of_an_alertmanager_are_read_back(alertmanager: Alertmanager) -> None:
    matchers = [{"name": "card", "value": "c.*", "isRegex": True, "isEqual": True}, {"name": "severity", "value": "low", "isRegex": False}]
    given = {
        "matchers": matchers,
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00.000Z",
        "createdBy": "<b>",
        "comment": "é",
    }
    made = alertmanager.http.post("/api/v2/silences", json=given).json()["silenceID"]
    silences = AlertmanagerSilences(str(alertmanager.http.base_url))
    [found] = silences.lasting()
    assert (found.id, found.matchers, found.by, found.comment) == (made, ('card=~"c.*"', 'severity="low"'), "<b>", "é")
    assert found.until_ms == 4_102_444_800_000
    alertmanager.http.delete(f"/api/v2/silence/{made}")
    assert silences.lasting() == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b"[" * 50_000, b"x" * 5_000_000])
async def test_what_is_no_alertmanager_has_no_silences_that_are_known(body: bytes) -> None:
    async def talk(request: bytes, writer: asyncio.StreamWriter) -> None:
        await answer(writer, "200 OK", body)

    async with server(talk) as port:
        with pytest.raises(SilencesUnavailableError):
            await asyncio.to_thread(AlertmanagerSilences(f"http://127.0.0.1:{port}").lasting)


async def test_an_alertmanager_that_is_away_is_told_later(store: RelationalAlerts, alertmanager: Alertmanager) -> None:
    write(store, alert(opened_at_ms=now_ms(), tell_at_ms=now_ms()))
    [nobody] = free_ports(1)
    with httpx.Client(base_url=f"http://127.0.0.1:{nobody}", trust_env=False) as http:
        assert Notifier(store, http, PERIOD_MS, "").tell(now_ms()) == 0
    assert await tell(store, alertmanager) == 1
