"""Topic ``metrics`` is deleted and made anew under Druid: its place in the old one means nothing in the new one."""

import time
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient
from druid_segments import segments_served, stop_supervisor
from metric_stream import MetricStream, total_of
from score_job_runs import wait_for

from deploy.druid_supervisor import apply_supervisor
from deploy.topics import make_topics, topic_id
from pipeline.metric_store import open_metrics
from pipeline.settings import Settings
from stores.metrics import Metrics, MetricsUnavailableError

if TYPE_CHECKING:
    from conftest import DruidServers

SECONDS_MAX = 90


def known(store: Metrics) -> int:
    try:
        return total_of(store)
    except MetricsUnavailableError:
        return -1


def make_anew(settings: Settings) -> None:
    before = topic_id(settings, "metrics")
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    for deleted in admin.delete_topics([settings.topic("metrics")]).values():
        deleted.result(30)
    time.sleep(1.0)  # the broker goes on deleting for a moment
    make_topics(settings)
    assert topic_id(settings, "metrics") != before


def test_the_new_topic_is_read_from_its_beginning_and_what_the_old_one_gave_stays(druid: "DruidServers") -> None:
    settings = druid.settings("anew.")
    make_topics(settings)
    assert apply_supervisor(settings) == "made"
    store = open_metrics(settings)
    old = MetricStream(settings)
    old.write(400)
    wait_for(lambda: known(store) == old.total, SECONDS_MAX, "rows of the old topic")
    stop_supervisor(settings, "suspend")
    wait_for(lambda: segments_served(settings) > 0, SECONDS_MAX, "no segment is served")
    assert apply_supervisor(settings) == "resumed"
    make_anew(settings)
    new = MetricStream(settings, seed=2)
    new.write(3_000)  # far beyond the old places, so that Druid could go on there and miss what lies before
    assert apply_supervisor(settings) == "begun anew"
    wait_for(lambda: known(store) >= old.total + new.total, SECONDS_MAX, f"{old.total} and {new.total} committed, {known(store)} counted")
    new.write(200)
    wait_for(lambda: known(store) >= old.total + new.total, SECONDS_MAX, "rows that came afterwards")
    assert known(store) == old.total + new.total
    assert apply_supervisor(settings) == "kept"
    stop_supervisor(settings, "terminate")
    store.close()
