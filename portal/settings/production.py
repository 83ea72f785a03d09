"""Production: PostgreSQL, Redis, HTTPS behind a proxy; refuses to start half-configured."""

from portal.settings.base import *  # noqa: F403
from portal.settings.env import env

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
DATABASES["default"] |= env.db_url("DATABASE_URL")  # noqa: F405
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")

# Failed sign-ins are counted here, so all web processes must share it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.str("CACHE_URL", default="") or CELERY_BROKER_URL,
        "KEY_PREFIX": "secondread",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    },
}

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
