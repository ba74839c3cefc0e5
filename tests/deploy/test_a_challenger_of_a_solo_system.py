"""A challenger of a running system is promoted and rolled back while decisions are asked for without a pause."""

import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from api.client.client import Decision
from api.models.model_shapes import ModelMoved
from deploy.api_commands import model_commands
from foundation.refusal import Refusal
from weir.testing import System

FILES = {
    "schema.yaml": (
        "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nfields: {amount: {type: decimal, retain: true}}\n"
    ),
    "features.yaml": "- {name: count_1h, template: count, window: 1h}\n",
    "models.yaml": (
        "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 2}}\n"
        "- {name: wider, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3},"
        " challenges: own}\n"
    ),
    "policy.yaml": "score: first_ready(own)\nbands: [{below: 0.9, action: approve}, {action: review}]\n",
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("config")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with System(folder) as running:
        yield running


class Load:
    """Asks for one decision after the other, of ten users, until it is stopped."""

    def __init__(self, system: System) -> None:
        self.decisions: list[Decision] = []
        self._system = system
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        for id in self._ids():
            event = {"id": id, "at": self._system.now_ms, "who": f"u{id % 10}", "amount": 10.0 + id % 7}
            self.decisions.append(self._system.decide(event))

    def _ids(self) -> Iterator[int]:
        id = 0
        while not self._stopping.is_set():
            yield id
            id += 1


def promoted_by_override(system: System) -> ModelMoved:
    return system.client.models.promote("wider", "a test", override=True)


def rolled_back(system: System) -> ModelMoved:
    return system.client.models.roll_back("own", "a test")


def wait_for_more(system: System, load: Load) -> None:
    """Waits until 30 more decisions have come: then each user had some."""
    enough = len(load.decisions) + 30
    system.wait_for(lambda: len(load.decisions) >= enough or None, "decisions")


@pytest.mark.slow
def test_a_challenger_is_promoted_and_rolled_back_under_load_and_no_decision_lacks_a_score(
    system: System,
) -> None:
    with Load(system) as load:
        wait_for_more(system, load)
        wait_for_more(system, load)
        with pytest.raises(Refusal, match="at least 1,000 events of known outcome need a score"):
            system.client.models.promote("wider")
        releases = [system.client.models.all().release]
        for move in (promoted_by_override, rolled_back):
            releases.append(move(system).release)
            wait_for_more(system, load)
    by_release = {release: [each for each in load.decisions if each.release == release] for release in releases}
    assert set(by_release) == {each.release for each in load.decisions}
    assert all(len(own) >= 20 for own in by_release.values())
    first, promoted, back = releases
    assert promoted < back
    assert [each for each in load.decisions if each.score is None] == []
    for release, champion in ((first, "own"), (promoted, "wider"), (back, "own")):
        last = by_release[release][-1]
        said = system.decision(last.event_id, f"u{int(last.event_id) % 10}")
        assert said["contributions"]["model"] == champion
        assert said["score"] == said["models"][champion]["score"]
        assert set(said["models"]) == {"own", "wider"}


def test_the_command_shows_and_compares_models(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_commands, "_api", lambda: _Open(system))

    def said(*words: str) -> str:
        result = CliRunner().invoke(model_commands.models, list(words))
        assert result.exit_code == 0, result.output
        return result.output

    assert "challenger own" in said("list")
    assert "challenger of own" in said("show", "wider")
    compared = said("compare", "own")
    assert "needs: at least 1,000 events of known outcome" in compared
    assert "wider decides in the place own" in said("promote", "wider", "--override", "--reason", "a test")
    assert "own decides in the place own" in said("roll-back", "own")


class _Open:
    """The client of a system, which the command must not close."""

    def __init__(self, system: System) -> None:
        self._client = system.client

    def __enter__(self) -> object:
        return self._client

    def __exit__(self, *error: object) -> None:
        pass
