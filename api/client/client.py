"""A Python client of the HTTP API: it makes each call once, gives typed answers, and raises every error as a `Refusal`."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from api.client.client_alerts import ClientAlerts
from api.client.client_cases import ClientCases
from api.client.client_entities import ClientNotes
from api.client.client_holds import ClientHolds
from api.client.client_jobs import ClientJobs
from api.client.client_models import ClientModels
from api.client.client_patterns import ClientPatterns
from api.client.client_refusals import no_answer, no_api, refusal_of
from api.client.client_stream import AWAY_SECONDS_MAX, SILENT_SECONDS_MAX, Watch
from api.client.client_webhooks import ClientWebhooks
from api.decisions.match_events import DecisionMatches
from api.decisions.profile import Profile
from api.decisions.score_shapes import Score
from api.definitions.definition_shapes import BypassInForce, Kept, KeptParts, Put
from api.definitions.versions import Comparison, Version
from api.facts.fact_shapes import FactsOfEntity
from api.lists.list_edit import Added, Edit
from api.lists.list_shapes import ListChanged, ListPage, Lists
from pipeline.engine.fact_record import FactRecord as Fact
from pipeline.trial.river_cost import RiverCost

Shape = TypeVar("Shape")
Waiting = TypeVar("Waiting")
CONNECTIONS_MAX = 100
SECONDS_MAX = 30.0


class Decision(msgspec.Struct):
    """The answer to a caller that waits. With the flag ``degraded`` it is the policy's fallback, by a score that is `age_ms` old.

    `probability` is that of a positive label, and `probability_interval` (lower and upper end) holds it with 95 %; None if it is not known.
    """

    event_id: str
    score: float | None
    action: str
    reasons: list[str]
    flags: list[str]
    release: int
    elapsed_ms: float
    revision: int = 0
    age_ms: int | None = None
    probability: float | None = None
    probability_interval: tuple[float, float] | None = None


class Page(msgspec.Struct):
    """Decisions as they were served; `next` is the cursor of the page after them, None at the end."""

    decisions: list[dict[str, Any]]
    next: str | None


class Release(msgspec.Struct):
    """The release in force after an upload, the changes to lists, and what new models of River cost.

    `changed` is false when it had the same definitions before. `warnings` are sentences about new models.
    """

    release: int
    parts: dict[str, str]
    changed: bool
    features: dict[str, list[str]] = {}
    warming: list[str] = []
    lists: dict[str, ListChanged] = {}
    models: dict[str, RiverCost] = {}
    warnings: list[str] = []


class Token(msgspec.Struct):
    """An API token; only the answer that made it holds its text, in `token`. Times are ms since the epoch."""

    name: str
    roles: list[str]
    by: str
    made_at_ms: int
    expires_at_ms: int | None
    revoked_at_ms: int | None
    state: str
    token: str = ""


class Text(msgspec.Struct):
    """A definition in force, and its hash."""

    text: str
    hash: str


def _facts_of(entity: str, id: str) -> str:
    return f"/v1/entities/{quote(entity, safe='')}/{quote(id, safe='')}/facts"


def _if_match(seen: str | int | None) -> dict[str, str]:
    return {} if seen is None else {"if-match": f'"{seen}"'}


class Client:
    """Calls one API. Threads may share a client; as a context manager it closes its connections at the end.

    Args:
        url: the URL of the API, such as ``http://127.0.0.1:18000``.
        token: a token that the API knows.
        seconds_max: the timeout of one call.

    Attributes:
        alerts: the calls about alerts and silences.
        cases: the calls about cases and inboxes.
        jobs: the calls about jobs.
        patterns: the calls about rules.
        models: the calls about models.
        webhooks: the calls about webhooks.
        holds: the calls about holds of payments.
        notes: the calls about notes on entities.

    Raises:
        Refusal: from any call: the API does not answer, another program answers, the token is not valid, or the API refuses the request;
            then the refusal has the API's own text.
    """

    def __init__(self, url: str, token: str, seconds_max: float = SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        headers = {b"authorization": b"Bearer " + token.encode()}
        # The API is reached directly, and not through the proxy that the environment may name.
        # Beyond the number of idle connections that it keeps, the pool closes one that another thread has just been given.
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=seconds_max, limits=limits)
        self.alerts = ClientAlerts(self._read)
        self.cases = ClientCases(self._read)
        self.jobs = ClientJobs(self._http, self._read)
        self.patterns = ClientPatterns(self._read, self._put)
        self.models = ClientModels(self._read)
        self.webhooks = ClientWebhooks(self._read)
        self.holds = ClientHolds(self._read)
        self.notes = ClientNotes(self._read)

    def decide(self, event: Mapping[str, object] | bytes, deadline_ms: int | None = None) -> Decision:
        """The decision on `event`, an object or its JSON. Another call with the same event gets the same decision.

        Args:
            deadline_ms: how long to wait for the decision before the fallback is given, 1 to 10,000; None is the API's default.
        """
        body = event if isinstance(event, bytes) else msgspec.json.encode(event)
        return self._read("POST", "/v1/decisions", Decision, content=body, params={"deadline_ms": deadline_ms})

    def send(self, event: Mapping[str, object] | bytes) -> None:
        """Sends `event` to be scored; returns when the broker has it."""
        self._read("POST", "/v1/events", dict[str, str], content=event if isinstance(event, bytes) else msgspec.json.encode(event))

    def send_many(self, events: Sequence[Mapping[str, object]]) -> None:
        """Sends up to 2,000 events, of at most 1 MiB in all, to be scored in their order; all of them are taken, or none is accepted."""
        self._read("POST", "/v1/events", dict[str, object], content=msgspec.json.encode(events))

    def label(
        self,
        event_id: str | int,
        label: int,
        label_time: int | str | None = None,
        user: str | None = None,
        source: str = "",
        weight: float = 1.0,
    ) -> None:
        """Labels an event: 1 is fraud, 0 is not.

        Args:
            label_time: since when this is known, in ms since the epoch or RFC 3339; None means since now.
            user: the event's primary entity; without it, a label for an event id that several of them have becomes a dead letter.
            source: where it comes from, such as ``chargeback``; of several labels of an event that of the highest source stands.
            weight: above 0 and up to 1,000; how strongly models are taught the label, where 1 is usual.
        """
        given = {"event_id": event_id, "label": label, "label_time": label_time, "user": user, "source": source, "weight": weight}
        self._read("POST", "/v1/labels", dict[str, object], json=given)

    def label_many(self, labels: Sequence[Mapping[str, object]]) -> None:
        """Sends up to 1,000 labels, each an object with the parameters of `label` as its fields; all of them are taken, or none."""
        self._read("POST", "/v1/labels", dict[str, object], json=list(labels))

    def decision(self, event_id: str | int, user: str | None = None) -> dict[str, Any] | None:
        """The decision on an event as it was served; None when there is none yet.

        Without `user`, an id that several primary entities have is refused: the refusal names them, and `user` chooses one.
        """
        return self._found(f"/v1/decisions/{quote(str(event_id), safe='')}", dict[str, Any], user=user)

    def matches(self, event_id: str | int, user: str | None = None) -> DecisionMatches | None:
        """The rules that matched an event with the events of each match; None when there is no decision yet. `user` as in `decision`."""
        return self._found("/v1/decisions:matches", DecisionMatches, event_id=str(event_id), user=user)

    def score(self, entity: str, id: str) -> Score | None:
        """The latest score of an entity; None when there is none yet."""
        return self._found(f"/v1/scores/{quote(entity, safe='')}/{quote(id, safe='')}", Score)

    def flagged(self, since_ms: int = 0, cursor: str | None = None, limit: int = 50) -> Page:
        """Decisions with the action review or block on events from `since_ms` (inclusive) on, the highest score first."""
        return self._read("GET", "/v1/flagged", Page, params={"since": since_ms, "limit": limit, "cursor": cursor})

    def stream(
        self,
        actions: Sequence[str] = (),
        entity: str | None = None,
        id: str | None = None,
        min_score: float | None = None,
        after: str | None = None,
        away_seconds_max: float = AWAY_SECONDS_MAX,
    ) -> Watch:
        """Follows decisions as they are delivered; the iterator has no end, and also says how many decisions were missed.

        A lost connection is opened again.

        Args:
            actions: only decisions with one of these actions.
            entity: only decisions on events of the entity with this type and `id`.
            min_score: only decisions with at least this score.
            after: the id of a streamed decision, after which the stream goes on; None means that it begins now.
            away_seconds_max: when the API is down for longer, the iterator raises a `Refusal`.
        """
        parameters = _given({"action": list(actions), "entity": entity, "id": id, "min_score": min_score})
        timeout = httpx.Timeout(self._seconds_max, read=SILENT_SECONDS_MAX)

        def ask(after: str | None) -> httpx.Response:
            headers = {} if after is None else {"last-event-id": after}
            request = self._http.build_request("GET", "/v1/stream", params=parameters, headers=headers, timeout=timeout)
            return self._http.send(request, stream=True)

        return Watch(ask, after, away_seconds_max)

    def put(self, texts: Mapping[str, str]) -> Release | KeptParts:
        """Puts YAML texts, by part, in force together as one release; gives `KeptParts` when they wait for an approver."""
        return self._put("POST", "/v1/releases", Release, KeptParts, json=dict(texts))

    def activate_parts(self, parts: Mapping[str, str]) -> Release:
        """Puts stored versions, a hash by part, in force together as one release."""
        return self._read("POST", "/v1/releases:activate", Release, json={"parts": dict(parts)})

    def make_token(self, name: str, roles: Sequence[str], expires_at_ms: int | None = None) -> Token:
        """Makes a token; only this answer holds its text."""
        return self._read("POST", "/v1/tokens", Token, json={"name": name, "roles": list(roles), "expires_at_ms": expires_at_ms})

    def tokens(self) -> list[Token]:
        """All tokens, without their texts."""
        return self._read("GET", "/v1/tokens", dict[str, list[Token]])["tokens"]

    def revoke_token(self, name: str) -> Token:
        """Revokes a token."""
        return self._read("DELETE", f"/v1/tokens/{quote(name, safe='')}", Token)

    def profile(self, entity: str, id: str, limit: int = 50) -> Profile | None:
        """The profile of an entity with its newest `limit` decisions; None when it has no decision yet."""
        return self._found(f"/v1/entities/{quote(entity, safe='')}/{quote(id, safe='')}", Profile, limit=limit)

    def facts(self, entity: str, id: str) -> list[Fact]:
        """What was told last of each fact of an entity."""
        return self._read("GET", _facts_of(entity, id), FactsOfEntity).facts

    def tell(
        self,
        entity: str,
        id: str,
        name: str,
        value: bool | float | str,
        since: int | str | None = None,
        expires: int | str | None = None,
        reason: str = "",
    ) -> Fact:
        """Tells a fact of an entity, which the schema in force declares.

        Args:
            since: the event time from which on it holds, in ms since the epoch or RFC 3339; None means from now on.
            expires: the event time from which on it holds no more; None means never.
        """
        given = {"value": value, "since": since, "expires": expires, "reason": reason}
        return self._read("PUT", f"{_facts_of(entity, id)}/{quote(name, safe='')}", Fact, json=given)

    def end_fact(self, entity: str, id: str, name: str) -> Fact:
        """Ends a fact of an entity now: later events find it missing."""
        return self._read("DELETE", f"{_facts_of(entity, id)}/{quote(name, safe='')}", Fact)

    def text(self, part: str) -> Text | None:
        """The text in force of `part`, such as ``policy``, with its hash; None when there is none."""
        answer = self._answer("GET", f"/v1/{part}")
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            raise refusal_of(answer)
        return Text(answer.text, answer.headers["etag"].strip('"'))

    def put_text(self, part: str, text: str, seen: str | None = None) -> Put | Kept:
        """Puts `text` in force as `part`; gives `Kept` when it waits for an approver.

        Args:
            seen: the hash of the text that it replaces; the call is refused if another one is in force. None skips this check.
        """
        return self._put("PUT", f"/v1/{part}", Put, Kept, content=text.encode(), headers=_if_match(seen))

    def keep(self, part: str, text: str) -> Kept:
        """Stores a version of `part` without putting it in force."""
        return self._read("POST", f"/v1/{part}/versions", Kept, content=text.encode())

    def versions(self, part: str, limit: int = 50) -> list[Version]:
        """The newest versions of `part`, newest first."""
        return self._read("GET", f"/v1/{part}/versions", dict[str, list[Version]], params={"limit": limit})["versions"]

    def diff(self, part: str, old: str, new: str | None = None) -> Comparison:
        """The differences from the version `old` to `new`, which is by default the one in force."""
        return self._read("GET", f"/v1/{part}/diff", Comparison, params={"from": old, "to": new})

    def activate(self, part: str, hash: str, seen: str | None = None) -> Put:
        """Puts a stored version of `part` in force; `seen` is as for `put_text`."""
        return self._read("POST", f"/v1/{part}:activate", Put, json={"hash": hash}, headers=_if_match(seen))

    def roll_back(self, release: int) -> Release:
        """Rolls back: makes a new release with the parts of an earlier one."""
        return self._read("POST", f"/v1/releases/{release}:activate", Release)

    def lists(self) -> Lists:
        """The lists that the release in force declares."""
        return self._read("GET", "/v1/lists", Lists)

    def list_page(self, name: str, cursor: str | None = None, limit: int = 100, value: str | None = None) -> ListPage | None:
        """Entries of a list in the order of their values: `limit` of them after `cursor`, or that of `value`; None without the list."""
        return self._found(f"/v1/lists/{name}", ListPage, limit=limit, cursor=cursor, value=value)

    def put_list(self, name: str, values: Iterable[str], seen: int | None = None) -> ListChanged:
        """Makes the list `name` hold `values` and no others; declares the list if no release does yet.

        Args:
            seen: the version of the list that the caller has read; the call is refused if it was changed since. None skips this check.
        """
        text = "".join(f"{value}\n" for value in values)
        return self._read("PUT", f"/v1/lists/{name}", ListChanged, content=text.encode(), headers=_if_match(seen))

    def edit_list(
        self, name: str, add: Sequence[str | Added] = (), remove: Sequence[str] = (), reason: str = "", seen: int | None = None
    ) -> ListChanged:
        """Adds entries to a list and removes others, with immediate effect; `seen` is as for `put_list`."""
        body = msgspec.json.encode(Edit(list(add), list(remove), reason))
        return self._read("POST", f"/v1/lists/{name}:edit", ListChanged, content=body, headers=_if_match(seen))

    def bypass(self, mode: str | None = None, reason: str = "") -> BypassInForce:
        """Reads the kill switch, or sets it to `mode`: ``off``, ``approve_all`` or ``fallback_only``; setting it needs a reason."""
        if mode is None:
            return self._read("GET", "/v1/policy:bypass", BypassInForce)
        return self._read("POST", "/v1/policy:bypass", BypassInForce, json={"mode": mode, "reason": reason})

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _found(self, path: str, shape: type[Shape], **parameters: int | str | None) -> Shape | None:
        answer = self._answer("GET", path, params=parameters)
        return None if answer.status_code == 404 else self._shaped(answer, shape)

    def _put(self, method: str, path: str, shape: type[Shape], waiting: type[Waiting], **how: Any) -> Shape | Waiting:
        answer = self._answer(method, path, **how)
        return self._shaped(answer, waiting) if answer.status_code == 202 else self._shaped(answer, shape)

    def _read(self, method: str, path: str, shape: type[Shape], **how: Any) -> Shape:
        return self._shaped(self._answer(method, path, **how), shape)

    def _answer(self, method: str, path: str, params: Mapping[str, object] | None = None, **how: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, params=_given(params or {}) or None, **how)
        except httpx.TransportError as error:
            raise no_answer(error) from error

    def _shaped(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        if not answer.is_success:
            raise refusal_of(answer)
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise no_api(answer) from error


def _given(parameters: Mapping[str, object]) -> dict[str, Any]:
    """The parameters of a query that are not None: httpx would send those as empty texts."""
    return {name: value for name, value in parameters.items() if value is not None}
