"""A small OpenID provider on loopback, after the standards and without the library that the portal uses.

OpenID Connect Core 1.0 (3.1) and Discovery 1.0, RFC 7636 (PKCE), RFC 7515 (RS256). Whoever comes is signed in
as `person` at once; `says` and `key` let it lie.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "secondread", "the-secret-of-the-client"


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return packed(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider:
    """What the tests set, and what was asked."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.published = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.reset()

    def reset(self) -> None:
        self.person: dict[str, Any] = {}
        self.says: dict[str, Any] = {}
        self.key, self.algorithm = self.published, "RS256"
        self.refuses = False
        self.asked: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        public = self.published.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1"}
        return {"keys": [key | {"n": number(public.n), "e": number(public.e)}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes then."""
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        self.asked.append(asked)
        answer = {"state": asked["state"]}
        if self.refuses:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = asked
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, given: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """What a code is exchanged for, once; None where something is wrong."""
        asked = self.codes.pop(given.get("code", ""), None)
        right = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = packed(sha256(given.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or authorization != right
            or given["grant_type"] != "authorization_code"
            or given["redirect_uri"] != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return None
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(asked["nonce"]),
        }

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        claims |= self.person | self.says
        head = {"alg": self.algorithm, "kid": "1", "typ": "JWT"}
        signed = ".".join(packed(json.dumps(part).encode()) for part in (head, claims))
        if self.algorithm == "none":
            return f"{signed}."
        return f"{signed}.{packed(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/.well-known/openid-configuration":
            self.answer(self.provider.configuration())
        elif address.path == "/keys":
            self.answer(self.provider.keys())
        elif address.path == "/authorize":
            onward = self.provider.authorize(flat(address.query))
            self.send_response(302)
            self.send_header("Location", onward)
            self.end_headers()
        else:
            self.answer({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = self.provider.token(flat(body), self.headers.get("Authorization", ""))
        self.answer(found or {"error": "invalid_grant"}, 200 if found else 400)

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        pass


def flat(query: str) -> dict[str, str]:
    return {name: value for name, (value, *_) in parse_qs(query).items()}


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider that answers until the end of the block."""
    handler = type("Bound", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_port}")
        handler.provider = provider
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
