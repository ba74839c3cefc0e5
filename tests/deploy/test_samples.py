"""Every sample folder is valid, and the engagement sample tells readers who will subscribe from those who will not."""

import datetime
import json
import pathlib
import random
from collections.abc import Iterator

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from deploy.command import SAMPLES, main

pytestmark = pytest.mark.slow

BEGIN = datetime.datetime(2026, 3, 2)  # UTC, as in decisions.parquet
DAYS = 28


@pytest.mark.parametrize("folder", sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir()))
def test_weir_check_passes_on_every_sample_folder(folder: str) -> None:
    result = CliRunner().invoke(main, ["check", str(SAMPLES / folder)])
    assert result.exit_code == 0, result.output
    assert ": ok: " in result.output
    assert "warning: " not in result.output


def page_views(seed: int) -> Iterator[tuple[dict, bool]]:
    """(page view, whether its reader is keen): every tenth reader reads often, long and to the end."""
    chance = random.Random(seed)
    for day in range(DAYS):
        for reader in range(150):
            keen = reader % 10 == 0
            for view in range(chance.randint(2, 4) if keen else chance.randint(0, 2)):
                left_at = BEGIN + datetime.timedelta(days=day, hours=4 * view, minutes=chance.uniform(0, 239))
                reading = {"seconds": chance.gammavariate(4, 40 if keen else 10), "scrolled": chance.uniform(0.5 if keen else 0, 1)}
                yield (
                    {
                        "view_id": f"v{day}-{reader}-{view}",
                        "left_at": left_at.isoformat() + "Z",
                        "reader_id": f"r{reader}",
                        "device_id": f"d{reader}",
                        "section": chance.choice(("politics", "sport", "local")),
                        "reading": reading,
                        "premium": chance.random() < (0.5 if keen else 0.1),
                    },
                    keen,
                )


def replayed(folder: pathlib.Path, views: list[tuple[dict, bool]]) -> list[dict]:
    """The decisions on `views`; a third of the keen readers' are labelled, two days after the view."""
    subscribed = [view for number, (view, keen) in enumerate(views) if keen and number % 3 == 0]
    known = [datetime.datetime.fromisoformat(view["left_at"]) + datetime.timedelta(days=2) for view in subscribed]
    labels = [{"event_id": view["view_id"], "label": 1, "label_time": at.isoformat()} for view, at in zip(subscribed, known, strict=True)]
    for name, rows in (("views", [view for view, _ in views]), ("labels", labels)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = [str(folder / "views.jsonl"), "--labels", str(folder / "labels.jsonl"), "--out", str(folder)]
    result = CliRunner().invoke(main, ["replay", *files, "--config", str(SAMPLES / "engagement")])
    assert result.exit_code == 0, result.output
    return pyarrow.parquet.read_table(folder / "decisions.parquet").to_pylist()


def test_readers_who_are_near_to_a_subscription_are_asked_and_others_are_shown_the_article(tmp_path: pathlib.Path) -> None:
    views = list(page_views(seed=1))
    keen_by_id = {view["view_id"]: keen for view, keen in views}
    decisions = replayed(tmp_path, views)
    assert {decision["event_id"] for decision in decisions} == set(keen_by_id)

    before_labels, last_week = BEGIN + datetime.timedelta(days=2), BEGIN + datetime.timedelta(days=DAYS - 7)
    assert {decision["action"] for decision in decisions if decision["event_time"] < before_labels} == {"approve"}
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for decision in decisions:
        if decision["event_time"] >= last_week:
            shown[keen_by_id[decision["event_id"]]].append(decision["action"] == "approve")
    assert sum(shown[True]) < 0.2 * len(shown[True])
    assert sum(shown[False]) > 0.8 * len(shown[False])
