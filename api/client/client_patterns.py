"""Rules from Python: they are uploaded, approved and moved through their lives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from api.decisions.threshold_shapes import ReadThresholds
from api.definitions.definition_shapes import KeptParts
from api.patterns.rule_shapes import (
    HiddenByExceptions,
    RuleInForce,
    RuleMoves,
    RuleRemarks,
    RuleReport,
    RuleReports,
    RuleTests,
    RuleTotals,
    RuleVocabulary,
    ShownRules,
    ShownSnooze,
    ShownSnoozes,
)
from patterns.rules.explaining.explanation import Why


class RulesUploaded(msgspec.Struct):
    """The release in force after an upload of rules; `remarks` say by id what each costs, and of what its author is warned."""

    release: int
    changed: bool
    warming: list[str] = []
    remarks: dict[str, RuleRemarks] = {}


class ClientPatterns:
    """The calls about rules of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Texts, versions and differences are read by the client's own calls, with the part ``patterns/<id>``.

    Args:
        read: makes a call and gives its answer in the given shape.
        put: makes a call whose answer has the first shape, or with 202 the second.
    """

    def __init__(self, read: Callable[..., Any], put: Callable[..., Any]) -> None:
        self._read = read
        self._put = put

    def all(self) -> ShownRules:
        """The rules of the release in force, and what they may do."""
        found: ShownRules = self._read("GET", "/v1/patterns", ShownRules)
        return found

    def why(self, id: str, event_id: str, user: str | None = None) -> Why:
        """Why the rule `id` matched an event that was decided, or did not.

        Args:
            user: id of the event's primary entity; needed when several have this event id.
        """
        found: Why = self._read("GET", f"{_path(id)}:why", Why, params={"event_id": event_id, "user": user})
        return found

    def thresholds(self, id: str, key: str, threshold: str | None = None, second: str | None = None) -> ReadThresholds:
        """What the learned thresholds of the rule `id` are for the entity `key`, and why.

        Args:
            threshold: the name of one; None: all of the rule.
            second: id of the second entity, where a threshold is that of a pair; `key` is that of the first one.
        """
        path = f"{_path(id)}/thresholds/{quote(key, safe='')}"
        found: ReadThresholds = self._read("GET", path, ReadThresholds, params={"threshold": threshold, "second": second})
        return found

    def test(self, id: str, text: str) -> RuleTests:
        """What the tests of a rule's text give beside the definitions in force, and what it costs; nothing is stored."""
        found: RuleTests = self._read("POST", "/v1/patterns:test", RuleTests, json={"id": id, "text": text})
        return found

    def vocabulary(self) -> RuleVocabulary:
        """What rules may say beside the release in force: the JSON Schema of their files, and the names that conditions may read."""
        found: RuleVocabulary = self._read("GET", "/v1/patterns:vocabulary", RuleVocabulary)
        return found

    def moves(self, id: str) -> RuleMoves:
        """Which verbs lead the rule `id` on from its status, and what is in the way of this caller."""
        found: RuleMoves = self._read("GET", f"{_path(id)}/moves", RuleMoves)
        return found

    def put(self, id: str, text: str, seen: str | None = None) -> RuleInForce | KeptParts:
        """Uploads the text of a rule; gives `KeptParts` when it waits for an approver.

        Args:
            seen: the hash of the text that it replaces; the call is refused if another one is in force. None skips this check.
        """
        headers = {} if seen is None else {"if-match": f'"{seen}"'}
        found: RuleInForce | KeptParts = self._put("PUT", _path(id), RuleInForce, KeptParts, content=text.encode(), headers=headers)
        return found

    def upload(self, texts: Mapping[str, str]) -> RulesUploaded | KeptParts:
        """Uploads the texts of rules, by id, all or none; gives `KeptParts` when they wait for an approver."""
        body = {"patterns": dict(texts)}
        found: RulesUploaded | KeptParts = self._put("POST", "/v1/patterns:upload", RulesUploaded, KeptParts, json=body)
        return found

    def move(self, id: str, verb: str, share: float | None = None, reason: str = "", override: bool = False) -> RuleInForce:
        """Moves a rule by ``shadow``, ``canary``, ``activate``, ``pause`` or ``retire``.

        Args:
            share: the share of entities that a canary acts for, in (0, 1].
            reason: why, for the audit log.
            override: lets a rule act although it does not keep the bounds of its promotion; `reason` has to say why.
        """
        body: dict[str, object] = {"reason": reason}
        if share is not None:
            body["share"] = share
        if override:
            body["override"] = True
        return self._say(id, verb, body)

    def report(self, id: str, days: int | None = None) -> RuleReport:
        """What a rule did, or would have done, since its text is what it is.

        Args:
            days: within so many days of event time; None: as far back as counts are kept.
        """
        found: RuleReport = self._read("GET", f"{_path(id)}/report", RuleReport, params={"days": days})
        return found

    def reports(self, ids: Sequence[str], days: int | None = None) -> RuleReports:
        """What each of up to 100 rules did, or would have done, in the order of `ids`; `days` is as in `report`."""
        found: RuleReports = self._read("GET", "/v1/patterns:reports", RuleReports, params={"id": list(ids), "days": days})
        return found

    def totals(self) -> RuleTotals:
        """How often each rule has matched with all its texts, the one that matched most often first."""
        found: RuleTotals = self._read("GET", "/v1/patterns:totals", RuleTotals)
        return found

    def exceptions(self, id: str | None = None) -> HiddenByExceptions:
        """Exceptions of a rule, or of all rules, by how often they hid a match."""
        path = "/v1/patterns:exceptions" if id is None else f"{_path(id)}/exceptions"
        found: HiddenByExceptions = self._read("GET", path, HiddenByExceptions)
        return found

    def snooze(self, id: str, length: str, comment: str, by: Mapping[str, str] | None = None) -> ShownSnooze:
        """Silences the alerts of a rule.

        Args:
            length: how long, such as ``8h``.
            comment: why.
            by: only alerts of events with these values.
        """
        body = {"for": length, "comment": comment, "by": dict(by or {})}
        found: ShownSnooze = self._read("POST", f"{_path(id)}:snooze", ShownSnooze, json=body)
        return found

    def snoozes(self, id: str) -> ShownSnoozes:
        """The snoozes of a rule, the newest first, also those that are over."""
        found: ShownSnoozes = self._read("GET", f"{_path(id)}/snoozes", ShownSnoozes)
        return found

    def lift(self, id: str, snooze: str) -> ShownSnooze:
        """Ends a snooze now."""
        found: ShownSnooze = self._read("DELETE", f"{_path(id)}/snoozes/{quote(snooze, safe='')}", ShownSnooze)
        return found

    def approve(self, id: str, hash: str, reason: str = "") -> RuleInForce:
        """Approves the version `hash` of a rule's text, which somebody else has stored."""
        return self._say(id, "approve", {"hash": hash, "reason": reason})

    def roll_back(self, id: str, hash: str, reason: str = "") -> RuleInForce:
        """Gives a rule the text `hash` that it had before."""
        return self._say(id, "roll_back", {"hash": hash, "reason": reason})

    def remove(self, id: str) -> None:
        """Removes a rule that is a draft or retired."""
        self._read("DELETE", _path(id), dict[str, Any])

    def _say(self, id: str, verb: str, body: Mapping[str, object]) -> RuleInForce:
        found: RuleInForce = self._read("POST", f"{_path(id)}:{verb}", RuleInForce, json=dict(body))
        return found


def _path(id: str) -> str:
    return f"/v1/patterns/{quote(id, safe='')}"
