from api.console.shown.process_figures import figures_of
from api.console.shown.runbook import PARTS
from api.http.health import PARTS as CHECKED

TEXT = """# TYPE weir_api_decisions counter
weir_api_decisions_total{outcome="answered"} 97.0
weir_api_decisions_total{outcome="fallback"} 3.0
# TYPE weir_api_decision_seconds histogram
weir_api_decision_seconds_bucket{le="0.005"} 90.0
weir_api_decision_seconds_bucket{le="0.1"} 99.0
weir_api_decision_seconds_bucket{le="+Inf"} 100.0
# TYPE weir_raised counter
weir_raised_total{where="user"} 1.0
weir_raised_total{where="decode"} 1.0
"""


def test_there_is_advice_for_each_part_that_is_checked() -> None:
    assert set(PARTS) == set(CHECKED)
    assert all(each.name and each.suffers and each.steps for each in PARTS.values())


def test_figures_are_summed_over_their_labels_and_say_when_they_alarm() -> None:
    found = {each.name: each for each in figures_of(TEXT, 1_000)}
    assert found["Synchronous decisions since the start"].value == "100"
    assert found["Nine in ten of them took at most"].value == "5 ms"
    assert found["99 in 100 took at most"].value == "100 ms"
    raised, fallback = found["Events at which a stage raised"], found["Answered by the fallback, for the score came too late"]
    assert (raised.value, raised.is_alarming) == ("2", True)
    assert (fallback.value, fallback.is_alarming) == ("3.0 %", True)


def test_figures_of_a_process_that_has_decided_nothing_alarm_nobody() -> None:
    assert not any(each.is_alarming for each in figures_of("", 1_000))
