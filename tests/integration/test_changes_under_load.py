"""A change over HTTP while payments come without pause: in force at once, each decision by one release alone."""

import collections
import itertools
from collections.abc import Iterable, Iterator

import httpx
import pytest
import yaml
from changing_run import Driver, Run

from api.auth.token import read_token
from deploy.local.stack import Stack

DECISIONS_EACH = 600
IN_FORCE_MS_MAX = 5_000
CHANGES = ("features", "policy", "models", "promotion", "rollback", "removal")
CHAMPION, CHALLENGER = "payment_shape", "other_shape"
ADDED = {"payments_5m", "terminal_payments_3m"}


def changed(part: str, text: str) -> str:
    """A text of `part` under which decisions come out otherwise, whatever their score."""
    if part == "features":
        new = "- {name: payments_5m, template: count, window: 5m}\n"
        new += "- {name: terminal_payments_3m, template: count, entity: terminal_id, window: 3m}\n"
        spent = "name: spent_1m, template: sum, value: event.amount, window: "
        return replaced(text, spent + "1m", spent + "7m") + new
    if part == "policy":
        text = replaced(text, "(payment_shape)", "(payment_shape, own_amount)")
        bands = "bands: [{below: 0.985, action: approve}, {below: 0.998, action: review}, {action: block}]"
        return replaced(text, bands, "bands: [{below: 0.5, action: review}, {below: 0.998, action: block}, {action: approve}]")
    for old, new in (("seed: 1", "seed: 2"), ("window_size: 2000", "window_size: 500"), ("publish_every: 30s", "publish_every: 10s")):
        text = replaced(text, old, new)
    [shape] = [model for model in yaml.safe_load(text) if model["name"] == CHAMPION]
    parameters = shape["parameters"] | {"seed": 3}
    return text + yaml.dump([shape | {"name": CHALLENGER, "challenges": CHAMPION, "parameters": parameters}], sort_keys=False)


def replaced(text: str, old: str, new: str) -> str:
    """`text` with `new` for `old`, which stands in it once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.fixture(scope="module")
def run(stack: Stack) -> Iterator[Run]:
    """The run; afterwards what was in force before is so again."""
    url, headers = f"http://127.0.0.1:{stack.settings.api_port}", {"authorization": f"Bearer {read_token(stack.settings)}"}
    with httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False) as api:
        driver = Driver(stack, api)
        before = driver.texts
        try:
            driver.start()
            driver.decided(DECISIONS_EACH, has_snapshot)
            driver.change("features", changed("features", before["features"]))
            driver.decided(DECISIONS_EACH)
            driver.upload_broken()
            driver.decided(DECISIONS_EACH)
            driver.change("policy", changed("policy", before["policy"]))
            driver.decided(DECISIONS_EACH)
            driver.change("models", changed("models", before["models"]))
            driver.decided(DECISIONS_EACH, can_decide)
            driver.promote(CHALLENGER, CHAMPION, "promotion")
            driver.decided(DECISIONS_EACH)
            driver.roll_back(CHAMPION, "rollback")
            driver.decided(DECISIONS_EACH)
            driver.change("features", before["features"], "removal")
            driver.decided(DECISIONS_EACH)
            yield driver.finish()
        finally:
            driver.close()
            api.post("/v1/releases", json=before).raise_for_status()


def has_snapshot(decision: dict, model: str = CHAMPION) -> bool:
    return decision["models"][model]["snapshot"] is not None


def can_decide(decision: dict) -> bool:
    """Whether champion and challenger have seen a whole window, before which their score is 0, and the champion decided."""
    models = decision["models"]
    return scored_by(decision) == CHAMPION and all(models[name]["score"] for name in (CHAMPION, CHALLENGER))


def scored_by(decision: dict) -> str:
    """The model that gave the score."""
    return decision["contributions"].get("model", "")


def snapshots_of(decisions: Iterable[dict]) -> set[int]:
    """Numbers of the snapshots behind them."""
    return {decision["models"][CHAMPION]["snapshot"] for decision in decisions if has_snapshot(decision)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_in_force_within_five_seconds_of_the_answer(run: Run, name: str) -> None:
    change = run.changes[name]
    made = [(decision["release"], decision["processed_at"]) for decision in (run.oracle.decisions[event.id] for event in run.live)]
    first_new = min(at for release, at in made if release == change.release)
    last_old = max(at for release, at in made if release < change.release)
    print(f"{name}: first decision {first_new - change.answered_ms:.0f} ms after the answer, last by the release before", end=" ")
    print(f"{last_old - change.answered_ms:.0f} ms after it")
    assert max(first_new, last_old) - change.answered_ms <= IN_FORCE_MS_MAX


def test_every_payment_sent_has_one_decision(run: Run) -> None:
    assert run.decided == run.sent


def test_no_release_comes_back_once_another_has_decided_a_later_event(run: Run) -> None:
    assert sum(map(len, run.in_order.values())) == run.decided
    for releases in run.in_order.values():
        assert releases == sorted(releases)


def test_every_decision_is_what_the_one_release_it_names_gives(run: Run) -> None:
    oracle = run.oracle
    wrong = {event.id: oracle.differences(event, oracle.decisions[event.id]["release"]) for event in run.live}
    counts = collections.Counter(oracle.decisions[event.id]["release"] for event in run.live)
    print(f"decisions by release {dict(counts)}; features of the terminal left open: {oracle.terminal_features_left_open}")
    assert {id: names for id, names in wrong.items() if names} == {}
    assert all(counts[release] >= DECISIONS_EACH for release in run.releases)
    assert oracle.terminal_features_left_open < len(run.live) / 20


def test_decisions_by_the_release_before_would_be_noticed(run: Run) -> None:
    in_order = sorted(run.releases)
    for before, release in itertools.pairwise(in_order):
        found = [set(run.oracle.differences(event, before)) - {"release"} for event in run.of_release(release)]
        assert sum(map(bool, found)) > DECISIONS_EACH / 10, (before, release)


def test_a_changed_model_gives_no_score_before_its_own_snapshot_and_the_next_one_decides_meanwhile(run: Run) -> None:
    decisions = [run.oracle.decisions[event.id] for event in run.of_release(run.changes["models"].release)]
    without = [decision for decision in decisions if not has_snapshot(decision)]
    assert without
    assert all(decision["models"]["payment_shape"]["score"] is None for decision in without)
    assert all(decision["score"] == decision["models"]["own_amount"]["score"] for decision in without)
    others = (run.oracle.decisions[event.id] for event in run.of_release(run.changes["policy"].release))
    assert not snapshots_of(decisions) & snapshots_of(others)


@pytest.mark.parametrize(("name", "decides"), [("promotion", CHALLENGER), ("rollback", CHAMPION)])
def test_who_is_promoted_or_rolled_back_to_decides_from_the_first_decision_on(run: Run, name: str, decides: str) -> None:
    decisions = [run.oracle.decisions[event.id] for event in run.of_release(run.changes[name].release)]
    assert {scored_by(decision) for decision in decisions} == {decides}, "what a model has learned outlives a change of its standing"


def test_features_that_were_added_are_in_every_decision_until_they_are_removed(run: Run) -> None:
    removed = run.changes["removal"].release
    for event in run.live:
        decision = run.oracle.decisions[event.id]
        has = ADDED & set(decision["features"])
        assert has == (ADDED if run.first < decision["release"] < removed else set())


def test_features_that_do_not_compile_are_refused_with_line_and_column_and_change_nothing(run: Run) -> None:
    before, answer, after = run.refused
    assert answer.status_code == 422
    assert answer.json()["where"] == "features.yaml:2:48"
    assert "did you mean event.amount?" in answer.json()["remedy"]
    assert after == before
    assert sorted(run.releases) == [run.first, *(run.changes[name].release for name in CHANGES)]
