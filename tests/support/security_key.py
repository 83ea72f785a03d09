"""A security key in memory: it answers what pages ask as a browser's would (Web Authentication, Level 2)."""

from __future__ import annotations

import html
import json
import re
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

ORIGIN = "http://localhost"
_SHOWN = AuthenticatorData.FLAG.UP


class MadeKey:
    """One key. counts: whether it says how often it was used."""

    def __init__(self, identifier: bytes = b"a key", *, counts: bool = True) -> None:
        self.identifier, self.counts, self.uses = identifier, counts, 0
        self._private = ec.generate_private_key(ec.SECP256R1())

    def answer_new(self, page: str, *, origin: str = ORIGIN, host: str = "localhost") -> str:
        """To the page on which a key is added."""
        public = ES256.from_cryptography_key(self._private.public_key())
        made = AttestedCredentialData.create(bytes(16), self.identifier, public)
        data = self._data(host, _SHOWN | AuthenticatorData.FLAG.AT, made)
        parts = {"attestationObject": AttestationObject.create("none", data, {})}
        return self._answer("webauthn.create", asked(page)["challenge"], origin, parts)

    def answer(self, page: str, *, origin: str = ORIGIN, host: str = "localhost") -> str:
        """To a page that asks for a known key."""
        data = self._data(host, _SHOWN)
        seen = CollectedClientData.create("webauthn.get", asked(page)["challenge"], origin)
        signature = self._private.sign(data + seen.hash, ec.ECDSA(SHA256()))
        parts = {"authenticatorData": data, "signature": signature}
        return self._answer("webauthn.get", asked(page)["challenge"], origin, parts)

    def _data(self, host: str, flags: Any, made: bytes = b"") -> AuthenticatorData:
        self.uses += self.counts
        return AuthenticatorData.create(sha256(host.encode()).digest(), flags, self.uses, made)

    def _answer(self, kind: str, challenge: str, origin: str, parts: dict[str, bytes]) -> str:
        seen = CollectedClientData.create(kind, challenge, origin)
        response = {name: websafe_encode(part) for name, part in {"clientDataJSON": seen, **parts}.items()}
        name = websafe_encode(self.identifier)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def asked(page: str) -> dict[str, Any]:
    """What the page has the browser ask a key."""
    (found,) = re.findall(r'data-asked="([^"]*)"', page)
    said: dict[str, Any] = json.loads(html.unescape(found))
    return said
