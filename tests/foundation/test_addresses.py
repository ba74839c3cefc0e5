"""Where programs of this machine reach the API."""

import pytest

from foundation.settings import Settings


@pytest.mark.parametrize(
    ("listens_on", "reached_at"),
    [
        ("127.0.0.1", "127.0.0.1:18000"),
        ("10.1.2.3", "10.1.2.3:18000"),
        ("0.0.0.0", "127.0.0.1:18000"),
        ("::", "[::1]:18000"),
        ("fe80::1", "[fe80::1]:18000"),
    ],
)
def test_an_api_is_reached_at_its_address_and_one_that_listens_on_all_by_loopback(listens_on: str, reached_at: str) -> None:
    assert Settings(api_host=listens_on).api_address() == reached_at
