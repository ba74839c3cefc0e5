import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from api_imitation import Api

from api.auth.permissions import ADMISSION
from api.stream.stream import CLIENTS_MAX, HEARTBEAT, QUEUE_MAX, PositionedRecord, Wanted, positions_of
from api.stream.stream_route import EventStream

ALL = Wanted()


class Unending:
    """An admission that nobody takes back."""

    async def ended(self) -> None:
        await asyncio.Event().wait()


def decision(offset: int, action: str = "review", score: float | None = 0.5, user: str = "c1", partition: int = 0) -> PositionedRecord:
    value = {"event_id": str(offset), "user": user, "entities": {"terminal": "t1"}, "score": score, "action": action}
    return (partition, offset), msgspec.json.encode(value)


def events_in(frames: bytes) -> list[tuple[str, str, object]]:
    """Name, id and data of each event."""
    found = []
    for block in frames.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], fields.get("id", ""), msgspec.json.decode(fields["data"])))
    return found


def ids_in(frames: bytes) -> list[str]:
    return [data["event_id"] for name, _, data in events_in(frames) if name == "decision"]


async def test_a_watcher_gets_each_decision_as_it_comes_and_the_source_is_followed_only_meanwhile(api: Api) -> None:
    assert not api.source.is_open
    watcher = await api.stream.join(ALL, None)
    assert api.source.is_open
    api.stream.take([decision(0), decision(1)])
    frames = await watcher.next(1)
    assert [(name, id) for name, id, _ in events_in(frames)] == [("decision", "0:0"), ("decision", "0:1")]
    assert ids_in(frames) == ["0", "1"]
    await api.stream.leave(watcher)
    assert not api.source.is_open


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [(Wanted(("block",)), ["1"]), (Wanted(("block", "approve")), ["1", "2"]), (Wanted(entity_type=None, id="c2"), ["2"]),
     (Wanted(entity_type="terminal", id="t1"), ["0", "1", "2"]), (Wanted(entity_type="terminal", id="t2"), []),
     (Wanted(min_score=0.5), ["0", "1"])],
)  # fmt: skip
async def test_a_watcher_gets_what_it_wants_and_no_more(api: Api, wanted: Wanted, ids: list[str]) -> None:
    watcher = await api.stream.join(wanted, None)
    api.stream.take([decision(0), decision(1, "block", 0.9), decision(2, "approve", None, "c2")])
    assert ids_in(await watcher.next(0.01)) == ids


async def test_who_comes_back_gets_what_came_meanwhile_in_every_partition(api: Api) -> None:
    stays = await api.stream.join(ALL, None)
    api.stream.take([decision(0), decision(5, partition=1), decision(1)])
    id = events_in(await stays.next(1))[-1][1]
    assert id == "0:1,1:5"
    api.stream.take([decision(6, partition=1), decision(2), decision(3, "approve")])
    returned = await api.stream.join(Wanted(("review",)), positions_of(id))
    assert ids_in(await returned.next(1)) == ["6", "2"]


async def test_after_a_restart_what_the_topic_still_has_from_before_is_given_to_who_comes_back(api: Api) -> None:
    api.source.before = [decision(7), decision(8), decision(9)]
    assert ids_in(await (await api.stream.join(ALL, positions_of("0:7"))).next(1)) == ["8", "9"]
    assert await (await api.stream.join(ALL, None)).next(0.01) == HEARTBEAT


async def test_who_was_away_too_long_is_told_how_many_are_kept_no_more(api: Api) -> None:
    api.source.before = [decision(7), decision(8)]
    found = events_in(await (await api.stream.join(ALL, positions_of("0:3"))).next(1))
    assert found[0][::2] == ("gap", {"missing": 3})
    assert len(found) == 3


async def test_what_is_kept_for_those_that_come_back_has_an_end(api: Api) -> None:
    watcher = await api.stream.join(ALL, None)
    api.stream.take([decision(offset) for offset in range(5_000)])
    found = events_in(await (await api.stream.join(ALL, positions_of("0:0"))).next(1))
    assert found[0][::2] == ("gap", {"missing": 2_999})
    await api.stream.leave(watcher)


async def test_a_slow_watcher_is_told_how_many_it_missed_and_holds_up_nobody(api: Api) -> None:
    slow, quick = await api.stream.join(ALL, None), await api.stream.join(ALL, None)
    for offset in range(QUEUE_MAX + 10):
        api.stream.take([decision(offset)])
        assert len(events_in(await quick.next(1))) == 1
    found = events_in(await slow.next(1))
    assert len(found) == QUEUE_MAX + 1
    assert found[-1][::2] == ("lagged", {"dropped": 10})
    api.stream.take([decision(QUEUE_MAX + 10)])
    assert [name for name, _, _ in events_in(await slow.next(1))] == ["decision"]


async def test_what_is_no_decision_is_passed_over(api: Api) -> None:
    watcher = await api.stream.join(ALL, None)
    api.stream.take([((0, 0), b"\xff"), ((0, 1), b"[]"), ((0, 2), b""), decision(3)])
    assert [id for _, id, _ in events_in(await watcher.next(1))] == ["0:3"]


async def test_line_breaks_in_a_decision_do_not_end_its_event(api: Api) -> None:
    watcher = await api.stream.join(ALL, None)
    api.stream.take([((0, 0), b'{\n"event_id":\r\n"1",\n\n"action": "review"}')])
    assert ids_in(await watcher.next(1)) == ["1"]


async def test_more_watchers_than_the_bound_are_turned_away(api: Api) -> None:
    for _ in range(CLIENTS_MAX):
        await api.stream.join(ALL, None)
    answer = await api.client.get("/v1/stream")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert "weir_api_stream_clients 100" in (await api.client.get("/metrics")).text


@pytest.mark.parametrize(
    ("query", "status"), [("action=burn", 422), ("entity=customer", 422), ("id=x", 422), ("entity=nothing&id=x", 404), ("min_score=2", 422),
                          ("min_score=nan", 422)],
)  # fmt: skip
async def test_a_bad_choice_is_refused_and_takes_no_place(api: Api, query: str, status: int) -> None:
    assert (await api.client.get(f"/v1/stream?{query}")).status_code == status
    assert len(api.stream) == 0


@pytest.mark.parametrize("id", ["", "x", "0", "0:1,", "0:x", "1:-", "9999999:1", "0:" + "9" * 30, "0:1;1:2", "٣:1", "0:--5", "0:5-"])
async def test_an_id_that_no_stream_gave_out_is_refused(api: Api, id: str) -> None:
    answer = await api.client.get("/v1/stream", headers={"last-event-id": id.encode()})
    assert (answer.status_code, answer.json()["where"]) == (422, "last-event-id")


async def test_the_answer_goes_on_until_the_caller_goes_away_and_then_its_place_is_free(api: Api) -> None:
    sent: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))

    answer = EventStream(api.stream, await api.stream.join(ALL, None), heartbeat_seconds=0.02)
    running = asyncio.create_task(answer({"type": "http", ADMISSION: Unending()}, receive, send))
    api.stream.take([decision(0)])
    async for _ in ticks():
        if HEARTBEAT in sent and ids_in(b"".join(sent)) == ["0"]:
            break
    gone.set()
    await running
    assert len(api.stream) == 0


async def ticks() -> AsyncIterator[None]:
    """Turns of the loop, for at most ten seconds."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.01)
            yield


async def test_a_decision_that_cannot_be_shown_costs_itself(api: Api) -> None:
    watcher = await api.stream.join(Wanted(min_score=0.1), None)
    odd = (0, 2), b'{"user": "u", "entities": ' + b"[" * 100_000
    api.stream.take([decision(1), odd, ((0, 3), b"\xff"), decision(4)])
    assert ids_in(await watcher.next(1)) == ["1", "4"]
    assert api.stream.aside.count == 2
