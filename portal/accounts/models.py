"""The person who signs in, their sessions and second factor, and attempts that failed."""

from __future__ import annotations

import uuid
from importlib import import_module
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address, which is stored in lower case."""

    use_in_migrations = True

    def _create(self, email: str, password: str | None, **fields: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a person without any right of the Django admin."""
        return self._create(email, password, **{"is_staff": False, "is_superuser": False} | fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a person who may do everything, the Django admin included."""
        return self._create(email, password, **{"is_staff": True, "is_superuser": True} | fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a person by e-mail address in any case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # knox has no types
    """A person or a script; what one may do in a cohort is a `cases.Membership`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    full_name = models.CharField(_("name"), max_length=150)
    # Empty until the person chooses one: then the browser says.
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    is_staff = models.BooleanField(_("may open the Django admin"), default=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    # No column: the key of the one cohort that the token of this request opens; None for all of the person's.
    limited_to: uuid.UUID | None = None

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        """The name that pages show."""
        return str(self)

    def get_short_name(self) -> str:
        """The name that pages show where room is scarce."""
        return str(self)


class FailedAttempts(models.Model):
    """How often somebody failed at a door (limiter.py) from one place; all names are digests."""

    door = models.CharField(max_length=10)
    who = models.CharField(max_length=64)
    place = models.CharField(max_length=64)
    # Empty where the place is a browser that is known for the person.
    network = models.CharField(max_length=64, blank=True)
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "failed attempts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["door", "who", "place"], name="attempts_once_each"),
        ]
        indexes: ClassVar = [models.Index(fields=["door", "network"], name="attempts_of_network")]

    def __str__(self) -> str:
        return f"{self.door}: {self.failures}"


class SecondFactor(models.Model):
    """The authenticator app of a person (second_factor.py). Its secret is made of the seed and SECRET_KEY."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="second_factor"
    )
    seed = models.CharField(max_length=64)
    # The time step of the newest code that was taken; each is taken once.
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user)


class SecurityKey(models.Model):
    """A security key or passkey of a person (security_keys.py): what it is called, and its public half."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="security_keys")
    name = models.CharField(_("name"), max_length=60)
    # A digest of its identifier: a key is one person's.
    handle = models.CharField(max_length=64, unique=True)
    # Identifier and public key, as the key has made them (Attested Credential Data).
    credential = models.BinaryField()
    # How often the key says that it was used; 0 where it does not count.
    uses = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("security key")
        verbose_name_plural = _("security keys")

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code that stands in for app and key once; only a keyed digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes", db_index=False)
    digest = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "recovery codes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Session(AbstractBaseSession):
    """Django's session, with whose it is, on what, since when, and when it was last used (sessions.py)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    device = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(AbstractBaseSession.Meta):
        pass

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store


class OidcAccount(models.Model):
    """Who somebody is at the hospital's provider (oidc.py)."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="oidc_account")
    issuer = models.CharField(_("provider"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("account at a provider")
        verbose_name_plural = _("accounts at a provider")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="oidc_subject_once"),
        ]

    def __str__(self) -> str:
        return str(self.user)
