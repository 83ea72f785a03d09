"""The sign of life of a job at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from cases.analysis import jobs
from cases.heartbeat import beating

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cases.analysis.jobs import Lease


def renewing(lease: Lease) -> AbstractContextManager[None]:
    """Renew the lease for the length of the block."""
    return beating(
        lambda: jobs.renew(lease),
        lease_seconds=settings.JOB_LEASE_SECONDS,
        at_most=settings.JOB_HARD_SECONDS,
        of=f"job {lease.job_id}",
    )
