"""What every store of decisions keeps to; a new implementation joins `STORES`, under a name by which it is marked."""

import itertools
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest

from foundation.refusal import Refusal
from stores.cassandra.cassandra_decisions import TABLES, CassandraDecisions
from stores.decisions import USERS_MAX, Decisions, EventName, LatestScore, StoredDecision, TopicPlace
from stores.sqlite.sqlite_decisions import SqliteDecisions


def in_sqlite(request: pytest.FixtureRequest) -> Decisions:
    return SqliteDecisions(request.getfixturevalue("tmp_path") / "decisions.db")


def in_cassandra(request: pytest.FixtureRequest) -> Decisions:
    store = CassandraDecisions(msgspec.structs.replace(request.getfixturevalue("cassandra"), keyspace="contract"))
    for table in TABLES:
        store._keyspace.run(f"TRUNCATE {table}")
    return store


STORES: dict[str, Callable[[pytest.FixtureRequest], Decisions]] = {"sqlite": in_sqlite, "cassandra": in_cassandra}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Decisions]:
    made = STORES[request.param](request)
    yield made
    made.close()


OFFSETS = itertools.count()


def decision(
    event_id: int | str,
    event_time: int = 1_000,
    score: float | None = 0.5,
    action: str = "approve",
    user: str = "u",
    device: str = "",
    revision: int = 0,
    value: bytes = b"{}",
    retracted: bool = False,
    offset: int | None = None,
) -> StoredDecision:
    """At `offset` of its partition, by default behind all that were made before."""
    order = (event_id + (1 << 63)).to_bytes(8, "big") if isinstance(event_id, int) else event_id.encode()
    keys = (("customer", user), ("device", device)) if device else (("customer", user),)
    place = TopicPlace(2, next(OFFSETS) if offset is None else offset)
    return StoredDecision(str(event_id), revision, event_time, order, keys, score, action, 7, value, retracted, place)


def ids(decisions: list[StoredDecision]) -> list[str]:
    return [each.event_id for each in decisions]


def test_a_decision_comes_back_whole(store: Decisions) -> None:
    one = decision(1, device="d", score=None, value=b'{"event_id":"1"}')
    assert store.write([one]) == 1
    assert store.get("1") == [one]
    assert store.get("2") == []


@pytest.mark.parametrize("event_id", ["\0", "a\0b", "ü", '"', "x" * 5_000, "%_'"])
def test_any_id_is_found_again_and_known_as_a_repeat(store: Decisions, event_id: str) -> None:
    one = decision(event_id, user=event_id)
    assert store.write([one]) == 1
    store.write([one])
    assert store.get(event_id) == store.get(event_id, event_id) == [one]
    assert store.latest("customer", event_id) is not None
    assert store.of_entity("customer", event_id, None, 10).decisions == [one]


def test_the_first_of_an_event_and_revision_wins(store: Decisions) -> None:
    first, second, third = (decision(1, score=score, value=value) for score, value in ((0.1, b"1"), (0.2, b"2"), (0.3, b"3")))
    assert store.write([first, second]) == 1
    store.write([third])
    assert store.get("1") == [first]
    assert store.latest("customer", "u") == LatestScore(0.1, "approve", "1", 0, 1_000, 7, first.place, "u")
    assert store.of_entity("customer", "u", None, 10).decisions == [first]


def test_the_highest_revision_is_the_one_that_is_got(store: Decisions) -> None:
    store.write([decision(1, revision=2, score=0.9), decision(1, revision=0)])
    store.write([decision(1, revision=1)])
    [found] = store.get("1")
    assert found.revision == 2
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.score == 0.9


def test_many_are_read_at_once_in_their_highest_revisions(store: Decisions) -> None:
    store.write([decision(number) for number in range(1_700)] + [decision(3, revision=1)])
    for user in ("u", None):
        found = store.get_many([EventName(str(number), user) for number in range(1, 1_800)])
        assert set(found) == {EventName(str(number), user) for number in range(1, 1_700)}
        assert [each.revision for each in found[EventName("3", user)]] == [1]


def test_one_id_of_two_users_is_two_events(store: Decisions) -> None:
    of_u = decision(1, score=0.9, action="block", user="u", device="d", value=b"u")
    of_v = decision(1, score=0.9, action="block", user="v", device="d", value=b"v")
    assert store.write([of_u, of_v]) == 2
    assert store.get("1") == [of_u, of_v]
    assert (store.get("1", "u"), store.get("1", "v"), store.get("1", "w")) == ([of_u], [of_v], [])
    assert store.get_many([EventName("1", "v"), EventName("1"), EventName("1", "w")]) == {
        EventName("1", "v"): [of_v],
        EventName("1"): [of_u, of_v],
    }
    assert store.of_entity("customer", "v", None, 10).decisions == [of_v]
    assert store.of_entity("device", "d", None, 10).decisions == [of_v, of_u]
    assert store.flagged(("block",), 0, None, 10).decisions == [of_v, of_u]
    first = store.of_entity("device", "d", None, 1)
    assert (first.decisions, store.of_entity("device", "d", first.next, 1).decisions) == ([of_v], [of_u])
    first = store.flagged(("block",), 0, None, 1)
    assert (first.decisions, store.flagged(("block",), 0, first.next, 1).decisions) == ([of_v], [of_u])


def test_what_becomes_of_one_users_event_changes_nothing_of_anothers_with_the_same_id(store: Decisions) -> None:
    store.write([decision(1, score=0.9, action="block", user=user, device="d") for user in ("u", "v")])
    store.write([decision(1, score=None, revision=1, user="u", device="d", retracted=True)])
    assert [(each.user, each.retracted) for each in store.get("1")] == [("u", True), ("v", False)]
    assert [each.user for each in store.flagged(("block",), 0, None, 10).decisions] == ["v"]
    assert latest_event(store) is None
    assert latest_event(store, "customer", "v") == ("1", 0)
    latest = store.latest("device", "d")
    assert latest is not None
    assert (latest.event_id, latest.user) == ("1", "v")
    store.write([decision(1, score=0.2, revision=1, user="v", device="d")])
    assert store.flagged(("block",), 0, None, 10).decisions == []


def test_an_id_of_very_many_users_gives_some_of_them_and_each_by_name(store: Decisions) -> None:
    users = [f"u{number:03}" for number in range(4 * USERS_MAX)]
    store.write([decision(1, user=user) for user in users])
    store.write([decision(1, user=users[0], revision=revision) for revision in range(1, 2 * USERS_MAX)])
    assert [each.user for each in store.get("1")] == users[:USERS_MAX]
    assert store.get("1")[0].revision == 2 * USERS_MAX - 1
    found = store.get_many([EventName("1", user) for user in users])
    assert [[each.user for each in found[EventName("1", user)]] for user in users] == [[user] for user in users]


def test_latest_is_by_event_time_then_id_order_then_revision(store: Decisions) -> None:
    store.write([decision(10, 1_000, 0.1, device="d")])
    store.write([decision(9, 1_000, 0.2, device="d")])  # as text 9 would come after 10
    store.write([decision(8, 999, 0.3)])
    for kind, id in (("customer", "u"), ("device", "d")):
        latest = store.latest(kind, id)
        assert latest is not None
        assert latest.event_id == "10"
    store.write([decision(11, 1_000, 0.4)])
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.event_id == "11"


async def test_an_event_loop_is_told_the_same_latest_score(store: Decisions) -> None:
    store.write([decision(number, 1_000 * number, 0.01 * number) for number in range(1, 30)])
    store.write([decision(number, 1_000 * number, None, revision=1, retracted=True) for number in range(12, 30)])
    soon = await store.latest_soon("customer", "u")
    assert soon == store.latest("customer", "u")
    assert soon is not None
    assert soon.event_id == "11"
    assert await store.latest_soon("customer", "nobody") is None


def test_a_late_event_enters_the_history_and_not_the_latest(store: Decisions) -> None:
    store.write([decision(5, 2_000)])
    store.write([decision(4, 1_000, score=0.99)])
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.event_id == "5"
    assert ids(store.of_entity("customer", "u", None, 10).decisions) == ["5", "4"]


def latest_event(store: Decisions, kind: str = "customer", id: str = "u") -> tuple[str, int] | None:
    latest = store.latest(kind, id)
    return None if latest is None else (latest.event_id, latest.revision)


def test_a_corrected_score_is_the_latest_where_its_event_is(store: Decisions) -> None:
    store.write([decision(1, 1_000, 0.1), decision(2, 2_000, 0.2)])
    store.write([decision(1, 1_000, 0.9, revision=1)])
    assert latest_event(store) == ("2", 0)
    store.write([decision(2, 2_000, 0.8, revision=1)])
    assert latest_event(store) == ("2", 1)


def test_a_retracted_event_leaves_the_latest_score_to_the_one_before_it(store: Decisions) -> None:
    store.write([decision(1, 1_000, 0.1, revision=2, device="d"), decision(1, 1_000, 0.3, device="d"), decision(2, 2_000, 0.2, device="d")])
    store.write([decision(2, 2_000, None, revision=1, device="d", retracted=True)])
    assert latest_event(store) == latest_event(store, "device", "d") == ("1", 2)
    [found] = store.get("2")
    assert found.retracted
    store.write([decision(1, 1_000, None, revision=3, device="d", retracted=True)])
    assert latest_event(store) is None
    assert latest_event(store, "device", "d") is None
    store.write([decision(3, 500, 0.2, device="d")])
    assert latest_event(store) == ("3", 0)


def test_a_retraction_that_comes_before_what_it_takes_back_still_counts(store: Decisions) -> None:
    store.write([decision(1, 1_000, 0.1)])
    store.write([decision(2, 2_000, None, revision=1, retracted=True)])
    assert latest_event(store) == ("1", 0)
    store.write([decision(2, 2_000, 0.9)])
    assert latest_event(store) == ("1", 0)


def test_a_retraction_ends_a_flag(store: Decisions) -> None:
    store.write([decision(1, score=0.9, action="block")])
    store.write([decision(1, score=None, revision=1, retracted=True)])
    assert ids(store.flagged(("review", "block"), 0, None, 10).decisions) == []


def test_an_unknown_entity_has_no_score_and_no_history(store: Decisions) -> None:
    store.write([decision(1)])
    assert store.latest("device", "u") is None
    assert store.of_entity("device", "u", None, 10).decisions == []


def test_flagged_are_ranked_by_score_then_newest_first(store: Decisions) -> None:
    store.write(
        [
            decision(1, 1_000, 0.9, "block"),
            decision(2, 3_000, 0.8, "review"),
            decision(3, 2_000, 0.9, "review"),
            decision(4, 4_000, None, "review"),
            decision(5, 4_000, 1.0, "approve"),
            decision(6, 10, 1.0, "block"),
        ]
    )
    assert ids(store.flagged(("review", "block"), 1_000, None, 10).decisions) == ["3", "1", "2", "4"]
    assert ids(store.flagged(("block",), 0, None, 10).decisions) == ["6", "1"]


def test_a_correction_moves_or_ends_a_flag(store: Decisions) -> None:
    store.write([decision(1, score=0.9, action="block"), decision(2, score=0.8, action="block")])
    store.write([decision(1, revision=1, score=0.1), decision(2, revision=1, score=0.5, action="review")])
    page = store.flagged(("review", "block"), 0, None, 10)
    assert [(each.event_id, each.revision) for each in page.decisions] == [("2", 1)]
    store.write([decision(3, revision=1), decision(3, revision=0, score=0.9, action="block")])
    assert ids(store.flagged(("review", "block"), 0, None, 10).decisions) == ["2"]


def test_pages_follow_each_other_without_gap_or_repeat(store: Decisions) -> None:
    draw = random.Random(3)
    actions = ("review", "block")
    store.write([decision(n, draw.randrange(5), draw.choice([0.1, 0.5, None]), draw.choice(actions), device="d") for n in range(95)])
    for read in (
        lambda cursor, limit: store.flagged(actions, 0, cursor, limit),
        lambda cursor, limit: store.of_entity("device", "d", cursor, limit),
    ):
        whole = read(None, 200)
        assert len(whole.decisions) == 95
        assert whole.next is None
        seen, cursor = [], None
        while True:
            page = read(cursor, 19)
            seen += page.decisions
            cursor = page.next
            if cursor is None:
                break
        assert seen == whole.decisions


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "éé", "kwECAw=="])
def test_a_foreign_cursor_is_refused(store: Decisions, cursor: str) -> None:
    with pytest.raises(Refusal, match="cursor"):
        store.flagged(("block",), 0, cursor, 1)
    with pytest.raises(Refusal, match="cursor"):
        store.of_entity("customer", "u", cursor, 1)


def test_any_order_and_grouping_of_writes_gives_the_same_answers(store: Decisions) -> None:
    draw = random.Random(8)
    made = [decision(n, draw.randrange(20), draw.random(), draw.choice(["approve", "block"]), f"u{draw.randrange(5)}") for n in range(300)]
    for first in draw.sample(made, 90):  # some are corrected, some of these retracted, some at once
        count = draw.randrange(1, 4)
        ended = draw.randrange(2)
        for revision in range(1, count + 1):
            gone = bool(ended and revision == count)
            score = None if gone else draw.random()
            event = (int(first.event_id), first.event_time, score, "approve", first.keys[0][1])
            made.append(decision(*event, revision=revision, retracted=gone))
    retracted = {each.event_id for each in made if each.retracted}
    assert 20 < len(retracted) < 80
    shuffled = draw.sample(made, len(made))
    while shuffled:
        size = draw.randrange(1, 40)
        store.write(shuffled[:size] + draw.choices(made[:1], k=2))
        shuffled = shuffled[size:]
    for user in range(5):
        of_user = sorted((d for d in made if d.keys[0][1] == f"u{user}"), key=lambda d: (d.event_time, d.order, d.revision))
        assert store.of_entity("customer", f"u{user}", None, 500).decisions == of_user[::-1]
        standing = [d for d in of_user if d.event_id not in retracted]
        assert latest_event(store, "customer", f"u{user}") == (standing[-1].event_id, standing[-1].revision)


def test_a_score_says_which_place_of_the_topic_it_includes(store: Decisions) -> None:
    store.write([decision(1, 1_000, offset=70), decision(2, 2_000, offset=71), decision(3, 1_500, offset=72)])
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.place == TopicPlace(2, 71)
    store.write([decision(2, 2_000, None, revision=1, retracted=True, offset=80)])
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.place == TopicPlace(2, 72)
    store.write([msgspec.structs.replace(decision(4, 4_000), place=None)])
    latest = store.latest("customer", "u")
    assert latest is not None
    assert latest.place is None
