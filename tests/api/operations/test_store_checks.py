"""The parts of ``/ready`` that are stores."""

import asyncio
import threading

from api_imitation import Api

from api.operations.checks import Checks
from api.operations.store_checks import StoreChecks
from stores.decisions import LatestScore, StoreUnavailableError


async def found(api: Api, seconds: float = 0.1) -> dict[str, tuple[bool, str]]:
    """What checks by themselves, as in the server, find within some time."""
    checks = StoreChecks(api.decisions, api.decisions, api.registry, api.access)
    tasks = [asyncio.create_task(Checks(api.health, {name: check}).run()) for name, check in checks.all().items()]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    checks.close()
    return {name: (api.health.parts[name].ok, api.health.parts[name].detail) for name in ("store", "registry", "tokens", "audit")}


async def require_found(api: Api, expected: dict[str, tuple[bool, str]]) -> None:
    """The checks find this, however long each takes on a busy machine."""
    tries = 0
    while (parts := await found(api)) != expected and tries < 100:
        tries += 1
    assert parts == expected


async def test_what_is_kept_in_a_store_that_is_away_is_named_and_nothing_else(api: Api) -> None:
    await require_found(api, dict.fromkeys(("store", "registry", "tokens", "audit"), (True, "")))
    api.database.away = True
    away = (False, "StoreUnavailableError: the test says so")
    await require_found(api, {"store": (True, ""), "registry": away, "tokens": away, "audit": away})
    api.database.away = False
    await require_found(api, dict.fromkeys(("store", "registry", "tokens", "audit"), (True, "")))


async def test_the_fast_reads_are_asked_too(api: Api) -> None:
    async def away(kind: str, id: str) -> LatestScore | None:
        raise StoreUnavailableError("the fast reads are away")

    api.decisions.latest_soon = away  # type: ignore[method-assign]
    assert (await found(api))["store"] == (False, "StoreUnavailableError: the fast reads are away")


async def test_one_that_stands_still_holds_up_no_other(api: Api) -> None:
    goes_on = threading.Event()
    api.registry.newest = lambda: goes_on.wait(5) and None  # type: ignore[method-assign, assignment, return-value]
    try:
        parts = await found(api)
    finally:
        goes_on.set()
    assert parts["registry"] == (False, "not checked yet")
    assert {part for part, (ok, _) in parts.items() if ok} == {"store", "tokens", "audit"}
