"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.
Security keys, the other kind, are in security_keys.py.

The app's secret is made of a seed in the database and of SECRET_KEY, and recovery codes are kept as keyed
digests: a copy of the database alone opens no account. A new SECRET_KEY therefore ends all second factors.
"""

from __future__ import annotations

import secrets
import time
from base64 import b32encode
from collections.abc import Iterator
from contextlib import contextmanager

import pyotp
import segno
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from pyotp.exceptions import OTPVerificationError

from portal.accounts.models import RecoveryCode, SecondFactor, SecurityKey, User
from portal.accounts.origin import digest
from portal.accounts.refusals import StillNeeded

ISSUER = "SecondRead"
# The clock of a telephone may be so many steps of 30 s off.
STEPS_OFF = 1
RECOVERY_CODES = 10
_SECRET_BYTES = 20  # RFC 4226, 4: as many as SHA-1 gives
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_HALF = 5  # letters of either half: 50 bits in all


def has(user: User) -> bool:
    """Whether the person has one, of either kind."""
    return has_app(user) or SecurityKey.objects.filter(user=user).exists()


def has_app(user: User) -> bool:
    """Whether an authenticator app shows the person's codes."""
    return SecondFactor.objects.filter(user=user).exists()


def codes_left(user: User) -> int:
    """How many recovery codes are not used yet."""
    return RecoveryCode.objects.filter(user=user).count()


def is_asked_of(user: User) -> bool:
    """Whether the person may do nothing without one (settings: SECOND_FACTOR_CHECK)."""
    return bool(settings.SECOND_FACTOR_FOR) and bool(import_string(settings.SECOND_FACTOR_CHECK)(user))


def new_seed() -> str:
    """What a secret is made of."""
    return secrets.token_hex(32)


def secret_of(seed: str) -> str:
    """The secret that the app holds, as people type it."""
    keyed = salted_hmac("portal.accounts.second_factor", seed, algorithm="sha256").digest()
    return b32encode(keyed[:_SECRET_BYTES]).decode()


def picture_of(user: User, seed: str) -> str:
    """The QR code that the app reads, as a data URI."""
    uri = pyotp.TOTP(secret_of(seed)).provisioning_uri(name=user.email, issuer_name=ISSUER)
    return segno.make(uri, micro=False).svg_data_uri(scale=4, border=4, light="#fff")


def begin(user: User, seed: str, code: str) -> list[str]:
    """Have the person sign in with the app from now on, whose code this is.

    Returns recovery codes if it is the first second factor.
    """
    step = step_of(seed, code) or 0
    with transaction.atomic():
        codes = codes_with_the_first(user)
        SecondFactor.objects.update_or_create(user=user, defaults={"seed": seed, "last_step": step})
        write_down(user, user, "user.second_factor_set")
    return codes


def codes_with_the_first(user: User) -> list[str]:
    """Recovery codes for whoever is about to have their first second factor; none for others, who have them.

    Call it inside the transaction that stores the factor.
    """
    _lock(user)
    return [] if has(user) else _new_codes(user)


def renew_codes(user: User) -> list[str]:
    """Recovery codes in the place of all earlier ones."""
    with transaction.atomic():
        codes = _new_codes(user)
        write_down(user, user, "user.recovery_codes_made")
    return codes


@contextmanager
def one_less(user: User) -> Iterator[None]:
    """One of the person's second factors goes within the block; with the last one the recovery codes do.

    Raises StillNeeded, and nothing has changed, where it is the last of somebody who needs one.
    """
    with transaction.atomic():
        _lock(user)
        yield
        if not has(user):
            if is_asked_of(user):
                raise StillNeeded
            RecoveryCode.objects.filter(user=user).delete()


def end_app(user: User) -> None:
    """Have the app's codes open nothing any more. Raises StillNeeded."""
    with one_less(user):
        if SecondFactor.objects.filter(user=user).delete()[0]:
            write_down(user, user, "user.second_factor_app_ended")


def end(*, by: User | None, user: User) -> bool:
    """Have the person sign in by password alone; None for `by` is the operator. False if there is none."""
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        apps, _ = SecondFactor.objects.filter(user=user).delete()
        keys, _ = SecurityKey.objects.filter(user=user).delete()
        if apps or keys:
            write_down(by, user, "user.second_factor_ended")
    return bool(apps or keys)


def is_right(user: User, typed: str) -> bool:
    """Whether this is a code of the app, or a recovery code, that was not used before; now it is."""
    code = "".join(letter for letter in typed.lower() if letter.isalnum())
    with transaction.atomic():
        if _is_of_app(user, code):
            return True
        used, _ = RecoveryCode.objects.filter(user=user, digest=_digest(user, code)).delete()
        if used:
            write_down(user, user, "user.recovery_code_used")
        return bool(used)


def _is_of_app(user: User, code: str) -> bool:
    # The row is the lock of those who come at once with one code.
    factor = SecondFactor.objects.select_for_update().filter(user=user).first()
    step = step_of(factor.seed, code) if factor else None
    if factor is None or step is None or step <= factor.last_step:
        return False
    factor.last_step = step
    factor.save(update_fields=["last_step"])
    return True


def step_of(seed: str, code: str) -> int | None:
    """The time step whose code this is, of those about now."""
    app = pyotp.TOTP(secret_of(seed))
    try:
        step: int = app.verify_and_get_timecode(code, for_time=time.time(), valid_window=STEPS_OFF)
    except OTPVerificationError:
        return None
    return step


def _new_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return [f"{code[:_HALF]}-{code[_HALF:]}" for code in codes]


def _digest(user: User, code: str) -> str:
    return digest("recovery code", str(user.pk), code)


def _lock(user: User) -> None:
    """Keep those who change the person's second factors at once in line, until the transaction ends."""
    User.objects.select_for_update().get(pk=user.pk)


def write_down(by: User | None, subject: Model, action: str) -> None:
    """Put it on record; call it inside the transaction of the act."""
    import_string(settings.ACCOUNT_RECORD)(by=by, action=action, subject=subject)
