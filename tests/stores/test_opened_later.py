"""A server that is away, imitated: what its users are told, and that it is found."""

import threading
import time
from collections.abc import Callable

import pytest

from foundation.refusal import Refusal
from stores import opened_later
from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_opening import Place
from stores.decisions import StoreUnavailableError
from stores.opened_later import NoAnswerError, OpenedLater


class Server:
    """Answers as `outcome` says; counts how often it was asked and by how many at once."""

    def __init__(self, outcome: Exception | str) -> None:
        self.outcome = outcome
        self.asked = self.at_once = self.at_once_max = 0
        self.shut: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def open(self) -> str:
        self.asked += 1
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        self.go_on.wait()
        outcome = self.outcome
        self.at_once -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def away() -> NoAnswerError:
    return NoAnswerError("no answer", where="here", expected="one", got="nothing")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other in milliseconds."""
    monkeypatch.setattr(opened_later, "RECONNECT_SECONDS", 0.002)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def refused_with(held: OpenedLater[str]) -> str:
    """Why it is not open; '' when it is."""
    try:
        held.get()
    except StoreUnavailableError as error:
        return str(error)
    return ""


@pytest.mark.usefixtures("soon")
def test_a_server_that_was_away_is_found_and_let_go_of_once() -> None:
    server = Server(away())
    held = OpenedLater(server.open, server.shut.append, patient=True)
    assert "no answer" in refused_with(held)
    until(lambda: server.asked > 3)
    server.outcome = "there"
    until(lambda: not refused_with(held))
    asked = server.asked
    time.sleep(0.02)
    assert (held.get(), server.asked, server.at_once_max) == ("there", asked, 1)
    held.close()
    held.close()
    assert server.shut == ["there"]
    assert "closed" in refused_with(held)


@pytest.mark.usefixtures("soon")
def test_while_one_try_waits_no_use_does_and_no_other_try_begins() -> None:
    server = Server(away())
    held = OpenedLater(server.open, server.shut.append, patient=True)
    server.go_on.clear()
    until(lambda: server.at_once == 1)
    began, asked = time.perf_counter(), server.asked
    for _ in range(1_000):
        assert "no answer" in refused_with(held)
    time.sleep(0.02)
    assert time.perf_counter() - began < 1.0
    assert server.asked == asked
    held.close()
    server.outcome = "too late"
    server.go_on.set()
    until(lambda: server.shut == ["too late"])
    assert "closed" in refused_with(held)


def test_tries_are_a_second_apart() -> None:
    server = Server(away())
    held = OpenedLater(server.open, server.shut.append, patient=True)
    time.sleep(0.5)
    assert server.asked == 1
    until(lambda: server.asked == 2)
    held.close()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("error", [Refusal("of another version", where="w", expected="1", got=2), OSError("odd: of another version")])
def test_whatever_a_later_try_raises_is_said_and_the_tries_go_on(error: Exception) -> None:
    server = Server(away())
    held = OpenedLater(server.open, server.shut.append, patient=True)
    server.outcome = error
    until(lambda: "of another version" in refused_with(held))
    server.outcome = "upgraded"
    until(lambda: not refused_with(held))
    held.close()


def test_a_refusal_at_the_start_is_one_however_patient() -> None:
    with pytest.raises(Refusal, match="of another version"):
        OpenedLater(Server(Refusal("of another version", where="w", expected="1", got=2)).open, print, patient=True)
    with pytest.raises(NoAnswerError):
        OpenedLater(Server(away()).open, print, patient=False)


def test_a_patient_keyspace_opens_without_a_node_and_refuses_each_use_at_once() -> None:
    nowhere = Place(port=1, patient=True)
    keyspace = Keyspace(nowhere, ((),), True, ("SELECT a FROM b WHERE c = ?",))
    uses: list[Callable[[], object]] = [
        lambda: keyspace.bound("SELECT a FROM b WHERE c = ?", 1),
        lambda: list(keyspace.rows("SELECT a FROM b WHERE c = ?", 1)),
        lambda: keyspace.run("SELECT a FROM b"),
    ]
    for use in uses:
        with pytest.raises(StoreUnavailableError, match="no answer from Cassandra"):
            use()
    keyspace.close()
    with pytest.raises(Refusal, match="no answer from Cassandra"):
        Keyspace(Place(port=1), ((),), True, ())
