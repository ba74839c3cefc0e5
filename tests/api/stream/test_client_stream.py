"""The client's stream of decisions against the real application on a real socket, behind connections that break."""

import asyncio
import contextlib
import pathlib
import signal
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_imitation import TOKEN, Api
from served import served

from api.client import client_stream
from api.client.client import Client
from api.client.client_stream import Missed, Streamed
from api.stream.stream import QUEUE_MAX, PositionedRecord, Wanted
from foundation.refusal import Refusal


def decision(offset: int, action: str = "review", text: str = "", score: float = 0.5) -> PositionedRecord:
    value = {"event_id": str(offset), "user": "c1", "entities": {"terminal": "t/1"}, "score": score, "action": action, "text": text}
    return (0, offset), msgspec.json.encode(value)


class Relay:
    """Passes bytes on between callers and a server, until it is cut; while it is away it takes no connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.begin()

    def begin(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def come_back(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.begin()

    def cut(self, away: bool = False) -> None:
        if away:
            self._end(self._listening)
        for each in self._open:
            self._end(each)
        self._open.clear()

    def _end(self, ended: socket.socket) -> None:
        with contextlib.suppress(OSError):
            ended.shutdown(socket.SHUT_RDWR)
        ended.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [caller, server]
                for pair in ((caller, server), (server, caller)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                target.sendall(chunk)
        self._end(target)


class System:
    """An application, its client, and what lies between."""

    def __init__(self, api: Api, relay: Relay, client: Client) -> None:
        self.api = api
        self.relay = relay
        self.client = client

    def deliver(self, *records: PositionedRecord) -> None:
        """Hands decisions to the stream, in its own thread."""
        loop = self.api.source.loop
        assert loop is not None
        taken = threading.Event()
        loop.call_soon_threadsafe(lambda: (self.api.stream.take(records), taken.set()))
        assert taken.wait(20)

    def keep_open(self) -> None:
        """Joins the stream without a connection, so that it goes on while all callers are cut off."""
        loop = self.api.source.loop
        assert loop is not None
        asyncio.run_coroutine_threadsafe(self.api.stream.join(Wanted(), None), loop).result(20)

    def lose_all(self) -> None:
        """Cuts all connections, and waits until the application knows."""
        self.relay.cut()
        deadline = time.monotonic() + 20
        while len(self.api.stream):
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def an_end() -> Iterator[None]:
    """To a test that waits for what never comes."""

    def fail(*given: object) -> None:
        pytest.fail("nothing came within 30 s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def system(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    monkeypatch.setattr("api.stream.stream_route.RETRY_MS", 50)
    api = Api(tmp_path)
    with served(api) as port:
        relay = Relay(port)
        with Client(f"http://127.0.0.1:{relay.port}", TOKEN) as client:
            yield System(api, relay, client)
        relay.cut(away=True)
    api.decisions.close()
    api.database.close()
    api.metrics.close()


def id_of(event: Streamed | Missed) -> object:
    assert isinstance(event, Streamed), event
    return event.decision["event_id"]


def test_decisions_come_as_they_are_delivered_with_an_id_each(system: System) -> None:
    with system.client.stream() as watch:
        system.deliver(decision(0, text="a\u2028b\x85c\n\nd"), decision(1))
        first, second = next(watch), next(watch)
    assert isinstance(first, Streamed)
    assert (first.decision["text"], first.decision["score"], first.id) == ("a\u2028b\x85c\n\nd", 0.5, "0:0")
    assert id_of(second) == "1"


def test_only_what_was_asked_for_comes(system: System) -> None:
    with (
        system.client.stream(actions=("review", "block")) as flagged,
        system.client.stream(entity="terminal", id="t/1", min_score=0.9) as high,
    ):
        system.deliver(decision(0, "approve"), decision(1), decision(2, "block", score=0.95))
        assert [id_of(next(flagged)), id_of(next(flagged)), id_of(next(high))] == ["1", "2", "2"]


def test_after_a_lost_connection_all_that_came_meanwhile_is_given_once(system: System) -> None:
    with system.client.stream() as watch:
        system.keep_open()
        system.deliver(decision(0), decision(1))
        assert id_of(next(watch)) == "0"
        system.relay.cut(away=True)
        system.deliver(decision(2), decision(3))
        threading.Timer(0.3, system.relay.come_back).start()
        assert [id_of(next(watch)) for _ in range(3)] == ["1", "2", "3"]
        system.deliver(decision(4))
        assert id_of(next(watch)) == "4"


def test_a_connection_that_is_lost_before_any_decision_goes_on_from_its_beginning(system: System) -> None:
    system.api.source.before = [decision(7), decision(8)]
    with system.client.stream() as watch:
        system.lose_all()
        system.api.source.before.append(decision(9))
        assert id_of(next(watch)) == "9"


def test_a_stream_that_ends_before_it_says_where_it_begins_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever took it for one would lose what came until the next try, and know nothing of it."""
    kind = {"content-type": "text/event-stream"}
    bodies = [b"", b"id: 0:8\nretry: 1\n\n", b"", b"id: 0:9\nretry: 1\n\nid: 0:9\nevent: decision\ndata: {}\n\n"]
    asked: list[str | None] = []

    def ask(after: str | None) -> httpx.Response:
        asked.append(after)
        return httpx.Response(200, headers=kind, content=bodies.pop(0), request=httpx.Request("GET", "http://api"))

    with pytest.raises(Refusal, match="before it said where it begins"):
        client_stream.Watch(ask, None, 30)
    assert next(client_stream.Watch(ask, None, 30)) == Streamed({}, "0:9")
    assert asked == [None, None, "0:8", "0:8"]


def test_it_goes_on_after_an_id_of_another_process_and_says_how_many_are_gone(system: System) -> None:
    system.api.source.before = [decision(7), decision(8)]
    with system.client.stream(after="0:3") as watch:
        assert next(watch) == Missed("gap", 3)
        assert [id_of(next(watch)), id_of(next(watch))] == ["7", "8"]
    with system.client.stream(after="0:7") as watch:
        assert id_of(next(watch)) == "8"


def test_who_reads_too_slowly_is_told_how_many_it_missed(system: System) -> None:
    with system.client.stream() as watch:
        system.deliver(*(decision(offset) for offset in range(QUEUE_MAX + 10)))
        events = [next(watch) for _ in range(QUEUE_MAX + 1)]
    assert events[-1] == Missed("lagged", 10)


def test_an_api_that_stays_away_is_a_refusal_and_so_is_a_bad_choice(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match="action"):
        system.client.stream(actions=("burn",))
    with pytest.raises(Refusal, match="last-event-id"):
        system.client.stream(after="x")
    with system.client.stream(away_seconds_max=0.2) as watch:
        system.relay.cut(away=True)
        with pytest.raises(Refusal, match="does not answer"):
            next(watch)
    with pytest.raises(Refusal, match="does not answer"):
        system.client.stream()


def test_an_api_that_says_nothing_for_too_long_is_asked_anew(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.client.client.SILENT_SECONDS_MAX", 3)  # the first answer, too, must come in it
    assert client_stream.SILENT_SECONDS_MAX > 2 * 10
    with system.client.stream() as watch:
        threading.Timer(4.5, system.deliver, [decision(0)]).start()
        assert id_of(next(watch)) == "0"


def test_a_refusal_that_may_pass_is_tried_again_and_another_is_not(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.api.source.before = [decision(7)]
    with system.client.stream(actions=("review",)) as watch:
        monkeypatch.setattr("api.stream.stream.CLIENTS_MAX", 0)
        with pytest.raises(Refusal, match="429"):
            system.client.stream()
        system.lose_all()
        system.api.source.before.append(decision(8))
        threading.Timer(0.3, monkeypatch.setattr, ["api.stream.stream.CLIENTS_MAX", 10]).start()
        assert id_of(next(watch)) == "8"
        system.lose_all()
        monkeypatch.setattr("api.stream.stream_route.ACTIONS", ())
        with pytest.raises(Refusal, match="action: "):
            next(watch)
