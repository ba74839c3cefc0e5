"""What the rules of these tests may read. For tests only."""

from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from patterns.language.rule_folder import Reading, read_patterns
from patterns.language.scope import Scope, Seen

SCHEMA = """\
id: {field: transaction_id, type: string}
time: {field: ts, unit: ms}
user: customer_id
entities: [terminal_id, device_id]
fields:
  amount: {type: decimal, scale: 2, retain: true}
  items: {type: integer, required: false}
  online: {type: boolean, required: false}
  merchant_category: {type: string, retain: true, required: false}
  card.country: {type: string, required: false}
facts: {customer_id: {vip: boolean, tier: {values: [gold, basic]}}, device_id: {verdict: {values: [good, fraud]}}}
"""
FEATURES = """\
- {name: count_10m, template: count, window: 10m}
- {name: amount_mean_30d, template: mean, value: event.amount, window: 30d}
- {name: terminal_count_1h, template: count, entity: terminal_id, window: 1h}
- {name: device_users_7d, template: distinct, value: event.customer_id, entity: device_id, window: 7d}
- {name: pair_count_1d, template: count, entity: [customer_id, device_id], window: 1d}
- {name: amount_ratio, expression: event.amount / feature.amount_mean_30d}
"""
_schema = read_schema(SCHEMA)
SCOPE = Scope(_schema, read_features(FEATURES, _schema), ("fraud_trees",), frozenset(("watched_devices", "blocked_cards")))


def reading_of(text: str, seen: Seen | None = None) -> Reading:
    """Reads one rule, which is called rule."""
    return read_patterns({"rule": text}, SCOPE, seen)
