"""An identity provider as a real HTTP server of this process, with keys made for a test."""

import base64
import hashlib
import http.server
import json
import threading
import time
import urllib.parse
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "weir"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RSA_KEYS = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]


class Provider:
    """Serves its configuration and its keys; counts how often the keys are fetched, and answers with `status`."""

    def __init__(self) -> None:
        self.keys: dict[str, PrivateKey] = {"first": RSA_KEYS[0]}
        self.fetched = 0
        self.status = 200
        self.codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}
        self.more: list[dict[str, Any]] = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(provider.document(self.path)).encode()
                self.send_response(provider.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                status, given = provider.token_answer(form)
                body = json.dumps(given).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def document(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            places = {"jwks_uri": "keys", "authorization_endpoint": "authorize", "token_endpoint": "token"}
            return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in places.items()}
        self.fetched += 1
        return {"keys": [public(id, key) for id, key in self.keys.items()] + self.more}

    def token(self, key: str = "first", algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of `claims` over good ones; a claim of None is left out."""
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "zoë",
            "roles": ["fraud-desk"],
            "scope": "weir",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
        }
        body = {name: value for name, value in (good | claims).items() if value is not None}
        return jwt.encode(body, self.keys[key], algorithm, {"kid": key} | (header or {}))

    def authorise(self, asked: dict[str, str], **claims: Any) -> str:
        """A person signs in; gives the code that their browser brings back."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = (asked, claims)
        return code

    def token_answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Takes a code once, from who has begun the sign-in: they know what the challenge was made of."""
        asked, claims = self.codes.pop(form.get("code", ""), ({}, {}))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if challenge != asked.get("code_challenge") or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": self.token(**claims), "token_type": "Bearer"}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def public(id: str, key: PrivateKey) -> dict[str, Any]:
    """A key as a JWKS has it."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": id, "use": "sig"}  # type: ignore[attr-defined]


def pem_of(key: PrivateKey) -> bytes:
    """The public half as text, which is no secret."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def unsigned(token: str, header: dict[str, Any], signature: bytes = b"") -> str:
    """The claims of `token` under another header and signature."""
    parts = (json.dumps(header).encode(), signature)
    first, last = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return f"{first}.{token.split('.')[1]}.{last}"
