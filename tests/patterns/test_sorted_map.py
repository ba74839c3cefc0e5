import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns import sorted_map
from patterns.sorted_map import SortedMap

STEPS = st.lists(st.tuples(st.sampled_from(["set", "set", "pop"]), st.integers(0, 40), st.integers(0, 9)), max_size=200)


@given(STEPS, st.one_of(st.none(), st.integers(-1, 41)))
def test_it_is_a_dict_in_the_order_of_its_keys(steps: list[tuple[str, int, int]], behind: int | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_map, "CHUNK", 3)
        made: SortedMap[int, int] = SortedMap()
        truth: dict[int, int] = {}
        for step, key, value in steps:
            if step == "set":
                assert made.set(key, value) == truth.get(key)
                truth[key] = value
            else:
                assert made.pop(key) == truth.pop(key, None)
            assert len(made) == len(truth)
        assert [made.get(key) for key in range(41)] == [truth.get(key) for key in range(41)]
        assert list(made.after(behind)) == [(key, truth[key]) for key in sorted(truth) if behind is None or key > behind]
        assert [made.count_to(key) for key in range(-1, 42)] == [sum(each <= key for each in truth) for key in range(-1, 42)]


def test_what_is_gone_through_may_change_meanwhile() -> None:
    made: SortedMap[int, int] = SortedMap()
    for key in range(0, 10_000, 2):
        made.set(key, key)
    seen = []
    for key, _ in made.after():
        seen.append(key)
        made.pop(key)
        made.set(key - 1, 0)
        if key == 2_000:
            made.set(9_999, 0)
    assert seen == [*range(0, 10_000, 2), 9_999]
