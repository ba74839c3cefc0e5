"""Rules from Python: they are uploaded, approved and moved through their lives."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from api.http.responses import KeptParts, RuleInForce, ShownRules
from patterns.rules.explanation import Why


class ClientPatterns:
    """The calls about rules of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Texts, versions and differences are read by the client's own calls, with the part ``patterns/<id>``; several rules are uploaded by
    `Client.put`, with the parts ``pattern:<id>``.

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
        params = {"event_id": event_id} | ({} if user is None else {"user": user})
        found: Why = self._read("GET", f"{_path(id)}:why", Why, params=params)
        return found

    def put(self, id: str, text: str, seen: str | None = None) -> RuleInForce | KeptParts:
        """Uploads the text of a rule; gives `KeptParts` when it waits for an approver.

        Args:
            seen: the hash of the text that it replaces; the call is refused if another one is in force. None skips this check.
        """
        headers = {} if seen is None else {"if-match": f'"{seen}"'}
        found: RuleInForce | KeptParts = self._put("PUT", _path(id), RuleInForce, KeptParts, content=text.encode(), headers=headers)
        return found

    def move(self, id: str, verb: str, share: float | None = None, reason: str = "") -> RuleInForce:
        """Moves a rule by ``shadow``, ``canary``, ``activate``, ``pause`` or ``retire``.

        Args:
            share: the share of entities that a canary acts for, in (0, 1].
            reason: why, for the audit log.
        """
        return self._say(id, verb, {"reason": reason} | ({} if share is None else {"share": share}))

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
