"""A kind of entity that comes with a later release has no history: stages know since when."""

import msgspec

from deploy.command import SAMPLES
from deploy.local.releases import read_folder
from features.layout.layout import LONG_AGO
from foundation.content_hash import content_hash
from pipeline.control.definitions import Definitions
from pipeline.control.known_releases import ReleaseRecord, release_key

PAIR = "- {name: pair_1h, template: count, entity: [customer_id, terminal_id], window: 1h}\n"


def push(definitions: Definitions, id: int, texts: dict[str, str]) -> None:
    definitions.take([("c", f"def:{content_hash(text)}", text.encode()) for text in texts.values()])
    record = ReleaseRecord(id, {part: content_hash(text) for part, text in texts.items()}, at_ms=1_000 * id)
    definitions.take([("c", release_key(id), msgspec.json.encode(record))])


def test_a_kind_begins_with_the_first_of_the_releases_in_a_row_that_have_it() -> None:
    texts = read_folder(SAMPLES / "payments")
    with_pair = texts | {"features": texts["features"] + PAIR}
    definitions = Definitions()
    pair = "customer_id+terminal_id"
    for id, some in enumerate((texts, with_pair, with_pair | {"policy": texts["policy"] + "\n"}, texts, with_pair), 1):
        push(definitions, id, some)
    plans = {id: release.features.plans for id in definitions.releases.ids() if (release := definitions.releases.get(id))}
    assert [plans[id][pair].began_ms for id in (2, 3, 5)] == [2_000, 2_000, 5_000]
    assert all(plans[id]["customer_id"].began_ms == LONG_AGO for id in plans)
