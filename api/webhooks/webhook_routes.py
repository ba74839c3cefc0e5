"""The routes ``/webhooks`` and below: they name receivers, rotate keys, send a test, and send again what was not delivered."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Request, Response

from alerts.webhooks.addresses import Network
from alerts.webhooks.message import body_of
from alerts.webhooks.message_types import TEST
from alerts.webhooks.receiver import AddressRefusedError, Resolve, read_receiver, vetted_address
from api.auth.request_context import caller_of, note_subject
from api.definitions.in_force import InForce
from api.http.etag import etag_matches, etag_of
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from api.kafka.log import Clock
from api.webhooks.shown_webhook import new_key, require_again, shown_webhook, wish_of
from api.webhooks.webhook_shapes import KEYS_MAX, Again, GivenWebhook, NewWebhook, SentAgain, ShownWebhook, ShownWebhooks, WantedKey
from foundation.refusal import Refusal
from stores.casework.deliveries import Deliveries, Message
from stores.casework.webhooks import WEBHOOKS_MAX, StoredWebhook, TooManyWebhooksError, Webhooks

WebhookId = Annotated[str, Path(max_length=200, description="the id of a webhook")]
IfMatch = Annotated[str | None, Header(description="the ETag of the version that the caller has seen")]
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_EXPECTED = '{"url": "https://…", "description": …, "types": […], "filter": …, "form": "full" or "thin", "state": "enabled" or "disabled"}'
_AGAIN = '{"numbers": […]}, or {"since_ms": …, "until_ms": …, "states": […]}'
RESOLVE_SECONDS_MAX = 5.0


class Vetting(msgspec.Struct, frozen=True):
    """Says where messages may go (see `alerts.webhooks.receiver`)."""

    allowed: Sequence[Network] = ()
    is_plain_allowed: bool = False
    resolve: Resolve | None = None


class WebhookStores(msgspec.Struct, frozen=True):
    """Is what the routes of webhooks and deliveries need."""

    stored: Webhooks
    deliveries: Deliveries
    vetting: Vetting


def make_webhook_routes(stores: WebhookStores, in_force: InForce, clock: Clock) -> APIRouter:
    """The routes of webhooks."""
    routes = late_routes("webhooks")
    _add_texts(routes, stores, in_force, clock)
    _add_verbs(routes, stores.stored, stores.deliveries, clock)
    return routes


def require_webhook(webhooks: Webhooks, id: str) -> StoredWebhook:
    """The webhook `id`.

    Raises:
        Problem: 404, there is none.
    """
    webhook = webhooks.get(id) if _ID.fullmatch(id) else None
    if webhook is None:
        raise Problem(404, f"there is no webhook {id[:80]}")
    return webhook


def _add_texts(routes: APIRouter, stores: WebhookStores, in_force: InForce, clock: Clock) -> None:
    webhooks, deliveries, vetting = stores.stored, stores.deliveries, stores.vetting

    @routes.get("/webhooks", summary="All webhooks, with what waits for them", **route_docs(ShownWebhooks))
    def listed() -> Response:
        """They come in the order in which they were made; no key that signs is shown."""
        waiting = deliveries.pending()
        found = [shown_webhook(webhook, waiting.get(webhook.id), deliveries.failing_since_ms(webhook.id)) for webhook in webhooks.all()]
        return as_response(json_answer(200, ShownWebhooks(found)))

    @routes.post("/webhooks", summary="Makes a webhook", **route_docs(ShownWebhook, 409, status=201, body=NewWebhook))
    async def make(request: Request) -> Response:
        """The answer holds the public key by which the receiver verifies messages, or, this once, the shared secret."""
        given = read_json(await request.body(), NewWebhook, "webhook", _EXPECTED)
        wish, key, now_ms = wish_of(given, in_force.release), new_key(given.signing), int(clock() * 1_000)
        await _vet(given.url, vetting)
        made = StoredWebhook(
            id=secrets.token_hex(16), wish=wish, keys=(key,), version=1, by=caller_of(request).name, made_at_ms=now_ms, changed_at_ms=now_ms
        )
        note_subject(request, f"webhook {made.id}: {_without_path(wish.url)}")
        try:
            await asyncio.to_thread(webhooks.add, made)
        except TooManyWebhooksError:
            raise Problem(409, f"there are {WEBHOOKS_MAX} webhooks already, which is the most that can be; remove one") from None
        return _answer(201, shown_webhook(made, None, revealed=key))

    @routes.get("/webhooks/{id}", summary="A webhook", **route_docs(ShownWebhook, 304, 404))
    def show(id: WebhookId, if_none_match: Annotated[str | None, Header(description="ETags that the caller has")] = None) -> Response:
        """Its ETag is its version."""
        webhook = require_webhook(webhooks, id)
        return _answer(200, shown_webhook(webhook, deliveries.pending().get(id), deliveries.failing_since_ms(id)), if_none_match)

    @routes.put("/webhooks/{id}", summary="Changes a webhook", **route_docs(ShownWebhook, 404, 412, body=GivenWebhook))
    async def change(id: WebhookId, request: Request, if_match: IfMatch = None) -> Response:
        """Its keys stay. A receiver that was disabled is enabled again, and gets what waited for it."""
        given = read_json(await request.body(), GivenWebhook, "webhook", _EXPECTED)
        webhook, wish = await asyncio.to_thread(require_webhook, webhooks, id), wish_of(given, in_force.release)
        await _vet(given.url, vetting)
        note_subject(request, f"webhook {id}: {_without_path(wish.url)}, {wish.state}")
        _require_seen(webhook, if_match)
        return await _replaced(webhooks, webhook, clock, wish=wish, why="")

    @routes.delete("/webhooks/{id}", summary="Removes a webhook with all its deliveries", **route_docs(ShownWebhook, 404))
    async def remove(id: WebhookId, request: Request) -> Response:
        """What waited for it is not sent. To keep that, disable it instead."""
        webhook = await asyncio.to_thread(require_webhook, webhooks, id)
        note_subject(request, f"webhook {id}: {_without_path(webhook.wish.url)} removed")
        await asyncio.to_thread(webhooks.remove, id)
        return _answer(200, shown_webhook(webhook, None))


def _add_verbs(routes: APIRouter, webhooks: Webhooks, deliveries: Deliveries, clock: Clock) -> None:
    docs = route_docs(ShownWebhook, 404, 409, 412, body=WantedKey, optional=True)

    @routes.post("/webhooks/{id}:rotate", name="rotate_key", summary="Adds a key that signs beside those that there are", **docs)
    async def rotate(id: WebhookId, request: Request) -> Response:
        """Messages carry a signature of each key, so that the receiver changes over when it likes. Then drop the older keys."""
        wanted = read_json(await request.body() or b"{}", WantedKey, "key", '{"signing": "ed25519" or "secret"}')
        webhook = await asyncio.to_thread(require_webhook, webhooks, id)
        note_subject(request, f"webhook {id}: a new key, {wanted.signing}")
        if len(webhook.keys) >= KEYS_MAX:
            raise Problem(409, f"the webhook has {KEYS_MAX} keys, which is the most that can be; drop the older ones")
        key = new_key(wanted.signing)
        return await _replaced(webhooks, webhook, clock, key, keys=(key, *webhook.keys))

    @routes.post("/webhooks/{id}:drop_older_keys", summary="Drops all keys but the newest", **route_docs(ShownWebhook, 404, 412))
    async def drop(id: WebhookId, request: Request) -> Response:
        """From now on messages carry one signature."""
        webhook = await asyncio.to_thread(require_webhook, webhooks, id)
        note_subject(request, f"webhook {id}: {len(webhook.keys) - 1} older keys dropped")
        return await _replaced(webhooks, webhook, clock, keys=webhook.keys[:1])

    @routes.post("/webhooks/{id}:test", summary="Sends a message of the type webhook.test", **route_docs(SentAgain, 404, status=202))
    async def test(id: WebhookId, request: Request) -> Response:
        """It is signed and delivered like any other; what becomes of it stands among the deliveries."""
        webhook = await asyncio.to_thread(require_webhook, webhooks, id)
        note_subject(request, f"webhook {id}: a test")
        message = _test_message(webhook, caller_of(request).name, int(clock() * 1_000))
        return as_response(json_answer(202, SentAgain(await asyncio.to_thread(deliveries.add, [(message, [id])]))))

    @routes.post("/webhooks/{id}:send_again", summary="Sends deliveries again", **route_docs(SentAgain, 404, status=202, body=Again))
    async def again(id: WebhookId, request: Request) -> Response:
        """Each keeps the id of its message, so that a receiver that keeps ids handles none twice."""
        wanted = read_json(await request.body(), Again, "deliveries", _AGAIN)
        require_again(wanted)
        await asyncio.to_thread(require_webhook, webhooks, id)
        found = await asyncio.to_thread(_send_again, deliveries, id, wanted, int(clock() * 1_000))
        note_subject(request, f"webhook {id}: {found} deliveries sent again")
        return as_response(json_answer(202, SentAgain(found)))


async def _vet(url: str, vetting: Vetting) -> None:
    """Refuses a URL that no message may go to now; it is asked again before each attempt."""
    receiver = read_receiver(url, "url", vetting.is_plain_allowed)
    expected = "a name that stands for public addresses"
    try:
        async with asyncio.timeout(RESOLVE_SECONDS_MAX):
            await vetted_address(receiver, vetting.allowed, vetting.resolve)
    except AddressRefusedError as refused:
        remedy = "an admin of the machine may allow networks by WEIR_WEBHOOK_NETWORKS"
        raise Refusal("forbidden receiver", where="url", expected=expected, got=str(refused), remedy=remedy) from None
    except (OSError, UnicodeError) as error:  # a timeout is an OSError
        got = f"{receiver.host}, which is not known here" if not isinstance(error, TimeoutError) else f"no answer about {receiver.host}"
        raise Refusal("unknown receiver", where="url", expected=expected, got=got) from None


async def _replaced(webhooks: Webhooks, webhook: StoredWebhook, clock: Clock, revealed: str = "", **changes: object) -> Response:
    newer = msgspec.structs.replace(webhook, version=webhook.version + 1, changed_at_ms=int(clock() * 1_000), **changes)
    if not await asyncio.to_thread(webhooks.replace, newer):
        raise Problem(412, "somebody else changed the webhook meanwhile; read it again")
    return _answer(200, shown_webhook(newer, None, revealed=revealed))


def _require_seen(webhook: StoredWebhook, if_match: str | None) -> None:
    if if_match is not None and not etag_matches(if_match, str(webhook.version)):
        text = f"the webhook is at version {webhook.version}, which is not the one that you have seen; read it again"
        raise Problem(412, text, [(b"etag", etag_of(str(webhook.version)).encode())])


def _send_again(deliveries: Deliveries, id: str, wanted: Again, at_ms: int) -> int:
    if wanted.numbers is not None:
        return deliveries.send_again(id, wanted.numbers, at_ms)
    return deliveries.send_again_since(id, wanted.since_ms or 0, wanted.until_ms or 0, wanted.states, at_ms)


def _test_message(webhook: StoredWebhook, by: str, at_ms: int) -> Message:
    id = f"msg_{secrets.token_hex(16)}"
    body = body_of(TEST, at_ms, {"webhook": webhook.id, "by": by}, {})
    return Message(id, TEST, id, at_ms, body, body)


def _without_path(url: str) -> str:
    """The beginning of a URL, for the audit log: a path or query may hold a token."""
    return "/".join(url.split("?")[0].split("/")[:3])


def _answer(status: int, shown: ShownWebhook, if_none_match: str | None = None) -> Response:
    return as_response(tagged(json_answer(status, shown), str(shown.version), if_none_match))
