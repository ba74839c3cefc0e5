import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, Api, event


@pytest.fixture(autouse=True)
async def _first_release(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    fallback = {"policy": TEXTS["policy"].replace("fallback: {action: approve", "fallback: {action: block")}
    await api.client.post("/v1/releases", json=TEXTS | fallback)


async def switch(api: Api, mode: str) -> dict[str, object]:
    answer = await api.client.post("/v1/policy:bypass", json={"mode": mode, "reason": "a rule blocks everybody: \"'\n"})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("mode", "action"), [("approve_all", "approve"), ("fallback_only", "block")])
async def test_while_it_is_on_the_fallback_goes_by_it_and_says_so(api: Api, mode: str, action: str) -> None:
    await switch(api, mode)
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event())).json()
    assert (body["action"], body["flags"], body["release"]) == (action, ["degraded", "bypass"], 2)
    await switch(api, "off")
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event(2))).json()
    assert (body["action"], body["flags"], body["release"]) == ("block", ["degraded"], 3)


async def test_it_is_told_with_since_when_by_whom_and_why(api: Api) -> None:
    told = (await api.client.get("/v1/policy:bypass")).json()
    assert told == {"mode": "off", "reason": "", "release": 1, "since": None, "by": None, "at_ms": None}
    api.now_ms += 5
    await switch(api, "approve_all")
    await api.client.put("/v1/lists/a", content="x")
    told = (await api.client.get("/v1/policy:bypass")).json()
    assert (told["mode"], told["reason"], told["release"]) == ("approve_all", "a rule blocks everybody: \"'", 3)
    assert (told["since"], told["by"], told["at_ms"]) == (2, "owner", NOW_MS + 5)


@pytest.mark.parametrize(
    "given", [{"mode": "all", "reason": "x"}, {"mode": "off"}, {"mode": "off", "reason": ""}, {"mode": "off", "reason": " "},
              {"mode": "off", "reason": "x" * 501}, {"mode": "off", "reason": "x", "until": 5}],
)  # fmt: skip
async def test_what_is_no_bypass_is_refused(api: Api, given: dict[str, object]) -> None:
    assert (await api.client.post("/v1/policy:bypass", json=given)).status_code == 422
    assert api.in_force.release.id == 1


async def test_it_is_a_part_of_the_release_that_every_stage_gets(api: Api) -> None:
    await switch(api, "approve_all")
    release = msgspec.json.decode(api.log.of("control")[-1][1])
    assert set(release["parts"]) == {*TEXTS, "bypass"}
