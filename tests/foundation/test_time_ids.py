"""Ids that order as the times at which they were made."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from foundation.time_ids import UUID7, uuid7

TIMES = st.integers(0, 2**48 - 1)


@given(TIMES, st.binary(max_size=20))
def test_an_id_is_a_uuid_of_version_7_with_its_time_in_front(at_ms: int, seed: bytes) -> None:
    id = uuid7(at_ms, seed)
    made = uuid.UUID(id)
    assert (made.version, made.variant, made.int >> 80, str(made)) == (7, uuid.RFC_4122, at_ms, id)
    assert UUID7.fullmatch(id) and uuid7(at_ms, seed) == id


@given(TIMES, TIMES)
def test_ids_order_as_their_times(one_ms: int, other_ms: int) -> None:
    if one_ms != other_ms:
        assert (uuid7(one_ms, b"x") < uuid7(other_ms, b"y")) == (one_ms < other_ms)


def test_ids_of_one_time_differ_by_what_they_stand_for() -> None:
    assert len({uuid7(1_700_000_000_000, str(number).encode()) for number in range(10_000)}) == 10_000
