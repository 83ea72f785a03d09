"""What a security key is asked and what it answers (W3C Web Authentication, Level 2), by fido2.

Imported when a key is asked for and not before: 12 MB a process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.accounts.refusals import KeyRefused

T = TypeVar("T")
# What the browser is told, as JSON, and what the session holds until it is answered.
Asked = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """Of a key. credential: its identifier and public key; uses: as it counts them, 0 where it does not."""

    credential: bytes
    uses: int

    @property
    def handle(self) -> str:
        """A digest of the identifier, which may have 1,023 bytes."""
        return sha256(AttestedCredentialData(self.credential).credential_id).hexdigest()


class Party:
    """The portal at the address that the browser shows: keys are made for its host, and answer no other.

    The password came before, so a key need not ask for a PIN, nor keep a name. Who made it is not asked.
    """

    def __init__(self, *, name: str, host: str, origin: str) -> None:
        entity = PublicKeyCredentialRpEntity(id=host, name=name)
        self._server = Fido2Server(entity, verify_origin=lambda seen: seen == origin)

    def ask_for_new(self, *, person: bytes, email: str, name: str, known: Sequence[bytes]) -> Asked:
        """For `credentials.create`; a key that is known does not answer."""
        options, state = self._server.register_begin(
            PublicKeyCredentialUserEntity(id=person, name=email, display_name=name),
            [AttestedCredentialData(each) for each in known],
            resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.DISCOURAGED,
        )
        return json.dumps(dict(options.public_key)), state

    def ask_for_known(self, known: Sequence[bytes]) -> Asked:
        """For `credentials.get`; any of these can answer."""
        options, state = self._server.authenticate_begin(
            [AttestedCredentialData(each) for each in known],
            user_verification=UserVerificationRequirement.DISCOURAGED,
        )
        return json.dumps(dict(options.public_key)), state

    def new(self, state: dict[str, Any], answer: str) -> Answer:
        """The key that has answered `ask_for_new`. Raises KeyRefused."""
        found = _read(answer, lambda said: self._server.register_complete(state, said))
        if found.credential_data is None:
            raise KeyRefused
        return Answer(bytes(found.credential_data), found.counter)

    def known(self, state: dict[str, Any], known: Sequence[bytes], answer: str) -> Answer:
        """The key that has answered `ask_for_known`. Raises KeyRefused."""

        def check(said: Any) -> Answer:
            response = AuthenticationResponse.from_dict(said)
            stored = [AttestedCredentialData(each) for each in known]
            found = self._server.authenticate_complete(state, stored, response)
            return Answer(bytes(found), response.response.authenticator_data.counter)

        return _read(answer, check)


def _read(answer: str, check: Callable[[Any], T]) -> T:
    try:
        return check(json.loads(answer))
    except Exception as error:  # bytes of a stranger, read as JSON, CBOR and keys: it fails in many ways
        raise KeyRefused from error
