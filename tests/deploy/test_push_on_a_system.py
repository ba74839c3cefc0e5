"""`weir push` on a running system, beside uploads over HTTP."""

import concurrent.futures
from collections.abc import Iterator

import httpx
import pytest

from deploy.api_commands.push import push
from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from deploy.local.solo_in_process import TOKEN
from foundation.refusal import Refusal
from weir.testing import System

pytestmark = pytest.mark.slow

TEXTS = read_folder(SAMPLES / "payments")


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(SAMPLES / "payments", side_jobs=False) as running:
        yield running


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)


def release_of(system: System) -> int:
    return system.client.lists().release


def test_uploads_and_pushes_at_once_get_each_a_release_of_its_own(system: System) -> None:
    before = release_of(system)

    def upload(number: int) -> int:
        text = TEXTS["policy"] + f"# {number}\n"
        return push(system.settings, TEXTS | {"policy": text}).release if number % 2 else system.put({"policy": text}).release

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        given = list(threads.map(upload, range(4)))
    assert sorted(given) == list(range(before + 1, before + 5))
    assert push(system.settings, TEXTS | {"policy": system.client.text("policy").text}).changed is False


def test_a_push_that_the_api_refuses_says_what_the_api_says(system: System) -> None:
    before = release_of(system)
    schema = TEXTS["schema"].replace("user: customer_id", "user: device_id").replace(", device_id]", ", customer_id]")
    other_user = TEXTS | {"schema": schema}
    url, headers = f"http://{system.settings.api_address()}/v1/releases", {"authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(url, json=other_user, headers=headers, timeout=60, trust_env=False).json()
    with pytest.raises(Refusal) as refused:
        push(system.settings, other_user)
    assert refused.value.fields() == {name: answer[name] for name in ("what", "where", "expected", "got", "remedy")}
    assert refused.value.what == "identity changed"
    assert release_of(system) == before


def test_a_push_with_a_wrong_token_is_refused(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN + "wrong")
    with pytest.raises(Refusal, match="got status 401; the request needs a valid bearer token") as refused:
        push(system.settings, TEXTS)
    assert TOKEN not in str(refused.value)
