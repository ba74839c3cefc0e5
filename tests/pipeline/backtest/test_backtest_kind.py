"""Backtests as the process of a job does them, on a registry and an archive of files."""

import multiprocessing
import pathlib
from typing import Any

import msgspec
import pytest
from stored_system import StoredSystem, rule

from foundation.refusal import Refusal
from patterns.entries import Change, Entry
from pipeline.backtest.figures import Figures
from pipeline.backtest.summary import Summary, measured_in
from pipeline.jobs.backtest_kind import BACKTEST, FILE, BacktestParameters, check, run
from pipeline.jobs.job_child import Context, outcome_of
from pipeline.jobs.job_kind import JobCancelledError
from pipeline.jobs.job_messages import Finished, Message, Order, Refused

NOW_MS = 1_700_000_000_000


class Office:
    """A stored system, and the folder of a job."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.system = StoredSystem(folder)
        self.folder = folder / "of the job"

    def outcome(self, **given: Any) -> Message:
        """What the process of a job would say at its end; it is done in this one."""
        self.folder.mkdir(exist_ok=True)
        parameters = msgspec.json.encode(check(BacktestParameters(**given))).decode()
        order = Order("pipeline.jobs.kinds", "backtest", parameters, str(self.folder), self.system.settings)
        ours, theirs = multiprocessing.Pipe()
        with ours, theirs:
            return outcome_of(order, Context(self.system.settings, self.folder, theirs))

    def figures(self, **given: Any) -> Figures:
        said = self.outcome(**given)
        assert isinstance(said, Finished), said
        return msgspec.json.decode((self.folder / FILE).read_bytes(), type=Figures)

    def refused(self, **given: Any) -> dict[str, Any]:
        """The problem of a job that fails; it has left no figures."""
        said = self.outcome(**given)
        assert isinstance(said, Refused), said
        assert not (self.folder / FILE).exists()
        return said.fields


@pytest.fixture
def office(tmp_path: pathlib.Path) -> Office:
    return Office(tmp_path)


def test_a_backtest_of_a_stored_text_counts_all_events_of_the_archive_with_their_labels(office: Office) -> None:
    text = rule(80)
    hash = office.system.keep("new", text)
    said = office.outcome(versions={"new": hash})
    assert isinstance(said, Finished), said
    figures = msgspec.json.decode((office.folder / FILE).read_bytes(), type=Figures)
    above = [event for event in office.system.events if event["amount"] > 80]
    [found] = figures.rules
    assert (found.id, found.hash, found.role, found.caught.counts.events) == ("new", hash, "candidate", len(above))
    assert figures.span.events == len(office.system.events)
    assert figures.release == office.system.release
    assert (figures.labels.fraud, figures.labels.good) == (sum(office.system.labels.values()), list(office.system.labels.values()).count(0))
    measured = measured_in(msgspec.json.decode(said.found, type=Summary), "new", hash)
    fraud = [event for event in above if office.system.labels.get(event["id"]) == 1]
    assert measured is not None
    assert measured[:3] == (len(office.system.events), len(above), len(fraud))


def test_events_outside_the_span_warm_up_and_do_not_count(office: Office) -> None:
    at_ms = office.system.events[200]["at"]
    figures = office.figures(versions={"new": office.system.keep("new", rule(80))}, from_=at_ms, to=at_ms + 60_000 * 100)
    assert (figures.span.events, figures.span.first_at, figures.span.last_at) == (100, at_ms, at_ms + 60_000 * 99)
    assert figures.span.warm_up_events >= 200


def test_what_is_lost_without_a_rule_is_told(office: Office) -> None:
    figures = office.figures(without=("in_force",))
    [found] = figures.rules
    assert (found.id, found.role, figures.without) == ("in_force", "without", ["in_force"])
    above = [event for event in office.system.events if event["amount"] > 50]
    assert found.caught.counts.events == len(above)
    assert {(flip.from_, flip.to) for flip in figures.flips} <= {("review", "approve"), ("review", "block")}


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"versions": {"new": "0" * 64}}, "unknown version"),
        ({"without": ("nobody",)}, "no rule to do without"),
        ({"without": ("in_force",), "release": 7}, "unknown release"),
        ({"without": ("in_force",), "value": "colour"}, "not a number of the event"),
    ],
)
def test_a_backtest_that_cannot_be_made_fails_and_has_no_result(office: Office, given: dict[str, Any], what: str) -> None:
    assert office.refused(**given)["what"] == what


def test_a_text_that_does_not_compile_any_more_fails_with_its_place(office: Office) -> None:
    problem = office.refused(versions={"new": office.system.keep("new", rule(80).replace("event.amount", "event.colour"))})
    assert problem["where"].startswith("patterns/new.yaml")


def test_an_archive_with_a_damaged_file_fails_the_backtest_and_counts_nothing(office: Office) -> None:
    file = office.system.files_of("events")[1]
    file.write_bytes(file.read_bytes()[:-200])
    assert office.refused(versions={"new": office.system.keep("new", rule(80))})["what"] == "not a file of the archive"


def test_events_that_cannot_be_read_are_counted_beside_the_others(office: Office) -> None:
    last_ms = office.system.events[-1]["at"]
    office.system.put("events", [(last_ms, b"no json"), (last_ms, b'{"id": 5}')], a_file=97)
    figures = office.figures(versions={"new": office.system.keep("new", rule(80))})
    assert figures.refused == 2
    assert figures.refused_for


def test_a_rule_asks_the_archived_entries_and_facts(office: Office) -> None:
    added, removed, fact = Entry("watched", "u1"), Entry("watched", "u2"), {"kind": "who", "entity": "u3", "name": "vip", "value": True}
    changes = [Change("watched", "u1", added), Change("watched", "u2", removed), Change("watched", "u2", None)]
    records = [change.record() for change in changes]
    office.system.put("entries", [(NOW_MS, value or b"") for _, value in records], keys=[key.encode() for key, _ in records])
    since = office.system.events[300]["at"]
    office.system.put("facts", [(NOW_MS, msgspec.json.encode(fact | {"since": since}))])
    watched = rule(0).replace("event.amount > 0", "event.who in list.watched || entity.who.vip")
    figures = office.figures(versions={"new": office.system.keep("new", watched)})
    wanted = [each for each in office.system.events if each["who"] == "u1" or (each["who"] == "u3" and each["at"] >= since)]
    assert figures.rules[0].caught.counts.events == len(wanted)
    assert any("hold from the first event on what stands on them at the end" in sentence for sentence in figures.not_simulated)


def test_a_backtest_that_is_cancelled_at_its_last_batch_writes_nothing(office: Office, tmp_path: pathlib.Path) -> None:
    class Impatient:
        settings = office.system.settings
        folder = tmp_path / "own"

        def progress(self, done: int, total: int) -> None:
            if done == total:
                raise JobCancelledError

    Impatient.folder.mkdir()
    with pytest.raises(JobCancelledError):
        run(BacktestParameters(versions={"new": office.system.keep("new", rule(80))}), Impatient())
    assert not (Impatient.folder / FILE).exists()


def test_a_request_for_nothing_is_refused_at_the_door() -> None:
    with pytest.raises(Refusal, match="no candidate"):
        check(BacktestParameters())
    with pytest.raises(Refusal, match="too many rules"):
        check(BacktestParameters(versions={f"r{number}": "0" for number in range(101)}))


def test_the_kind_is_for_authors_and_approvers() -> None:
    assert (BACKTEST.path, BACKTEST.roles) == ("patterns:backtest", "author approver")
