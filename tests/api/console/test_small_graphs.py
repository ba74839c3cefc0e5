"""Small graphs: bars fit into their box, and what is not nothing is seen."""

from hypothesis import given
from hypothesis import strategies as st

from api.console.shown_values import share_of
from api.console.small_graphs import BARS_MAX, HEIGHT, WIDTH, bars_of


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
