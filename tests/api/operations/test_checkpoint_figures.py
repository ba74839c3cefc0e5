import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from api.console.shown.process_figures import figures_of
from api.operations.checkpoint_figures import CheckpointFigures, checkpoints_of

JOBS = [{"jid": "a", "name": "weir-score", "state": "RUNNING"}, {"jid": "b", "name": "weir-metrics", "state": "FAILED"}]
NEWEST = {"id": 7, "latest_ack_timestamp": 1_796_030_403_000, "end_to_end_duration": 250, "state_size": 9}


def flink(request: httpx.Request) -> httpx.Response:
    """Answers as Flink's REST interface does."""
    if request.url.path == "/jobs/overview":
        return httpx.Response(200, json={"jobs": JOBS})
    assert request.url.path == "/jobs/a/checkpoints"
    return httpx.Response(200, json={"counts": {"completed": 7, "failed": 2}, "latest": {"completed": NEWEST, "failed": None}})


async def test_the_newest_checkpoint_of_each_running_job_is_a_figure_that_alarms_once_it_is_old() -> None:
    figures, registry = CheckpointFigures("http://flink"), CollectorRegistry()
    registry.register(figures)
    async with httpx.AsyncClient(transport=httpx.MockTransport(flink)) as client:
        figures._found = await checkpoints_of(client, "http://flink")
    text = generate_latest(registry).decode()
    assert 'weir_checkpoint_took_seconds{job="weir-score"} 0.25' in text
    assert 'weir_checkpoints_failed_total{job="weir-score"} 2.0' in text
    for seconds, is_alarming in ((5, False), (500, True)):
        [age] = [each for each in figures_of(text, 1_796_030_403 + seconds) if "checkpoint" in each.name and "Oldest" in each.name]
        assert (age.value, age.is_alarming) == (f"{seconds} s", is_alarming)


async def test_a_flink_that_answers_with_an_error_is_told_and_makes_no_figure() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.HTTPError):
            await checkpoints_of(client, "http://flink")
