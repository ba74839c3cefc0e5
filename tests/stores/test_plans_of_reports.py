"""Reports on a page of rules cost as much beside a thousand other rules as beside none."""

import contextlib
import pathlib
from typing import Any

from databases_of_a_test import database_in
from sqlalchemy import Engine, event

from stores.relational.effects import RelationalEffects


def test_what_is_counted_of_a_rule_is_found_without_reading_that_of_others(tmp_path: pathlib.Path) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(connection: object, cursor: object, said: str, given: Any, *more: object) -> None:
        asked.append((said, given))

    with contextlib.closing(database_in(tmp_path)) as database:
        effects = RelationalEffects(database)
        event.listen(Engine, "before_cursor_execute", listen)
        try:
            for read in (effects.counts, effects.overlaps, effects.labelled):
                read(["a", "b"], 1)
        finally:
            event.remove(Engine, "before_cursor_execute", listen)
        selects = [(said, given) for said, given in asked if said.startswith("SELECT rule")]
        with database.reading() as connection:
            plans = [str(row) for said, given in selects for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given)]
    assert (len(selects), [step for step in plans if "SCAN" in step]) == (4, [])
