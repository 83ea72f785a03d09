"""Production for a process that no client reaches: workers, the listener, the clock, migrations.

It needs neither names of hosts nor a mail server, and a key only where it makes something of it.
"""

from portal.settings.base import *  # noqa: F403
from portal.settings.env import env, strong_secret_key

# Of a process that makes nothing of SECRET_KEY and shall not have it: who asks for it gets an error of
# Django's.
WITHOUT_KEY = "none"

DEBUG = False
SECRET_KEY = "" if env.str("SECRET_KEY", default="") == WITHOUT_KEY else strong_secret_key()
DATABASES["default"] |= env.db_url("DATABASE_URL")  # noqa: F405
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
