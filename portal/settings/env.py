"""The environment as the one source of every knob.

Settings modules read a knob only through `env`, so that the test that compares
them with `.env.example` sees each of them.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()

# A local .env file serves `manage.py` on a developer's machine; what is already
# in the environment wins.
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env", overwrite=False)


def embedded_secret_key(var_dir: Path) -> str:
    """The embedded default's own signing key, made once and kept beside its data.

    Production never comes here: it refuses to start without SECRET_KEY.
    """
    path = var_dir / "secret_key"
    # An empty one is what a full disk left.
    if not path.is_file() or not path.stat().st_size:
        var_dir.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50), encoding="ascii")
    return path.read_text(encoding="ascii")
