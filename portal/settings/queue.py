"""The queue: the times of a job, Celery, and what beat asks for by the clock."""

from __future__ import annotations

from celery.schedules import crontab

from portal.settings.env import VAR_DIR, env
from portal.settings.wires import DICOM_DESTINATIONS

# The three times of a job hang together: the task is asked to stop (soft), killed
# (hard), and only then does the broker deliver it again.
JOB_SOFT_SECONDS = env.int("JOB_SOFT_SECONDS", default=60)
JOB_HARD_SECONDS = JOB_SOFT_SECONDS + 15
JOB_VISIBILITY_SECONDS = JOB_HARD_SECONDS + 75
# The job of a worker that gives no sign of life for so long is taken back (cases/analysis/heartbeat.py).
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", default=6)
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", default=3)
# A queued job whose wake-up is older than this, and lost, is sent again by the sweep.
JOB_REDISPATCH_SECONDS = env.int("JOB_REDISPATCH_SECONDS", default=5)

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="redis://127.0.0.1:6379/0")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For as long as it takes: Celery gives up after a hundred tries.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CONSUMER = "portal.consumer:Consumer"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": JOB_VISIBILITY_SECONDS,
    # A dead broker must cost an upload moments, not minutes: the outbox row waits.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = JOB_SOFT_SECONDS
CELERY_TASK_TIME_LIMIT = JOB_HARD_SECONDS
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_ROUTES = {
    "cases.analysis.worker.analyse": {"queue": "analysis"},
    # Their own, since they wait for other machines.
    "cases.exchange.tasks.*": {"queue": "sending"},
    "cases.governance.tasks.mail_drift_alerts": {"queue": "sending"},
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_IMPORTS = [
    "cases.analysis.worker",
    "cases.analysis.tasks",
    "cases.api.tasks",
    "cases.deletion.tasks",
    "cases.evidence.tasks",
    "cases.exchange.tasks",
    "cases.export.tasks",
    "cases.intake.incoming.tasks",
    "cases.governance.tasks",
    "cases.reading.tasks",
    "cases.record.tasks",
    "portal.accounts.tasks",
]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A pool process is ready when the network is loaded, which with TensorFlow takes longer than Celery's 4 s.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120
CELERY_BEAT_SCHEDULER = "portal.beat:Scheduler"
# Name, task, when (seconds or a time of day), and how long it is of use if nobody takes it.
_BEAT: list[tuple[str, str, int | crontab, int]] = [
    ("sweep-jobs", "cases.analysis.worker.sweep_jobs", env.int("JOB_SWEEP_SECONDS", default=2), 10),
    ("catch-up", "cases.analysis.tasks.catch_up", 60, 120),
    ("build-snapshots", "cases.export.tasks.build_waiting", 5, 10),
    ("compute-figures", "cases.evidence.tasks.compute_waiting", 5, 10),
    ("deliver-webhooks", "cases.exchange.tasks.deliver_webhooks", 5, 10),
    (
        "forget-webhook-deliveries",
        "cases.exchange.tasks.forget_webhook_deliveries",
        crontab(hour="3", minute="27"),
        3600,
    ),
    ("raise-drift-alerts", "cases.governance.tasks.raise_drift_alerts", crontab(minute="41"), 1800),
    ("check-sentinels", "cases.governance.tasks.check_sentinels", 60, 120),
    ("forget-kept-answers", "cases.api.tasks.forget_kept_answers", crontab(hour="3", minute="47"), 3600),
    ("work-on-uploads", "cases.intake.incoming.tasks.send_waiting", 10, 30),
    ("sweep-uploads", "cases.intake.incoming.tasks.sweep", 600, 600),
    ("finalise-left-behind", "cases.reading.tasks.finalise_left_behind", 60, 120),
    ("clear-sessions", "portal.accounts.tasks.clear_sessions", crontab(minute="23"), 1800),
    ("seal-record", "cases.record.tasks.seal_record", 60, 120),
    ("clear-up-deletions", "cases.deletion.tasks.clear_up_deletions", 60, 120),
    ("remove-forgotten-maps", "cases.deletion.tasks.remove_forgotten_maps", crontab(minute="13"), 3600),
    ("look-for-expired", "cases.deletion.tasks.look_for_expired", crontab(hour="4", minute="7"), 3600),
    ("anchor-record", "cases.record.tasks.anchor_record", crontab(hour="3", minute="7"), 3600),
]
if DICOM_DESTINATIONS:
    _BEAT.append(("send-waiting", "cases.exchange.tasks.send_waiting", 10, 10))
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": schedule, "options": {"expires": expires}}
    for name, task, schedule, expires in _BEAT
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
