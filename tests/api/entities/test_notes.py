"""Notes on entities over HTTP."""

import pytest
from api_imitation import Api

from api.auth.permissions import mask_of, roles_for

NOTES = "/v1/entities/customer/c1/notes"


async def header_of(api: Api, role: str) -> dict[str, str]:
    token = await api.client.post("/v1/tokens", json={"name": role, "roles": [role]})
    return {"authorization": f"Bearer {token.json()['token']}"}


async def test_notes_are_written_and_come_by_pages_newest_first(api: Api) -> None:
    for number in range(5):
        api.now_ms += 1
        answer = await api.client.post(NOTES, json={"text": f"<b>{number}</b> 🙂"})
        assert (answer.status_code, answer.json()["by"], answer.json()["at_ms"]) == (201, "owner", api.now_ms)
    first = (await api.client.get(NOTES, params={"limit": 3})).json()
    rest = (await api.client.get(NOTES, params={"limit": 3, "cursor": first["next"]})).json()
    assert [note["text"] for note in first["notes"] + rest["notes"]] == [f"<b>{number}</b> 🙂" for number in (4, 3, 2, 1, 0)]
    assert (await api.client.get("/v1/entities/customer/c2/notes")).json()["notes"] == []


async def test_an_id_with_slashes_is_percent_encoded(api: Api) -> None:
    path = "/v1/entities/terminal/a%2Fnotes%2Fb/notes"
    assert (await api.client.post(path, json={"text": "odd"})).json()["entity"] == "a/notes/b"
    assert [note["text"] for note in (await api.client.get(path)).json()["notes"]] == ["odd"]


async def test_only_who_wrote_a_note_and_admins_remove_it(api: Api) -> None:
    ana, bob = await header_of(api, "analyst"), await header_of(api, "author")
    note = (await api.client.post(NOTES, json={"text": "mine"}, headers=ana)).json()["id"]
    assert (await api.client.delete(f"{NOTES}/{note}", headers=bob)).status_code == 403
    assert (await api.client.delete(f"/v1/entities/customer/c2/notes/{note}")).status_code == 404
    assert (await api.client.delete(f"{NOTES}/{note}", headers=ana)).status_code == 200
    assert (await api.client.delete(f"{NOTES}/{note}", headers=ana)).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (NOTES, {"text": ""}, 422),
        (NOTES, {"text": "  "}, 422),
        (NOTES, {"text": "a\0b"}, 422),
        (NOTES, {"text": "a" * 4_001}, 422),
        (NOTES, {}, 422),
        ("/v1/entities/planet/c1/notes", {"text": "a"}, 404),
        ("/v1/entities/customer//notes", {"text": "a"}, 404),
    ],
)
async def test_what_is_no_note_is_refused(api: Api, path: str, body: dict[str, str], status: int) -> None:
    assert (await api.client.post(path, json=body)).status_code in (status, 422)
    assert (await api.client.get(NOTES)).json()["notes"] == []


def test_readers_write_no_notes() -> None:
    assert not roles_for("POST", NOTES) & mask_of(["reader", "system"])
