import pytest

from api.http.peer import UNKNOWN, read_peers
from foundation.refusal import Refusal


def scope(host: str, *forwarded: str) -> dict[str, object]:
    return {"client": (host, 4711), "headers": [(b"x-forwarded-for", text.encode("latin-1")) for text in forwarded]}


def test_nobody_is_believed_by_default() -> None:
    assert read_peers("").of(scope("10.0.0.1", "203.0.113.9")) == "10.0.0.1:4711"
    assert read_peers("").of({"client": None, "headers": []}) == UNKNOWN


@pytest.mark.parametrize(
    ("forwarded", "peer"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1", "203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (["203.0.113.9, 10.0.0.7, 10.0.0.8"], "203.0.113.9"),
        (["10.0.0.7"], "10.0.0.7"),
        (["2001:db8::1"], "2001:db8::1"),
        (["made up, 10.0.0.7"], "10.0.0.7"),
        (["made up\x1b[31m"], "10.0.0.1:4711"),
        ([], "10.0.0.1:4711"),
    ],
)
def test_behind_a_trusted_proxy_it_is_the_nearest_address_that_is_none(forwarded: list[str], peer: str) -> None:
    assert read_peers("10.0.0.0/8").of(scope("10.0.0.1", *forwarded)) == peer


def test_the_word_of_another_than_the_proxy_does_not_count() -> None:
    assert read_peers("10.0.0.0/8").of(scope("192.0.2.1", "203.0.113.9")) == "192.0.2.1:4711"


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_a_proxy_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="WEIR_TRUSTED_PROXIES"):
        read_peers(text)
