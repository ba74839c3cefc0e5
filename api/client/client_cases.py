"""Cases from Python: the queue is read, a case is claimed, decided and closed, and inboxes are given to people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from api.cases.case_shapes import (
    CaseAlertPage,
    CaseEventPage,
    CaseLinks,
    CasePage,
    GivenInbox,
    GivenVerdict,
    GivenVerdicts,
    NewCase,
    ReviewQuality,
    ShownCase,
    ShownInbox,
    ShownInboxes,
    Snoozing,
    Timeline,
    VerdictPage,
)
from api.cases.typology_routes import Taxonomy


class ClientCases:
    """The calls about cases of one client. Each may raise a `Refusal`, as `api.client.client.Client` says.

    Where a call takes `seen`, it is refused unless the case is still at that version; None skips the check.

    Args:
        read: makes a call and gives its answer in the given shape.
    """

    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def page(
        self,
        states: Sequence[str] = (),
        inboxes: Sequence[str] = (),
        typologies: Sequence[str] = (),
        entity: tuple[str, str] | None = None,
        holder: str | None = None,
        assigned_to: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> CasePage:
        """Returns cases that the caller may see, those of the greatest priority first.

        Args:
            entity: only those about this (kind, id).
            cursor: `next` of the page before.
        """
        given: dict[str, object] = {"state": list(states), "inbox": list(inboxes), "typology": list(typologies), "holder": holder}
        given |= {"assigned_to": assigned_to, "cursor": cursor, "limit": limit}
        given |= {} if entity is None else {"entity": entity[0], "id": entity[1]}
        found: CasePage = self._read("GET", "/v1/cases", CasePage, params=given)
        return found

    def get(self, id: str) -> ShownCase:
        """Returns one case."""
        found: ShownCase = self._read("GET", _path(id), ShownCase)
        return found

    def open(self, typology: str, entity_id: str, text: str = "") -> ShownCase:
        """Opens a case by hand."""
        made: ShownCase = self._write("/v1/cases", NewCase(typology, entity_id, text), ShownCase)
        return made

    def taxonomy(self) -> Taxonomy:
        """Typologies with what their verdicts need, and the reasons that verdicts may have."""
        return self._read("GET", "/v1/typologies", Taxonomy)  # type: ignore[no-any-return]

    def next(self, inboxes: Sequence[str] = ()) -> ShownCase:
        """Claims the best case that is free, in any of `inboxes`, or in all that the caller may see."""
        found: ShownCase = self._read("POST", "/v1/cases:next", ShownCase, json={"inboxes": list(inboxes)})
        return found

    def claim(self, id: str, seen: int | None = None) -> ShownCase:
        """Claims a case, or holds it for longer."""
        return self._act(id, ":claim", None, seen)

    def release(self, id: str, seen: int | None = None) -> ShownCase:
        """Ends a claim."""
        return self._act(id, ":release", None, seen)

    def assign(self, id: str, to: str, seen: int | None = None) -> ShownCase:
        """Says who is to work on a case; an empty name is anybody."""
        return self._act(id, ":assign", {"to": to}, seen)

    def move(self, id: str, inbox: str, text: str = "", seen: int | None = None) -> ShownCase:
        """Moves a case to another inbox."""
        return self._act(id, ":move", {"inbox": inbox, "text": text}, seen)

    def move_alert(self, id: str, alert: str, to: str | None, seen: int | None = None) -> ShownCase:
        """Moves an alert of a case to another one, or to none; returns the case that it has left."""
        return self._act(id, f"/alerts/{quote(alert, safe='')}:move", {"to": to}, seen)

    def snooze(self, id: str, snoozing: Snoozing, seen: int | None = None) -> ShownCase:
        """Lets a case sleep until a time, or until it escalates."""
        return self._act(id, ":snooze", msgspec.to_builtins(snoozing), seen)

    def note(self, id: str, text: str, seen: int | None = None) -> ShownCase:
        """Notes something on a case."""
        return self._act(id, "/notes", {"text": text}, seen)

    def close(self, id: str, text: str = "", seen: int | None = None) -> ShownCase:
        """Closes a case; one without a verdict needs a text."""
        return self._act(id, ":close", {"text": text}, seen)

    def reopen(self, id: str, text: str = "", seen: int | None = None) -> ShownCase:
        """Opens a closed case again."""
        return self._act(id, ":reopen", {"text": text}, seen)

    def decide(self, id: str, verdict: GivenVerdict, seen: int | None = None) -> GivenVerdicts:
        """Gives a verdict on some events of a case, or on all of them."""
        given: GivenVerdicts = self._write(f"{_path(id)}/verdicts", verdict, GivenVerdicts, seen)
        return given

    def undo(self, id: str, verdict: str, seen: int | None = None) -> GivenVerdicts:
        """Takes a verdict back within its minute."""
        path = f"{_path(id)}/verdicts/{quote(verdict, safe='')}:undo"
        found: GivenVerdicts = self._read("POST", path, GivenVerdicts, headers=_seen(seen))
        return found

    def timeline(self, id: str, cursor: str | None = None, limit: int = 100) -> Timeline:
        """Returns what happened to a case, the newest first."""
        found: Timeline = self._part(id, "timeline", Timeline, cursor, limit)
        return found

    def events(self, id: str, cursor: str | None = None, limit: int = 200) -> CaseEventPage:
        """Returns the events of a case, the oldest first."""
        found: CaseEventPage = self._part(id, "events", CaseEventPage, cursor, limit)
        return found

    def alerts(self, id: str, cursor: str | None = None, limit: int = 100) -> CaseAlertPage:
        """Returns the alerts of a case, the oldest first."""
        found: CaseAlertPage = self._part(id, "alerts", CaseAlertPage, cursor, limit)
        return found

    def verdicts(self, id: str, cursor: str | None = None, limit: int = 200) -> VerdictPage:
        """Returns the verdicts of a case, the oldest first."""
        found: VerdictPage = self._part(id, "verdicts", VerdictPage, cursor, limit)
        return found

    def links(self, id: str) -> CaseLinks:
        """Returns cases that share entities with a case."""
        found: CaseLinks = self._read("GET", f"{_path(id)}/links", CaseLinks)
        return found

    def inboxes(self) -> ShownInboxes:
        """Returns the inboxes that the caller may see."""
        found: ShownInboxes = self._read("GET", "/v1/inboxes", ShownInboxes)
        return found

    def restrict(self, inbox: str, access: GivenInbox, seen: int | None = None) -> ShownInbox:
        """Says who may see the cases of an inbox."""
        content = msgspec.json.encode(access)
        found: ShownInbox = self._read("PUT", f"/v1/inboxes/{quote(inbox, safe='')}", ShownInbox, content=content, headers=_seen(seen))
        return found

    def unrestrict(self, inbox: str) -> None:
        """Lets whoever may read cases see those of an inbox."""
        self._read("DELETE", f"/v1/inboxes/{quote(inbox, safe='')}", ShownInbox)

    def quality(self, since_ms: int | None = None, until_ms: int | None = None) -> ReviewQuality:
        """Returns how well and how fast the cases were reviewed that were decided in [since_ms, until_ms), ms since the epoch."""
        given = {"since_ms": since_ms, "until_ms": until_ms}
        found: ReviewQuality = self._read("GET", "/v1/cases:quality", ReviewQuality, params=given)
        return found

    def _act(self, id: str, verb: str, body: Mapping[str, object] | None, seen: int | None) -> ShownCase:
        content = b"" if body is None else msgspec.json.encode(body)
        found: ShownCase = self._read("POST", f"{_path(id)}{verb}", ShownCase, content=content, headers=_seen(seen))
        return found

    def _write(self, path: str, body: object, shape: type[Any], seen: int | None = None) -> Any:
        return self._read("POST", path, shape, content=msgspec.json.encode(body), headers=_seen(seen))

    def _part(self, id: str, part: str, shape: type[Any], cursor: str | None, limit: int) -> Any:
        return self._read("GET", f"{_path(id)}/{part}", shape, params={"limit": limit, "cursor": cursor})


def _path(id: str) -> str:
    return f"/v1/cases/{quote(id, safe='')}"


def _seen(version: int | None) -> dict[str, str]:
    return {} if version is None else {"if-match": f'"{version}"'}
