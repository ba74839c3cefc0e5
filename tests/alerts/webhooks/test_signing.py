"""Signatures of messages, verified by the public library and by the primitives themselves."""

import base64
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.webhooks import signing
from foundation.refusal import Refusal

BODY = b'{"type":"alert.opened","timestamp":"2026-11-30T00:00:00.000Z","data":{"id":"a1"}}'


def headers(keys: list[str], body: bytes = BODY, id: str = "msg_1", at_s: int | None = None) -> dict[str, str]:
    at_s = int(time.time()) if at_s is None else at_s
    return {"webhook-id": id, "webhook-timestamp": str(at_s), "webhook-signature": signing.sign(keys, id, at_s, body)}


def verify_by_public_key(public: str, sent: dict[str, str], body: bytes) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix(signing.PUBLIC_PREFIX)))
    signatures = [part.removeprefix("v1a,") for part in sent["webhook-signature"].split(" ") if part.startswith("v1a,")]
    key.verify(base64.b64decode(signatures[0]), b"%s.%s.%s" % (sent["webhook-id"].encode(), sent["webhook-timestamp"].encode(), body))


def test_the_public_library_accepts_a_signed_message_and_refuses_a_changed_one() -> None:
    secret = signing.new_secret()
    assert Webhook(secret).verify(BODY, headers([secret]))["data"] == {"id": "a1"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY.replace(b"a1", b"a2"), headers([secret]))
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers([secret]))


def test_a_signature_holds_for_one_id_and_one_time() -> None:
    secret = signing.new_secret()
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(time.time()) + 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, headers([secret]) | changed)


def test_receivers_with_either_secret_accept_a_message_while_secrets_are_rotated() -> None:
    new, old = signing.new_secret(), signing.new_secret()
    sent = headers([new, old])
    for secret in (new, old):
        Webhook(secret).verify(BODY, sent)


def test_a_private_key_signs_what_its_public_key_verifies_beside_a_secret() -> None:
    private, secret = signing.new_private_key(), signing.new_secret()
    sent = headers([private, secret])
    verify_by_public_key(signing.public_key(private), sent, BODY)
    Webhook(secret).verify(BODY, sent)
    with pytest.raises(InvalidSignature):
        verify_by_public_key(signing.public_key(private), sent, BODY + b" ")
    with pytest.raises(InvalidSignature):
        verify_by_public_key(signing.public_key(signing.new_private_key()), sent, BODY)


@given(st.text(max_size=200), st.binary(min_size=24, max_size=64))
def test_any_body_and_any_secret_agree_with_the_public_library(text: str, secret: bytes) -> None:
    key = signing.SECRET_PREFIX + base64.b64encode(secret).decode()
    body = text.encode(errors="replace")
    Webhook(key).verify(body, headers([key], body), json_parse=False)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "secret",
        "whsec_",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_not*base64*not*base64*not*base64",
        "whsk_" + base64.b64encode(b"x" * 31).decode(),
        "whpk_" + base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(Refusal) as refused:
        signing.require_key(key, "keys[0]")
    assert refused.value.where == "keys[0]"
    assert len(key) < 10 or key.partition("_")[2] not in str(refused.value)


def test_keys_that_are_made_are_accepted() -> None:
    for key in (signing.new_secret(), signing.new_private_key()):
        signing.require_key(key, "keys[0]")
