"""Security keys and passkeys as a second factor, beside the app's codes.

A key signs a challenge, which the session holds until it is answered, together with the address that the
browser itself has seen: what a page elsewhere gets out of somebody is worth nothing here.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone

from portal.accounts import second_factor
from portal.accounts.models import SecurityKey, User
from portal.accounts.refusals import KeyRefused

if TYPE_CHECKING:
    from portal.accounts.webauthn import Party

# Of one person: each is named in what the sign-in page asks the browser for.
MOST = 20
NEW, KNOWN = "new_security_key", "known_security_key"
_LOCAL = "localhost"


def keys_of(user: User) -> QuerySet[SecurityKey]:
    """The person's own, in the order in which they came."""
    return SecurityKey.objects.filter(user=user).order_by("created_at")


def work_at(request: HttpRequest) -> bool:
    """Whether browsers let keys be used at this address: a name, by https or of their own machine."""
    host = _host(request)
    is_local = host == _LOCAL or host.endswith(f".{_LOCAL}")
    return is_local or (request.is_secure() and _number(host) is None)


def local_address(request: HttpRequest) -> str:
    """The same page at an address where keys work, for who has opened their own machine by its number."""
    number = _number(_host(request))
    if number is None or not number.is_loopback:
        return ""
    port = split_domain_port(request.get_host())[1]
    return f"{request.scheme}://{_LOCAL}{f':{port}' if port else ''}{request.path}"


def ask_for_new(request: HttpRequest, user: User) -> str:
    """What the browser is to ask a new key, as JSON."""
    asked, request.session[NEW] = _party(request).ask_for_new(
        person=user.pk.bytes, email=user.email, name=str(user), known=_credentials(user)
    )
    return asked


def ask_for_known(request: HttpRequest, user: User) -> str:
    """What the browser is to ask one of the person's keys, as JSON."""
    asked, request.session[KNOWN] = _party(request).ask_for_known(_credentials(user))
    return asked


def add(request: HttpRequest, user: User, *, name: str, answer: str) -> list[str]:
    """Have the person sign in with the key, too. Returns recovery codes if it is the first second factor.

    Raises KeyRefused.
    """
    state = request.session.pop(NEW, None)
    if not state:
        raise KeyRefused
    found = _party(request).new(state, answer)
    with transaction.atomic():
        codes = second_factor.codes_with_the_first(user)
        key, is_new = SecurityKey.objects.get_or_create(
            handle=found.handle,
            defaults={"user": user, "name": name, "credential": found.credential, "uses": found.uses},
        )
        if not is_new:
            raise KeyRefused
        second_factor.write_down(user, key, "user.security_key_added")
    return codes


def is_right(request: HttpRequest, user: User, answer: str) -> bool:
    """Whether one of the person's keys has answered; each question is answered once."""
    state = request.session.pop(KNOWN, None)
    with transaction.atomic():
        key = _answering(request, user, state, answer) if state else None
        action = "user.security_key_used" if key else "user.security_key_refused"
        second_factor.write_down(user, key or user, action)
    return key is not None


def _answering(request: HttpRequest, user: User, state: dict[str, str], answer: str) -> SecurityKey | None:
    try:
        found = _party(request).known(state, _credentials(user), answer)
    except KeyRefused:
        return None
    key = SecurityKey.objects.select_for_update().filter(user=user, handle=found.handle).first()
    if key is None:  # removed in another window meanwhile
        return None
    if (found.uses or key.uses) and found.uses <= key.uses:
        # It counts its uses, and has counted none more: a copy of a key (Level 2, 6.1.1).
        return None
    key.uses, key.used_at = found.uses, timezone.now()
    key.save(update_fields=["uses", "used_at"])
    return key


def rename(key: SecurityKey, name: str) -> None:
    """Call it otherwise."""
    with transaction.atomic():
        SecurityKey.objects.filter(pk=key.pk).update(name=name)
        second_factor.write_down(key.user, key, "user.security_key_renamed")


def remove(key: SecurityKey) -> None:
    """Take it away. Raises StillNeeded where it is the last second factor of whoever needs one."""
    with second_factor.one_less(key.user):
        second_factor.write_down(key.user, key, "user.security_key_removed")
        SecurityKey.objects.filter(pk=key.pk).delete()


def _credentials(user: User) -> list[bytes]:
    return [bytes(each) for each in keys_of(user).values_list("credential", flat=True)]


def _party(request: HttpRequest) -> Party:
    from portal.accounts.webauthn import Party

    origin = f"{request.scheme}://{request.get_host()}"
    return Party(name=second_factor.ISSUER, host=_host(request), origin=origin)


def _host(request: HttpRequest) -> str:
    return split_domain_port(request.get_host())[0]


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
