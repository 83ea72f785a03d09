"""The standalone default: SQLite in WAL mode, files under var/, no server to install.

Every value that an operator may want to change comes from the environment and is
described in .env.example.
"""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from portal.settings.env import (
    BASE_DIR,
    VAR_DIR,
    encryption_keys,
    env,
    known_roles,
    least_length,
    named_folders,
    provider_address,
    proxy_location,
    rate,
    standalone_secret_key,
)
from portal.settings.monitoring import *  # noqa: F403
from portal.settings.queue import *  # noqa: F403
from portal.settings.wires import *  # noqa: F403

# --- Web -----------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or standalone_secret_key(VAR_DIR)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Networks whose word on the client's address (X-Forwarded-For) is taken; nobody's, where no proxy is named.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "portal.accounts",
    "portal",
    "cases",
]

MIDDLEWARE = [
    "portal.monitoring.request_ids.RequestIdMiddleware",
    "portal.monitoring.requests.RequestsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.private_answers.PrivateAnswersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.session_seen.SeenSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.input_guard.StorableTextMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.access_record.AccessRecordMiddleware",
    "portal.roles_once.RolesOnceMiddleware",
    "portal.language.AccountLanguageMiddleware",
    "portal.same_person.SamePersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.proof_asked.ProofMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.retry_later.RetryLaterMiddleware",
    "portal.deleted_cases.DeletedCasesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.site",
            ],
        },
    },
]

# The page loads nothing from elsewhere; blob: and data: pictures are previews of
# files that the user picks before they are sent.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "portal.errors.stale_form"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "portal.accounts.sessions"
# From the sign-in on, and since somebody last did something.
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=8 * 60 * 60)
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=60 * 60)

# --- Accounts ------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# Called with whoever gave the right password; raises ValidationError, with a sentence, to keep them out.
# A name, so that accounts need not know what the cases make of a user.
SIGN_IN_CHECK = "cases.people.script_accounts.refuse_scripts"
# Called with whoever signs out, while they are still signed in.
SIGN_OUT_ACT = "cases.reading.claims.release_all"
# Whose account needs a second factor: roles, and “staff” for who may open the Django admin.
SECOND_FACTOR_FOR = known_roles(env.list("SECOND_FACTOR_FOR", default=[]))
# Called with a user; whether one of those names is theirs.
SECOND_FACTOR_CHECK = "cases.people.second_factor.is_asked_of"
# Called with by=None or who did it, and the user whose second factor ends. A name, for the Django admin.
SECOND_FACTOR_END = "portal.accounts.second_factor.end"
# Called with by, action and subject, inside the transaction of what was done to an account.
ACCOUNT_RECORD = "cases.audit.record"
# So long after somebody has shown who they are, tokens, roles and second factors can be changed without more.
REAUTHENTICATION_SECONDS = env.int("REAUTHENTICATION_SECONDS", default=15 * 60)
# The hospital's provider of sign-ins (portal/accounts/oidc.py); empty for none.
OIDC_ISSUER = provider_address(env.str("OIDC_ISSUER", default=""))
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_NAME = env.str("OIDC_NAME", default="OpenID Connect")
OIDC_SCOPES = env.str("OIDC_SCOPES", default="openid email profile")
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="groups")
OIDC_GROUPS: list[str] = env.list("OIDC_GROUPS", default=[])
OIDC_SECOND_FACTORS: list[str] = env.list("OIDC_SECOND_FACTORS", default=["mfa", "otp", "hwk"])
# Called with the user and their groups there; whether they have any role.
OIDC_GROUPS_ACT = "cases.people.provider_groups.follow"
# Called with by=None and the user whose password was set anew by mail.
PASSWORD_RESET_ACT = "cases.people.tokens.end_all"  # noqa: S105 - a function
LOGIN_URL = reverse_lazy("accounts:sign-in")
LOGIN_REDIRECT_URL = reverse_lazy("cases:worklist")
LOGOUT_REDIRECT_URL = LOGIN_URL
PASSWORD_HASHERS = [
    "portal.accounts.hashing.BoundedArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Each takes 100 MB for a moment; in one process more of them wait for their turn.
PASSWORD_HASHES_AT_ONCE = env.int("PASSWORD_HASHES_AT_ONCE", default=2)
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "full_name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": least_length(env.int("PASSWORD_MIN_LENGTH", default=15))},
    },
    {"NAME": "portal.accounts.passwords.GuessablePasswordValidator"},
]
# Called with the request and a secret of a mail that opens nothing; raises where there were too many.
# A name, since the cases know nothing of accounts.
WRONG_LINK_CHECK = "portal.accounts.limiter.count_wrong_link"
INVITATION_DAYS = env.int("INVITATION_DAYS", default=7)
PASSWORD_RESET_TIMEOUT = env.int("PASSWORD_RESET_TIMEOUT", default=24 * 60 * 60)

# --- Mail ----------------------------------------------------------------------

# Without a mail server each mail is a file: its links open accounts, and belong in no log.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
# A mail server that says nothing keeps the mails behind it waiting.
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="SecondRead <secondread@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Data ----------------------------------------------------------------------

DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'secondread.sqlite3'}"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers and the one writer work side by side; an immediate
    # transaction waits for its turn instead of failing half-way
    # (Django's notes on SQLite, "Database is locked errors").
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            # Without it, INSERT OR REPLACE deletes past the triggers of append-only tables.
            "PRAGMA recursive_triggers=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# For what may be lost: figures of large cohorts, counts of requests. Without CACHE_URL in each web process.
CACHES = {
    "default": env.cache_url_config(env.str("CACHE_URL", default="") or "locmemcache://?max_entries=10000"),
}

# The proxy's own address for stored pictures, which it then sends in our place (cases/viewer/by_proxy.py);
# it reads them as one of our group. Empty: the portal sends them.
X_ACCEL_LOCATION = proxy_location(env.str("X_ACCEL_LOCATION", default=""))
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "cases.storage.WholeFileSystemStorage",
        "OPTIONS": {
            "location": str(VAR_DIR / "media"),
            "allow_overwrite": True,
            # Pictures of patients. Not Django's settings of these names, which are for static files as well:
            # those are collected by one user and served by another.
            "file_permissions_mode": 0o640 if X_ACCEL_LOCATION else 0o600,
            "directory_permissions_mode": 0o750 if X_ACCEL_LOCATION else 0o700,
        },
    },
    # Files as they were sent, encrypted and in pieces, until they are taken in (ADR 29): in no backup.
    "incoming": {
        "BACKEND": "cases.storage.WholeFileSystemStorage",
        "OPTIONS": {
            "location": str(VAR_DIR / "incoming"),
            "allow_overwrite": True,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "portal.static_files.ModuleStaticFilesStorage"},
}
if env.str("S3_BUCKET", default=""):
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env.str("S3_BUCKET"),
            "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
            "region_name": env.str("S3_REGION", default="") or None,
            "default_acl": "private",
            "file_overwrite": True,
        },
    }
    STORAGES["incoming"] = STORAGES["default"] | {
        "OPTIONS": STORAGES["default"]["OPTIONS"] | {"location": "incoming"}
    }
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- Uploads -------------------------------------------------------------------

UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=50 * 2**20)
UPLOAD_MAX_REQUEST_BYTES = env.int("UPLOAD_MAX_REQUEST_BYTES", default=500 * 2**20)
UPLOAD_MAX_PIXELS = env.int("UPLOAD_MAX_PIXELS", default=16_000_000)
UPLOAD_MAX_FILES = env.int("UPLOAD_MAX_FILES", default=1000)
DATA_UPLOAD_MAX_NUMBER_FILES = UPLOAD_MAX_FILES
CASE_MAX_IMAGES = env.int("CASE_MAX_IMAGES", default=1000)
# Uploads that come in pieces: the most bytes of a piece, of what one person and of what all have under way,
# the most uploads of one person and files of one upload, and how long what nobody goes on with is kept.
UPLOAD_PIECE_MAX_BYTES = env.int("UPLOAD_PIECE_MAX_BYTES", default=8 * 2**20)
UPLOAD_PIECES_MAX_BYTES_OF_ONE = env.int("UPLOAD_PIECES_MAX_BYTES_OF_ONE", default=2 * 2**30)
UPLOAD_PIECES_MAX_BYTES = env.int("UPLOAD_PIECES_MAX_BYTES", default=20 * 2**30)
UPLOAD_PIECES_MAX_UPLOADS_OF_ONE = env.int("UPLOAD_PIECES_MAX_UPLOADS_OF_ONE", default=50)
UPLOAD_PIECES_MAX_FILES = env.int("UPLOAD_PIECES_MAX_FILES", default=5000)
UPLOAD_PIECES_HOURS = env.int("UPLOAD_PIECES_HOURS", default=24)
# Folders that study administrators may import from, by the names that they are shown under.
IMPORT_FOLDERS = named_folders(env.list("IMPORT_FOLDERS", default=[]))
# Of the keys that stand for patients and series; empty for SECRET_KEY (cases/intake/deidentification.py).
PSEUDONYM_KEY = env.str("PSEUDONYM_KEY", default="")
# Of the references to originals (cases/intake/originals.py): the first encrypts, all of them decrypt.
ORIGINALS_KEYS = encryption_keys()
# What exceeds this goes to a temporary file on disk while it arrives, never into memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
FILE_UPLOAD_HANDLERS = [
    "cases.intake.upload_handler.SizeLimitUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "cases.intake.upload_handler.NamelessFileUploadHandler",
]

# --- Reading, evidence, network -----------------------------------------------------

# A reader's slot of a case is free again after this; an open page holds it for as long as it is read.
CLAIM_MINUTES = env.int("CLAIM_MINUTES", default=15)
# A submitted review that can still be undone becomes final after this, unless another case is opened first.
PRELIMINARY_MINUTES = env.int("PRELIMINARY_MINUTES", default=15)
# The least numbers before a figure is given (cases/evidence/thresholds.py), and the non-inferiority margin.
EVIDENCE_LEAST = {
    "percentage": env.int("EVIDENCE_LEAST_PERCENTAGE", default=10),
    "p_value": env.int("EVIDENCE_LEAST_P_VALUE", default=30),
    "kappa": env.int("EVIDENCE_LEAST_KAPPA", default=30),
    "calibration": env.int("EVIDENCE_LEAST_CALIBRATION", default=100),
    "bin": env.int("EVIDENCE_LEAST_BIN", default=10),
    "readers": env.int("EVIDENCE_LEAST_READERS", default=6),
    "side": env.int("EVIDENCE_LEAST_SIDE", default=10),
}
# Reads of the frozen baseline that weeks are held against, the first of each cohort.
EVIDENCE_BASELINE = env.int("EVIDENCE_BASELINE", default=200)
EVIDENCE_MARGIN = env.float("EVIDENCE_MARGIN", default=0.05)
# The evidence of a cohort with more cases or reviews than this is computed at most once in so many seconds.
EVIDENCE_KEEP_FROM = env.int("EVIDENCE_KEEP_FROM", default=5000)
EVIDENCE_KEEP_SECONDS = env.int("EVIDENCE_KEEP_SECONDS", default=600)
INFERENCE_THREADS = env.int("INFERENCE_THREADS", default=1)
# Searched for manifests and weights beside those that ship with this version.
MODEL_DIR = env.str("MODEL_DIR", default=str(VAR_DIR / "models"))

# Where the ends of the record's chain are written down, outside the database.
AUDIT_ANCHORS = env.str("AUDIT_ANCHORS", default=str(VAR_DIR / "audit-anchors.txt"))
# Whether a second study administrator confirms each deletion, and for how many days a request waits.
DELETION_NEEDS_TWO = env.bool("DELETION_NEEDS_TWO", default=False)
DELETION_REQUEST_DAYS = env.int("DELETION_REQUEST_DAYS", default=14)
# Whether what a cohort has kept long enough is deleted without anybody's confirmation.
RETENTION_DELETES = env.bool("RETENTION_DELETES", default=False)
# Where deletions are written down outside the database, by which they are done again after a restore.
DELETION_LEDGER = env.str("DELETION_LEDGER", default=str(VAR_DIR / "deletions.jsonl"))
# Who looked at what: "soon" by a thread beside the request, "now" within it, or "off".
ACCESS_RECORD = env.str("ACCESS_RECORD", default="soon")

# --- REST ----------------------------------------------------------------------

# Requests of one token, or from one address without one; empty for no end (portal/accounts/rates.py).
API_RATE = rate(env.str("API_RATE", default="1200/minute"))
API_UPLOAD_RATE = rate(env.str("API_UPLOAD_RATE", default="2400/minute"))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.tokens.LimitedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "cases.api.scopes.TokenHasScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PARSER_CLASSES": ["cases.api.parsers.BoundedJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["portal.accounts.rates.Rate"],
    "EXCEPTION_HANDLER": "cases.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
KNOX_TOKEN_MODEL = "cases.ApiToken"  # noqa: S105 - a model
# knox's own table would stand there empty, and hold on to the users' by its foreign key.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_TTL": None,
    "TOKEN_LIMIT_PER_USER": None,
    "AUTO_REFRESH": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SecondRead REST API",
    "VERSION": "1.0.0",
    "DESCRIPTION": (
        "Upload brain MR images, follow their analysis, and fetch reviewed cases. "
        "For research and study use only: decision support, not a diagnosis."
    ),
    # 3.1 is JSON Schema itself, so that any validator can hold responses against it.
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CaseStateEnum": "cases.lifecycle.CaseState",
        "JobStatusEnum": "cases.lifecycle.JobStatus",
        "GateVerdictEnum": "cases.lifecycle.GateVerdict",
        "SnapshotStateEnum": "cases.lifecycle.SnapshotState",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# --- Language and time -----------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
# Beside the choice that the account remembers (portal/language.py).
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
