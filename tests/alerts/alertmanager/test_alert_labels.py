"""Alerts as Alertmanager takes them."""

import re

import msgspec
from alerts_of_a_test import alert
from hypothesis import given
from hypothesis import strategies as st

from alerts.alertmanager.alert_labels import LABEL_CHARACTERS_MAX, labels_of, posted_alert


def test_labels_say_which_alert_it_is() -> None:
    assert labels_of(alert()) == {"alertname": "attack", "severity": "high", "card": "c1"}


def test_an_alert_cannot_pass_for_one_of_another_kind() -> None:
    assert labels_of(msgspec.structs.replace(alert(), group={"alertname": "x", "severity": "low"})) == {
        "alertname": "attack",
        "severity": "high",
    }


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=400), max_size=5))
def test_whatever_an_id_or_a_name_is_the_labels_are_legal_and_bounded(group: dict[str, str]) -> None:
    for name, value in labels_of(msgspec.structs.replace(alert(), group=group)).items():
        assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) and 0 < len(value) <= LABEL_CHARACTERS_MAX
        value.encode()


def test_times_are_those_of_the_alert_and_its_end_is_behind_its_beginning() -> None:
    posted = posted_alert(alert(), 0, "")
    assert (posted["startsAt"], posted["endsAt"]) == ("1970-01-01T00:00:01.000+00:00", "1970-01-01T00:00:01.001+00:00")
    assert "generatorURL" not in posted and "case" not in posted["annotations"]
    linked = posted_alert(alert(), 0, "https://weir/cases/1")
    assert linked["generatorURL"] == linked["annotations"]["case"] == "https://weir/cases/1"
