"""Production: PostgreSQL, Redis, HTTPS behind a proxy; refuses to start half-configured."""

from portal.settings.base import *  # noqa: F403
from portal.settings.env import chosen_mail, env, named_hosts, strong_secret_key

DEBUG = False
SECRET_KEY = strong_secret_key()
ALLOWED_HOSTS = named_hosts()
chosen_mail()
DATABASES["default"] |= env.db_url("DATABASE_URL")  # noqa: F405
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")

# A proxy on the same machine; docker-compose.yml names the networks of its containers.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
# The proxy ends TLS and says so in this header; it must strip the client's own.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
SESSION_COOKIE_SECURE = env.bool("SESSION_COOKIE_SECURE", default=True)
CSRF_COOKIE_SECURE = env.bool("CSRF_COOKIE_SECURE", default=True)
LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE
