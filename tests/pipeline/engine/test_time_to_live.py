"""State that expires as Flink's does: each entry by itself, some time after its own last write."""

import msgspec
from imitation import DictState, Imitation

from features.schema.schema import DAY_MS
from pipeline.engine.definitions.keeping import BEHIND_MS, kept_ms
from pipeline.engine.definitions.release import compile_release
from pipeline.wire.bulk_state import unpack_keys

START_MS = 1_700_000_000_000


def texts(ttl: str = "45d", window: str = "60d", more: str = "") -> dict[str, str]:
    return {
        "schema": f"""
id: {{field: id, type: integer}}
time: {{field: at, unit: ms}}
user: who
fields: {{amount: {{type: decimal, scale: 2, retain: true}}}}
ttl: {ttl}
""",
        "features": f"""
- {{name: count, template: count, window: {window}}}
- {{name: max, template: max, value: event.amount, window: {window}}}
{more}""",
        "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 1}}
""",
        "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: review}}",
    }


class ExpiringState(DictState):
    """Entries that were not written for `ttl_ms` of `now_ms` are not there."""

    def __init__(self, ttl_ms: int) -> None:
        super().__init__()
        self.ttl_ms = ttl_ms
        self.now_ms = START_MS
        self._written: dict[tuple[bytes, int | None], int] = {}

    def read(self, keys: bytes) -> bytes:
        for (key, page), at_ms in list(self._written.items()):
            if self.now_ms - at_ms >= self.ttl_ms:
                del self._written[key, page]
                if page is None:
                    self.heads.pop(key, None)
                else:
                    self.pages[key].pop(page, None)
        return super().read(keys)

    def write(self, keys: bytes, changes: bytes) -> None:
        before = {key: dict(pages) for key, pages in self.pages.items()}
        super().write(keys, changes)
        for key in unpack_keys(keys):
            self._written[key, None] = self.now_ms
        for key, pages in self.pages.items():
            for page, blob in pages.items():
                if before.get(key, {}).get(page) is not blob:
                    self._written[key, page] = self.now_ms


class Job:
    """The stages on expiring state, in which the clock goes with the events."""

    def __init__(self, ttl_ms: int, release: dict[str, str]) -> None:
        self.state = ExpiringState(ttl_ms)
        self._release = release
        self.restart()

    def restart(self) -> None:
        self.stages = Imitation(user_state=self.state, kept_ms=self.state.ttl_ms)
        self.stages.release(1, self._release)

    def event(self, id: int, day: float, amount: int = 1, who: str = "u") -> dict[str, object]:
        """Sends an event at a day, with a checkpoint behind it, and gives its decision."""
        at_ms = START_MS + int(day * DAY_MS)
        self.state.now_ms = max(self.state.now_ms, at_ms)
        self.stages.events([msgspec.json.encode({"id": id, "at": at_ms, "who": who, "amount": amount})])
        self.stages.checkpoint()
        return self.stages.decisions()[-1]


def ttl_of(release: dict[str, str]) -> int:
    return kept_ms(compile_release(1, release))


def test_what_a_window_longer_than_the_time_to_live_reaches_back_to_is_there_after_a_restart() -> None:
    job = Job(ttl_of(texts()), texts())
    for id in range(40):
        job.event(id, 0.01 * id, amount=100 - id)
    job.event(50, 50)
    job.restart()
    decision = job.event(51, 59.9)
    assert (decision["features"], decision["flags"]) == ({"count": 42, "max": 100}, [])


def test_a_user_who_comes_back_within_the_longest_window_is_known_although_the_time_to_live_is_shorter() -> None:
    job = Job(ttl_of(texts()), texts())
    job.event(1, 0)
    job.restart()
    assert job.event(2, 59)["features"]["count"] == 2


def test_pages_that_expired_under_a_head_are_a_warming_window_and_no_error() -> None:
    job = Job(45 * DAY_MS, texts())  # a job that was started under a release with shorter windows
    for id in range(40):
        job.event(id, 0.01 * id, amount=100 - id)
    job.event(50, 40)
    job.restart()
    decision = job.event(51, 50)
    assert "warming" in decision["flags"]
    assert decision["features"] == {"count": 10, "max": 68}
    job.event(52, 51)
    job.restart()
    assert "warming" in job.event(53, 60.3)["flags"]
    assert job.event(54, 60.4)["flags"] == []


def test_a_window_without_an_end_goes_on_with_its_sum_and_says_that_pages_are_gone() -> None:
    release = texts(
        window="1d",
        more="- {name: ever, template: count, window: unbounded}\n- {name: most, template: max, value: event.amount, window: unbounded}\n",
    )
    job = Job(10 * DAY_MS, release)
    for id in range(40):
        job.event(id, 0.01 * id, amount=100 - id)
    job.event(50, 9)
    job.restart()
    decision = job.event(51, 12)
    assert (decision["features"]["ever"], "warming" in decision["flags"]) == (42, True)


def test_a_user_who_may_have_been_forgotten_is_warming_while_a_window_reaches_back_beyond_the_time_to_live() -> None:
    job = Job(45 * DAY_MS, texts())
    job.event(1, 0)
    job.restart()
    assert "warming" in job.event(2, 50)["flags"]
    assert job.event(3, 64.9)["flags"] == ["warming"]
    assert job.event(4, 65.1)["flags"] == []


def test_the_time_to_live_covers_whatever_may_be_asked_of_a_page() -> None:
    assert ttl_of(texts(ttl="400d")) == 400 * DAY_MS
    asked_ms = 60 * DAY_MS + 600_000
    assert ttl_of(texts()) == asked_ms + 300_000 + BEHIND_MS
