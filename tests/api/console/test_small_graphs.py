"""Small graphs: bars fit into their box, and what is not nothing is seen."""

from hypothesis import given
from hypothesis import strategies as st

from api.console.shown import distributions
from api.console.shown.distributions import pairs_of, rows_of
from api.console.shown.shown_values import share_of
from api.console.shown.small_graphs import BARS_MAX, HEIGHT, WIDTH, bars_of


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_bars_stay_in_their_box_stand_on_its_floor_and_show_whatever_is_not_nothing(values: list[int]) -> None:
    bars = bars_of(values)
    shown = values[-BARS_MAX:]
    assert len(bars) == (len(shown) if any(shown) else 0)
    for value, bar in zip(shown, bars, strict=False):
        assert 0.0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.01
        assert abs(bar.y + bar.height - HEIGHT) < 0.02
        assert (bar.height >= 1.0) == (value > 0)


def test_a_share_is_a_percentage_and_nothing_of_nothing_is_not_known() -> None:
    assert [share_of(each) for each in (0.0, 0.00123, 0.5, 1.0, None)] == ["0 %", "0.123 %", "50 %", "100 %", "–"]
    assert share_of(0.0, 0) == "–"


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=11))
def test_bars_of_now_and_before_stand_on_one_floor_and_are_as_high_as_their_shares(counts: list[tuple[int, int]]) -> None:
    bins = [
        {"least": at, "most": at + 1, "is_missing": False, "events": now, "reference_events": before}
        for at, (now, before) in enumerate(counts)
    ]
    sums = {"events": sum(now for now, _ in counts), "reference_events": sum(before for _, before in counts)}
    rows = rows_of({"bins": bins, **sums})
    pairs = pairs_of(rows)
    greatest = max(max(row.now, row.before) for row in rows)
    assert len(pairs) == (len(rows) if greatest else 0)
    for row, pair in zip(rows, pairs, strict=False):
        assert 0.0 <= pair.x <= pair.x + pair.width <= distributions.WIDTH + 0.01
        for share, y, height in ((row.now, pair.now_y, pair.now_height), (row.before, pair.before_y, pair.before_height)):
            assert abs(y + height - distributions.HEIGHT) < 0.02
            assert abs(height - distributions.HEIGHT * share / greatest) < 0.02


def test_a_bin_says_which_values_it_has_and_one_of_missing_values_is_there_if_some_are() -> None:
    sides = [(None, 1.5, False), (1.5, 2, False), (2, None, False), (None, None, True)]
    bins = [dict(zip(("least", "most", "is_missing"), side, strict=True), events=1, reference_events=0) for side in sides]
    assert [row.values for row in rows_of({"bins": bins, "events": 4, "reference_events": 0})] == [
        "below 1.5", "1.5 to 2", "2 and more", "missing",
    ]  # fmt: skip
    bins[3]["events"] = 0
    assert len(rows_of({"bins": bins, "events": 3, "reference_events": 0})) == 3
