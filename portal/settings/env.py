"""The environment as the one source of every knob.

Settings modules read a knob only through `env`, so that the test that compares
them with `.env.example` sees each of them.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()

# A local .env file serves `manage.py` on a developer's machine; what is already
# in the environment wins.
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env", overwrite=False)

# The folder of everything that the portal writes.
VAR_DIR = Path(env.str("SECONDREAD_VAR", default=str(BASE_DIR / "var"))).absolute()


# As Django's own check of a deployment has it (security.W009), which only warns.
LEAST_KEY_LENGTH = 50
# Half of what 64 hexadecimal digits have on average: a typed row of keys has fewer.
LEAST_KEY_LETTERS = 8
# Of a Fernet key (cryptography), half for its signature.
ENCRYPTION_KEY_BYTES = 32


def strong_secret_key() -> str:
    """SECRET_KEY; ImproperlyConfigured where it is missing or could be guessed."""
    key: str = env.str("SECRET_KEY", default="")
    if len(key) < LEAST_KEY_LENGTH or len(set(key)) < LEAST_KEY_LETTERS:
        raise ImproperlyConfigured(
            f"SECRET_KEY signs sessions and links: give it at least {LEAST_KEY_LENGTH} random characters, "
            "such as `openssl rand -hex 32` prints."
        )
    return key


def named_hosts() -> list[str]:
    """ALLOWED_HOSTS; ImproperlyConfigured where it names none, or every name there is."""
    names: list[str] = [name.strip() for name in env.list("ALLOWED_HOSTS", default=[])]
    if not names or any(name.strip(".") in ("", "*") for name in names):
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS lists the names under which the portal is reached, such as portal.example.org: "
            "links in mails are made of what a request claims. “*” and an empty list are not taken."
        )
    return names


def encryption_keys() -> list[str]:
    """ORIGINALS_KEYS; ImproperlyConfigured where one is no key, which would be found out at an upload."""
    keys: list[str] = [key.strip() for key in env.list("ORIGINALS_KEYS", default=[])]
    for key in keys:
        try:
            length = len(base64.b64decode(key, altchars=b"-_", validate=True))
        except ValueError:
            length = 0
        if length != ENCRYPTION_KEY_BYTES:
            raise ImproperlyConfigured(
                "ORIGINALS_KEYS: each key is 32 random bytes in URL-safe base64, such as "
                "`openssl rand -base64 32 | tr '+/' '-_'` prints."
            )
    return keys


def chosen_mail() -> None:
    """Raise ImproperlyConfigured where nobody has said how mails go out."""
    if not env.str("EMAIL_URL", default=""):
        raise ImproperlyConfigured(
            "EMAIL_URL names the mail server, such as smtp+tls://USER:PASSWORD@HOST:587. Without one, "
            "say so: filemail:////tmp/mail writes each mail to a file in that folder; consolemail:// prints "
            "them, with links that open accounts, into the log."
        )


def provider_address(text: str) -> str:
    """The issuer of a provider: https, but for one on this machine. Raises ImproperlyConfigured."""
    parts = urlsplit(text)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if text and not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
        raise ImproperlyConfigured(
            f"OIDC_ISSUER is the https address that the provider calls itself, such as "
            f"https://login.example.org/realms/hospital; not {text!r}."
        )
    return text


# NIST SP 800-63B-4, 3.1.1.2: 15 for a password alone, and never fewer than 8.
LEAST_PASSWORD = 8


def least_length(characters: int) -> int:
    """How long a password has to be. Raises ImproperlyConfigured for less than anybody should take."""
    if characters < LEAST_PASSWORD:
        raise ImproperlyConfigured(f"PASSWORD_MIN_LENGTH is {LEAST_PASSWORD} or more, not {characters}.")
    return characters


ROLES = ("technologist", "radiologist", "administrator", "exporter", "staff")


def known_roles(names: list[str]) -> list[str]:
    """The names, each of which is a role in a cohort, or “staff”. Raises ImproperlyConfigured."""
    if unknown := [name for name in names if name not in ROLES]:
        raise ImproperlyConfigured(f"There are {', '.join(ROLES)}; not: {', '.join(unknown)}.")
    return names


def proxy_location(text: str) -> str:
    """An address of the proxy for itself alone; empty for none. Raises ImproperlyConfigured."""
    if text and not (text.strip("/") and text.startswith("/") and text.endswith("/")):
        raise ImproperlyConfigured(
            "X_ACCEL_LOCATION is the address under which the proxy has the stored files for itself alone, "
            f"with a slash at both ends, such as /stored/; not {text!r}."
        )
    return text


SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 24 * 3600}


# As the column of cases.IncomingUpload has it.
MOST_FOLDER_NAME = 60


def named_folders(entries: list[str]) -> dict[str, Path]:
    """IMPORT_FOLDERS; ImproperlyConfigured where an entry is no name and absolute path, or leads to what the
    portal itself keeps.
    """
    folders: dict[str, Path] = {}
    for name, is_named, text in (entry.strip().partition("=") for entry in entries):
        path = Path(text)
        is_good = is_named and path.is_absolute() and name.isprintable() and len(name) <= MOST_FOLDER_NAME
        if not is_good or not name or name in folders:
            raise ImproperlyConfigured(
                "IMPORT_FOLDERS is different names and their absolute paths, such as "
                f"Archive=/srv/archive,Trial=/srv/trial, a name of at most {MOST_FOLDER_NAME} characters; "
                f"not {name}={text}."
            )
        real, own = path.resolve(), VAR_DIR.resolve()
        if real.is_relative_to(own) or own.is_relative_to(real):
            raise ImproperlyConfigured(
                f"IMPORT_FOLDERS: {name} holds, or lies in, what the portal itself keeps ({VAR_DIR}). Name "
                "another folder."
            )
        folders[name] = path
    return folders


def rate(text: str) -> tuple[int, int] | None:
    """Requests and seconds of a text such as 1200/minute; None of an empty one, for no limit."""
    if not text:
        return None
    number, _, unit = text.partition("/")
    if not number.isdecimal() or unit not in SECONDS:
        raise ImproperlyConfigured(
            f"A rate is so many requests a second, minute, hour or day, such as 1200/minute; not {text!r}."
        )
    return int(number), SECONDS[unit]


def standalone_secret_key(var_dir: Path) -> str:
    """The standalone default's own signing key, made once and kept beside its data.

    Production never comes here: it refuses to start without SECRET_KEY.
    """
    path = var_dir / "secret_key"
    # An empty one is what a full disk left.
    if not path.is_file() or not path.stat().st_size:
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50), encoding="ascii")
    return path.read_text(encoding="ascii")
