"""Reads ``tests:``, the events by which a rule shows what it matches and what not."""

import datetime
import re
from collections.abc import Iterator, Mapping

import msgspec

from features.schema.schema import Schema
from foundation.document import Section
from foundation.refusal import Refusal
from patterns.language.file_form import ExpectForm, GivenForm, TestForm, fields
from patterns.language.pattern import Constant, Given, InlineTest
from patterns.language.said import read_line
from patterns.language.scope import Scope

TESTS_MAX = 200
"""The maximum number of tests of one rule."""
EVENTS_MAX = 1_000
"""The maximum number of events of one test."""
BEGIN_MS = 1_767_225_600_000
"""The moment from which a test counts where an event's time is written as a length such as ``5m``: 2026-01-01 at midnight UTC."""
_LENGTH = re.compile(r"[0-9]{1,9}(ms|s|m|h|d|w)")
_LENGTH_SAID = "write a length since the beginning of the test as one number with a unit, such as 90s, 5m or 25h"
_ARRIVED_MS = 253_402_300_799_999
_MATCHES_MAX = 100_000
_BOUND = 1e300
_PLAIN = (bool, int, float, str)


class InlineTestReader:
    """Reads the tests of rules over one scope, whose decoder checks their events as it does those of the stream."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._schema = scope.schema

    def read(self, section: Section, thresholds: Mapping[str, object]) -> tuple[InlineTest, ...]:
        """Reads all tests of a rule.

        Args:
            thresholds: the rule's adaptive thresholds, by name.

        Raises:
            Refusal: a field or name is unknown, an event is none of the schema, or a test expects what its events cannot give.
        """
        tests: dict[str, InlineTest] = {}
        for each in section.items():
            if len(tests) == TESTS_MAX:
                each.refuse("too many tests", f"at most {TESTS_MAX}", "more")
            each.only(*fields(TestForm))
            name = read_line(each.at("name"))
            if name in tests:
                each.at("name").refuse("name given twice", "a name of its own for each test", name)
            tests[name] = self._test(name, each, thresholds)
        return tuple(tests.values())

    def _test(self, name: str, section: Section, thresholds: Mapping[str, object]) -> InlineTest:
        common = _object(section.at("common")) | self._begun(section.at("common")) if section.has("common") else {}
        events, ids = self._events(section.at("events"), common)
        matches, expected = self._expected(section.at("expect"), ids)
        given = self._given(section.at("given"), thresholds) if section.has("given") else Given({}, {}, {})
        return InlineTest(name, events, given, matches, expected, section.at("name").text_place())

    def _events(self, section: Section, common: Mapping[str, object]) -> tuple[tuple[Mapping[str, object], ...], list[str]]:
        sections = list(section.items())
        if not 0 < len(sections) <= EVENTS_MAX:
            section.refuse("wrong number of events", f"1 to {EVENTS_MAX} events", f"{len(sections)}")
        events = [self._event(each, common) for each in sections]
        ids = [self._id(each, event) for each, event in zip(sections, events, strict=True)]
        return tuple(events), ids

    def _event(self, section: Section, common: Mapping[str, object]) -> Mapping[str, object]:
        """Returns the event as JSON would have it: fields with dots in their names are nested, and a length of time is a moment."""
        flat = {**common, **_object(section)}
        if section.has(self._schema.time_field):
            flat |= self._begun(section)
        return _nested(flat)

    def _begun(self, section: Section) -> dict[str, object]:
        """Returns the time in `section` as a moment where it is written as a length, and nothing otherwise."""
        name = self._schema.time_field
        if not section.has(name) or not _LENGTH.fullmatch(str(section.at(name).plain())):
            return {}
        return {name: _moment(BEGIN_MS + section.at(name).duration_ms(0), self._schema)}

    def _id(self, section: Section, event: Mapping[str, object]) -> str:
        try:
            return self._scope.decoder.decode(msgspec.json.encode(event), _ARRIVED_MS).id
        except Refusal as refusal:
            what = f"not an event of the schema: {refusal.what} at {refusal.where}"
            remedy = _LENGTH_SAID if refusal.where == self._schema.time_field else refusal.remedy
            section.refuse(what, refusal.expected, refusal.got, remedy)

    def _expected(self, section: Section, ids: list[str]) -> tuple[int, tuple[str, ...] | None]:
        section.only(*fields(ExpectForm))
        matches = section.at("matches").integer(0, _MATCHES_MAX)
        if not section.has("events"):
            return matches, None
        expected: list[str] = []
        for each in section.at("events").items():
            id = str(each.plain())
            if id not in ids:
                each.refuse("not an event of the test", "one of " + ", ".join(ids[:12]) + (", …" if len(ids) > 12 else ""), id)
            if id in expected:
                each.refuse("event given twice", "each event once", id)
            expected.append(id)
        if (matches == 0) is not (not expected):
            section.at("events").refuse("events that do not fit the number of matches", "events if and only if there are matches")
        return matches, tuple(expected)

    def _given(self, section: Section, thresholds: Mapping[str, object]) -> Given:
        section.only(*fields(GivenForm))
        known = {"feature": self._scope.features.names, "model": self._scope.models, "adaptive": tuple(thresholds)}
        numbers = {
            f"{root}.{name}": value.number(-_BOUND, _BOUND) for root, names in known.items() for name, value in _named(section, root, names)
        }
        listed = _named(section, "list", tuple(sorted(self._scope.lists)))
        return Given(numbers, dict(self._facts(section)), {name: tuple(each.text() for each in values.items()) for name, values in listed})

    def _facts(self, section: Section) -> Iterator[tuple[str, Constant]]:
        facts = {fact.path: fact for fact in self._schema.facts}
        kinds = tuple(dict.fromkeys(fact.kind for fact in self._schema.facts))
        for kind, _ in _named(section, "entity", kinds):
            for name, value in _named(section.at("entity"), kind, tuple(fact.name for fact in facts.values() if fact.kind == kind)):
                plain = value.plain()
                fact = facts[f"entity.{kind}.{name}"]
                if not isinstance(plain, _PLAIN) or not fact.accepts(plain):
                    value.refuse(f"not a value of {fact.path}", "one of " + ", ".join(fact.values) if fact.values else f"a {fact.type}")
                yield fact.path, plain


def _named(section: Section, root: str, names: tuple[str, ...]) -> Iterator[tuple[str, Section]]:
    """Yields what stands under `root` by name, and refuses a name that is not among `names`."""
    if not section.has(root):
        return
    section.at(root).only(*names)
    for name, value in section.at(root).entries():
        yield name.text(), value


def _object(section: Section) -> dict[str, object]:
    section.names()
    plain = section.plain()
    assert isinstance(plain, dict)
    return plain


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    event: dict[str, object] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        inside = event
        for parent in parents:
            inner = inside.setdefault(parent, {})
            if not isinstance(inner, dict):
                break
            inside = inner
        inside[last] = value
    return event


def _moment(time_ms: int, schema: Schema) -> object:
    if schema.time_unit == "rfc3339":
        return datetime.datetime.fromtimestamp(time_ms / 1_000, datetime.UTC).isoformat()
    return {"ms": time_ms, "us": time_ms * 1_000, "s": time_ms / 1_000}[schema.time_unit]
