"""What a decision says of the entries that its matches put on lists, and of the budgets of their rules."""

import msgspec
from imitation import Imitation

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, entities: [device],"
    " fields: {amount: {type: decimal, scale: 2}, card: {type: string, required: false}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}]}",
    "list:watched": "# declared\n",
    "list:cards": "# declared\n",
}
RULE = (
    "title: A great amount\nowner: tests\nstatus: {status}\nwhen: event.amount > 10.0\n"
    "then: {{list: [{{add: event.device, to: watched, for: 1h}}, {{add: event.card, to: cards}}], reason: 'paid {{event.amount}}'}}\n"
    "budget: {{matches: 200, per: 1h}}\n"
)


def decided(status: str, **event: object) -> dict[str, object]:
    job = Imitation()
    job.release(1, TEXTS | {"pattern:great": RULE.format(status=status)})
    job.events([msgspec.json.encode({"id": 1, "at": START_MS, "who": "u", "amount": 12.5, "device": "d1"} | event)])
    [decision] = job.decisions()
    return decision


def test_a_match_that_acts_says_what_it_puts_on_lists_and_until_when() -> None:
    [match] = decided("active", card="c1")["matches"]
    assert match["entries"] == [
        {"list": "watched", "value": "d1", "expires": START_MS + HOUR_MS, "reason": "paid 12.5"},
        {"list": "cards", "value": "c1", "reason": "paid 12.5"},
    ]
    assert match["budget"] == {"matches": 200, "per_ms": HOUR_MS, "then": "shadow"}


def test_a_match_in_shadow_puts_nothing_on_lists_and_spends_no_budget() -> None:
    [match] = decided("shadow")["matches"]
    assert (match["shadow"], "entries" in match, "budget" in match) == (True, False, False)


def test_an_event_without_the_text_puts_nothing_on_the_list_of_such_texts() -> None:
    [match] = decided("active")["matches"]
    assert [entry["list"] for entry in match["entries"]] == ["watched"]
