"""Bodies that come as gzip are what they inflate to, within bounds."""

import gzip

import msgspec
import pytest
from api_imitation import Api, event

BODIES = {"/v1/events": event(1), "/v1/decisions": event(1), "/v1/labels": {"event_id": "1", "label": 1}}
GZIP = {"content-encoding": "gzip"}


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_of_gzip_is_taken_as_what_it_inflates_to(api: Api, path: str) -> None:
    api.answer_all()
    plain = msgspec.json.encode(BODIES[path])
    answer = await api.client.post(path, content=gzip.compress(plain, mtime=0), headers=GZIP)
    assert answer.status_code == (200 if path == "/v1/decisions" else 202)
    assert (await api.client.post(path, content=plain, headers={"content-encoding": "identity"})).status_code == answer.status_code


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"{}", "gzip", 400),
        (gzip.compress(b"{}" * 100, mtime=0)[:-9], "gzip", 400),
        (gzip.compress(b"{}", mtime=0) + b"more", "gzip", 400),
        (gzip.compress(b" " * 1_048_577, mtime=0), "gzip", 413),
        (gzip.compress(b" " * 500_000, mtime=0), "gzip", 413),
        (gzip.compress(b" " * 200_000_000, 1, mtime=0), "gzip", 413),
        (gzip.compress(b"no json", mtime=0), "gzip", 400),
        (b"{}", "br", 415),
        (b"{}", "gzip, gzip", 415),
    ],
)
async def test_a_body_of_gzip_that_is_damaged_or_too_large_is_refused(api: Api, path: str, body: bytes, encoding: str, status: int) -> None:
    answer = await api.client.post(path, content=body, headers={"content-encoding": encoding})
    assert answer.status_code == status
    assert api.log.records == []


async def test_other_routes_take_no_encoded_body(api: Api) -> None:
    assert (await api.client.post("/v1/releases", content=gzip.compress(b"{}", mtime=0), headers=GZIP)).status_code == 415
