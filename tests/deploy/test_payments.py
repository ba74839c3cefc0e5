"""Made-up payments are the same for the same seed, fit their schema, and hold the attacks that they claim."""

import collections
import itertools

from deploy.command import DEMO_CONFIG
from deploy.demo.attacks import Attacks
from deploy.demo.payments import BILLERS, DAY_MS, LISTED_DEVICES, Payment, Town
from deploy.demo.plots import PLOTS
from features.schema.decode import Decoder
from features.schema.schema import read_schema
from patterns.list_text import values_of_lists
from pipeline.trial.configuration_folder import read_texts

NOW_MS = 1_790_000_000_000


def live(seed: int, seconds: int = 60) -> tuple[list[Payment], Attacks, dict[int, str]]:
    town = Town(seed, customers=500, terminals=100)
    attacks = Attacks(town, every_seconds=2.0)
    payments, attacked = [], {}
    for ms in range(NOW_MS, NOW_MS + seconds * 1000, 20):
        for payment, attack in attacks.due(ms):
            payments.append(payment)
            attacked[payment.payment_id] = attack.kind
        payments.append(town.ordinary(ms))
    return payments, attacks, attacked


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert [p.encode() for p in live(3)[0]] == [p.encode() for p in live(3)[0]]
    assert [p.encode() for p in live(3)[0]] != [p.encode() for p in live(4)[0]]


def test_every_payment_is_an_event_of_the_sample_schema() -> None:
    decoder = Decoder(read_schema((DEMO_CONFIG / "schema.yaml").read_text()))
    for payment in live(1)[0]:
        event = decoder.decode(payment.encode(), arrived_ms=NOW_MS + 60_000)
        assert event.id_key == payment.payment_id
        assert event.user == payment.customer_id
        assert event.entities == [payment.terminal_id, payment.payee_id, payment.device_id]


def test_ids_are_unique_and_every_kind_of_attack_comes() -> None:
    payments, attacks, attacked = live(1)
    assert len({payment.payment_id for payment in payments}) == len(payments)
    assert len({attack.kind for attack in attacks.begun}) == len(PLOTS)
    assert set(attacked.values()) == {attack.kind for attack in attacks.begun}


def test_card_testing_is_tiny_payments_of_one_card_in_seconds_and_then_a_large_one() -> None:
    payments, _, attacked = live(1)
    by_victim = collections.defaultdict(list)
    for payment in payments:
        if attacked.get(payment.payment_id) == "card testing":
            by_victim[payment.customer_id].append(payment)
    *probes, hit = next(iter(by_victim.values()))
    assert len(probes) == 12
    assert max(probe.amount_minor for probe in probes) < 300 < 15_000 <= hit.amount_minor
    assert hit.at - probes[0].at < 15_000


def test_customers_mostly_buy_and_now_and_then_do_each_other_thing_that_the_schema_names() -> None:
    town = Town(1, customers=500, terminals=100)
    kinds = collections.Counter(town.ordinary(NOW_MS + at).kind for at in range(20_000))
    assert 0.9 < kinds["purchase"] / 20_000 < 0.98
    assert set(kinds) == {"purchase", "transfer", "incoming", "refund", "repayment", "reset", "deposit"}
    assert all(kind in (DEMO_CONFIG / "schema.yaml").read_text() for kind in kinds)


def test_the_lists_of_the_sample_are_those_of_the_town() -> None:
    lists = values_of_lists(read_texts(DEMO_CONFIG))
    assert {name: tuple(values) for name, values in lists.items()} == {"blocked_devices": LISTED_DEVICES, "known_billers": BILLERS}


def test_sleepers_paid_over_a_month_ago_and_do_nothing_of_their_own() -> None:
    town = Town(1, customers=50, terminals=20)
    asleep = list(town.long_ago(NOW_MS))
    assert {payment.customer_id for payment in asleep} == {customer.id for customer in town.sleepers}
    assert all(31 * DAY_MS < NOW_MS - payment.at <= 38 * DAY_MS for payment in asleep)
    assert not {town.ordinary(NOW_MS).customer_id for _ in range(2_000)} & {payment.customer_id for payment in asleep}


def test_a_history_is_in_order_ends_now_and_is_dense_at_its_end() -> None:
    times = [payment.at for payment in Town(1, 100, 20).history(NOW_MS, days=3, count=5_000, rate_per_second=20)]
    assert len(times) == 5_000
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
    assert times[0] == NOW_MS - 3 * 86_400_000
    assert NOW_MS - 60_000 <= times[-1] < NOW_MS
    assert sum(at >= NOW_MS - 60_000 for at in times) == 20 * 60
