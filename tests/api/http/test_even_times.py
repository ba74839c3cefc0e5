from hypothesis import given
from hypothesis import strategies as st

from api.http.even_times import SHARE_MIN, seconds_left


@given(st.floats(0.0, 1e7), st.sampled_from([0.5, 1.0, 2.0]))
def test_what_is_done_now_and_then_is_done_at_multiples_and_never_twice_in_a_row(now: float, period: float) -> None:
    left = seconds_left(now, period)
    assert SHARE_MIN * period < left <= (1 + SHARE_MIN) * period
    multiples = (now + left) / period
    assert abs(multiples - round(multiples)) < 1e-6
