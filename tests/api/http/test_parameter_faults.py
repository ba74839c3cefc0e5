"""A parameter that is not accepted is answered with whole phrases."""

import pytest
from api_imitation import Api


@pytest.mark.parametrize(
    ("query", "where", "expected", "got"),
    [
        ("limit=x", "limit", "a valid integer", "'x'"),
        ("limit=0", "limit", "a number greater than or equal to 1", "'0'"),
        ("limit=501", "limit", "a number less than or equal to 500", "'501'"),
        ("cursor=" + "x" * 1_001, "cursor", "a text with at most 1000 characters", repr("x" * 1_001)[:80]),
    ],
)
async def test_a_bad_parameter_is_named_with_what_it_expects(api: Api, query: str, where: str, expected: str, got: str) -> None:
    answer = await api.client.get(f"/v1/flagged?{query}")
    problem = answer.json()
    assert answer.status_code == 422
    assert (problem["where"], problem["expected"], problem["got"]) == (where, expected, got)
    assert problem["detail"] == f"{where}: bad parameter: expected {expected}, got {got}"
