"""Holds over HTTP."""

import pytest
from api_imitation import NOW_MS, Api

from api.auth.permissions import mask_of, roles_for
from stores.casework.holds import Hold, HoldChange
from stores.casework.webhooks import StoredWebhook, WebhookWish


def id_of(number: int) -> str:
    return f"{number:032x}"


def hold(api: Api, number: int, user: str = "c1") -> str:
    own = Hold(id_of(number), f"k{number}", user, f"e{number}", 0, NOW_MS, "review", NOW_MS + number // 2, NOW_MS + 9_000, "decline")
    api.holds.change([HoldChange(own)])
    return own.id


async def test_holds_come_by_pages_newest_first(api: Api) -> None:
    for number in range(7):
        hold(api, number)
    found: list[str] = []
    cursor = None
    while True:
        page = (await api.client.get("/v1/holds", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        found += [one["id"] for one in page["holds"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [id_of(number) for number in reversed(range(7))]


async def test_a_payment_is_released_by_hand_once_and_the_audit_log_says_by_whom(api: Api) -> None:
    stored = StoredWebhook(id="w", wish=WebhookWish(url="https://x.org/"), keys=(), version=1, by="ana", made_at_ms=0, changed_at_ms=0)
    api.webhooks.stored.add(stored)
    id = hold(api, 1)
    answer = await api.client.post(f"/v1/holds/{id}:release", json={"reason": "the customer called"})
    assert (answer.status_code, answer.json()["hold"]["state"], answer.json()["hold"]["by"]) == (200, "released", "owner")
    [told] = answer.json()["told"]
    assert (told["webhook"], told["type"], told["state"]) == ("w", "payment.release", "pending")
    again = await api.client.post(f"/v1/holds/{id}:decline", json={"reason": "no"})
    assert (again.status_code, "released by owner" in again.json()["detail"]) == (409, True)
    assert (await api.client.get(f"/v1/holds/{id}")).json() == answer.json()
    assert any("release: the customer called" in entry.fact().subject for entry in api.access.audit.page(None, 10))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/v1/holds/{id_of(8)}:release", {"reason": "r"}, 404),
        ("/v1/holds/x:release", {"reason": "r"}, 404),
        (f"/v1/holds/{id_of(1)}:release", {}, 422),
        (f"/v1/holds/{id_of(1)}:decline", {"reason": ""}, 422),
        (f"/v1/holds/{id_of(1)}:decline", {"reason": "r", "by": "x"}, 422),
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, path: str, body: dict[str, str], status: int) -> None:
    id = hold(api, 1)
    assert (await api.client.post(path, json=body)).status_code == status
    assert (await api.client.get(f"/v1/holds/{id}")).json()["hold"]["state"] == "held"


def test_who_reads_may_not_end_holds() -> None:
    assert not roles_for("POST", f"/v1/holds/{id_of(1)}:release") & mask_of(["reader", "system", "author"])
    assert roles_for("GET", f"/v1/holds/{id_of(1)}") & mask_of(["reader"])
