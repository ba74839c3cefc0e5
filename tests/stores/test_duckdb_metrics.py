"""The file of event metrics in DuckDB."""

import pathlib

import duckdb
import pytest

from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.metrics.metric_rows import MINUTE_MS, MetricRow
from stores.metrics.metrics import MetricQuery

BEFORE = """
CREATE TABLE metric (time BIGINT, metric VARCHAR, action VARCHAR, score_band VARCHAR, pattern VARCHAR, version VARCHAR, revised BOOLEAN,
 degraded BOOLEAN, late BOOLEAN, shadow BOOLEAN, dimensions MAP(VARCHAR, VARCHAR), count BIGINT, scored BIGINT, score_sum DOUBLE,
 latency_ms_sum DOUBLE, latency_ms_max DOUBLE);
CREATE TABLE next_offset (place VARCHAR PRIMARY KEY, next BIGINT);
INSERT INTO metric VALUES (0, 'decisions', 'approve', 'none', '', '', false, false, false, false, MAP {}, 3, 0, 0.0, 6.0, 2.0);
INSERT INTO next_offset VALUES ('weir.metrics/0', 7);
"""


@pytest.mark.slow
def test_a_file_from_before_decisions_said_what_decided_them_goes_on(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "metrics.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(BEFORE)
    store = DuckDbMetrics(path, 10.0)
    assert store.offsets() == {"weir.metrics/0": 7}
    row = MetricRow(time=0, metric="decisions", count=2, action="approve", score_band="none", decided_by="score", latency_ms_sum=1.0)
    store.add([row], {"weir.metrics/0": 8})
    for _ in range(2):
        groups = store.query(MetricQuery(metric="decisions", from_ms=0, to_ms=MINUTE_MS, group_by=("decided_by",)), ()).groups
        assert [(group.dimensions["decided_by"], group.count) for group in groups] == [("", 3), ("score", 2)]
        store.fold(0, MINUTE_MS)
    store.close()
