"""One file a model."""

from cases.models.audit import AuditEvent
from cases.models.case import Case
from cases.models.cohort import Cohort
from cases.models.image import Image
from cases.models.job import Job
from cases.models.membership import Membership
from cases.models.model_version import ModelVersion
from cases.models.prediction import Prediction
from cases.models.review import Review

__all__ = [
    "AuditEvent",
    "Case",
    "Cohort",
    "Image",
    "Job",
    "Membership",
    "ModelVersion",
    "Prediction",
    "Review",
]
