"""What pages ask of the API and leave of its answers, without a browser."""

from typing import Any

import pytest
from starlette.datastructures import QueryParams

from api.auth.permissions import caller
from api.console.page import Asked
from api.console.pages.audit import PAGES_READ_MAX, load
from api.console.pages.features import FEATURE, load_feature
from api.console.pages.model import MODEL
from api.console.pages.model import load as load_model
from api.console.pages.models import DRIFT, MODELS, courses_of
from api.console.pages.models import load as load_models
from api.console.pages.rule import load as load_rule
from api.console.pages.rules import load as load_rules
from api.console.rendering import render
from api.http.problem import Problem
from foundation.refusal import Refusal

AROUND: dict[str, object] = {
    "caller": None, "pages": [], "may": lambda method, path: False, "nonce": "", "theme": "", "csrf_cookie": "", "now_ms": 0, "fault": "",
}  # fmt: skip


class Log:
    """An audit log of pages of two entries: ana's are done, bob's are refused."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked = 0

    async def get(self, path: str, query: dict[str, Any]) -> Any:
        assert path == "/v1/audit"
        self.asked += 1
        at = int(query["cursor"] or 0)
        entries = [{"by": by, "action": "POST /v1/cases", "subject": f"case {at}", "phase": "outcome", "status": status}
                   for by, status in (("ana", 200), ("bob", 403))]  # fmt: skip
        return {"entries": entries, "next": at + 1 if at + 1 < self.pages else None}


async def loaded(log: Log, query: str) -> Any:
    return await load(Asked({}, QueryParams(query), None, log, 0))  # type: ignore[arg-type]


@pytest.mark.parametrize(("query", "left"), [
    ("", 10), ("by=ana", 5), ("by=an", 0), ("did=CASE 3", 2), ("did=lists", 0), ("outcome=refused", 5), ("by=ana&outcome=refused", 0),
])  # fmt: skip
async def test_filters_leave_of_the_audit_log_what_they_name(query: str, left: int) -> None:
    assert len((await loaded(Log(5), query))["entries"]) == left


async def test_a_filter_that_leaves_little_reads_a_bounded_part_of_the_log_and_goes_on_from_there() -> None:
    log = Log(1_000)
    found = await loaded(log, "by=nobody")
    assert (log.asked, found["entries"], found["next"]) == (PAGES_READ_MAX, [], PAGES_READ_MAX)


def test_what_drifts_is_marked_and_a_share_of_fraud_is_a_percentage() -> None:
    known = {"limit": 0.2, "events": 300, "reference_events": 9_000}
    drifts = [{"subject": "feature.<b>", "index": 0.9, "beyond": True, "now": 3.5, "usual": None, **known},
              {"subject": "label_rate", "index": 0.01, "beyond": False, "now": 0.0125, "usual": 0.01, **known}]  # fmt: skip
    text = render("drift", AROUND | {"page": DRIFT, "title": "Drift", "day_ms": 86_400_000, "labels_day_ms": 0, "drifts": drifts})
    assert text.count(">drifts<") == 1
    assert "1.25 %" in text
    assert "<b>" not in text
    assert "needs 200 events" in render("drift", AROUND | {"page": DRIFT, "title": "", "day_ms": 0, "labels_day_ms": 0, "drifts": []})


class Models:
    """A model `<i>` that reads the amount; what drifts cannot be told."""

    async def get(self, path: str) -> Any:
        assert path == "/v1/models:standings"
        about = {"standing": "champion", "model": "m", "learns": "events", "scope": "", "inputs": ["event.amount", "feature.x"]}
        about |= {"warning": "without <edges> it waits"}
        return {"models": [{"name": "<i>", **about}]}

    async def tried(self, path: str) -> Any:
        if path == "/v1/models:drift":
            bins = [{"least": None, "most": 2.0, "is_missing": False, "events": 60, "reference_events": 40}]
            known = {"index": 0.9, "limit": 0.2, "beyond": True, "now": 1.0, "usual": 0.5}
            seen = known | {"events": 60, "reference_events": 40, "bins": bins}
            return {"day_ms": 86_400_000, "drifts": [{"subject": name, **seen} for name in ("event.amount", "feature.other", "model.<i>")]}
        assert path == "/v1/models/%3Ci%3E:importance"
        return {"source": "decisions", "events": 300, "inputs": [{"name": "event.amount", "size": 0.2, "share": 1.0, "raises": 0.25}]}


async def test_a_model_has_its_importance_and_the_distributions_of_its_score_and_of_its_own_inputs() -> None:
    asked = Asked({"name": "<i>"}, QueryParams(""), None, Models(), 0)  # type: ignore[arg-type]
    values = await load_model(asked)
    text = render("model", AROUND | {"page": MODEL, **values})
    assert [each["subject"] for each in values["seen"]] == ["model.<i>", "event.amount"]  # type: ignore[attr-defined]
    assert text.count('class="distribution"') == 2
    assert "300 decisions" in text
    assert "25 %" in text
    assert "<i>" not in text
    assert "without &lt;edges&gt; it waits" in text
    with pytest.raises(Problem, match="no model other"):
        await load_model(Asked({"name": "other"}, QueryParams(""), None, Models(), 0))  # type: ignore[arg-type]


def test_a_model_of_which_nothing_is_known_says_what_it_takes() -> None:
    about = {"name": "m", "standing": "beside", "model": "m", "learns": "events", "scope": "", "inputs": [], "warning": ""}
    nothing = {"source": "", "events": 0, "inputs": []}
    text = render("model", AROUND | {"page": MODEL, "title": "m", "model": about, "importance": nothing, "day_ms": 0, "seen": []})
    assert "It takes 200 decisions" in text
    assert "It takes 200 events" in text


class Catalogue(Models):
    """A feature that a model reads and drifts, and one that a rule alone reads."""

    async def get(self, path: str) -> Any:
        if path.endswith("/versions"):
            return {"versions": []}
        about = {"description": "", "entity": "user", "template": "count", "type": "float", "unit": "", "owner": "", "version": "a"}
        about |= {"reads": [], "cost_ns": 1, "state_words": 1, "value_words": 0}
        return {"features": [about | {"name": "other", "used_by": ["model <i>"]}, about | {"name": "ruled", "used_by": ["rule r"]}]}


@pytest.mark.parametrize(("name", "drawn", "said"), [("other", 1, "drifts"), ("ruled", 0, "In force")])
async def test_a_feature_that_a_model_reads_has_its_values_now_beside_those_of_before(name: str, drawn: int, said: str) -> None:
    values = await load_feature(Asked({"name": name}, QueryParams(""), None, Catalogue(), 0))  # type: ignore[arg-type]
    text = render("feature", AROUND | {"page": FEATURE, **values})
    assert text.count('class="distribution"') == drawn
    assert ("Its values" in text) == bool(drawn)
    assert said in text


def week(number: int, **ap: float | None) -> dict[str, Any]:
    models = {name: {"auc": 0.9, "ap": value, "card_precision_100": None} for name, value in ap.items()}
    return {"from_ms": number * 604_800_000, "events": 100, "frauds": 3, "models": models}


class Compared(Models):
    """A champion and a challenger over three weeks, in the newest of which nothing was fraud."""

    async def tried(self, path: str, query: dict[str, Any]) -> Any:
        if path != "/v1/models:compare":
            return None
        weeks = [week(1, own=0.4, other=0.8), week(2, own=0.5, other=0.6), week(3, own=None, other=None)]
        known = {"standing": "champion", "measures": {}, "gains": {}, "needed": []}
        models = [{"name": name, **known} for name in ("own", "other")]
        return {"events": 300, "frauds": 6, "days": 21, "drawn": "days", "models": models, "weeks": weeks}

    async def get(self, path: str) -> Any:
        [model] = (await super().get(path))["models"]
        return {"models": [model | {"place": "own", "definition": "a", "promoted_by": ""}]}


async def test_models_of_a_place_have_their_quality_week_by_week_on_one_scale() -> None:
    compared = await Compared().tried("/v1/models:compare", {})
    own, other = courses_of(compared)
    assert (own.newest, other.newest) == (0.5, 0.6)
    assert [[bar.height for bar in each.bars] for each in (own, other)] == [[12.0, 15.0, 0.0], [24.0, 18.0, 0.0]]
    values = await load_models(Asked({}, QueryParams(""), None, Compared(), 0))  # type: ignore[arg-type]
    text = render("models", AROUND | {"page": MODELS, "title": "Models", **values})
    assert text.count('class="distribution"') == 2
    assert "0.8000" in text
    assert courses_of(compared | {"weeks": compared["weeks"][:1]}) == courses_of(None) == []


class Rules:
    """A thousand rules, of which the later ones matched more often; those that are asked for have their reports but for one."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get(self, path: str, query: dict[str, list[str]] | None = None) -> Any:
        self.asked.append(path)
        if query:
            return {"reports": [{"pattern": id} for id in query["id"][1:]]}
        about = {"owner": "team", "severity": "low"}
        rules = [{"id": f"r{n:03}", "title": f"Shop {n}", "status": "active" if n % 2 else "shadow", **about} for n in range(1_000)]
        return {"patterns": [*rules[:-1], rules[-1] | {"severity": "critical", "owner": "Ann"}]}

    async def tried(self, path: str) -> Any:
        assert path == "/v1/patterns:totals"
        same = {"watched": 0, "hidden": 0}
        return {"patterns": [same | {"id": f"r{n:03}", "acted": n, "alone": n if n != 500 else 1} for n in reversed(range(990))]}


@pytest.mark.parametrize(("query", "first", "found"), [
    ("", ["r001", "r003"], 1_000), ("page=40", ["r950", "r952"], 1_000), ("page=9999", ["r950", "r952"], 1_000),
    ("sort=overlap", ["r500", "r001"], 1_000), ("sort=matches", ["r989", "r988"], 1_000),
    ("sort=severity", ["r999", "r001"], 1_000), ("sort=owner", ["r999", "r001"], 1_000), ("sort=nothing", ["r001", "r003"], 1_000),
    ("q=shop+77&sort=matches", ["r977", "r877"], 19), ("status=shadow&sort=title", ["r000", "r010"], 500),
])  # fmt: skip
async def test_a_thousand_rules_are_searched_and_sorted_and_those_that_are_shown_are_measured_by_one_call(
    query: str, first: list[str], found: int
) -> None:
    api = Rules()
    values: Any = await load_rules(Asked({}, QueryParams(query), None, api, 0))  # type: ignore[arg-type]
    assert [rule["id"] for rule, _ in values["rules"]][:2] == first
    assert values["found"] == found
    assert [report is None for _, report in values["rules"]] == [True] + [False] * (min(found, 25) - 1)
    assert api.asked == ["/v1/patterns", "/v1/patterns:reports"]


async def test_an_id_that_no_rule_may_have_is_refused_before_anything_is_written() -> None:
    admin = caller("ann", ["admin"])
    with pytest.raises(Refusal, match="not the id of a rule"):
        await load_rule(Asked({"id": "Bad Id"}, QueryParams(), admin, Rules(), 0))  # type: ignore[arg-type]
    assert (await load_rule(Asked({"id": "good_id"}, QueryParams(), admin, Rules(), 0)))["title"] == "New rule good_id"  # type: ignore[arg-type]
