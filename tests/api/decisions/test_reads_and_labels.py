import msgspec
import pytest
from api_imitation import NOW_MS, Api, event
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.decisions.writes import LabelDoor, read_labels
from api.http.health import Health
from api.http.metrics import ApiMetrics
from features.schema.label_sources import LabelSources
from foundation.refusal import Refusal


async def test_an_event_is_accepted_once_the_log_has_it(api: Api) -> None:
    answer = await api.client.post("/v1/events", json=event(3, "c9"))
    assert (answer.status_code, answer.json()) == (202, {"event_id": "3"})
    [(topic, key, value, headers)] = api.log.records
    assert (topic, key, msgspec.json.decode(value), headers) == ("weir.events", "c9", event(3, "c9"), ())


async def test_an_events_bytes_go_on_unchanged(api: Api) -> None:
    body = b'{ "id":1, "at":1700000000000, "customer":"c1", "amount":12.50, "unknown": [1.0] }'
    await api.client.post("/v1/events", content=body)
    assert api.log.of("events") == [("c1", body)]


async def test_a_decision_is_read_back_as_it_was_served(api: Api) -> None:
    api.keep("7", "block", 0.93)
    answer = await api.client.get("/v1/decisions/7")
    assert (answer.status_code, answer.json()) == (200, {"event_id": "7", "score": 0.93, "action": "block"})
    assert (await api.client.get("/v1/decisions/8")).status_code == 404


async def test_an_id_that_two_users_have_is_answered_to_who_names_one_and_with_the_candidates_to_who_does_not(api: Api) -> None:
    api.keep("7", "block", 0.93, user="a/1")
    api.keep("7", "approve", 0.1, user="b")
    answer = await api.client.get("/v1/decisions/7")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["candidates"] == [
        {"user": "a/1", "event_time": NOW_MS - 1000, "action": "block"},
        {"user": "b", "event_time": NOW_MS - 1000, "action": "approve"},
    ]
    for user, action in (("a/1", "block"), ("b", "approve")):
        answer = await api.client.get("/v1/decisions/7", params={"user": user})
        assert (answer.status_code, answer.json()["action"]) == (200, action)
    answer = await api.client.get("/v1/decisions/7?user=c")
    assert (answer.status_code, "of user c" in answer.json()["detail"]) == (404, True)
    for path in ("customer/b", "customer/a%2F1"):
        assert (await api.client.get(f"/v1/scores/{path}")).status_code == 200
        assert len((await api.client.get(f"/v1/entities/{path}/decisions")).json()["decisions"]) == 1


@pytest.mark.parametrize(("kind", "id"), [("customer", "c1"), ("terminal", "t/1")])
async def test_the_latest_score_of_an_entity_has_its_age(api: Api, kind: str, id: str) -> None:
    api.keep("1", score=0.1, at_ms=NOW_MS - 5000)
    api.keep("2", score=0.7, at_ms=NOW_MS - 1500)
    answer = await api.client.get(f"/v1/scores/{kind}/{id}")
    assert answer.json() == {
        "entity": kind, "id": id, "score": 0.7,
        "action": "approve", "event_id": "2", "event_time": NOW_MS - 1500, "age_ms": 1500, "release": 1,
        "includes": {"partition": 2, "offset": 1}, "user": "c1",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["customer/c2", "device/c1", "customer/", "terminal/t"])
async def test_an_entity_without_a_score_is_not_found(api: Api, path: str) -> None:
    api.keep("1")
    assert (await api.client.get(f"/v1/scores/{path}")).status_code == 404


async def test_flagged_gives_every_flagged_decision_once_over_its_pages(api: Api) -> None:
    for number in range(10):
        api.keep(str(number), ("approve", "review", "block")[number % 3], number / 10)
    seen, cursor = [], None
    while True:
        page = (await api.client.get("/v1/flagged", params={"limit": 4} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [decision["event_id"] for decision in page["decisions"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["8", "7", "5", "4", "2", "1"]


async def test_flagged_is_narrowed_by_action_and_time(api: Api) -> None:
    api.keep("1", "review", at_ms=NOW_MS - 500)
    api.keep("2", "block", at_ms=NOW_MS - 500)
    api.keep("3", "block", at_ms=NOW_MS - 5000)
    page = (await api.client.get(f"/v1/flagged?action=block&since={NOW_MS - 1000}")).json()
    assert [decision["event_id"] for decision in page["decisions"]] == ["2"]


async def test_an_entitys_decisions_are_read_newest_first(api: Api) -> None:
    for number in range(3):
        api.keep(str(number), at_ms=NOW_MS + number)
    page = (await api.client.get("/v1/entities/customer/c1/decisions?limit=2")).json()
    assert [decision["event_id"] for decision in page["decisions"]] == ["2", "1"]
    page = (await api.client.get("/v1/entities/customer/c1/decisions", params={"before": page["next"]})).json()
    assert [decision["event_id"] for decision in page["decisions"]] == ["0"]


@pytest.mark.parametrize(
    ("given", "time_ms"),
    [
        ({}, NOW_MS),
        ({"label_time": 1_000_000_000_001}, 1_000_000_000_001),
        ({"label_time": "2023-11-14T22:13:20Z"}, NOW_MS),
        ({"label_time": "2023-11-14T23:13:20.5+01:00"}, NOW_MS + 500),
        ({"label_time": "2023-11-14T22:13:20.001Z"}, NOW_MS + 1),
        ({"user": "u/1", "source": "chargeback", "weight": 0.5}, NOW_MS),
    ],
)
async def test_a_label_is_written_with_its_time_in_ms_and_the_name_of_who_gave_it(api: Api, given: dict[str, object], time_ms: int) -> None:
    answer = await api.client.post("/v1/labels", json={"event_id": 12, "label": 1} | given)
    expected = {"event_id": "12", "label": 1} | given | {"label_time": time_ms, "by": "owner"}
    assert (answer.status_code, answer.json()) == (202, expected)
    [(key, value)] = api.log.of("labels")
    assert (key, msgspec.json.decode(value)) == ("12", expected)


async def test_a_list_of_labels_is_taken_whole_or_refused_whole(api: Api) -> None:
    labels: list[dict[str, object]] = [{"event_id": number, "label": number % 2, "user": "u"} for number in range(3)]
    answer = await api.client.post("/v1/labels", json=labels)
    assert (answer.status_code, answer.json()) == (202, {"labels": 3})
    assert [key for key, _ in api.log.of("labels")] == ["0", "1", "2"]
    for bad in ([*labels, {"event_id": 9, "label": 1, "user": ""}], [], labels * 400, [*labels, {"event_id": 9, "label": 7}]):
        answer = await api.client.post("/v1/labels", json=bad)
        assert answer.status_code == 422
    answer = await api.client.post("/v1/labels", json=[*labels, {"event_id": 9, "label": 1, "label_time": -5}])
    assert answer.json()["where"] == "[3].label_time"
    assert len(api.log.of("labels")) == 3


async def test_a_list_of_events_is_taken_whole_and_in_its_order_or_refused_whole(api: Api) -> None:
    events = [event(number) for number in range(3)]
    answer = await api.client.post("/v1/events", json=events)
    assert (answer.status_code, answer.json()) == (202, {"events": 3})
    taken = [msgspec.json.decode(value) for _, value in api.log.of("events")]
    assert taken == events
    assert [key for key, _ in api.log.of("events")] == [each["customer"] for each in events]
    for bad in ([*events, {}], [*events, 7], [], events * 700):
        answer = await api.client.post("/v1/events", json=bad)
        assert answer.status_code == 422
    assert (await api.client.post("/v1/events", json=[*events, event(4) | {"at": "noon"}])).json()["where"] == "[3].at"
    assert (await api.client.post("/v1/events", content=b'[{"id": 1}')).status_code == 400
    assert len(api.log.of("events")) == 3


@pytest.mark.parametrize(
    "field", [{"by": "somebody"}, {"weight": 0}, {"weight": 1e9}, {"weight": "1"}, {"source": "x" * 101}, {"user": ""}]
)
async def test_a_label_that_says_who_gave_it_or_has_a_bad_part_is_refused(api: Api, field: dict[str, object]) -> None:
    answer = await api.client.post("/v1/labels", json={"event_id": "1", "label": 1} | field)
    assert (answer.status_code, api.log.records) == (422, [])


@pytest.mark.parametrize("at", [-1, "1969-12-31T23:59:59Z", "2023-11-14T22:13:20", NOW_MS + 300_001])
async def test_a_label_whose_time_is_out_of_range_or_without_a_zone_is_refused(api: Api, at: object) -> None:
    answer = await api.client.post("/v1/labels", json={"event_id": 12, "label": 1, "label_time": at})
    assert answer.status_code == 422
    assert api.log.of("labels") == []


@pytest.mark.parametrize("path", ["/v1/labels", "/v1/events", "/v1/decisions"])
async def test_a_body_that_has_one_key_twice_is_refused(api: Api, path: str) -> None:
    one = {"event_id": "1", "label": 1} if path == "/v1/labels" else event(1)
    more = b',"label":0}' if path == "/v1/labels" else b',"amount":"5.00"}'
    answer = await api.client.post(path, content=msgspec.json.encode(one)[:-1] + more)
    assert (answer.status_code, answer.json()["what"]) == (422, "key given twice")


async def test_health_is_of_the_process_and_ready_of_all_that_it_needs(api: Api) -> None:
    assert (await api.client.get("/health")).status_code == 200
    answer = await api.client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    for name in api.health.parts:
        api.health.found(name, "")
    answer = await api.client.get("/ready")
    assert (answer.status_code, answer.json()["status"], answer.json()["release"]) == (200, "ready", 1)
    api.health.take_catch_up_marker("mode:run-2", b"[1]")
    assert (await api.client.get("/ready")).json()["status"] == "catching_up"
    api.health.found("broker", "no broker")
    answer = await api.client.get("/ready")
    broker = answer.json()["parts"]["broker"]
    assert (answer.status_code, broker["ok"], broker["detail"]) == (503, False, "no broker")


def test_a_part_says_since_when_it_is_as_it_is_whatever_its_detail() -> None:
    now = [1.0]
    health = Health(lambda: now[0])
    assert health.parts["broker"].since_ms == 1_000
    now[0] = 2.0
    health.found("broker", "no answer")
    assert health.parts["broker"].since_ms == 1_000
    health.found("broker", "")
    assert health.parts["broker"].since_ms == 2_000
    now[0] = 3.0
    health.found("broker", "")
    assert health.parts["broker"].since_ms == 2_000


async def test_metrics_count_requests_and_decisions_and_name_no_entity(api: Api) -> None:
    api.answer_all()
    await api.client.post("/v1/decisions", json=event(1, "secret-customer"))
    await api.client.get("/v1/scores/customer/secret-customer")
    await api.client.get("/v1/anything")
    text = (await api.client.get("/metrics")).text
    assert 'weir_api_requests_total{route="decisions",status="200"} 1' in text
    assert 'weir_api_requests_total{route="scores",status="404"} 1' in text
    assert 'weir_api_requests_total{route="other",status="404"} 1' in text
    assert 'weir_api_decisions_total{outcome="answered"} 1' in text
    assert "weir_api_decision_seconds_count 1" in text
    assert "secret-customer" not in text


async def test_metrics_are_in_the_text_format_and_have_no_series_that_says_since_when_they_count(api: Api) -> None:
    api.answer_all()
    await api.client.post("/v1/decisions", json=event(1))
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    kinds = {family.name: family.type for family in text_string_to_metric_families(answer.text)}
    assert kinds == {
        "weir_api_requests": "counter", "weir_api_decisions": "counter", "weir_api_authentication_failures": "counter",
        "weir_raised": "counter", "weir_releases_taken_back": "counter", "weir_decided_by_another_release": "counter",
        "weir_api_decision_seconds": "histogram", "weir_api_request_seconds": "histogram", "weir_api_decisions_in_flight": "gauge",
        "weir_api_replies_unmatched": "counter", "weir_api_stream_clients": "gauge", "weir_release_passed_over": "gauge",
    }  # fmt: skip


async def test_a_decision_that_took_as_long_as_a_bound_is_in_the_bucket_of_that_bound() -> None:
    api_metrics = ApiMetrics()
    api_metrics.count_decision("answered", 0.0025)
    value = api_metrics.registry.get_sample_value
    assert [value("weir_api_decision_seconds_bucket", {"le": bound}) for bound in ("0.001", "0.0025", "1.0", "+Inf")] == [0, 1, 1, 1]
    assert value("weir_api_decision_seconds_sum") == 0.0025


async def test_two_processes_in_one_interpreter_count_by_themselves() -> None:
    one, other = ApiMetrics(), ApiMetrics()
    one.count_request("scores", 200, 0.001)
    labels = {"route": "scores", "status": "200"}
    assert one.registry.get_sample_value("weir_api_requests_total", labels) == 1
    assert other.registry.get_sample_value("weir_api_requests_total", labels) is None


async def test_a_request_that_lasts_as_long_as_its_caller_likes_is_counted_and_not_timed() -> None:
    api_metrics = ApiMetrics()
    api_metrics.count_request("stream", 200, None)
    assert api_metrics.registry.get_sample_value("weir_api_requests_total", {"route": "stream", "status": "200"}) == 1
    assert api_metrics.registry.get_sample_value("weir_api_request_seconds_count", {"route": "stream"}) is None


async def test_a_label_that_holds_a_quote_and_a_line_feed_stays_one_label() -> None:
    api_metrics = ApiMetrics()
    api_metrics.count_raised('a"} 9\nb')
    assert b'weir_raised_total{where="a\\"} 9\\nb"} 1.0\n' in generate_latest(api_metrics.registry)


async def test_the_openapi_document_names_every_route(api: Api) -> None:
    paths = set((await api.client.get("/v1/openapi.json")).json()["paths"])
    named = {"/v1/events", "/v1/decisions", "/v1/decisions/{event_id}", "/v1/scores/{entity}/{id}", "/v1/flagged", "/v1/labels",
             "/v1/features", "/v1/policy", "/v1/schema", "/v1/models", "/v1/releases", "/health", "/ready", "/metrics"}  # fmt: skip
    assert named <= paths


def test_a_label_of_a_source_that_the_schema_does_not_accept_is_refused_with_its_place_in_the_list() -> None:
    labels = [{"event_id": 1, "label": 1, "source": "court"}, {"event_id": 2, "label": 1, "source": "curt"}]
    door = LabelDoor(NOW_MS, "ana", sources=LabelSources(("court",)))
    with pytest.raises(Refusal) as caught:
        read_labels(msgspec.json.encode(labels), door)
    assert (caught.value.where, caught.value.got) == ("[1].source", "curt")
