"""Signs messages as Standard Webhooks 1.0 says (https://www.standardwebhooks.com), by shared secrets or by private keys.

A key is a text, as its owner copies it: ``whsec_`` and 24 to 64 bytes in Base64 is a secret that both sides know (HMAC-SHA256, ``v1``);
``whsk_`` is the seed of an Ed25519 key that only this side knows (``v1a``), whose receivers have the public key, ``whpk_``.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundation.refusal import Refusal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX, PRIVATE_PREFIX, PUBLIC_PREFIX = "whsec_", "whsk_", "whpk_"
SECRET_BYTES_LEAST, SECRET_BYTES_MOST = 24, 64
SEED_BYTES = 32
SIGNING_KEYS_KEPT = 256
"""So many private keys are kept as they were read, because to read one takes as long as to sign with it."""


def new_secret() -> str:
    """Makes a shared secret of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_private_key() -> str:
    """Makes a private key, of which `public_key` is what its receivers get."""
    return PRIVATE_PREFIX + base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()


def public_key(private: str) -> str:
    """Returns the public key that belongs to a private one."""
    from cryptography.hazmat.primitives import serialization  # loaded where a private key is: it takes megabytes

    public = _private_key(private, "key").public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PUBLIC_PREFIX + base64.b64encode(raw).decode()


def require_key(key: str, where: str) -> None:
    """Checks a key that a user brings.

    Raises:
        Refusal: it is neither a secret nor a private key. The refusal does not show the key.
    """
    if key.startswith(PRIVATE_PREFIX):
        _private_key(key, where)
    else:
        _secret_bytes(key, where)


def sign(keys: Sequence[str], id: str, at_s: int, body: bytes) -> str:
    """Returns the header ``webhook-signature`` of a message: one signature a key, in the order of `keys`, with spaces between.

    While a key is replaced, `keys` holds the new and the old one, so that receivers with either accept the message.

    Args:
        keys: secrets and private keys, checked by `require_key`.
        id: the header ``webhook-id``; it stays the same in every attempt.
        at_s: the header ``webhook-timestamp``: the time of this attempt, seconds since the epoch.
        body: the bytes that are sent.
    """
    signed = b"%s.%d.%s" % (id.encode(), at_s, body)
    return " ".join(_signature(key, signed) for key in keys)


def _signature(key: str, signed: bytes) -> str:
    if key.startswith(PRIVATE_PREFIX):
        return "v1a," + base64.b64encode(_private_key(key, "key").sign(signed)).decode()
    return "v1," + base64.b64encode(hmac.digest(_secret_bytes(key, "key"), signed, hashlib.sha256)).decode()


def _secret_bytes(key: str, where: str) -> bytes:
    found = _decoded(key, SECRET_PREFIX)
    if found is None or not SECRET_BYTES_LEAST <= len(found) <= SECRET_BYTES_MOST:
        expected = f"{SECRET_PREFIX} and {SECRET_BYTES_LEAST} to {SECRET_BYTES_MOST} bytes in Base64, or {PRIVATE_PREFIX} and {SEED_BYTES}"
        raise Refusal("not a key of a webhook", where=where, expected=expected, got="another text, which is not shown")
    return found


@functools.lru_cache(maxsize=SIGNING_KEYS_KEPT)
def _private_key(key: str, where: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = _decoded(key, PRIVATE_PREFIX)
    if seed is None or len(seed) != SEED_BYTES:
        expected = f"{PRIVATE_PREFIX} and {SEED_BYTES} bytes in Base64"
        raise Refusal("not a private key of a webhook", where=where, expected=expected, got="another text, which is not shown")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _decoded(key: str, prefix: str) -> bytes | None:
    """The bytes behind `prefix`; None if they are not Base64, or if the prefix is another."""
    if not key.startswith(prefix):
        return None
    try:
        return base64.b64decode(key.removeprefix(prefix), validate=True)
    except binascii.Error:
        return None
